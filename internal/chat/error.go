package chat

import (
	"errors"
	"fmt"
	"time"
)

// Code is a stable name for a kind of failure, the same in every dialect.
type Code string

const (
	CodeInvalidRequest  Code = "invalid_request"
	CodeUnauthorized    Code = "unauthorized"
	CodeForbidden       Code = "forbidden"
	CodeNotFound        Code = "not_found"
	CodeTooLarge        Code = "request_too_large"
	CodeRateLimited     Code = "rate_limited"
	CodeOverloaded      Code = "overloaded"
	CodeLoading         Code = "model_loading" // a local model is not in memory yet
	CodeTimeout         Code = "timeout"
	CodeUpstream        Code = "upstream_error"     // the provider failed, or sent what is no answer
	CodeUpstreamAuth    Code = "upstream_auth"      // the provider refused our key
	CodeStreamBroken    Code = "stream_interrupted" // the answer broke off after it had begun
	CodeContextTooLong  Code = "context_too_long"   //
	CodeContentFiltered Code = "content_filtered"   //
	CodeUnavailable     Code = "no_model_available" // no model is configured, allowed or healthy
	CodeCancelled       Code = "cancelled"          // the caller went away
	CodeBudget          Code = "budget_exceeded"    // a budget or limit of the caller is used up
	CodeQuarantined     Code = "quarantined"        // this request made a model server fail repeatedly
	CodeUnsupported     Code = "unsupported"        // the model's dialect cannot express what is asked for
	CodeInternal        Code = "internal"           //
)

// Error is a failure as a door may show it: no internal detail, no secret.
type Error struct {
	Code       Code
	Message    string        // one or two sentences; says what to do
	Param      string        // the field at fault, where one is
	Status     int           // HTTP status that the provider answered with; 0 when there was none
	Provider   string        // who failed, where a provider did
	RetryAfter time.Duration // how long to wait, where known
	OtherKey   bool          // another of the provider's keys may do
	RequestID  string        // the provider's own name for the request, where it tells one
	Died       bool          // the server broke the connection, or fell silent, over this request
	// Raw is the provider's own error body and Wire its format: callers on the same wire get it as it is.
	Raw  []byte
	Wire Wire
	Err  error // the cause, for logs only
}

func (e *Error) Error() string {
	if e.Provider != "" {
		return fmt.Sprintf("%s: %s", e.Provider, e.Message)
	}
	return e.Message
}

func (e *Error) Unwrap() error { return e.Err }

// Retryable says whether the same request may succeed when it is sent again, here or elsewhere.
func (e *Error) Retryable() bool {
	switch e.Code {
	case CodeRateLimited, CodeOverloaded, CodeLoading, CodeTimeout, CodeUpstream:
		return true
	}
	return false
}

// RetryAfterTime is how long to wait before that; 0 where nobody knows.
func (e *Error) RetryAfterTime() time.Duration { return e.RetryAfter }

// AsError returns err as an *Error, wrapping what is none as internal.
func AsError(err error) *Error {
	if err == nil {
		return nil
	}
	if e, ok := errors.AsType[*Error](err); ok {
		return e
	}
	return &Error{Code: CodeInternal, Message: "internal error; see the server's log", Err: err}
}
