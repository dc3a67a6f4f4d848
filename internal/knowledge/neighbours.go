package knowledge

import (
	"context"
	"math"

	"github.com/dragoman/dragoman/internal/knowledge/dense"
	"github.com/dragoman/dragoman/internal/knowledge/index"
)

// neighbours are vectors of one model that can be searched: in memory, by pgvector, or by an engine.
type neighbours interface {
	Dims() int
	// Search returns the k closest vectors to one, the closest first, among those of chunks that a query may find: k where there are k.
	Search(ctx context.Context, vector []float32, k int, q *index.Query) ([]dense.Hit, error)
	// Similarities are the inner products of a query with the vectors of chunks, of those that have one.
	Similarities(ctx context.Context, query []float32, ids []int64) (map[int64]float32, error)
}

// inMemory are vectors in memory.
type inMemory struct {
	index *index.Index
	of    *generation
	rows  dense.View
}

func (m inMemory) Dims() int { return m.rows.Dims() }

func (m inMemory) Search(ctx context.Context, vector []float32, k int, q *index.Query) ([]dense.Hit, error) {
	owners, err := m.index.Owners(ctx, m.rows.IDs(), m.of.owners.Load())
	if err != nil {
		return nil, err
	}
	m.of.owners.Store(owners)
	return m.rows.Search(vector, k, owners.Filter(q))
}

func (m inMemory) Similarities(_ context.Context, query []float32, ids []int64) (map[int64]float32, error) {
	out := make(map[int64]float32, len(ids))
	for _, id := range ids {
		if s, ok := m.rows.Similarity(query, id); ok {
			out[id] = s
		}
	}
	return out, nil
}

// fewPassages say as much of passages at large as knowing nothing.
const fewPassages = 16

// confidence is how likely it is that the closest passage is about the question, 0..1. Models differ in how similar they take unrelated texts
// to be; so what the question has in common with passages at large is taken off first. The curve lies between the questions of three retrieval
// sets asked of their own collections and of the others (bench/README.md).
func (c *Collection) confidence(ctx context.Context, near *nearest) (float64, error) {
	if near == nil || len(near.hits) == 0 {
		return 0, nil
	}
	ids, err := c.index.Sample(ctx)
	if err != nil {
		return 0, err
	}
	similar, err := near.rows.Similarities(ctx, near.query, ids)
	if err != nil {
		return 0, err
	}
	common := 0.0 // in few passages, what is close to the question is much of all: their mean counts for less
	for _, id := range ids {
		common += float64(similar[id]) / float64(len(similar)+fewPassages)
	}
	w := &c.settings.Vectors
	return 1 / (1 + math.Exp((w.Middle-(float64(near.hits[0].Score)-common)/max(1-common, 1e-3))/w.Width)), nil
}
