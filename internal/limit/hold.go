package limit

import "time"

// Hold is a caller's request under way. It belongs to one goroutine. A nil hold counts nothing.
type Hold struct {
	book    *Book
	levels  []Level
	bounded bool
	ended   bool
	tokens  int64 // counted towards the limits per minute
	used    int64 // tokens in truth, so far
}

// Reservation is what Reserve set aside. Settle takes it back.
type Reservation struct {
	money, tokens int64
	at            time.Time // by the book's clock
}

// mostHeld bounds a reservation as it is added up: a thousand of them fit. It is 4.5 million dollars.
const mostHeld = 1 << 52

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

// Reserve takes money (nano-dollars) and tokens from all budgets of the window that it is, or from none, and then returns an
// *Exceeded. Settle must follow.
func (h *Hold) Reserve(money, tokens int64) (Reservation, error) {
	if h == nil {
		return Reservation{}, nil
	}
	money, tokens = max(money, 0), max(tokens, 0)
	b := h.book
	if b.shares != nil {
		return h.reserveShared(money, tokens)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	now := b.clock()
	var worst *Exceeded
	for i := range h.levels {
		l := &h.levels[i]
		if l.Limits == nil {
			continue
		}
		worst = tightest(worst, l.tooDear(money))
		if len(l.Limits.Budgets) == 0 {
			continue
		}
		s := b.state(l)
		s.roll(now)
		for _, g := range l.Limits.Budgets {
			w := &s.windows[slot(g.Window)]
			if g.Money > 0 {
				worst = tightest(worst, l.over(b, g.Window, "per "+string(g.Window), dollars, g.Money, w.money, w.heldMoney, money))
			}
			if g.Tokens > 0 {
				worst = tightest(worst, l.over(b, g.Window, "tokens per "+string(g.Window), number, g.Tokens, w.tokens, w.heldTokens, tokens))
			}
		}
	}
	if worst != nil {
		return Reservation{}, worst
	}
	return h.set(now, money, tokens), nil
}

// tooDear says that a request may cost more than any may, if it does.
func (l *Level) tooDear(money int64) *Exceeded {
	if c := l.Limits.MaxCost; c > 0 && money > c {
		return &Exceeded{Level: *l, What: whatCost, Limit: dollars(c), Wants: dollars(money), Frees: WithLessAsked}
	}
	return nil
}

// set sets aside. The caller holds the lock and has seen that it may be.
func (h *Hold) set(now time.Time, money, tokens int64) Reservation {
	r := Reservation{money: min(money, mostHeld), tokens: min(tokens, mostHeld), at: now}
	for i := range h.levels {
		s := h.book.state(&h.levels[i])
		s.roll(now)
		for w := range s.windows {
			x := &s.windows[w]
			x.heldMoney += r.money
			x.heldTokens += r.tokens
			x.lease.use(r.money, r.tokens)
		}
	}
	return r
}

// over says how a budget is exceeded by what a request wants, if it is. All amounts are 0 or more.
func (l *Level) over(b *Book, w Window, what string, show func(int64) string, budget, spent, held, wants int64) *Exceeded {
	if used := plus(spent, held); used <= budget && wants <= budget-used {
		return nil
	}
	e := &Exceeded{Level: *l, What: what, Limit: show(budget), Used: show(plus(spent, held)), Wants: show(wants)}
	if held > 0 {
		e.Held = show(held)
	}
	switch {
	case wants > budget:
		e.Frees = WithLessAsked
	case spent <= budget-wants:
		e.Frees, e.RetryAfter = WithRequests, soonestAttempt
	default:
		_, ends := w.Bounds(b.latest)
		e.RetryAfter = ends.Sub(b.now())
	}
	return e
}

// Settle books what was spent in place of what was reserved, in the windows in which that was done.
func (h *Hold) Settle(r Reservation, money, tokens int64) {
	if h == nil {
		return
	}
	money, tokens = max(money, 0), max(tokens, 0)
	b := h.book
	b.mu.Lock()
	defer b.mu.Unlock()
	now, clock := b.now(), b.clock()
	before := max(h.tokens, h.used)
	h.used = plus(h.used, tokens)
	for i := range h.levels {
		s := b.state(&h.levels[i])
		s.roll(clock)
		for w := range s.windows {
			x := &s.windows[w]
			if r.at.Before(x.from) {
				continue // its window is over
			}
			x.heldMoney -= r.money
			x.heldTokens -= r.tokens
			x.money, x.tokens = plus(x.money, money), plus(x.tokens, tokens)
			x.lease.use(min(money, mostHeld)-r.money, min(tokens, mostHeld)-r.tokens)
		}
		if l := h.levels[i].Limits; h.bounded && l != nil && l.TokensPerMinute > 0 && h.used > before {
			s.useTokens(now, l.TokensPerMinute, h.used-before)
		}
	}
}

// Release ends the request. Tokens that it did not use after all no longer count.
func (h *Hold) Release() {
	if h == nil || h.ended {
		return
	}
	h.ended = true
	if !h.bounded {
		return
	}
	b := h.book
	now := b.now()
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range h.levels {
		s := b.state(&h.levels[i])
		s.running--
		l := h.levels[i].Limits
		if l == nil {
			continue
		}
		if l.TokensPerMinute > 0 && h.used < h.tokens {
			s.useTokens(now, l.TokensPerMinute, h.used-h.tokens)
		}
		if l.Concurrent > 0 && s.permits != nil {
			s.permits[perSlot].use(l.Concurrent, -1)
		}
	}
}
