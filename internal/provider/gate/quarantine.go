package gate

import (
	"container/list"
	"crypto/sha256"
	"sync"
	"sync/atomic"
	"time"
)

// Fingerprint identifies what a request asks, whoever asks it.
type Fingerprint [sha256.Size]byte

// A request that made model servers crash or hang three times within ten minutes stays in quarantine for a quarter of an hour.
const (
	Strikes    = 3
	memory     = 10 * time.Minute
	quarantine = 15 * time.Minute
	suspects   = 1024 // remembered at most; those seen longest ago are forgotten
)

// Quarantine keeps requests back that make model servers fail. It is safe for concurrent use.
type Quarantine struct {
	now func() time.Time
	n   atomic.Int32

	tell func(f Fingerprint, struck bool) // nil: nobody

	mu    sync.Mutex
	known map[Fingerprint]*list.Element
	order *list.List // of *suspect; front: seen last
}

type suspect struct {
	print Fingerprint
	count int
	first time.Time // strike
	until time.Time // in quarantine
}

// NewQuarantine makes an empty one.
func NewQuarantine(now func() time.Time) *Quarantine {
	return &Quarantine{now: now, known: map[Fingerprint]*list.Element{}, order: list.New()}
}

// Share lets others know: tell is called for each strike, and for each suspect that was answered after all. It must not wait. Share is called
// before the first request; what others tell comes to Heard.
func (q *Quarantine) Share(tell func(f Fingerprint, struck bool)) { q.tell = tell }

// Heard takes over what happened elsewhere: a strike, or an answer.
func (q *Quarantine) Heard(f Fingerprint, struck bool) {
	if struck {
		q.strike(f)
	} else {
		q.clear(f)
	}
}

// Empty says that nothing is suspected, so that there is no need to make a fingerprint.
func (q *Quarantine) Empty() bool { return q.n.Load() == 0 }

// Check says how long a request is still kept back; 0 lets it pass.
func (q *Quarantine) Check(f Fingerprint) time.Duration {
	q.mu.Lock()
	defer q.mu.Unlock()
	el, ok := q.known[f]
	if !ok {
		return 0
	}
	now, s := q.now(), el.Value.(*suspect)
	switch {
	case now.Before(s.until):
		return s.until.Sub(now)
	case !s.until.IsZero() || now.Sub(s.first) > memory:
		q.forget(el)
	}
	return 0
}

// Strike notes that a server crashed or hung over a request.
func (q *Quarantine) Strike(f Fingerprint) {
	q.strike(f)
	if q.tell != nil {
		q.tell(f, true)
	}
}

func (q *Quarantine) strike(f Fingerprint) {
	q.mu.Lock()
	defer q.mu.Unlock()
	now := q.now()
	el, ok := q.known[f]
	if ok && now.Sub(el.Value.(*suspect).first) > memory {
		q.forget(el)
		ok = false
	}
	if !ok {
		if q.order.Len() >= suspects {
			q.forget(q.order.Back())
		}
		el = q.order.PushFront(&suspect{print: f, first: now})
		q.known[f] = el
		q.n.Add(1)
	}
	q.order.MoveToFront(el)
	s := el.Value.(*suspect)
	if s.count++; s.count >= Strikes {
		s.until = now.Add(quarantine)
	}
}

// Clear forgets a request that was answered.
func (q *Quarantine) Clear(f Fingerprint) {
	if q.clear(f) && q.tell != nil {
		q.tell(f, false)
	}
}

func (q *Quarantine) clear(f Fingerprint) bool {
	q.mu.Lock()
	defer q.mu.Unlock()
	el, ok := q.known[f]
	if ok {
		q.forget(el)
	}
	return ok
}

func (q *Quarantine) forget(el *list.Element) {
	s := q.order.Remove(el).(*suspect)
	delete(q.known, s.print)
	q.n.Add(-1)
}
