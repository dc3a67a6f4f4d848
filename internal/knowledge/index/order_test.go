package index

import (
	"fmt"
	"math/rand/v2"
	"testing"
)

// TestChunksAreFoundAfterMerges: segments of similar size are merged, whatever lies between them, so that the chunks of one are no longer
// in their order; by its id each is found all the same, once.
func TestChunksAreFoundAfterMerges(t *testing.T) {
	r := rand.New(rand.NewPCG(4, 2))
	ix := openTest(t)
	disordered := false
	for i := range 60 {
		var texts []string
		for range 1 + r.IntN(20)*r.IntN(2) {
			texts = append(texts, "zebra")
		}
		put(t, ix, map[string][]string{fmt.Sprintf("d%d", r.IntN(40)): texts})
		if _, err := ix.Merge(t.Context()); err != nil {
			t.Fatal(err)
		}
		ids, err := ix.ChunkIDs(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		there, err := ix.Filter(t.Context(), &Query{})
		if err != nil {
			t.Fatal(err)
		}
		for _, id := range ids {
			if !there(id) {
				t.Fatalf("after commit %d chunk %d is lost", i, id)
			}
		}
		if res, err := ix.Search(t.Context(), Query{Terms: query("nothing").Terms, Limit: 10, Also: ids}); err != nil || len(res.Hits) != len(ids) {
			t.Fatalf("after commit %d %d of %d chunks are scored, %v", i, len(res.Hits), len(ids), err)
		}
		for _, seg := range ix.snap.segments {
			disordered = disordered || seg.byChunk != nil
		}
	}
	if !disordered {
		t.Error("no merge put chunks out of their order: the test tests nothing")
	}
}
