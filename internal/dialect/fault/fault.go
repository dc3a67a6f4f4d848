// Package fault reads and writes errors in the shape that all of OpenAI's formats share: {"error":{"message","type","param","code"}}.
package fault

import (
	"bytes"
	"cmp"
	"fmt"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// Decode reads a failure status and its body, which came on the given wire. The message is the provider's own, except where it
// may show our key: then Raw is nil, too.
func Decode(status int, body []byte, retryAfter time.Duration, wire chat.Wire) *chat.Error {
	e := &chat.Error{Status: status, RetryAfter: retryAfter, Raw: bytes.Clone(body), Wire: wire}
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

// InStream reads an error object, or its message, that came within an answer; raw is the event, or the body, that it came in.
func InStream(obj gjson.Result, raw []byte, wire chat.Wire) *chat.Error {
	e := &chat.Error{Raw: raw, Wire: wire}
	meant := 0
	if c := obj.Get("code"); c.Int() >= 400 && c.Int() < 600 {
		meant = int(c.Int())
	}
	message := obj.Get("message").String()
	if obj.Type == gjson.String {
		message = obj.Str
	}
	classify(e, meant, obj.Get("code").String(), obj.Get("type").String(), message)
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
		if says("loading model") { // llama-server, at its start
			e.Code, e.RetryAfter = chat.CodeLoading, cmp.Or(e.RetryAfter, loading)
		}
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

// loading is when to ask a server again that loads its model.
const loading = 3 * time.Second

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
	case chat.CodeInvalidRequest, chat.CodeContextTooLong, chat.CodeContentFiltered, chat.CodeUnsupported:
		return 400
	case chat.CodeUnauthorized:
		return 401
	case chat.CodeForbidden:
		return 403
	case chat.CodeNotFound:
		return 404
	case chat.CodeTooLarge:
		return 413
	case chat.CodeQuarantined:
		return 422
	case chat.CodeRateLimited, chat.CodeBudget:
		return 429
	case chat.CodeCancelled:
		return 499
	case chat.CodeUpstream, chat.CodeUpstreamAuth, chat.CodeStreamBroken:
		return 502
	case chat.CodeOverloaded, chat.CodeLoading, chat.CodeUnavailable:
		return 503
	case chat.CodeTimeout:
		return 504
	}
	return 500
}

// kindOf is the type that OpenAI's errors of a code and its status have.
func kindOf(code chat.Code, status int) string {
	switch status {
	case 401:
		return "authentication_error"
	case 403:
		return "permission_error"
	case 429:
		if code == chat.CodeBudget {
			return "insufficient_quota"
		}
		return "rate_limit_error"
	case 499:
		return "server_error" // nobody reads it
	}
	if status < 500 {
		return "invalid_request_error"
	}
	return "server_error"
}

// Encode writes a failure. A provider's own error of an OpenAI wire is passed on as it is.
func Encode(e *chat.Error, trace string) (status int, body []byte) {
	if dialect.OwnError(e, chat.OpenAI) {
		return e.Status, bytes.Clone(e.Raw)
	}
	status = statusOf(e)
	b := dialect.AppendString([]byte(`{"error":{"message":`), e.Error())
	b = dialect.AppendString(append(b, `,"type":`...), kindOf(e.Code, status))
	b = append(b, `,"param":`...)
	if e.Param != "" {
		b = dialect.AppendString(b, e.Param)
	} else {
		b = append(b, "null"...)
	}
	b = dialect.AppendString(append(b, `,"code":`...), string(e.Code))
	if trace != "" {
		b = dialect.AppendString(append(b, `,"trace":`...), trace)
	}
	return status, append(b, "}}"...)
}
