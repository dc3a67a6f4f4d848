package limit

import (
	"fmt"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
)

// Exceeded says which limit is reached, on which level, and when it frees.
type Exceeded struct {
	Level Level
	What  string // "requests per minute", "money per month"
	Limit string // "60", "$500.00"
	Used  string // without the request that was refused; empty where that does not matter
	Held  string // of Used: set aside for requests under way; empty: none
	Wants string // by the request, where that matters
	Frees Frees
	// RetryAfter is how long to wait; 0 where that does not help.
	RetryAfter time.Duration
}

// Frees says what must happen before a request like the one that was refused may pass.
type Frees int

const (
	WithTime       Frees = iota // RetryAfter must pass
	WithRequests                // others that are under way must end: RetryAfter is when it is worth a try
	WithLessAsked               // never: the request asks for more than the whole limit
	soonestAttempt = time.Second
)

func (e *Exceeded) Error() string {
	s := fmt.Sprintf("the limit of %s %s for the %s %q is reached", e.Limit, e.What, e.Level.Kind, e.Level.shown())
	if e.Frees == WithLessAsked {
		return fmt.Sprintf("this request may need %s, which is more than the limit of %s %s for the %s %q; ask for a shorter answer (max_tokens) or send less", e.Wants, e.Limit, e.What, e.Level.Kind, e.Level.shown())
	}
	s += " (used: " + e.Used
	if e.Held != "" {
		s += ", of which " + e.Held + " is set aside for requests under way"
	}
	if e.Wants != "" {
		s += "; this request may need " + e.Wants
	}
	s += "); it frees "
	if e.Frees == WithRequests {
		return s + "when requests under way end"
	}
	return s + "in " + round(e.RetryAfter).String()
}

func round(d time.Duration) time.Duration {
	if d > time.Minute {
		return d.Round(time.Minute)
	}
	return max(d.Round(time.Second), time.Second)
}

// AsChat gives an error of this package the shape that doors show.
func (e *Exceeded) AsChat() *chat.Error {
	code := chat.CodeBudget
	switch e.What {
	case whatRequests, whatTokens, whatConcurrent:
		code = chat.CodeRateLimited
	}
	return &chat.Error{Code: code, Message: e.Error(), RetryAfter: e.RetryAfter, Err: e}
}

const (
	whatRequests   = "requests per minute"
	whatTokens     = "tokens per minute"
	whatConcurrent = "requests at a time"
	whatCost       = "per request"
)

// tightest is of two limits that are both reached the one that frees later.
func tightest(a, b *Exceeded) *Exceeded {
	switch {
	case a == nil || b == nil:
		if a == nil {
			return b
		}
		return a
	case a.Frees == WithLessAsked:
		return a
	case b.Frees == WithLessAsked || b.RetryAfter > a.RetryAfter:
		return b
	}
	return a
}

func dollars(nano int64) string {
	whole, rest := nano/1e9, nano%1e9
	if rest%1e7 == 0 {
		return fmt.Sprintf("$%d.%02d", whole, rest/1e7)
	}
	return fmt.Sprintf("$%d.%06d", whole, (rest+999)/1000)
}
