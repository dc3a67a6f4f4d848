package limit

import (
	"context"
	"hash/maphash"
	"sync"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
)

// Permits are what processes that have limits in common take before they let requests in: for requests and tokens per minute, and
// for requests at a time. Its methods may be called by many processes at once.
type Permits interface {
	// Admit gives what each claim needs, or some more, or nothing to any of them: then refused says which of them cannot be had.
	Admit(ctx context.Context, claims []PermitClaim) (given []int64, refused *PermitRefused, err error)
	// Keep takes permits per minute back that were not used, charges what was used beyond, and says how many requests at a time
	// this process still has permits for: others count these for SlotsFor.
	Keep(ctx context.Context, kept []PermitKept) error
}

// SlotsFor is for how long permits for requests at a time count that a process does not renew, as one that died. The process itself
// stops using them a while before.
const SlotsFor = 10 * time.Second

const slotsUsedFor = SlotsFor - 2*time.Second

// Rated names a limit of a level.
type Rated struct {
	Kind Kind
	Name string
	What string // "requests per minute", "tokens per minute" or "requests at a time"
}

// Slot says whether it bounds requests at a time, of which permits come back.
func (r *Rated) Slot() bool { return r.What == whatConcurrent }

// PermitClaim asks for permits.
type PermitClaim struct {
	Rated
	Limit int64 // of all together
	Need  int64
}

// PermitRefused says why a claim could not be met.
type PermitRefused struct {
	Claim int // its place
	Used  int64
	Wait  time.Duration // 0 where no time helps: requests must end
}

// PermitKept is what becomes of permits.
type PermitKept struct {
	Rated
	Limit int64
	Count int64 // per minute: how many are given back; fewer than none are charged. At a time: how many are kept
}

// permits are a process's own, of one level.
type permits [3]permit

// permit is those of one limit.
type permit struct {
	free    int64 // that may be used without asking; of tokens fewer than none where answers were longer than that
	used    int64 // at a time: by requests under way
	idle    int64 // the fewest that were free since it was kept last
	limit   int64 // when it was used last; 0: nothing is to be kept
	quiet   bool  // it was not used since it was kept last
	renewed time.Time

	refused      *Exceeded // the last refusal, good for a while
	refusedUntil time.Time
	refusedNeed  int64
}

// What a permit is for, by its place.
const (
	perRequest = iota
	perToken
	perSlot
)

var permitted = [...]string{perRequest: whatRequests, perToken: whatTokens, perSlot: whatConcurrent}

func (p *permit) use(limit, n int64) {
	p.free, p.used, p.limit, p.quiet = p.free-n, p.used+n, limit, false
	p.idle = min(p.idle, p.free)
}

// bounds are the limits that permits are needed for, by their place, and how many a request needs of each.
func (h *Hold) bounds(l *Limits) (limits, needs [3]int64) {
	return [...]int64{perRequest: l.RequestsPerMinute, perToken: l.TokensPerMinute, perSlot: l.Concurrent}, [...]int64{perRequest: 1, perToken: h.tokens, perSlot: 1}
}

// asking lets requests of the same key ask one after the other, since what one is given often suffices for the next, and keeps them
// from asking while permits are kept.
type asking struct {
	sync.RWMutex
	of   [16]sync.Mutex
	seed maphash.Seed
}

func (a *asking) lock(levels []Level) (unlock func()) {
	one := &a.of[maphash.String(a.seed, levels[len(levels)-1].Name)%uint64(len(a.of))]
	one.Lock()
	a.RLock()
	return func() { a.RUnlock(); one.Unlock() }
}

// acquireShared is the part of Acquire that others have a say in.
func (h *Hold) acquireShared() error {
	b := h.book
	for range mostAsks {
		b.mu.Lock()
		claims, worst := h.permitClaims(b.now())
		if worst == nil && len(claims) == 0 {
			defer b.mu.Unlock()
			h.letIn()
			return nil
		}
		b.mu.Unlock()
		if worst != nil {
			return worst
		}
		if err := h.ask(); err != nil {
			return err
		}
	}
	return &chat.Error{Code: chat.CodeOverloaded, RetryAfter: time.Second, Message: "too many requests ask for the same limit at once; try again in a moment"}
}

// permitClaims are the permits that a request needs beyond what there is. The caller holds the lock.
func (h *Hold) permitClaims(now time.Time) (claims []PermitClaim, worst *Exceeded) {
	for i := range h.levels {
		l := &h.levels[i]
		if l.Limits == nil {
			continue
		}
		s := h.book.state(l)
		limits, needs := h.bounds(l.Limits)
		for what, limit := range limits {
			if limit == 0 {
				continue
			}
			if s.permits == nil {
				s.permits = &permits{}
			}
			p := &s.permits[what]
			need := needs[what] - p.free
			if what == perSlot && now.Sub(p.renewed) > slotsUsedFor {
				need = max(need, 1) // others may not count them any more
			}
			if need <= 0 {
				continue
			}
			if p.refused != nil && now.Before(p.refusedUntil) && need >= p.refusedNeed {
				worst = tightest(worst, p.refused)
			}
			claims = append(claims, PermitClaim{Rated{l.Kind, l.Name, permitted[what]}, limit, need})
		}
	}
	return claims, worst
}

// letIn uses the permits. The caller holds the lock.
func (h *Hold) letIn() {
	for i := range h.levels {
		l := &h.levels[i]
		s := h.book.state(l)
		s.running++
		if l.Limits == nil {
			continue
		}
		limits, needs := h.bounds(l.Limits)
		for what, limit := range limits {
			if limit > 0 {
				s.permits[what].use(limit, needs[what])
			}
		}
	}
}

// ask asks for permits.
func (h *Hold) ask() error {
	b := h.book
	defer b.asking.lock(h.levels)()
	b.mu.Lock()
	now := b.now()
	claims, worst := h.permitClaims(now)
	b.mu.Unlock()
	if worst != nil {
		return worst
	}
	if len(claims) == 0 {
		return nil
	}
	ctx, cancel := context.WithTimeout(context.Background(), askWithin) // for others, too, who wait behind this request
	defer cancel()
	given, refused, err := b.shares.Admit(ctx, claims)
	if err != nil {
		return unknown("limits", err)
	}
	b.mu.Lock()
	defer b.mu.Unlock()
	if refused != nil {
		return h.notPermitted(&claims[refused.Claim], refused)
	}
	for i := range claims {
		c := &claims[i]
		p := b.permit(&c.Rated)
		p.free, p.limit, p.quiet = p.free+given[i], c.Limit, false
		if c.Slot() {
			p.renewed = now
		}
	}
	return nil
}

// permit is the one of a name, which must have been claimed. The caller holds the lock.
func (b *Book) permit(r *Rated) *permit {
	s := b.state(&Level{Kind: r.Kind, Name: r.Name})
	for what := range permitted {
		if permitted[what] == r.What {
			return &s.permits[what]
		}
	}
	panic("limit: no permits for " + r.What)
}

// notPermitted is the error for a claim that could not be met, which is remembered for a while. The caller holds the lock.
func (h *Hold) notPermitted(c *PermitClaim, r *PermitRefused) error {
	e := &Exceeded{What: c.What, Limit: number(c.Limit), Used: number(min(r.Used, c.Limit)), RetryAfter: r.Wait}
	for _, l := range h.levels {
		if l.Kind == c.Kind && l.Name == c.Name {
			e.Level = l
		}
	}
	p, now := h.book.permit(&c.Rated), h.book.now()
	switch {
	case c.Slot():
		e.Frees, e.RetryAfter = WithRequests, soonestAttempt
	case c.What == whatTokens:
		e.Wants = number(h.tokens)
	}
	p.refused, p.refusedUntil, p.refusedNeed = e, now.Add(min(e.RetryAfter, refusedFor)), c.Need
	if c.Slot() {
		p.refusedUntil = now.Add(refusedSlotFor)
	}
	return e
}

// refusedSlotFor is shorter than refusedFor: requests end all the time.
const refusedSlotFor = 50 * time.Millisecond

// keepPermits gives permits back that were not used since the last time, or all, charges what was used beyond them, and renews those for
// requests that are under way.
func (b *Book) keepPermits(ctx context.Context, all bool) error {
	b.asking.Lock()
	defer b.asking.Unlock()
	b.mu.Lock()
	now := b.now()
	var kept []PermitKept
	for id, s := range b.levels {
		if s.permits == nil {
			continue
		}
		for what := range s.permits {
			p := &s.permits[what]
			if p.limit == 0 {
				continue
			}
			if n, tell := p.keep(what == perSlot, all); tell {
				kept = append(kept, PermitKept{Rated{id.kind, id.name, permitted[what]}, p.limit, n})
			}
			if p.quiet && p.free == 0 && (p.used == 0 || what != perSlot) {
				p.limit = 0
			}
			p.quiet = true
		}
	}
	b.mu.Unlock()
	if len(kept) == 0 {
		return nil
	}
	err := b.shares.Keep(ctx, kept)
	b.mu.Lock()
	defer b.mu.Unlock()
	for i := range kept {
		k := &kept[i]
		switch p := b.permit(&k.Rated); {
		case err == nil:
			p.renewed = now
		case !k.Slot():
			p.free, p.limit = p.free+k.Count, k.Limit
		}
	}
	return err
}

// keep says what is to be told of a permit, if anything.
func (p *permit) keep(slot, all bool) (count int64, tell bool) {
	if slot {
		if all {
			p.idle = p.free
		}
		p.free -= p.idle
		p.idle = p.free
		return p.free + p.used, true
	}
	if p.free < 0 || p.free > 0 && (p.quiet || all) {
		count, p.free = p.free, 0
	}
	return count, count != 0
}
