package index

import (
	"context"
)

// Owners are the documents of a list of chunks, as they are in one generation of the index. With them what a query may find is decided in a few
// nanoseconds a chunk, also where most of a hundred thousand have to be passed over.
type Owners struct {
	snap *snapshot
	ids  []int64
	docs []*Document
	of   []int32 // of each chunk, its place in docs; -1: it is gone
}

// Owners returns the documents of chunks, whose ids ascend. Where old is of the same chunks and the index has not changed, it is old.
func (ix *Index) Owners(ctx context.Context, ids []int64, old *Owners) (*Owners, error) {
	snap, err := ix.current(ctx)
	if err != nil {
		return nil, err
	}
	if old != nil && old.snap == snap && len(old.ids) == len(ids) && (len(ids) == 0 || &old.ids[0] == &ids[0]) {
		return old, nil
	}
	o := &Owners{snap: snap, ids: ids, of: make([]int32, len(ids)), docs: snap.inOrder()}
	at := 0
	for i, id := range ids {
		for at < len(o.docs) && o.docs[at].firstChunk+o.docs[at].chunks <= id {
			at++
		}
		if o.of[i] = -1; at < len(o.docs) && o.docs[at].firstChunk <= id {
			o.of[i] = int32(at)
		}
	}
	return o, nil
}

// Filter returns what a query says of the chunks, by their places in the list: whether one is there and may be found. It is for one
// goroutine.
func (o *Owners) Filter(q *Query) func(i int) bool {
	const unknown, yes, no = 0, 1, 2
	allowed, decided := kindSet(q.Kinds), make([]uint8, len(o.docs))
	return func(i int) bool {
		at := o.of[i]
		if at < 0 {
			return false
		}
		if decided[at] == unknown {
			if decided[at] = yes; q.Allow != nil && !q.Allow(o.docs[at]) {
				decided[at] = no
			}
		}
		if decided[at] == no || !q.passes(o.docs[at], o.ids[i]) {
			return false
		}
		if q.Kinds == nil {
			return true
		}
		_, kind, ok := o.snap.find(o.ids[i])
		return ok && allowed>>kind&1 == 1
	}
}

// sampled is how many chunks stand for all.
const sampled = 256

// Sample returns the ids of some chunks, spread evenly over all.
func (ix *Index) Sample(ctx context.Context) ([]int64, error) {
	snap, err := ix.current(ctx)
	if err != nil {
		return nil, err
	}
	snap.sampleOnce.Do(func() {
		ids := snap.chunkIDs()
		for at := 0; at < len(ids); at += max(1, len(ids)/sampled) {
			snap.sample = append(snap.sample, ids[at])
		}
	})
	return snap.sample, nil
}
