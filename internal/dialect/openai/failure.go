package openai

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
)

// DecodeError turns an upstream's failure into ours. retryAfter is how long the provider asks to wait. The message is the
// provider's own where it has one, except where it is about our key.
func DecodeError(status int, body []byte, retryAfter time.Duration) *chat.Error {
	return decodeFailure(status, status, body, retryAfter)
}

// streamError turns an error that came instead of an answer, with the status 200, into ours. Servers put the status that
// they had meant into its code, if anywhere: {"code":429,...} (OpenRouter), {"code":400,"type":"exceed_context_size_error"}
// (llama.cpp).
func streamError(raw json.RawMessage) *chat.Error {
	var obj struct {
		Code json.RawMessage `json:"code"`
	}
	meant := 0
	if json.Unmarshal(raw, &obj) == nil {
		if n, err := strconv.Atoi(strings.Trim(string(obj.Code), `"`)); err == nil && n >= 400 && n < 600 {
			meant = n
		}
	}
	return decodeFailure(0, meant, raw, 0)
}

// mentions says whether a failure's lower-case body holds one of the words.
func mentions(low string, words ...string) bool {
	for _, w := range words {
		if strings.Contains(low, w) {
			return true
		}
	}
	return false
}

// decodeFailure reads a failure: status is HTTP's, 0 within a stream; meant is what it stands for, 0 where nothing tells.
func decodeFailure(status, meant int, body []byte, retryAfter time.Duration) *chat.Error {
	e := &chat.Error{Status: status, RetryAfter: retryAfter, Message: errorMessage(body)}
	low := strings.ToLower(string(body[:min(len(body), 4<<10)]))
	switch {
	case meant == 401 || meant == 403,
		// Gemini refuses a bad key with status 400.
		(meant == 400 || meant == 0) && mentions(low, "api_key_invalid", "api key not valid", "invalid_api_key", "incorrect api key"):
		e.Code, e.Message = chat.CodeUpstreamAuth, "the provider refused the API key"+inBrackets(meant)+"; check it"
	case meant == 402:
		e.Code, e.Message = chat.CodeUpstreamAuth, "the provider wants to be paid"+inBrackets(meant)+"; check the account's credit"
	case meant != 429 && mentions(low,
		"context_length", "context length", "maximum context", "prompt is too long", // OpenAI, vLLM, Mistral
		"exceed_context_size", "available context size", "context size has been exceeded", // llama.cpp
		"context window", "exceeds the maximum number of tokens"): // llama-cpp-python, Gemini
		e.Code = chat.CodeContextTooLong
	case meant == 404:
		e.Code = chat.CodeNotFound
	case meant == 408 || meant == 504:
		e.Code = chat.CodeTimeout
	case meant == 413:
		e.Code = chat.CodeTooLarge
	case meant == 429 || meant == 0 && mentions(low, "rate_limit", "rate limit"):
		e.Code = chat.CodeRateLimited
	case meant == 503 || meant == 529 || meant == 0 && mentions(low, "overloaded", "capacity"):
		e.Code = chat.CodeOverloaded
		if retryAfter == 0 && mentions(low, "loading model") { // llama-server, at its start
			e.Code, e.RetryAfter = chat.CodeLoading, loading
		}
	case meant == 400 || meant == 422:
		e.Code = chat.CodeInvalidRequest
		if mentions(low, "content_filter", "content_policy") {
			e.Code = chat.CodeContentFiltered
		}
	case meant >= 300 && meant < 400:
		e.Code, e.Message = chat.CodeUpstream, fmt.Sprintf("the provider redirects (HTTP %d); set base_url to where it is", meant)
	default:
		e.Code = chat.CodeUpstream
	}
	switch {
	case e.Message != "":
	case status == 0:
		e.Message = "the provider broke off with an error" + inBrackets(meant)
	default:
		e.Message = fmt.Sprintf("the provider failed (HTTP %d)", status)
	}
	return e
}

// loading is when to ask a server again that loads its model.
const loading = 3 * time.Second

func inBrackets(status int) string {
	if status == 0 {
		return ""
	}
	return fmt.Sprintf(" (HTTP %d)", status)
}

// errorMessage finds the sentence in an error object or string.
func errorMessage(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return trimmed(text)
	}
	var obj struct {
		Message json.RawMessage   `json:"message"` // mostly a text; of Mistral also an object with a detail
		Error   json.RawMessage   `json:"error"`
		Detail  json.RawMessage   `json:"detail"`
		Msg     string            `json:"msg"` // of pydantic's list of problems
		Loc     []json.RawMessage `json:"loc"`
	}
	if json.Unmarshal(raw, &obj) != nil {
		var list []json.RawMessage // Gemini wraps its errors in a list
		if json.Unmarshal(raw, &list) == nil && len(list) > 0 {
			return errorMessage(list[0])
		}
		return ""
	}
	switch {
	case len(obj.Message) > 0 && string(obj.Message) != `""` && string(obj.Message) != "null":
		return errorMessage(obj.Message)
	case obj.Msg != "":
		where := make([]string, len(obj.Loc))
		for i, l := range obj.Loc {
			where[i] = strings.Trim(string(l), `"`)
		}
		return trimmed(strings.TrimPrefix(strings.Join(where, ".")+": "+obj.Msg, ": "))
	case len(obj.Error) > 0:
		return errorMessage(obj.Error)
	case len(obj.Detail) > 0:
		return errorMessage(obj.Detail)
	}
	return ""
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
