package gate

import (
	"context"
	"sync"
	"time"
)

// Tier is how urgent a request is.
type Tier int

// The tiers, the most urgent first.
const (
	Interactive Tier = iota // somebody waits at a keyboard
	Default
	Batch
	tiers
)

// Caller is on whose behalf a request is made.
type Caller struct {
	Tenant string // who shares a provider's capacity evenly with others: a team
	Tier   Tier
}

// queue lets a bounded number of requests through at a time. The others wait: the more urgent go first, and among equals the
// tenants take turns. Where too many wait, the place of the newest of a less urgent tier, or of the tenant with the most, is
// given to who has less; else the newcomer is sent away.
type queue struct {
	limit, bound int

	mu      sync.Mutex
	active  int
	waiting int
	tiers   [tiers]tier
	mean    time.Duration // how long a request takes, exponentially weighted
}

// tier is the tenants of one tier that wait, in the order of their turns.
type tier struct {
	order   []*line
	waiting int
}

// line is the requests of a tenant that wait.
type line struct {
	tenant string
	wait   []*waiter
}

type waiter struct {
	ready   chan struct{} // closed when it may go, or must
	evicted bool
}

func newQueue(limit, bound int) *queue { return &queue{limit: limit, bound: bound} }

// enter waits for a place. wait is how long to stay away where there is none; an error is that of ctx.
func (q *queue) enter(ctx context.Context, c Caller) (wait time.Duration, err error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	tier := min(max(c.Tier, 0), tiers-1)
	q.mu.Lock()
	if q.active < q.limit { // then nobody waits
		q.active++
		q.mu.Unlock()
		return 0, nil
	}
	if q.waiting >= q.bound && !q.makeRoom(tier, c.Tenant) {
		defer q.mu.Unlock()
		return q.estimate(tier), nil
	}
	w := &waiter{ready: make(chan struct{})}
	q.tiers[tier].add(c.Tenant, w)
	q.waiting++
	q.mu.Unlock()
	select {
	case <-w.ready:
		if w.evicted {
			q.mu.Lock()
			defer q.mu.Unlock()
			return q.estimate(tier), nil
		}
		return 0, nil
	case <-ctx.Done():
	}
	q.mu.Lock()
	defer q.mu.Unlock()
	select {
	case <-w.ready: // it came at the same time
		if !w.evicted {
			q.release()
		}
	default:
		q.tiers[tier].remove(w)
		q.waiting--
	}
	return 0, ctx.Err()
}

// leave frees a place that was held for so long; 0 says nothing of how long requests take.
func (q *queue) leave(held time.Duration) {
	q.mu.Lock()
	defer q.mu.Unlock()
	if held > 0 {
		if q.mean == 0 {
			q.mean = held
		}
		q.mean += (held - q.mean) / 8
	}
	q.release()
}

// release gives a free place to who is next.
func (q *queue) release() {
	for i := range q.tiers {
		if w := q.tiers[i].next(); w != nil {
			q.waiting--
			close(w.ready)
			return
		}
	}
	q.active--
}

// makeRoom sends one that waits away for the sake of a newcomer, where that is fair.
func (q *queue) makeRoom(mine Tier, tenant string) bool {
	for i := tiers - 1; i > mine; i-- {
		if l := q.tiers[i].longest(); l != nil {
			q.evict(&q.tiers[i], l)
			return true
		}
	}
	t := &q.tiers[mine]
	own := 0
	for _, l := range t.order {
		if l.tenant == tenant {
			own = len(l.wait)
		}
	}
	if l := t.longest(); l != nil && len(l.wait) > own+1 {
		q.evict(t, l)
		return true
	}
	return false
}

func (q *queue) evict(t *tier, l *line) {
	w := l.wait[len(l.wait)-1]
	t.remove(w)
	q.waiting--
	w.evicted = true
	close(w.ready)
}

// estimate is when a newcomer of a tier would have its turn, about.
func (q *queue) estimate(mine Tier) time.Duration {
	ahead := 1
	for i := Tier(0); i <= mine; i++ {
		ahead += q.tiers[i].waiting
	}
	mean := q.mean
	if mean == 0 {
		mean = time.Second
	}
	return max(mean*time.Duration(ahead)/time.Duration(q.limit), time.Second)
}

func (q *queue) load() (active, waiting int) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return q.active, q.waiting
}

func (t *tier) add(tenant string, w *waiter) {
	t.waiting++
	for _, l := range t.order {
		if l.tenant == tenant {
			l.wait = append(l.wait, w)
			return
		}
	}
	t.order = append(t.order, &line{tenant, []*waiter{w}})
}

// next takes the oldest request of the tenant whose turn it is, who then comes last.
func (t *tier) next() *waiter {
	if len(t.order) == 0 {
		return nil
	}
	l := t.order[0]
	w := l.wait[0]
	l.wait[0] = nil
	l.wait = l.wait[1:]
	t.order = append(t.order[:0], t.order[1:]...)
	if len(l.wait) > 0 {
		t.order = append(t.order, l)
	}
	t.waiting--
	return w
}

func (t *tier) remove(w *waiter) {
	for i, l := range t.order {
		for j, other := range l.wait {
			if other != w {
				continue
			}
			l.wait = append(l.wait[:j], l.wait[j+1:]...)
			if len(l.wait) == 0 {
				t.order = append(t.order[:i], t.order[i+1:]...)
			}
			t.waiting--
			return
		}
	}
}

func (t *tier) longest() *line {
	var most *line
	for _, l := range t.order {
		if most == nil || len(l.wait) > len(most.wait) {
			most = l
		}
	}
	return most
}
