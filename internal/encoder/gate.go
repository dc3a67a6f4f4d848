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

// check is for a pass over queries, between two layers. When it returns an error, the place is given back already.
func (g *gate) check(ctx context.Context) error {
	err := context.Cause(ctx)
	if err != nil {
		g.leave()
	}
	return err
}

// pause is the same for a pass over documents; it lets queries go first.
func (g *gate) pause(ctx context.Context) error {
	if err := g.check(ctx); err != nil {
		return err
	}
	g.mu.Lock()
	waits := len(g.queries) > 0
	g.mu.Unlock()
	if !waits {
		return nil
	}
	g.leave()
	return g.enter(ctx, false)
}
