package responses

import (
	"bytes"
	"fmt"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// failure reads a failure status and its body.
func failure(status int, body []byte, retryAfter time.Duration) *chat.Error {
	e := &chat.Error{Status: status, RetryAfter: retryAfter, Raw: bytes.Clone(body), Wire: chat.OpenAIResponses}
	var obj gjson.Result
	if dialect.Valid(e.Raw) {
		obj = gjson.ParseBytes(e.Raw)
		for range 3 { // {"error": {...}}, [{"error": ...}], {"detail": "..."}
			switch {
			case obj.IsArray():
				obj = obj.Get("0")
			case obj.Get("error").Exists():
				obj = obj.Get("error")
			case obj.Get("detail").Exists() && !obj.Get("message").Exists():
				obj = obj.Get("detail")
			}
		}
	}
	message := obj.Get("message").String()
	if obj.Type == gjson.String {
		message = obj.Str
	}
	classify(e, status, obj.Get("code").String(), obj.Get("type").String(), message)
	return e
}

// streamError reads an error object that came within an answer.
func streamError(obj gjson.Result, raw []byte) *chat.Error {
	e := &chat.Error{Raw: raw, Wire: chat.OpenAIResponses}
	meant := 0
	if c := obj.Get("code"); c.Int() >= 400 && c.Int() < 600 {
		meant = int(c.Int())
	}
	classify(e, meant, obj.Get("code").String(), obj.Get("type").String(), obj.Get("message").String())
	return e
}

// classify sets code and message of a failure by what is known of it.
func classify(e *chat.Error, status int, code, kind, message string) {
	e.Message = shortened(message)
	low := strings.ToLower(code + " " + kind + " " + message[:min(len(message), 4<<10)])
	says := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(low, w) {
				return true
			}
		}
		return false
	}
	switch {
	case status == 401, status == 403 && !says("region", "country"), says("invalid_api_key", "incorrect api key"):
		e.Code, e.Message, e.Raw = chat.CodeUpstreamAuth, "the provider refused the API key; check it", nil // its words may show the key
	case status == 402, says("insufficient_quota", "billing"):
		e.Code, e.Message, e.Raw = chat.CodeUpstreamAuth, "the provider wants to be paid; check the account's credit", nil
	case status != 429 && says("context_length", "context length", "maximum context", "context window", "prompt is too long", "exceed_context_size", "available context size"):
		e.Code = chat.CodeContextTooLong
	case status == 404:
		e.Code = chat.CodeNotFound
	case status == 408, status == 504:
		e.Code = chat.CodeTimeout
	case status == 413:
		e.Code = chat.CodeTooLarge
	case status == 429, says("rate_limit"):
		e.Code = chat.CodeRateLimited
	case status == 503, status == 529, says("overloaded", "slow_down"):
		e.Code = chat.CodeOverloaded
	case says("content_filter", "content_policy", "image_content_policy_violation"):
		e.Code = chat.CodeContentFiltered
	case status == 400, status == 422, status == 0 && says("invalid_request", "invalid_prompt"):
		e.Code = chat.CodeInvalidRequest
	default:
		e.Code = chat.CodeUpstream
	}
	if e.Message == "" {
		e.Message = "the provider broke off with an error"
		if status != 0 {
			e.Message = fmt.Sprintf("the provider failed (HTTP %d)", status)
		}
	}
}

// shortened keeps an upstream's message to what a caller can use.
func shortened(s string) string {
	s = strings.Join(strings.Fields(s), " ")
	const most = 300
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "..."
	}
	return s
}

// statusOf is the HTTP status of an error at our door.
func statusOf(e *chat.Error) int {
	switch e.Code {
	case chat.CodeInvalidRequest, chat.CodeContextTooLong, chat.CodeContentFiltered, chat.CodeUnsupported, chat.CodeQuarantined:
		return 400
	case chat.CodeUnauthorized:
		return 401
	case chat.CodeForbidden:
		return 403
	case chat.CodeNotFound:
		return 404
	case chat.CodeTooLarge:
		return 413
	case chat.CodeRateLimited, chat.CodeBudget:
		return 429
	case chat.CodeCancelled:
		return 499
	case chat.CodeUpstream, chat.CodeUpstreamAuth, chat.CodeStreamBroken:
		return 502
	case chat.CodeOverloaded, chat.CodeUnavailable:
		return 503
	case chat.CodeTimeout:
		return 504
	}
	return 500
}

// kindOf is the type that OpenAI's errors of a status have.
func kindOf(status int) string {
	switch status {
	case 401:
		return "authentication_error"
	case 403:
		return "permission_error"
	case 429:
		return "rate_limit_error"
	}
	if status < 500 {
		return "invalid_request_error"
	}
	return "server_error"
}
