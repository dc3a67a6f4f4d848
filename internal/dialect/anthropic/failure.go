package anthropic

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
)

// DecodeError turns a failure into ours. retryAfter is how long the provider asks to wait.
func DecodeError(status int, body []byte, retryAfter time.Duration) *chat.Error {
	var b struct {
		Error *errorObject `json:"error"`
	}
	if err := json.Unmarshal(body, &b); err != nil {
		b.Error = nil // a proxy's page: the status has to do
	}
	e := decodeErrorObject(b.Error, status)
	e.RetryAfter = retryAfter
	return e
}

type errorObject struct {
	Type    string `json:"type"`
	Message string `json:"message"`
}

// decodeErrorObject reads an error that came with a status, or, where that is 0, within a stream.
func decodeErrorObject(o *errorObject, status int) *chat.Error {
	e := &chat.Error{Code: chat.CodeUpstream, Status: status, Message: "the provider broke off with an error"}
	with := ""
	if status != 0 {
		with = fmt.Sprintf(" (HTTP %d)", status)
		e.Message = "the provider failed" + with
	}
	kind, low := "", ""
	if o != nil {
		kind, low = o.Type, strings.ToLower(o.Message)
		if o.Message != "" {
			e.Message = trimmed(o.Message)
		}
	}
	switch {
	case status == 401 || status == 403 || kind == "authentication_error" || kind == "permission_error":
		e.Code, e.Message = chat.CodeUpstreamAuth, "the provider refused the API key"+with+"; check it"
	case status == 402 || kind == "billing_error" || strings.Contains(low, "credit balance is too low"): // which comes with status 400
		e.Code, e.Message = chat.CodeUpstreamAuth, "the provider wants to be paid"+with+"; check the account's credit"
	case strings.Contains(low, "prompt is too long") || strings.Contains(low, "context window") || strings.Contains(low, "exceed context limit"):
		e.Code = chat.CodeContextTooLong
	case status == 404 || kind == "not_found_error":
		e.Code = chat.CodeNotFound
	case status == 413 || kind == "request_too_large":
		e.Code = chat.CodeTooLarge
	case status == 429 || kind == "rate_limit_error":
		e.Code = chat.CodeRateLimited
	case status == 529 || status == 503 || kind == "overloaded_error":
		e.Code = chat.CodeOverloaded
	case status == 408 || status == 504 || kind == "timeout_error":
		e.Code = chat.CodeTimeout
	case status == 400 || status == 422 || kind == "invalid_request_error":
		e.Code = chat.CodeInvalidRequest
	case status >= 300 && status < 400:
		e.Message = fmt.Sprintf("the provider redirects (HTTP %d); set base_url to where it is", status)
	}
	return e
}

// trimmed keeps an upstream's message to what a caller can use.
func trimmed(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	const most = 300
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	return s
}
