package encoder

import (
	"context"
	"slices"
	"sync"
)

// gate lets as many forward passes run as there are workers. Queries go before documents: a waiting query gets the next place, and
// a pass over documents gives its place up between two layers when a query waits.
type gate struct {
	mu        sync.Mutex
	free      int
	queries   []chan struct{} // who waits, first come first
	documents []chan struct{}
}

// enter waits for a place.
func (g *gate) enter(ctx context.Context, query bool) error {
	if err := context.Cause(ctx); err != nil {
		return err
	}
	g.mu.Lock()
	if g.free > 0 {
		g.free--
		g.mu.Unlock()
		return nil
	}
	line := &g.documents
	if query {
		line = &g.queries
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
		g.leave()
	}
	return context.Cause(ctx)
}

// leave gives a place back, or hands it to who waits.
func (g *gate) leave() {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, line := range []*[]chan struct{}{&g.queries, &g.documents} {
		if len(*line) > 0 {
			close((*line)[0])
			*line = slices.Delete(*line, 0, 1)
			return
		}
	}
	g.free++
}

// pause is for a pass over documents, between two layers: it lets queries go first. The place is held again when it returns, also when
// the context has ended meanwhile.
func (g *gate) pause(ctx context.Context) error {
	g.mu.Lock()
	waits := len(g.queries) > 0
	g.mu.Unlock()
	if waits {
		g.leave()
		if err := g.enter(context.WithoutCancel(ctx), false); err != nil {
			return err
		}
	}
	return context.Cause(ctx)
}
