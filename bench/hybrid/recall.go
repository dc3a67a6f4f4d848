package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/knowledge/chunk"
	"github.com/dragoman/dragoman/internal/knowledge/dense"
	"github.com/dragoman/dragoman/internal/knowledge/index"
)

const (
	asked    = 200 // questions whose closest passages are known
	wanted   = 10  // of each
	proposed = 100 // are asked for, as by a search
)

// questions are the vectors of those whose closest passages are known.
func (m *maker) questions() [][]float32 {
	r := rand.New(rand.NewPCG(4, 5))
	all := make([][]float32, asked)
	for i := range all {
		all[i] = m.vector(r.IntN(m.topics), r.Uint64())
	}
	return all
}

// view opens the index of a collection beside it.
func (b *bench) view(ctx context.Context, c *knowledge.Collection) (*index.Index, error) {
	if b.postgres != "" {
		return index.OpenPostgres(ctx, b.postgres, c.Name, index.DefaultScoring, b.weaviate == "")
	}
	return index.Open(ctx, c.IndexPath(), index.DefaultScoring)
}

// closest are the passages whose vectors are closest to the questions', of all of them as float32, as the model made them.
func (b *bench) closest(ctx context.Context, c *knowledge.Collection) ([][]int64, error) {
	ix, err := b.view(ctx, c)
	if err != nil {
		return nil, err
	}
	defer ix.Close()
	ids, err := ix.ChunkIDs(ctx)
	if err != nil {
		return nil, err
	}
	questions := b.questions()
	best := make([][]dense.Hit, len(questions))
	for some := range slices.Chunk(ids, b.Batch()) {
		chunks, err := ix.ChunksByID(ctx, some)
		if err != nil {
			return nil, err
		}
		texts := make([]string, len(chunks))
		for i := range chunks {
			texts[i] = chunk.Embedded(&chunks[i].Chunk)
		}
		vectors, err := b.Embed(ctx, 0, texts)
		if err != nil {
			return nil, err
		}
		for i, q := range questions {
			for at, v := range vectors {
				if s := product(v, q); len(best[i]) < wanted || s > best[i][wanted-1].Score {
					best[i] = append(best[i], dense.Hit{ID: chunks[at].ID, Score: s})
					slices.SortFunc(best[i], func(a, b dense.Hit) int { return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID)) })
					best[i] = best[i][:min(wanted, len(best[i]))]
				}
			}
		}
	}
	out := make([][]int64, len(best))
	for i, hits := range best {
		for _, h := range hits {
			out[i] = append(out[i], h.ID)
		}
	}
	return out, nil
}

// product is the inner product of two vectors of dims dimensions.
func product(v, q []float32) float32 {
	var s [8]float32 // sums that do not wait for each other
	for i := 0; i+8 <= dims; i += 8 {
		a, b := v[i:i+8:i+8], q[i:i+8:i+8]
		for j := range s {
			s[j] += a[j] * b[j]
		}
	}
	return s[0] + s[1] + s[2] + s[3] + s[4] + s[5] + s[6] + s[7]
}

// recall says how many of the closest passages are found by vectors alone, and how long that takes.
func (b *bench) recall(ctx context.Context, c *knowledge.Collection, closest [][]int64) error {
	ix, err := b.view(ctx, c)
	if err != nil {
		return err
	}
	defer ix.Close()
	search, err := b.searcher(ctx, ix)
	if err != nil {
		return err
	}
	found, of := 0, 0
	var took []time.Duration
	atServer := b.server.cpu()
	for i, q := range b.questions() {
		began := time.Now()
		hits, err := search(q)
		if err != nil {
			return err
		}
		took = append(took, time.Since(began))
		of += len(closest[i])
		for _, h := range hits[:min(wanted, len(hits))] {
			if slices.Contains(closest[i], h.ID) {
				found++
			}
		}
	}
	at := ""
	if b.server.pid != 0 {
		at = fmt.Sprintf(", at the server %.1f ms of processor time on average", ms((b.server.cpu()-atServer)/time.Duration(len(took))))
	}
	fmt.Printf("by vector alone: p50 %.1f ms, p99 %.1f ms%s; of the ten closest by float32 %.1f %% are found\n", ms(part(took, 50)), ms(part(took, 99)), at, 100*float64(found)/float64(of))
	return nil
}

// searcher is what searches the vectors of an index.
func (b *bench) searcher(ctx context.Context, ix *index.Index) (func(q []float32) ([]dense.Hit, error), error) {
	if e := b.engine(); e != nil {
		if err := ix.UseEngine(ctx, e, "made", func(*index.Document) []string { return nil }); err != nil {
			return nil, err
		}
	}
	generations, err := ix.Generations(ctx)
	if err != nil || len(generations) == 0 {
		return nil, errors.Join(err, errors.New("there are no vectors"))
	}
	g := generations[0]
	if b.weaviate != "" {
		outside, _, err := ix.Outside(ctx, g)
		if err != nil || outside == nil {
			return nil, errors.Join(err, errors.New("the engine does not have the vectors"))
		}
		return func(q []float32) ([]dense.Hit, error) { return outside.Search(ctx, q, proposed, &index.Query{}) }, nil
	}
	if n := ix.Neighbours(g); n != nil {
		return func(q []float32) ([]dense.Hit, error) { return n.Search(ctx, q, proposed, &index.Query{}) }, nil
	}
	rows := dense.New(g.Dims)
	err = ix.VectorBlocks(ctx, g.ID, 0, func(_ int64, ids []int64, data []byte) error {
		for i, id := range ids {
			if err := rows.Add(dense.Vector{ID: id, Row: data[i*(4+g.Dims) : (i+1)*(4+g.Dims)]}); err != nil {
				return err
			}
		}
		return nil
	})
	fmt.Printf("memory: %.0f bytes for a vector of %d dimensions, %d as float32\n", float64(rows.Bytes())/float64(max(rows.Len(), 1)), dims, 4*dims)
	return func(q []float32) ([]dense.Hit, error) { return rows.Search(q, proposed, nil) }, err
}
