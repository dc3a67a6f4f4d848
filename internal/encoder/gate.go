package encoder

import (
	"context"
	"slices"
	"sync"
	"time"
)

// gate lets as many forward passes run as there are places. Queries go before documents: a waiting query gets the next place, and
// a pass over documents gives its place up between two layers when a query waits. While queries come, documents leave one place to
// them and to what is done with their vectors: else turns would wait until the scheduler takes a processor from a pass.
type gate struct {
	places int
	now    func() time.Time

	mu        sync.Mutex
	free      int
	reading   int             // places that documents have
	asked     time.Time       // when the last query came
	queries   []chan struct{} // who waits, first come first
	documents []chan struct{}
}

// quietAfter is how long after a query documents may have all places again.
const quietAfter = time.Second

// most is how many places documents may have.
func (g *gate) most() int {
	if g.places > 1 && g.now().Sub(g.asked) < quietAfter {
		return g.places - 1
	}
	return g.places
}

// enter waits for a place.
func (g *gate) enter(ctx context.Context, query bool) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	g.mu.Lock()
	line := &g.documents
	if query {
		line = &g.queries
		g.asked = g.now()
	}
	if g.take(query) {
		g.mu.Unlock()
		return nil
	}
	turn := make(chan struct{})
	*line = append(*line, turn)
	g.mu.Unlock()

	select {
	case <-turn:
		return nil
	case <-ctx.Done():
	}
	g.mu.Lock()
	i := slices.Index(*line, turn)
	if i >= 0 {
		*line = slices.Delete(*line, i, i+1)
	}
	g.mu.Unlock()
	if i < 0 { // its turn came at the same time
		g.leave(query)
	}
	return context.Cause(ctx)
}

// take takes a place, where there is one. The caller holds mu.
func (g *gate) take(query bool) bool {
	if g.free == 0 || !query && g.reading >= g.most() {
		return false
	}
	g.free--
	if !query {
		g.reading++
	}
	return true
}

// leave gives a place back.
func (g *gate) leave(query bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.free++
	if !query {
		g.reading--
	}
	g.admit()
}

// admit gives places to those who wait. The caller holds mu.
func (g *gate) admit() {
	for len(g.queries) > 0 && g.take(true) {
		close(g.queries[0])
		g.queries = slices.Delete(g.queries, 0, 1)
	}
	for len(g.documents) > 0 && g.take(false) {
		close(g.documents[0])
		g.documents = slices.Delete(g.documents, 0, 1)
	}
}

// pause is for a pass over documents, between two layers: it lets queries go first, and other documents on when no more queries come. The
// place is held again when it returns, also when the context has ended meanwhile.
func (g *gate) pause(ctx context.Context) error {
	g.mu.Lock()
	g.admit()
	gives := len(g.queries) > 0 || g.reading > g.most()
	g.mu.Unlock()
	if gives {
		g.leave(false)
		if err := g.enter(context.WithoutCancel(ctx), false); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}
