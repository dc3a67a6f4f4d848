package assistant

import (
	"context"
	"strings"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dragoman/dragoman/internal/cache"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/memory"
	"github.com/dragoman/dragoman/internal/store"
)

// asker is who asked for an answer that is cached, by the names under which their data is erased: sessions by the owner, memories by the person.
type asker struct{ owner, person string }

func askerOf(p identity.Principal) asker { return asker{p.Owner(), memory.Owner(p, "")} }

func (a asker) hashes() cache.Asker { return cache.Asker{Erased(a.owner), Erased(a.person)} }

// Erased is the hash by which it is noted that data of somebody was erased: of the owner of sessions or of memories. People for whom a program
// asks with its own key are not told apart in caches: all that was asked for with the key goes.
func Erased(owner string) cache.Key {
	owner, _, _ = strings.Cut(owner, "&for=") // see memory.Owner
	return cache.KeyOf("erased", owner)
}

// ErasedStore is what Erasures need of the store.
type ErasedStore interface {
	Changes() uint64
	Erasures(ctx context.Context, after int64) ([]store.Erasure, error)
}

// Erasures let go of answers in the caches of this process when data of those is erased who asked for them, in whichever process that is. A nil one
// knows of none.
type Erasures struct {
	store  ErasedStore
	now    func() time.Time
	cached *Cache
	alike  *Semantic // may be nil
	older  *Older    // may be nil

	changes atomic.Uint64 // of the store, when it was last looked
	until   atomic.Int64  // when it is looked again if there are none, in nanoseconds of the Unix epoch
	last    atomic.Int64  // number of the last one that is known

	mu    sync.Mutex
	known map[cache.Key]int64 // by whose data: the number of the last one
	since int64               // of those up to this number nothing is known any more
}

const (
	// eraseWithin bounds the wait for the store. One that does not answer tells of it later.
	eraseWithin = 200 * time.Millisecond
	// mostErased bounds how many are known.
	mostErased = 10_000
)

// NewErasures makes those of some caches.
func NewErasures(s ErasedStore, cached *Cache, alike *Semantic, older *Older, now func() time.Time) *Erasures {
	return &Erasures{store: s, now: now, cached: cached, alike: alike, older: older, known: map[cache.Key]int64{}}
}

// look takes note of erasures. It is called before a cache is asked, and costs nothing where nothing was changed. The number is for during.
func (e *Erasures) look(ctx context.Context) (number int64) {
	if e == nil {
		return 0
	}
	changes, now := e.store.Changes(), e.now()
	if changes == e.changes.Load() && now.UnixNano() < e.until.Load() {
		return e.last.Load()
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if changes == e.changes.Load() && now.UnixNano() < e.until.Load() { // another has looked
		return e.last.Load()
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), eraseWithin)
	defer cancel()
	fresh, err := e.store.Erasures(ctx, e.last.Load())
	if err == nil && len(fresh) > 0 {
		e.forget(fresh)
		e.last.Store(fresh[len(fresh)-1].Number)
	}
	e.until.Store(now.Add(identity.RememberFor).UnixNano())
	e.changes.Store(changes)
	return e.last.Load()
}

// forget drops answers, also those of which it is not known who asked.
func (e *Erasures) forget(fresh []store.Erasure) {
	gone := make(map[cache.Key]bool, len(fresh))
	if len(e.known)+len(fresh) > mostErased {
		clear(e.known)
		e.since = fresh[len(fresh)-1].Number
	}
	for _, f := range fresh {
		gone[f.Whose], e.known[f.Whose] = true, f.Number
	}
	drop := func(a *cachedAnswer) bool {
		if a.by == (asker{}) {
			return true
		}
		by := a.by.hashes()
		return gone[by[0]] || gone[by[1]]
	}
	e.cached.Drop(drop)
	dropLike := func(a *likeAnswer) bool { return drop(a.cachedAnswer) }
	if e.alike != nil {
		e.alike.Drop(dropLike)
	}
	if e.older != nil {
		e.older.exact.Drop(dropLike)
		if e.older.alike != nil {
			e.older.alike.Drop(dropLike)
		}
	}
}

// during says whether data of somebody was erased after look returned a number: an answer that was begun before is not kept.
func (e *Erasures) during(ctx context.Context, by asker, number int64) bool {
	if e == nil || e.look(ctx) == number {
		return false
	}
	e.mu.Lock()
	defer e.mu.Unlock()
	if number < e.since {
		return true
	}
	for _, h := range by.hashes() {
		if e.known[h] > number {
			return true
		}
	}
	return false
}
