package knowledge

import (
	"context"

	"github.com/dragoman/dragoman/internal/knowledge/dense"
	"github.com/dragoman/dragoman/internal/knowledge/index"
)

// neighbours are vectors of one model that can be searched: in memory, or by pgvector.
type neighbours interface {
	Dims() int
	// Search returns the k closest vectors to a query, the closest first, among those that allow lets be found: k where there are k.
	Search(ctx context.Context, query []float32, k int, allow func(id int64) bool) ([]dense.Hit, error)
	// Similarities are the inner products of a query with the vectors of chunks, of those that have one.
	Similarities(ctx context.Context, query []float32, ids []int64) (map[int64]float32, error)
}

var _ neighbours = (*index.Neighbours)(nil)

// inMemory are vectors in memory.
type inMemory struct{ rows *dense.Index }

func (m inMemory) Dims() int { return m.rows.Dims() }

func (m inMemory) Search(_ context.Context, query []float32, k int, allow func(id int64) bool) ([]dense.Hit, error) {
	return m.rows.Search(query, k, allow)
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
