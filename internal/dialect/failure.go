package dialect

import (
	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
)

// OwnError says whether an upstream's own error body is to be passed to a caller of a dialect: it is an error object of that
// dialect, and about the request. A proxy's page is none; what is about our own account there (keys, credit) and what came after
// several tries is not.
func OwnError(e *chat.Error, d chat.Dialect) bool {
	if len(e.Raw) == 0 || e.Wire.Dialect() != d || e.Status < 400 || e.Code == chat.CodeUpstreamAuth || e.Code == chat.CodeStreamBroken {
		return false
	}
	return Valid(e.Raw) && gjson.GetBytes(e.Raw, "error").IsObject()
}
