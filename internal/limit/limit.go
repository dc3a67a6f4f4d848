// Package limit keeps callers within their limits and budgets, on each level that they belong to: organisation, team, user and
// key. All levels are asked at once, and either all of them count a request or none does; the tightest says no.
package limit

import (
	"fmt"
	"math"
	"strconv"
	"sync"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
)

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

// left is how long the window that now lies in goes on.
func (w Window) left(now time.Time) time.Duration {
	_, ends := w.Bounds(now)
	return ends.Sub(now)
}

// Kind of a level.
type Kind string

const (
	Org  Kind = "organisation"
	Team Kind = "team"
	User Kind = "user"
	Key  Kind = "key"
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

// Exceeded says which limit is reached, on which level, and when it frees.
type Exceeded struct {
	Level      Level
	What       string // "requests per minute", "money per month"
	Limit      string // "60", "$500.00"
	Used       string // without the request that was refused
	Wants      string // by the request, where that matters
	RetryAfter time.Duration
}

func (e *Exceeded) Error() string {
	s := fmt.Sprintf("the limit of %s %s for the %s %q is reached (used: %s", e.Limit, e.What, e.Level.Kind, e.Level.shown(), e.Used)
	if e.Wants != "" {
		s += ", this request may need " + e.Wants
	}
	s += ")"
	if e.RetryAfter > 0 {
		s += "; it frees in " + round(e.RetryAfter).String()
	}
	return s
}

func round(d time.Duration) time.Duration {
	if d > time.Minute {
		return d.Round(time.Minute)
	}
	return max(d.Round(time.Second), time.Second)
}

// AsChat gives an error of this package the shape that doors show.
func (e *Exceeded) AsChat() *chat.Error {
	code := chat.CodeRateLimited
	if e.What != whatRequests && e.What != whatTokens && e.What != whatConcurrent {
		code = chat.CodeBudget
	}
	return &chat.Error{Code: code, Message: e.Error(), RetryAfter: e.RetryAfter, Err: e}
}

const (
	whatRequests   = "requests per minute"
	whatTokens     = "tokens per minute"
	whatConcurrent = "requests at a time"
	whatCost       = "per request"
)

// Book counts. It is safe for concurrent use.
type Book struct {
	now func() time.Time

	mu     sync.Mutex
	levels map[levelID]*state
}

type levelID struct {
	kind Kind
	name string
}

// state is what one level has used.
type state struct {
	requests time.Time // GCRA: the theoretical arrival time
	tokens   time.Time
	running  int64
	windows  [3]window // hour, day, month
	until    time.Time // when the hour, and with it perhaps more, is over
}

// window is what was spent since it began, and what is reserved: reservations outlast their window.
type window struct {
	from                  time.Time
	money, tokens         int64
	heldMoney, heldTokens int64
}

var windows = [3]Window{Hour, Day, Month}

func slot(w Window) int {
	switch w {
	case Hour:
		return 0
	case Day:
		return 1
	}
	return 2
}

// NewBook makes a book with nothing in it. now is the clock.
func NewBook(now func() time.Time) *Book {
	return &Book{now: now, levels: map[levelID]*state{}}
}

func (b *Book) state(l *Level) *state {
	id := levelID{l.Kind, l.Name}
	s := b.levels[id]
	if s == nil {
		s = &state{}
		b.levels[id] = s
	}
	return s
}

// roll begins a new window where the last one is over.
func (s *state) roll(now time.Time) {
	if now.Before(s.until) {
		return
	}
	_, s.until = Hour.Bounds(now)
	for i := range s.windows {
		w := &s.windows[i]
		if from, _ := windows[i].Bounds(now); from.After(w.from) {
			w.from, w.money, w.tokens = from, 0, 0
		}
	}
}

// Spent adds what was spent before the book was opened, in the window that at lies in. It is called before the first request.
func (b *Book) Spent(kind Kind, name string, w Window, money, tokens int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.state(&Level{Kind: kind, Name: name})
	s.roll(b.now())
	s.windows[slot(w)].money += money
	s.windows[slot(w)].tokens += tokens
}

// Hold is a caller's request under way. It belongs to one goroutine. A nil hold counts nothing.
type Hold struct {
	book   *Book
	levels []Level
	ended  bool
}

// Acquire lets a request in, of about so many tokens, or returns an *Exceeded. Release must be called when it is over.
func (b *Book) Acquire(levels []Level, tokens int64) (*Hold, error) {
	bounded := false
	for i := range levels {
		bounded = bounded || levels[i].Limits != nil && !levels[i].Limits.None()
	}
	if !bounded {
		// What was spent is counted all the same: a limit may be set while the server runs.
		return &Hold{book: b, levels: levels}, nil
	}
	now := b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range levels {
		l := &levels[i]
		if l.Limits == nil {
			continue
		}
		s := b.state(l)
		if n := l.Limits.RequestsPerMinute; n > 0 {
			if wait, used := rateFull(s.requests, now, n, 1); wait > 0 {
				return nil, &Exceeded{Level: *l, What: whatRequests, Limit: strconv.FormatInt(n, 10), Used: strconv.FormatInt(used, 10), RetryAfter: wait}
			}
		}
		if n := l.Limits.TokensPerMinute; n > 0 {
			if wait, used := rateFull(s.tokens, now, n, min(tokens, n)); wait > 0 {
				return nil, &Exceeded{Level: *l, What: whatTokens, Limit: strconv.FormatInt(n, 10), Used: strconv.FormatInt(used, 10), Wants: strconv.FormatInt(tokens, 10), RetryAfter: wait}
			}
		}
		if n := l.Limits.Concurrent; n > 0 && s.running >= n {
			return nil, &Exceeded{Level: *l, What: whatConcurrent, Limit: strconv.FormatInt(n, 10), Used: strconv.FormatInt(s.running, 10), RetryAfter: time.Second}
		}
	}
	for i := range levels {
		l := &levels[i]
		s := b.state(l)
		s.running++
		if l.Limits == nil {
			continue
		}
		if n := l.Limits.RequestsPerMinute; n > 0 {
			s.requests = arrive(s.requests, now, n, 1)
		}
		if n := l.Limits.TokensPerMinute; n > 0 {
			s.tokens = arrive(s.tokens, now, n, min(tokens, n))
		}
	}
	return &Hold{book: b, levels: levels}, nil
}

// rateFull says how long n more must wait under a limit per minute, 0 where they need not, and how much of the minute is
// used. It is the generic cell rate algorithm (ITU-T I.371) with a burst of a whole minute's limit.
func rateFull(arrival, now time.Time, limit, n int64) (wait time.Duration, used int64) {
	ahead := max(arrival.Sub(now), 0)
	wait = ahead + cost(limit, n) - time.Minute
	used = int64(math.Ceil(float64(ahead) / float64(time.Minute) * float64(limit)))
	if wait <= 0 {
		return 0, used
	}
	return wait, used
}

// arrive is the theoretical arrival time after n more.
func arrive(arrival, now time.Time, limit, n int64) time.Time {
	if arrival.Before(now) {
		arrival = now
	}
	return arrival.Add(cost(limit, n))
}

func cost(limit, n int64) time.Duration {
	return time.Duration(float64(time.Minute) / float64(limit) * float64(n))
}

// Release ends the request.
func (h *Hold) Release() {
	if h == nil || h.ended {
		return
	}
	h.ended = true
	h.book.mu.Lock()
	defer h.book.mu.Unlock()
	for i := range h.levels {
		if s := h.book.levels[levelID{h.levels[i].Kind, h.levels[i].Name}]; s != nil && s.running > 0 {
			s.running--
		}
	}
}

// MoneyBounded says whether any level bounds money, so that a price must be known.
func (h *Hold) MoneyBounded() bool {
	if h == nil {
		return false
	}
	for _, l := range h.levels {
		if l.Limits == nil {
			continue
		}
		if l.Limits.MaxCost > 0 {
			return true
		}
		for _, b := range l.Limits.Budgets {
			if b.Money > 0 {
				return true
			}
		}
	}
	return false
}

// Reserve takes money (nano-dollars) and tokens from all budgets, or from none, and then returns an *Exceeded. Settle must
// follow with the same amounts.
func (h *Hold) Reserve(money, tokens int64) error {
	if h == nil {
		return nil
	}
	b := h.book
	now := b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range h.levels {
		l := &h.levels[i]
		if l.Limits == nil {
			continue
		}
		if c := l.Limits.MaxCost; c > 0 && money > c {
			return &Exceeded{Level: *l, What: whatCost, Limit: dollars(c), Used: "$0.00", Wants: dollars(money)}
		}
		if len(l.Limits.Budgets) == 0 {
			continue
		}
		s := b.state(l)
		s.roll(now)
		for _, g := range l.Limits.Budgets {
			w := &s.windows[slot(g.Window)]
			if used := w.money + w.heldMoney; g.Money > 0 && used+money > g.Money {
				return &Exceeded{Level: *l, What: "per " + string(g.Window), Limit: dollars(g.Money), Used: dollars(used), Wants: dollars(money), RetryAfter: g.Window.left(now)}
			}
			if used := w.tokens + w.heldTokens; g.Tokens > 0 && used+tokens > g.Tokens {
				return &Exceeded{Level: *l, What: "tokens per " + string(g.Window), Limit: strconv.FormatInt(g.Tokens, 10), Used: strconv.FormatInt(used, 10), Wants: strconv.FormatInt(tokens, 10), RetryAfter: g.Window.left(now)}
			}
		}
	}
	for i := range h.levels {
		s := b.state(&h.levels[i])
		s.roll(now)
		for w := range s.windows {
			s.windows[w].heldMoney += money
			s.windows[w].heldTokens += tokens
		}
	}
	return nil
}

// Settle books what was spent in place of what was reserved.
func (h *Hold) Settle(reservedMoney, reservedTokens, money, tokens int64) {
	if h == nil {
		return
	}
	b := h.book
	now := b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range h.levels {
		s := b.state(&h.levels[i])
		s.roll(now)
		for w := range s.windows {
			x := &s.windows[w]
			x.heldMoney -= reservedMoney
			x.heldTokens -= reservedTokens
			x.money += money
			x.tokens += tokens
		}
		if l := h.levels[i].Limits; l != nil && l.TokensPerMinute > 0 && tokens > reservedTokens {
			s.tokens = arrive(s.tokens, now, l.TokensPerMinute, min(tokens-reservedTokens, l.TokensPerMinute))
		}
	}
}

// Used is what a level has spent in a window, and what is reserved beyond.
func (b *Book) Used(kind Kind, name string, w Window) (money, tokens, heldMoney, heldTokens int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.levels[levelID{kind, name}]
	if s == nil {
		return 0, 0, 0, 0
	}
	s.roll(b.now())
	x := s.windows[slot(w)]
	return x.money, x.tokens, x.heldMoney, x.heldTokens
}

func dollars(nano int64) string {
	whole, rest := nano/1e9, nano%1e9
	if rest%1e7 == 0 {
		return fmt.Sprintf("$%d.%02d", whole, rest/1e7)
	}
	return fmt.Sprintf("$%d.%06d", whole, (rest+999)/1000)
}
