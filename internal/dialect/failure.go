package dialect

import "github.com/dragoman/dragoman/internal/chat"

// OwnError says whether an upstream's own error body is to be passed to a caller of a dialect: it is of that dialect, and
// about the request. What is about our own account there (keys, credit) and what came after several tries are not.
func OwnError(e *chat.Error, d chat.Dialect) bool {
	if len(e.Raw) == 0 || e.Wire.Dialect() != d || e.Status < 400 {
		return false
	}
	return e.Code != chat.CodeUpstreamAuth && e.Code != chat.CodeStreamBroken
}
