package assistant

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dragoman/dragoman/internal/cache"
	"github.com/dragoman/dragoman/internal/facts"
)

// Older keeps answers for when no model can be asked: longer than the cache, and beyond edits of the knowledge that they were made from. What
// must be the same is all else that an answer depends on, and each document that it was made from must be there still, and be seen by
// whoever gets it.
type Older struct {
	exact *cache.Exact[*likeAnswer]
	alike *Semantic // nil: the very same questions alone
}

// MostOlder is the longest time that an answer is kept for.
const MostOlder = 30 * 24 * time.Hour

// NewOlder makes a store of at most so many bytes, and as many again where questions are compared by meaning, at this threshold; 0: they
// are not.
func NewOlder(bytes int, threshold float64, now func() time.Time) *Older {
	o := &Older{exact: cache.NewExact[*likeAnswer](bytes, MostOlder, now)}
	if threshold > 0 {
		o.alike = NewSemantic(threshold, bytes, MostOlder, now)
	}
	return o
}

// olderKey is by what an older answer to a turn is found.
type olderKey struct {
	exact cache.Key
	like  *likeness // nil: not by meaning
}

// keepsOlder says whether older answers may stand in.
func (p *DegradePolicy) keepsOlder() bool { return p.Stale > 0 && p.has(RungCached) }

// olderKeyOf is nil where no older answer is kept or given, for a reason that is noted.
func (e *Engine) olderKeyOf(t *Turn) *olderKey {
	if e.Older == nil || !t.Definition.Degrade.keepsOlder() || t.Trace.Mode != Grounded {
		return nil
	}
	scope, not, err := e.scope(t, "whatever it is by now")
	if not == "" && err == nil && e.Sees == nil {
		not = "nobody knows which documents may be seen"
	}
	if err != nil {
		not = err.Error()
	}
	if not != "" {
		t.Trace.note("no older answer can stand in: " + not)
		return nil
	}
	k := &olderKey{exact: cache.KeyOf(string(scope[:]), t.question)}
	if e.Older.alike != nil && incomparable(t.question) == "" {
		k.like = &likeness{scope, facts.Of(t.question)}
	}
	return k
}

// rememberOlder keeps a complete answer for when no model can be asked.
func (e *Engine) rememberOlder(ctx context.Context, t *Turn, a *cachedAnswer, size int) {
	if t.older == nil {
		return
	}
	kept := &likeAnswer{a, t.sources, t.question}
	size += sizeOfSources(t.sources) + len(t.question)
	e.Older.exact.Put(t.older.exact, kept, size)
	if l := t.older.like; l != nil {
		if v, model := t.vector(ctx); v != nil {
			e.Older.alike.Put(l.within(model), v, l.facts, kept, size+l.facts.Size())
		}
	}
}

// answeredOnce gives an older answer to the question, or to one that means the same, and says how old it is.
func (e *Engine) answeredOnce(ctx context.Context, t *Turn) (done bool, err error) {
	if t.older == nil || t.Cache.NoCache {
		return false, nil
	}
	e.Erasures.look(ctx)
	most := t.Definition.Degrade.Stale
	if t.Cache.MaxAge > 0 {
		most = min(most, t.Cache.MaxAge)
	}
	a, ok := e.Older.exact.Get(t.older.exact, most)
	if l := t.older.like; !ok && l != nil && !t.Cache.Exact {
		if v, model := t.vector(ctx); v != nil {
			m, found, _ := e.Older.alike.Get(l.within(model), v, l.facts, most)
			if a, ok = m.Value, found; ok {
				t.Trace.Similarity = round(float64(m.Similarity))
				if a.by.owner == t.Principal.Owner() {
					t.Trace.Similar = a.question
				}
			}
		}
	}
	if !ok {
		return false, nil
	}
	for i := range a.sources {
		if s := &a.sources[i]; !e.Sees(ctx, t.Principal, s.Collection, s.Path) {
			t.Trace.Similarity, t.Trace.Similar = 0, ""
			return false, errors.New("there is an older answer, and something that it was made from is gone, or may not be seen any more")
		}
	}
	t.cached, t.Trace.Cache = a.cachedAnswer, "stale"
	t.sources, t.Trace.Sources = a.sources, a.sources
	age, _ := t.Age()
	t.Trace.note(fmt.Sprintf("an answer of %s ago stands in; the knowledge may have changed since", age.Round(time.Second)))
	t.takes(RungCached)
	t.answersFromCache()
	if err := t.Out.Begin(t); err != nil {
		return true, err
	}
	if t.form() == nil {
		if err := t.say(fmt.Sprintf("(No model could be asked. This answer is from %s, and what it was made from may have changed since.)\n\n", a.made.UTC().Format("2006-01-02 15:04 MST"))); err != nil {
			return true, err
		}
	}
	return true, errors.Join(t.pump(a.stream()), t.flush())
}
