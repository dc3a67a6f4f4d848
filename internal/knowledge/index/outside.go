package index

import (
	"context"
	"fmt"
	"math"
	"slices"
	"sync"

	"github.com/dragoman/dragoman/internal/knowledge/dense"
)

// Outside searches the vectors of a generation at an engine. The engine proposes, and what it proposes is compared exactly, by the rows that
// memory would hold, and looked up here: what is gone or may not be found is not found, whatever the engine says.
type Outside struct {
	ix    *Index
	g     Generation
	space string
}

// Outside are the vectors of a generation at the engine. ok is false where there is no engine; the vectors are nil as long as it has not
// got all of them.
func (ix *Index) Outside(ctx context.Context, g Generation) (o *Outside, ok bool, err error) {
	if ix.engine == nil {
		return nil, false, nil
	}
	all, _, err := ix.mirrors(ctx)
	if err != nil {
		return nil, true, err
	}
	if at := slices.IndexFunc(all, func(m mirror) bool { return m.ID == g.ID }); at >= 0 && all[at].ready {
		o = &Outside{ix, g, all[at].space}
	}
	return o, true, nil
}

const (
	// spare is how many more than are asked for the engine proposes: some may be gone.
	spare = 32
	// widenedOutside is how many times as many it proposes where too few of those may be found.
	widenedOutside = 8
	// compared is up to how many chunks all are to be compared. Engines do that where a filter leaves few; without one they walk their graph,
	// which misses some.
	compared = 30_000
	// listed is how many documents or chunks it is named at most, in one piece, where what narrows a search is nothing that it knows.
	listed = 4096
)

// Dims is how many dimensions the vectors have.
func (o *Outside) Dims() int { return o.g.Dims }

// Search returns the k closest vectors, the closest first, among those of chunks that the query lets be found. It finds k where there are k,
// but for those that the engine's graph misses. Who may see what, and what a filter says of things that stay as they are, is part of what the
// engine searches by; what is left of a filter (patterns of paths, dates, authors) becomes the numbers of documents where these are few.
func (o *Outside) Search(ctx context.Context, query []float32, k int, q *Query) ([]dense.Hit, error) {
	if len(query) != o.g.Dims {
		return nil, fmt.Errorf("a query of %d dimensions does not fit vectors of %d", len(query), o.g.Dims)
	}
	snap, err := o.ix.current(ctx)
	if err != nil {
		return nil, err
	}
	s := Selection{Any: slices.Clone(q.Where.Any), None: q.Where.None}
	if q.Where.Sees != nil {
		s.ACLs = snap.visible(q.Where.Sees)
	}
	if q.Kinds != nil {
		some := make([]string, len(q.Kinds))
		for i, kind := range q.Kinds {
			some[i] = "kind:" + string(kind)
		}
		s.Any = append(s.Any, some)
	}
	if s.empty() {
		return nil, nil
	}
	find := snap.filter(q)
	if q.Allow != nil && !q.Where.Exact || q.Passage != nil {
		switch documents := snap.allowed(q); {
		case len(documents) == 0:
			return nil, nil
		case len(documents) <= listed:
			s.Documents = documents
		}
	}
	if s.all() && snap.chunks <= compared {
		some := make([]string, len(kinds))
		for i, kind := range kinds {
			some[i] = "kind:" + string(kind)
		}
		s.Any = append(s.Any, some) // which all have
	}
	for _, limit := range []int{k + spare, widenedOutside * (k + spare)} {
		hits, all, err := o.propose(ctx, query, limit, s, find)
		if err != nil {
			return nil, err
		}
		if all || len(hits) >= k {
			return best(hits, k), nil
		}
	}
	// More is gone, or passed over, than the engine proposed: chunk by chunk nothing is missed.
	ids := slices.DeleteFunc(snap.chunkIDs(), func(id int64) bool { return !find(id) })
	var hits []dense.Hit
	for some := range slices.Chunk(ids, listed) {
		more, _, err := o.propose(ctx, query, k, Selection{Chunks: some}, find)
		if err != nil {
			return nil, err
		}
		hits = best(append(hits, more...), k)
	}
	return hits, nil
}

// propose returns what may be found of the first that the engine has, and whether these are all.
func (o *Outside) propose(ctx context.Context, query []float32, limit int, s Selection, find func(int64) bool) (hits []dense.Hit, all bool, err error) {
	found, err := o.ix.engine.Search(ctx, o.space, query, limit, s)
	if err != nil {
		return nil, false, o.ix.lost(ctx, o.g.ID, err)
	}
	for _, v := range found {
		score, err := o.score(query, v)
		if err != nil {
			return nil, false, err
		}
		o.ix.rows.put(rowKey{o.g.ID, v.ID}, v.Row)
		if find(v.ID) {
			hits = append(hits, dense.Hit{ID: v.ID, Score: score})
		}
	}
	return hits, len(found) < limit, nil
}

func (o *Outside) score(query []float32, v dense.Vector) (float32, error) {
	if v.Row.Dims() != o.g.Dims {
		return 0, fmt.Errorf("%w: the engine has a vector of %d dimensions among those of %d", ErrEngine, v.Row.Dims(), o.g.Dims)
	}
	score := v.Row.Score(query)
	if f := float64(score); math.IsNaN(f) || math.IsInf(f, 0) {
		return 0, fmt.Errorf("%w: the engine has a vector that is none", ErrEngine)
	}
	return score, nil
}

// Similarities are the inner products of a query with the vectors of chunks, of those that have one.
func (o *Outside) Similarities(ctx context.Context, query []float32, ids []int64) (map[int64]float32, error) {
	out := make(map[int64]float32, len(ids))
	var ask []int64
	for _, id := range ids {
		if row := o.ix.rows.get(rowKey{o.g.ID, id}); row != nil {
			out[id] = row.Score(query)
		} else {
			ask = append(ask, id)
		}
	}
	for some := range slices.Chunk(ask, removeAtOnce) {
		rows, err := o.ix.engine.Rows(ctx, o.space, some)
		if err != nil {
			return nil, o.ix.lost(ctx, o.g.ID, err)
		}
		for _, v := range rows {
			if out[v.ID], err = o.score(query, v); err != nil {
				return nil, err
			}
			o.ix.rows.put(rowKey{o.g.ID, v.ID}, v.Row)
		}
	}
	return out, nil
}

// empty says that nothing can be selected.
func (s *Selection) empty() bool {
	return s.ACLs != nil && len(s.ACLs) == 0 || slices.ContainsFunc(s.Any, func(some []string) bool { return len(some) == 0 })
}

// all says that all can be selected.
func (s *Selection) all() bool {
	return s.ACLs == nil && len(s.Any)+len(s.None) == 0 && s.Documents == nil && s.Chunks == nil
}

// visible are the ACLs of documents that somebody sees; nil where these are all.
func (s *snapshot) visible(sees func(acl string) bool) []string {
	s.aclsOnce.Do(func() {
		seen := map[string]bool{}
		for _, d := range s.docs {
			if !seen[d.ACL] {
				seen[d.ACL] = true
				s.acls = append(s.acls, d.ACL)
			}
		}
		slices.Sort(s.acls)
	})
	some := make([]string, 0, len(s.acls))
	for _, a := range s.acls {
		if sees(a) {
			some = append(some, a)
		}
	}
	if len(some) == len(s.acls) {
		return nil
	}
	return some
}

// allowed are the numbers of documents of which something may be found, ascending.
func (s *snapshot) allowed(q *Query) (ids []int64) {
	for id, d := range s.docs {
		if d.chunks == 0 || q.Allow != nil && !q.Allow(d) {
			continue
		}
		for c := d.firstChunk; c < d.firstChunk+d.chunks; c++ {
			if q.passes(d, c) {
				ids = append(ids, id)
				break
			}
		}
	}
	slices.Sort(ids)
	return ids
}

// rowCache keeps vectors that were read of the engine or the database: those of candidates and of the sample that confidence is measured by come again and
// again. A chunk's vector of one generation never changes.
type rowCache struct {
	mu   sync.Mutex
	rows map[rowKey]dense.Row
}

type rowKey struct{ generation, chunk int64 }

// mostRows bounds it: 1.6 MB at 384 dimensions.
const mostRows = 4096

func (c *rowCache) get(k rowKey) dense.Row {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.rows[k]
}

func (c *rowCache) put(k rowKey, row dense.Row) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.rows == nil || len(c.rows) >= mostRows {
		c.rows = make(map[rowKey]dense.Row)
	}
	c.rows[k] = row
}
