package dialect_test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// A provider's own error passes to callers of its dialect as it is; what only stands in the place of one becomes an error.
func TestOwnErrors(t *testing.T) {
	own := map[string]string{
		"openai":    `{"error":{"message":"no such voice","type":"invalid_request_error","param":"voice","code":null}}`,
		"responses": `{"error":{"message":"no such voice","type":"invalid_request_error","param":"voice","code":null}}`,
		"anthropic": `{"type":"error","error":{"type":"invalid_request_error","message":"no such voice"},"request_id":"req_1"}`,
		"gemini":    `{"error":{"code":400,"message":"no such voice","status":"INVALID_ARGUMENT"}}`,
	}
	for name, w := range wires {
		t.Run(name, func(t *testing.T) {
			if status, body := w.door.Error(w.up.Failure(400, []byte(own[name]), 0), "tr_1"); status != 400 || string(body) != own[name] {
				t.Errorf("%d %s", status, body)
			}
			for _, page := range []string{"<html>Bad Gateway</html>", "", `"down"`, `{"detail":"down"}`} {
				status, body := w.door.Error(w.up.Failure(502, []byte(page), 0), "tr_1")
				if status != 502 || !json.Valid(body) || !strings.Contains(string(body), `"error":{`) || !strings.Contains(string(body), string(chat.CodeUpstream)) {
					t.Errorf("%q: %d %s", page, status, body)
				}
			}
			if e := w.up.Failure(401, []byte(own[name]), 0); dialect.OwnError(e, e.Wire.Dialect()) {
				t.Error("what is about our own key is passed on")
			}
		})
	}
}
