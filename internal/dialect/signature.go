package dialect

import (
	"encoding/base64"
	"strings"

	"github.com/dragoman/dragoman/internal/chat"
)

// A provider wants its signature over a thought back with the tool call that followed it. Where a caller's wire has no place
// for a signature on a call, it travels in the call's id, which every client sends back unchanged.
const sigMark = "__sig_"

// PackCallID returns the id by which a caller on a wire without signatures learns of a call.
func PackCallID(id string, s chat.Signature) string {
	if s.Value == "" || s.Of == "" {
		return id
	}
	return id + sigMark + string(s.Of[:1]) + base64.RawURLEncoding.EncodeToString([]byte(s.Value))
}

// UnpackCallID undoes PackCallID. Any other id is returned as it is.
func UnpackCallID(id string) (string, chat.Signature) {
	i := strings.LastIndex(id, sigMark)
	if i < 0 || i+len(sigMark) >= len(id) {
		return id, chat.Signature{}
	}
	of := map[byte]chat.Dialect{'o': chat.OpenAI, 'a': chat.Anthropic, 'g': chat.Gemini}[id[i+len(sigMark)]]
	value, err := base64.RawURLEncoding.DecodeString(id[i+len(sigMark)+1:])
	if of == "" || err != nil {
		return id, chat.Signature{}
	}
	return id[:i], chat.Signature{Of: of, Value: string(value)}
}
