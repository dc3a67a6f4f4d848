package limit

import (
	"context"
	"errors"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
)

// Shares gives out budgets to processes that have them in common. What all of them were given is never more than a budget, so each
// may spend what it has without asking. Its methods may be called by many processes at once.
type Shares interface {
	// Take gives what each claim needs, or more, or nothing at all to any of them: then refused says which of them cannot be had.
	Take(ctx context.Context, claims []Claim) (given []Amounts, refused *Refused, err error)
	// Report says what this process keeps of its shares, which may be more than it was given where a request has cost more than was
	// set aside.
	Report(ctx context.Context, kept []Kept) error
	Permits
}

// Budgeted is a level's budget of one window.
type Budgeted struct {
	Kind   Kind
	Name   string
	Window Window
	From   time.Time // when the window began
}

// Amounts are nano-dollars and tokens.
type Amounts struct{ Money, Tokens int64 }

// Claim asks for a share of a budget.
type Claim struct {
	Budgeted
	Budget Amounts // of all together; 0: not bounded
	Need   Amounts
}

// Refused says why a claim could not be met.
type Refused struct {
	Claim int     // its place
	Spent Amounts // by all, as they have reported
	Held  Amounts // beyond, by all: for requests under way, or in advance
}

// Kept is what a process keeps of a share.
type Kept struct {
	Budgeted
	Share Amounts
	Spent Amounts // of it, by requests that are over
}

// lease is this process's share of a budget in a window.
type lease struct {
	taken bool    // it has one
	share Amounts // that it may use
	used  Amounts // of it: spent, or set aside for requests under way
	quiet bool    // nothing was used of it since the last report

	refused      *Exceeded // the last refusal, good for a while
	refusedUntil time.Time
	refusedNeed  Amounts
}

func (l *lease) use(money, tokens int64) {
	if l.taken {
		l.used.Money, l.used.Tokens, l.quiet = l.used.Money+money, l.used.Tokens+tokens, false
	}
}

const (
	// askWithin bounds the wait for a share.
	askWithin = 5 * time.Second
	// refusedFor is how long a refusal answers those who need as much or more: asking costs a round trip.
	refusedFor = 500 * time.Millisecond
	// mostAsks bounds how often one request asks, where others are faster each time.
	mostAsks = 20
)

// Share lets budgets and limits hold for all processes that have them in common. It is called before the first request.
func (b *Book) Share(s Shares) { b.shares = s }

// claims are the shares that a reservation needs beyond what there is. The caller holds the lock.
func (h *Hold) claims(now time.Time, money, tokens int64) (claims []Claim, worst *Exceeded) {
	b := h.book
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
		var budgets [3]Amounts
		for _, g := range l.Limits.Budgets {
			t := &budgets[slot(g.Window)]
			t.Money, t.Tokens = tighter(t.Money, g.Money), tighter(t.Tokens, g.Tokens)
		}
		for w, budget := range budgets {
			x := &s.windows[w]
			if budget == (Amounts{}) {
				continue
			}
			if budget.Money > 0 && money > budget.Money {
				worst = tightest(worst, l.over(b, windows[w], "per "+string(windows[w]), dollars, budget.Money, 0, 0, money))
			}
			if budget.Tokens > 0 && tokens > budget.Tokens {
				worst = tightest(worst, l.over(b, windows[w], "tokens per "+string(windows[w]), number, budget.Tokens, 0, 0, tokens))
			}
			used := x.lease.used
			if !x.lease.taken { // what is spent is in the books of all; what is under way is not
				used = Amounts{x.heldMoney, x.heldTokens}
			}
			need := Amounts{max(plus(used.Money, money)-x.lease.share.Money, 0), max(plus(used.Tokens, tokens)-x.lease.share.Tokens, 0)}
			if x.lease.taken && (budget.Money == 0 || need.Money == 0) && (budget.Tokens == 0 || need.Tokens == 0) {
				continue
			}
			if n := &x.lease; n.refused != nil && now.Before(n.refusedUntil) && need.Money >= n.refusedNeed.Money && need.Tokens >= n.refusedNeed.Tokens {
				worst = tightest(worst, n.refused)
			}
			claims = append(claims, Claim{Budgeted{l.Kind, l.Name, windows[w], x.from}, budget, need})
		}
	}
	return claims, worst
}

// reserveShared is Reserve where budgets are shared.
func (h *Hold) reserveShared(money, tokens int64) (Reservation, error) {
	b := h.book
	for range mostAsks {
		b.mu.Lock()
		now := b.clock()
		claims, worst := h.claims(now, money, tokens)
		if worst == nil && len(claims) == 0 {
			defer b.mu.Unlock()
			return h.set(now, money, tokens), nil
		}
		b.mu.Unlock()
		if worst != nil {
			return Reservation{}, worst
		}
		if err := h.take(money, tokens); err != nil {
			return Reservation{}, err
		}
	}
	return Reservation{}, &chat.Error{Code: chat.CodeOverloaded, RetryAfter: time.Second, Message: "too many requests ask for the same budget at once; try again in a moment"}
}

// unknown says that the others cannot be asked what is left.
func unknown(of string, err error) error {
	return &chat.Error{Code: chat.CodeOverloaded, RetryAfter: askWithin, Err: err,
		Message: "what is left of the " + of + " cannot be looked up, since the database cannot be reached; try again in a moment"}
}

// take asks for shares, one caller at a time: what one is given often suffices for the next.
func (h *Hold) take(money, tokens int64) error {
	b := h.book
	b.taking.Lock()
	defer b.taking.Unlock()
	b.mu.Lock()
	claims, worst := h.claims(b.clock(), money, tokens)
	b.mu.Unlock()
	if worst != nil {
		return worst
	}
	if len(claims) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), askWithin) // for others, too, who wait behind this request
	defer cancel()
	given, refused, err := b.shares.Take(ctx, claims)
	if err != nil {
		return unknown("budget", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if refused != nil {
		return h.refusal(claims[refused.Claim], refused, money, tokens)
	}
	for i, c := range claims {
		x := &b.state(&Level{Kind: c.Kind, Name: c.Name}).windows[slot(c.Window)]
		if !x.from.Equal(c.From) {
			continue // its window ended meanwhile
		}
		if l := &x.lease; !l.taken {
			*l = lease{taken: true, used: Amounts{x.heldMoney, x.heldTokens}}
		}
		x.lease.share.Money, x.lease.share.Tokens = plus(x.lease.share.Money, given[i].Money), plus(x.lease.share.Tokens, given[i].Tokens)
	}
	return nil
}

// refusal is the error for a claim that could not be met, which is remembered for a while. The caller holds the lock.
func (h *Hold) refusal(c Claim, r *Refused, money, tokens int64) error {
	b := h.book
	var worst *Exceeded
	for i := range h.levels {
		l := &h.levels[i]
		if l.Kind != c.Kind || l.Name != c.Name {
			continue
		}
		if c.Budget.Money > 0 {
			worst = tightest(worst, l.over(b, c.Window, "per "+string(c.Window), dollars, c.Budget.Money, r.Spent.Money, r.Held.Money, money))
		}
		if c.Budget.Tokens > 0 {
			worst = tightest(worst, l.over(b, c.Window, "tokens per "+string(c.Window), number, c.Budget.Tokens, r.Spent.Tokens, r.Held.Tokens, tokens))
		}
		if worst == nil { // what this process holds itself was given back a moment ago
			worst = &Exceeded{Level: *l, What: "per " + string(c.Window), Limit: dollars(c.Budget.Money), Used: dollars(plus(r.Spent.Money, r.Held.Money)), Frees: WithRequests, RetryAfter: soonestAttempt}
		}
		x := &b.state(l).windows[slot(c.Window)].lease
		x.refused, x.refusedUntil, x.refusedNeed = worst, b.latest.Add(refusedFor), c.Need
	}
	return worst
}

// Reconcile reports what this process keeps of its shares and permits, and gives back what it does not use: of those of which nothing was
// used since the last time, or of all. It is called every second, and with all when the last request is over.
func (b *Book) Reconcile(ctx context.Context, all bool) error {
	if b.shares == nil {
		return nil
	}
	return errors.Join(b.keepShares(ctx, all), b.keepPermits(ctx, all))
}

func (b *Book) keepShares(ctx context.Context, all bool) error {
	b.taking.Lock()
	defer b.taking.Unlock()
	b.mu.Lock()
	now := b.clock()
	var kept []Kept
	for id, s := range b.levels {
		s.roll(now)
		for w := range s.windows {
			x := &s.windows[w]
			l := &x.lease
			if !l.taken {
				continue
			}
			if l.share.Money = max(l.share.Money, l.used.Money); l.quiet || all {
				l.share.Money = l.used.Money
			}
			if l.share.Tokens = max(l.share.Tokens, l.used.Tokens); l.quiet || all {
				l.share.Tokens = l.used.Tokens
			}
			l.quiet = true
			kept = append(kept, Kept{Budgeted{id.kind, id.name, windows[w], x.from}, l.share, Amounts{l.used.Money - x.heldMoney, l.used.Tokens - x.heldTokens}})
		}
	}
	b.mu.Unlock()
	if len(kept) == 0 {
		return nil
	}
	return b.shares.Report(ctx, kept)
}
