package lab

import (
	"context"
	"fmt"
	"time"

	"github.com/dragoman/dragoman/internal/embed"
	"github.com/dragoman/dragoman/internal/knowledge"
)

// ByMeaning ranks by words and by vectors.
type ByMeaning struct {
	*knowledge.Collection
	embedder embed.Embedder
}

// WithVectors gives all passages of a collection vectors. store keeps them for other collections; progress may be nil.
func WithVectors(ctx context.Context, c *knowledge.Collection, e embed.Embedder, store embed.Store, now func() time.Time, progress func(done, left int)) (ByMeaning, error) {
	report, err := c.Embed(ctx, e, store, embed.Options{Now: now, Progress: progress})
	if err == nil && report.Failed > 0 {
		err = fmt.Errorf("%d passages have no vector: %s", report.Failed, report.Why)
	}
	return ByMeaning{c, e}, err
}

// Rank implements Ranker.
func (m ByMeaning) Rank(ctx context.Context, query string, limit int) ([]knowledge.Ranked, error) {
	vectors, err := m.embedder.Embed(ctx, embed.Query, []string{query})
	if err != nil {
		return nil, err
	}
	return m.Collection.Rank(ctx, query, vectors[0], limit)
}
