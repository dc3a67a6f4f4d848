// Package limit keeps callers within their limits and budgets, on each level that they belong to: organisation, team, user and
// key. All levels are asked at once, and either all of them count a request or none does; the tightest says no.
package limit

import "time"

// Limits bound one level. Zero values bound nothing.
type Limits struct {
	RequestsPerMinute int64    `json:"rpm,omitempty"`
	TokensPerMinute   int64    `json:"tpm,omitempty"`
	Concurrent        int64    `json:"concurrent,omitempty"`
	MaxCost           int64    `json:"max_cost,omitempty"` // of one request, in nano-dollars
	Budgets           []Budget `json:"budgets,omitempty"`
}

// None says that nothing is bounded.
func (l *Limits) None() bool {
	return l.RequestsPerMinute == 0 && l.TokensPerMinute == 0 && l.Concurrent == 0 && l.MaxCost == 0 && len(l.Budgets) == 0
}

// Budget is what may be spent in a window: money, tokens, or both.
type Budget struct {
	Window Window `json:"window"`
	Money  int64  `json:"money,omitempty"`  // nano-dollars; 0 bounds no money
	Tokens int64  `json:"tokens,omitempty"` // 0 bounds no tokens
}

// Window is a calendar hour, day or month, in UTC.
type Window string

const (
	Hour  Window = "hour"
	Day   Window = "day"
	Month Window = "month"
)

// Bounds is the window that a time lies in.
func (w Window) Bounds(at time.Time) (from, to time.Time) {
	at = at.UTC()
	switch w {
	case Hour:
		from = at.Truncate(time.Hour)
		return from, from.Add(time.Hour)
	case Day:
		from = time.Date(at.Year(), at.Month(), at.Day(), 0, 0, 0, 0, time.UTC)
		return from, from.AddDate(0, 0, 1)
	}
	from = time.Date(at.Year(), at.Month(), 1, 0, 0, 0, 0, time.UTC)
	return from, from.AddDate(0, 1, 0)
}

// Kind of a level.
type Kind string

const (
	Org  Kind = "organisation"
	Team Kind = "team"
	User Kind = "user"
	Key  Kind = "key"

	Collection Kind = "collection" // whose documents are made searchable
)

// Level is one of the levels that a caller belongs to.
type Level struct {
	Kind   Kind
	Name   string // the key's id
	Shown  string // what messages call it; Name where empty
	Limits *Limits
}

func (l *Level) shown() string {
	if l.Shown != "" {
		return l.Shown
	}
	return l.Name
}

// Tighter is what two sets of limits allow together.
func (l Limits) Tighter(o Limits) Limits {
	l.RequestsPerMinute = tighter(l.RequestsPerMinute, o.RequestsPerMinute)
	l.TokensPerMinute = tighter(l.TokensPerMinute, o.TokensPerMinute)
	l.Concurrent = tighter(l.Concurrent, o.Concurrent)
	l.MaxCost = tighter(l.MaxCost, o.MaxCost)
	l.Budgets = append(l.Budgets[:len(l.Budgets):len(l.Budgets)], o.Budgets...) // each of them holds
	return l
}

// tighter is the smaller of two bounds, of which 0 is none.
func tighter(a, b int64) int64 {
	if a == 0 || b > 0 && b < a {
		return b
	}
	return a
}
