package gate

import (
	"slices"
	"sync"
	"time"
)

// What opens a breaker: at least half of at least ten requests within half a minute failed. It stays open for five seconds;
// then one request tries, and when that fails, twice as long as before, up to a minute.
const (
	span      = 3 * time.Second // of a slot
	slots     = 10
	least     = 10
	tolerable = 0.5
	firstRest = 5 * time.Second
	longRest  = time.Minute
	samples   = 31 // latencies that the median is taken over
)

type verdict int

const (
	nothing verdict = iota // says nothing of the provider
	good
	bad
)

// breaker keeps requests from a model that fails.
type breaker struct {
	mu      sync.Mutex
	slots   [slots]slot
	until   time.Time     // closed again for a probe; zero: everything passes
	rest    time.Duration // the last one
	probing bool

	firsts [samples]time.Duration // a ring
	seen   int
	median time.Duration // 0: to be found again
}

type slot struct {
	number    int64
	good, bad int
}

// enter lets a request through, as a probe where the model has just failed, or says how long it is left alone.
func (b *breaker) enter(now time.Time) (probe bool, wait time.Duration) {
	b.mu.Lock()
	defer b.mu.Unlock()
	switch {
	case b.until.IsZero():
		return false, 0
	case now.Before(b.until):
		return false, b.until.Sub(now)
	case b.probing:
		return false, time.Second // what becomes of the probe is known soon
	}
	b.probing = true
	return true, 0
}

func (b *breaker) done(now time.Time, v verdict, first time.Duration, probe bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if v == good && first > 0 {
		b.firsts[b.seen%samples] = first
		b.seen++
		b.median = 0
	}
	if probe {
		b.probing = false
		switch v {
		case good:
			b.until, b.rest, b.slots = time.Time{}, 0, [slots]slot{}
		case bad:
			b.open(now)
		}
		return
	}
	if v == nothing || !b.until.IsZero() { // what was under way when it opened is known to fail
		return
	}
	n := now.UnixNano() / int64(span)
	s := &b.slots[n%slots]
	if s.number != n {
		*s = slot{number: n}
	}
	if v == good {
		s.good++
		return
	}
	s.bad++
	if total, failed := b.counts(now); total >= least && float64(failed) >= tolerable*float64(total) {
		b.open(now)
	}
}

func (b *breaker) open(now time.Time) {
	b.rest = min(max(2*b.rest, firstRest), longRest)
	b.until = now.Add(b.rest)
}

// counts adds up the slots of the last half minute.
func (b *breaker) counts(now time.Time) (total, failed int) {
	oldest := now.UnixNano()/int64(span) - slots
	for _, s := range b.slots {
		if s.number > oldest {
			total, failed = total+s.good+s.bad, failed+s.bad
		}
	}
	return total, failed
}

func (b *breaker) health(now time.Time) Health {
	b.mu.Lock()
	defer b.mu.Unlock()
	h := Health{Open: now.Before(b.until)}
	if total, failed := b.counts(now); total >= least {
		h.ErrorRate = float64(failed) / float64(total)
	}
	if b.median == 0 && b.seen > 0 {
		n := min(b.seen, samples)
		sorted := slices.Clone(b.firsts[:n])
		slices.Sort(sorted)
		b.median = sorted[n/2]
	}
	h.FirstToken = b.median
	return h
}
