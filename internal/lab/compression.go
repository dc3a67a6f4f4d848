package lab

import (
	"cmp"
	"context"
	"fmt"
	"slices"

	"github.com/dragoman/dragoman/internal/embed"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/knowledge/dense"
)

// Compression is what keeping vectors small costs: they are searched by their signs and compared as int8, in place of float32.
type Compression struct {
	Vectors, Dimensions int
	Bytes               float64 // of a vector in memory
	Found10, Found100   float64 // share of the 10 and 100 closest by float32 that are found
	Exact, Small        float64 // nDCG@10 by vectors alone: as float32, and compressed
}

// MeasureCompression embeds a set, and ranks its queries by vectors alone in both ways.
func MeasureCompression(ctx context.Context, s *RetrievalSet, e embed.Embedder) (*Compression, error) {
	docs, err := embedAll(ctx, e, len(s.Documents), func(i int) string {
		d := &s.Documents[i]
		if d.Title == "" {
			return d.Text
		}
		return d.Title + "\n" + d.Text
	})
	if err != nil {
		return nil, err
	}
	ix := dense.New(len(docs[0]))
	ix.Grow(len(docs))
	for i, v := range docs {
		row, err := dense.NewRow(v)
		if err != nil {
			return nil, err
		}
		if err := ix.Add(dense.Vector{ID: int64(i), Row: row}); err != nil {
			return nil, err
		}
	}
	m, err := ParseMetric("ndcg@10")
	if err != nil {
		return nil, err
	}
	const deep = 100
	c := &Compression{Vectors: len(docs), Dimensions: ix.Dims(), Bytes: float64(ix.Bytes()) / float64(len(docs))}
	exactly, small := &Run{Rankings: map[string][]knowledge.Ranked{}}, &Run{Rankings: map[string][]knowledge.Ranked{}}
	for _, q := range s.Queries {
		v, err := e.Embed(ctx, embed.Query, []string{q.Text})
		if err != nil {
			return nil, err
		}
		all := closest(docs, v[0])
		hits, err := ix.Search(v[0], deep, nil)
		if err != nil {
			return nil, err
		}
		found := map[int64]bool{}
		for _, h := range hits {
			small.Rankings[q.ID] = append(small.Rankings[q.ID], knowledge.Ranked{ID: s.Documents[h.ID].ID, Score: float64(h.Score)})
			found[h.ID] = true
		}
		near := map[int64]bool{}
		for _, h := range hits[:min(10, len(hits))] {
			near[h.ID] = true
		}
		n := min(deep, len(all))
		for i, h := range all[:n] {
			exactly.Rankings[q.ID] = append(exactly.Rankings[q.ID], knowledge.Ranked{ID: s.Documents[h.ID].ID, Score: float64(h.Score)})
			if i < 10 && near[h.ID] {
				c.Found10 += 1 / float64(min(10, n)*len(s.Queries))
			}
			if found[h.ID] {
				c.Found100 += 1 / float64(n*len(s.Queries))
			}
		}
	}
	c.Exact, c.Small = mean(s.values(exactly, m)), mean(s.values(small, m))
	return c, nil
}

// embedAll embeds texts, as many at once as the embedder likes.
func embedAll(ctx context.Context, e embed.Embedder, n int, text func(i int) string) ([][]float32, error) {
	var out [][]float32
	for len(out) < n {
		var texts []string
		for i := len(out); i < min(n, len(out)+e.Batch()); i++ {
			texts = append(texts, text(i))
		}
		v, err := e.Embed(ctx, embed.Document, texts)
		if err != nil {
			return nil, fmt.Errorf("make vectors: %w", err)
		}
		out = append(out, v...)
	}
	return out, nil
}

// closest are all vectors in the order of their inner products with a query.
func closest(vectors [][]float32, query []float32) []dense.Hit {
	out := make([]dense.Hit, len(vectors))
	for i, v := range vectors {
		s := float32(0)
		for j, x := range v {
			s += x * query[j]
		}
		out[i] = dense.Hit{ID: int64(i), Score: s}
	}
	slices.SortFunc(out, func(a, b dense.Hit) int { return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID)) })
	return out
}
