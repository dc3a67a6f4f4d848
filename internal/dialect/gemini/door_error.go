package gemini

import (
	"math"
	"net/http"
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// Error is a failure as Google shows it: a google.rpc.Status with ErrorInfo (our code as the reason, the trace), RetryInfo and
// BadRequest. The provider's own error on this wire passes as it is, but for one that is about our key.
func (Door) Error(e *chat.Error, trace string) (status int, body []byte) {
	if passes(e) {
		return e.Status, e.Raw
	}
	status, name := errorStatus(e.Code)
	dst := strconv.AppendInt([]byte(`{"error":{"code":`), int64(status), 10)
	dst = appendString(append(dst, `,"message":`...), e.Error())
	dst = append(append(append(dst, `,"status":"`...), name...), `","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":`...)
	dst = appendString(dst, string(e.Code))
	dst = append(dst, `,"domain":"dragoman","metadata":{`...)
	if trace != "" {
		dst = appendString(append(dst, `"trace":`...), trace)
	}
	dst = append(dst, "}}"...)
	if e.RetryAfter > 0 {
		dst = append(dst, `,{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"`...)
		dst = strconv.AppendFloat(dst, math.Ceil(e.RetryAfter.Seconds()*1000)/1000, 'f', -1, 64)
		dst = append(dst, `s"}`...)
	}
	if e.Param != "" {
		dst = append(dst, `,{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":`...)
		dst = appendString(dst, e.Param)
		dst = append(appendString(append(dst, `,"description":`...), e.Message), "}]}"...)
	}
	return status, append(dst, "]}}"...)
}

// passes says whether a failure is the provider's own on this wire, and fit to be shown.
func passes(e *chat.Error) bool {
	if e.Wire != chat.GeminiGenerate || e.Code == chat.CodeUpstreamAuth || e.Status < 400 && e.Status != 0 || !readStatus(e.Raw).known {
		return false
	}
	return e.Status != 0
}

// ends says whether a failure in a stream is a chunk of the provider's that the caller understands: an error object, or a
// finish that is none of an answer.
func ends(e *chat.Error) bool {
	if e.Wire != chat.GeminiGenerate || e.Code == chat.CodeUpstreamAuth || !wellFormed(e.Raw) {
		return false
	}
	v := dialect.Parse(e.Raw)
	if v.Get("error").IsObject() {
		return true
	}
	failed := false
	each(get(v, "candidates"), func(c gjson.Result) bool {
		reason := get(c, "finishReason").Str
		_, answer := finishOf(reason)
		failed = reason != "" && !answer
		return false
	})
	return failed
}

func withoutRaw(e *chat.Error) *chat.Error {
	c := *e
	c.Raw = nil
	return &c
}

// errorStatus is the HTTP status of a failure and google.rpc's name.
func errorStatus(code chat.Code) (int, string) {
	switch code {
	case chat.CodeInvalidRequest, chat.CodeContextTooLong, chat.CodeContentFiltered, chat.CodeUnsupported:
		return http.StatusBadRequest, "INVALID_ARGUMENT"
	case chat.CodeQuarantined:
		return http.StatusUnprocessableEntity, "FAILED_PRECONDITION"
	case chat.CodeTooLarge:
		return http.StatusRequestEntityTooLarge, "INVALID_ARGUMENT"
	case chat.CodeUnauthorized:
		return http.StatusUnauthorized, "UNAUTHENTICATED"
	case chat.CodeForbidden:
		return http.StatusForbidden, "PERMISSION_DENIED"
	case chat.CodeNotFound:
		return http.StatusNotFound, "NOT_FOUND"
	case chat.CodeRateLimited, chat.CodeBudget:
		return http.StatusTooManyRequests, "RESOURCE_EXHAUSTED"
	case chat.CodeOverloaded, chat.CodeLoading, chat.CodeUnavailable:
		return http.StatusServiceUnavailable, "UNAVAILABLE"
	case chat.CodeTimeout:
		return http.StatusGatewayTimeout, "DEADLINE_EXCEEDED"
	case chat.CodeUpstream, chat.CodeUpstreamAuth, chat.CodeStreamBroken:
		return http.StatusBadGateway, "UNAVAILABLE"
	case chat.CodeCancelled:
		return 499, "CANCELLED"
	}
	return http.StatusInternalServerError, "INTERNAL"
}
