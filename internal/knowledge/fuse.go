package knowledge

import (
	"context"
	"errors"
	"math"
	"slices"

	"github.com/dragoman/dragoman/internal/knowledge/dense"
	"github.com/dragoman/dragoman/internal/knowledge/index"
)

// nearest is what vectors say of a question.
type nearest struct {
	query   []float32
	rows    neighbours
	hits    []dense.Hit       // what they propose, the closest first
	similar map[int64]float32 // of candidates that have a vector
}

// nearest asks the vectors, nil where there are none. What may not be found is not found by them either.
func (c *Collection) nearest(ctx context.Context, query *Query, q *index.Query) (*nearest, error) {
	if len(query.Vector) == 0 {
		return nil, nil
	}
	rows, err := c.generation(ctx, query.Model)
	if err != nil || rows == nil || rows.Dims() != len(query.Vector) {
		return nil, err
	}
	hits, err := rows.Search(ctx, query.Vector, max(c.settings.Vectors.Candidates, query.Limit), q)
	return &nearest{query: query.Vector, rows: rows, hits: hits}, err
}

// byWords lets a search go on by words where the engine of the vectors fails, and says why. Other errors are returned.
func byWords(err error, near **nearest, why *string) error {
	if !errors.Is(err, index.ErrEngine) {
		return err
	}
	*near, *why = nil, err.Error()
	return nil
}

// measure compares the vectors of candidates with the question's.
func (n *nearest) measure(ctx context.Context, cands []*candidate) (err error) {
	if n == nil {
		return nil
	}
	ids := make([]int64, len(cands))
	for i, c := range cands {
		ids[i] = c.ID
	}
	n.similar, err = n.rows.Similarities(ctx, n.query, ids)
	return err
}

// fuse makes one score of words and vectors: similarities are brought to the mean and the deviation that the words' scores have over the
// candidates, and both are weighted. That orders candidates as the sum of both z-scores does, and the sum stays comparable with scores of words
// alone, and with those of other collections. Ranks alone, as reciprocal rank fusion takes them, forget how much better the first is than the
// second. A candidate without a vector counts as one of middling similarity.
func (r *ranker) fuse(cands []*candidate, w *VectorRules) {
	near := r.near
	if near == nil || len(cands) == 0 {
		return
	}
	words, similar := make([]float64, 0, len(cands)), make([]float64, 0, len(cands))
	for _, c := range cands {
		c.lexical = c.score
		words = append(words, c.score)
		if c.similarity == nil {
			if s, ok := near.similar[c.ID]; ok {
				exact := float64(s)
				c.similarity = &exact
			}
		}
		if c.similarity != nil {
			similar = append(similar, *c.similarity)
		}
	}
	mean, deviation := spread(words)
	if deviation == 0 {
		deviation = 1 // words tell nothing apart
	}
	middle, width := spread(similar)
	for _, c := range cands {
		z := 0.0
		if c.similarity != nil && width > 0 {
			z = (*c.similarity - middle) / width
		}
		c.score = (1-w.Weight)*c.lexical + w.Weight*(mean+deviation*z)
	}
	slices.SortStableFunc(cands, byScore)
}

// spread is the mean of values and their standard deviation, 0 where they are all the same.
func spread(values []float64) (mean, deviation float64) {
	for _, v := range values {
		mean += v / float64(len(values))
	}
	square := 0.0
	for _, v := range values {
		square += (v - mean) * (v - mean) / float64(len(values))
	}
	if deviation = math.Sqrt(square); deviation < 1e-9 {
		deviation = 0
	}
	return mean, deviation
}
