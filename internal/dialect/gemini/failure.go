package gemini

import (
	"bytes"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
)

// Failure turns an upstream's failure into ours: a google.rpc.Status as {"error":{"code","message","status","details"}}, alone
// or in a list, or a proxy's page. How long to wait is retryAfter, else what RetryInfo says. Raw is body.
func (Upstream) Failure(status int, body []byte, retryAfter time.Duration) *chat.Error {
	return failure(status, body, retryAfter)
}

// rpcStatus is what a google.rpc.Status says.
type rpcStatus struct {
	code          int
	name, message string
	reasons       []string // of ErrorInfo details
	retry         time.Duration
	field         string // of a BadRequest detail
	known         bool
}

func readStatus(body []byte) rpcStatus {
	var s rpcStatus
	if !wellFormed(body) {
		return s
	}
	v := gjson.ParseBytes(body)
	if v.IsArray() {
		v = v.Get("0")
	}
	e := v.Get("error")
	if e.Type == gjson.String {
		return rpcStatus{message: e.Str, known: true}
	}
	if !e.IsObject() {
		return s
	}
	s.known = true
	s.code, s.name, s.message = int(e.Get("code").Int()), e.Get("status").Str, e.Get("message").Str
	e.Get("details").ForEach(func(_, d gjson.Result) bool {
		switch kind := d.Get("@type").Str; {
		case strings.HasSuffix(kind, "google.rpc.ErrorInfo"):
			s.reasons = append(s.reasons, d.Get("reason").Str)
		case strings.HasSuffix(kind, "google.rpc.RetryInfo"):
			s.retry = duration(d.Get("retryDelay"))
		case strings.HasSuffix(kind, "google.rpc.BadRequest"):
			if f := d.Get("fieldViolations.0.field").Str; s.field == "" {
				s.field = f
			}
		}
		return true
	})
	return s
}

// duration reads a protobuf duration: "34.074824224s", or an object of seconds and nanos.
func duration(v gjson.Result) time.Duration {
	var seconds float64
	if v.IsObject() {
		seconds = v.Get("seconds").Float() + v.Get("nanos").Float()/1e9
	} else {
		text, ok := strings.CutSuffix(v.Str, "s")
		if !ok {
			return 0
		}
		var err error
		if seconds, err = strconv.ParseFloat(text, 64); err != nil {
			return 0
		}
	}
	if !(seconds > 0) {
		return 0
	}
	const most = 24 * 3600 // beyond a day it's a quota, and waiting as long no plan
	return time.Duration(min(seconds, most) * float64(time.Second))
}

var statusCodes = map[string]int{
	"INVALID_ARGUMENT": 400, "FAILED_PRECONDITION": 400, "OUT_OF_RANGE": 400, "UNAUTHENTICATED": 401, "PERMISSION_DENIED": 403,
	"NOT_FOUND": 404, "ALREADY_EXISTS": 409, "ABORTED": 409, "RESOURCE_EXHAUSTED": 429, "CANCELLED": 499, "INTERNAL": 500,
	"UNKNOWN": 500, "DATA_LOSS": 500, "UNIMPLEMENTED": 501, "UNAVAILABLE": 503, "DEADLINE_EXCEEDED": 504,
}

// failure reads a failure that came with a status, or, where that is 0, within a stream.
func failure(status int, body []byte, retryAfter time.Duration) *chat.Error {
	s := readStatus(body)
	meant := status
	if meant < 400 && s.known { // it came in the place of an answer
		if meant = s.code; meant < 400 {
			meant = statusCodes[s.name]
		}
	}
	e := &chat.Error{Code: chat.CodeUpstream, Status: status, RetryAfter: retryAfter, Param: s.field, Raw: bytes.Clone(body), Wire: chat.GeminiGenerate}
	if e.RetryAfter == 0 {
		e.RetryAfter = s.retry
	}
	with := ""
	if status != 0 {
		with = fmt.Sprintf(" (HTTP %d)", status)
	}
	e.Message = "the provider failed" + with
	if s.message != "" {
		e.Message = trimmed(s.message)
	}
	low := strings.ToLower(s.message)
	says := func(words ...string) bool {
		for _, w := range words {
			if strings.Contains(low, w) {
				return true
			}
		}
		return false
	}
	reason := func(name string) bool {
		for _, r := range s.reasons {
			if r == name {
				return true
			}
		}
		return false
	}
	switch {
	case meant == 401 || meant == 403 || reason("API_KEY_INVALID") || meant == 400 && says("api key not valid", "api key expired"):
		e.Code, e.Message = chat.CodeUpstreamAuth, "the provider refused the API key"+with+"; check it"
	case meant == 402 || s.name == "FAILED_PRECONDITION" && says("billing", "location is not supported"):
		e.Code, e.Message = chat.CodeUpstreamAuth, "the provider refused the account"+with+"; check its billing and region"
	case meant != 429 && says("exceeds the maximum number of tokens", "context window", "maximum context length"):
		e.Code = chat.CodeContextTooLong
	case meant == 404:
		e.Code = chat.CodeNotFound
	case meant == 408 || meant == 504:
		e.Code = chat.CodeTimeout
	case meant == 413 || meant == 400 && says("request payload size exceeds"):
		e.Code = chat.CodeTooLarge
	case meant == 429:
		e.Code = chat.CodeRateLimited
	case meant == 503 || meant == 529 || meant == 500 && says("overloaded"):
		e.Code = chat.CodeOverloaded
	case meant == 400 || meant == 409 || meant == 422:
		e.Code = chat.CodeInvalidRequest
	case meant >= 300 && meant < 400:
		e.Message = fmt.Sprintf("the provider redirects (HTTP %d); set base_url to where it is", meant)
	case meant == http.StatusNotImplemented:
		e.Code = chat.CodeUnsupported
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
