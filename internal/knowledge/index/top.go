package index

import (
	"cmp"
	"slices"

	"github.com/dragoman/dragoman/internal/knowledge/chunk"
)

// topHits keeps the best hits in a heap whose root is the worst of them.
type topHits struct {
	limit int
	heap  []Hit
}

func (t *topHits) wants(score float32) bool {
	return len(t.heap) < t.limit || score > t.heap[0].Score
}

func (t *topHits) add(h Hit) {
	if len(t.heap) == t.limit {
		t.heap[0] = h
		for i := 0; ; {
			c := 2*i + 1
			if c >= len(t.heap) {
				return
			}
			if c+1 < len(t.heap) && t.heap[c+1].Score < t.heap[c].Score {
				c++
			}
			if t.heap[i].Score <= t.heap[c].Score {
				return
			}
			t.heap[i], t.heap[c] = t.heap[c], t.heap[i]
			i = c
		}
	}
	t.heap = append(t.heap, h)
	for i := len(t.heap) - 1; i > 0; {
		p := (i - 1) / 2
		if t.heap[p].Score <= t.heap[i].Score {
			return
		}
		t.heap[i], t.heap[p] = t.heap[p], t.heap[i]
		i = p
	}
}

func (t *topHits) sorted() []Hit {
	slices.SortFunc(t.heap, func(a, b Hit) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Doc.Path, b.Doc.Path), cmp.Compare(a.Chunk, b.Chunk))
	})
	return t.heap
}

// kindSet has a bit for each kind that is allowed.
func kindSet(allowed []chunk.Kind) uint64 {
	if allowed == nil {
		return ^uint64(0)
	}
	set := uint64(0)
	for _, k := range allowed {
		set |= 1 << kindNumber(k)
	}
	return set
}
