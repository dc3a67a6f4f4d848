package limit

import (
	"hash/maphash"
	"math"
	"strconv"
	"sync"
	"time"
)

// Book counts. It is safe for concurrent use.
type Book struct {
	now func() time.Time

	mu     sync.Mutex
	latest time.Time // that now has said
	levels map[levelID]*state

	shares Shares     // nil: this process has all budgets to itself
	taking sync.Mutex // held while shares are asked; before mu
	asking asking     // as taking, for permits
}

type levelID struct {
	kind Kind
	name string
}

// state is what one level has used.
type state struct {
	requests, tokens rate
	running          int64
	permits          *permits  // in place of these, where limits are shared
	windows          [3]window // hour, day, month
	until            time.Time // when the hour, and with it perhaps more, is over
}

// window is what was spent by requests that began in it, and what is reserved for such as are under way.
type window struct {
	from                  time.Time
	money, tokens         int64
	heldMoney, heldTokens int64
	lease                 lease
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
	return &Book{now: now, levels: map[levelID]*state{}, asking: asking{seed: maphash.MakeSeed()}}
}

// clock is the time as windows have it: where the clock is set back, it stands still until that is made up for, so that nobody
// gets a window's budget twice. It is the time on the wall alone, as windows are; rates go by the monotonic clock. The caller
// holds the lock.
func (b *Book) clock() time.Time {
	if now := b.now().Round(0); now.After(b.latest) {
		b.latest = now
	}
	return b.latest
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

// roll begins a new window where the last one is over. What is still reserved from before belongs to the last one.
func (s *state) roll(now time.Time) {
	if now.Before(s.until) {
		return
	}
	_, s.until = Hour.Bounds(now)
	for i := range s.windows {
		w := &s.windows[i]
		if from, _ := windows[i].Bounds(now); from.After(w.from) {
			*w = window{from: from}
		}
	}
}

// plus adds, and stays at the largest number where the sum does not fit: what was spent never wraps around.
func plus(a, b int64) int64 {
	if sum := a + b; sum >= a {
		return sum
	}
	return math.MaxInt64
}

// Spent adds what was spent before the book was opened, in the window that it is now. It is called before the first request.
func (b *Book) Spent(kind Kind, name string, w Window, money, tokens int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.state(&Level{Kind: kind, Name: name})
	s.roll(b.clock())
	x := &s.windows[slot(w)]
	x.money, x.tokens = plus(x.money, max(money, 0)), plus(x.tokens, max(tokens, 0))
}

// Used is what a level has spent in a window, and what is reserved beyond.
func (b *Book) Used(kind Kind, name string, w Window) (money, tokens, heldMoney, heldTokens int64) {
	b.mu.Lock()
	defer b.mu.Unlock()
	s := b.levels[levelID{kind, name}]
	if s == nil {
		return 0, 0, 0, 0
	}
	s.roll(b.clock())
	x := s.windows[slot(w)]
	return x.money, x.tokens, x.heldMoney, x.heldTokens
}

// Acquire lets a request in, of a prompt of about so many tokens, or returns an *Exceeded; where limits are shared and cannot be
// looked up, a *chat.Error. Release must be called when it is
// over.
func (b *Book) Acquire(levels []Level, tokens int64) (*Hold, error) {
	h := &Hold{book: b, levels: levels}
	for i := range levels {
		h.bounded = h.bounded || levels[i].Limits != nil && !levels[i].Limits.None()
	}
	if !h.bounded {
		return h, nil // what is spent is counted all the same: a limit may be set while the server runs
	}
	h.tokens = max(tokens, 0)
	if b.shares != nil {
		if err := h.acquireShared(); err != nil {
			return nil, err
		}
		return h, nil
	}
	now := b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	var worst *Exceeded
	for i := range levels {
		if l := &levels[i]; l.Limits != nil {
			worst = tightest(worst, b.state(l).full(now, l, h.tokens))
		}
	}
	if worst != nil {
		return nil, worst
	}
	for i := range levels {
		l := &levels[i]
		s := b.state(l)
		s.running++
		if l.Limits == nil {
			continue
		}
		if n := l.Limits.RequestsPerMinute; n > 0 {
			s.requests.take(now, n, 1)
		}
		if n := l.Limits.TokensPerMinute; n > 0 {
			s.tokens.take(now, n, h.tokens)
		}
	}
	return h, nil
}

// full is the limit of a level that keeps one more request out, if any.
func (s *state) full(now time.Time, l *Level, tokens int64) (worst *Exceeded) {
	if n := l.Limits.RequestsPerMinute; n > 0 {
		if wait, used := s.requests.full(now, n, 1); wait > 0 {
			worst = &Exceeded{Level: *l, What: whatRequests, Limit: number(n), Used: number(used), RetryAfter: wait}
		}
	}
	if n := l.Limits.TokensPerMinute; n > 0 {
		if wait, used := s.tokens.full(now, n, tokens); wait > 0 {
			worst = tightest(worst, &Exceeded{Level: *l, What: whatTokens, Limit: number(n), Used: number(used), Wants: number(tokens), RetryAfter: wait})
		}
	}
	if n := l.Limits.Concurrent; n > 0 && s.running >= n {
		worst = tightest(worst, &Exceeded{Level: *l, What: whatConcurrent, Limit: number(n), Used: number(s.running), Frees: WithRequests, RetryAfter: soonestAttempt})
	}
	return worst
}

// useTokens counts tokens of a request that is in already; fewer than none are given back.
func (s *state) useTokens(now time.Time, limit, n int64) {
	if s.permits != nil {
		s.permits[perToken].use(limit, n)
		return
	}
	s.tokens.take(now, limit, n)
}

func number(n int64) string { return strconv.FormatInt(n, 10) }
