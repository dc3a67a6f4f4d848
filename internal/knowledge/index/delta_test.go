package index

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/dragoman/dragoman/internal/knowledge/chunk"
)

// TestDocumentsAfterCommits: what a reader knows of documents after any commits of its own process, and of another one between them, is
// what the file holds.
func TestDocumentsAfterCommits(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		path := filepath.Join(t.TempDir(), fmt.Sprintf("%d.db", time.Now().UnixNano()))
		open := func() *Index {
			ix, err := Open(t.Context(), path, DefaultScoring)
			if err != nil {
				rt.Fatal(err)
			}
			return ix
		}
		ours, other := open(), open()
		defer ours.Close()
		defer other.Close()
		name := rapid.SampledFrom([]string{"a", "b", "c", "d"})
		moment := rapid.Custom(func(t *rapid.T) time.Time { return time.Unix(rapid.Int64Range(1, 9e8).Draw(t, "s"), 5e8) })
		all := cmp.AllowUnexported(Document{})
		for range rapid.IntRange(1, 12).Draw(rt, "steps") {
			ix := ours
			if rapid.IntRange(0, 5).Draw(rt, "who") == 0 {
				ix = other
			}
			change := Change{Add: ix.NewBuilder(), Changed: map[string]LastChange{}}
			for _, path := range rapid.SliceOfNDistinct(name, 0, 3, rapid.ID[string]).Draw(rt, "add") {
				change.Add.Add(Document{Path: path, Modified: moment.Draw(rt, "m"), Seen: moment.Draw(rt, "n"), Updated: moment.Draw(rt, "u"), ACL: "org"},
					[]chunk.Chunk{{Start: 1, End: 1, Text: "word"}})
			}
			change.Remove = rapid.SliceOfN(name, 0, 2).Draw(rt, "remove")
			for _, path := range rapid.SliceOfN(name, 0, 2).Draw(rt, "touch") {
				change.Touch = append(change.Touch, &Document{Path: path, Modified: moment.Draw(rt, "m"), Seen: moment.Draw(rt, "n")})
			}
			for _, path := range rapid.SliceOfN(name, 0, 2).Draw(rt, "changed") {
				change.Changed[path] = LastChange{moment.Draw(rt, "at"), "ada"}
			}
			if err := ix.Commit(t.Context(), change); err != nil {
				rt.Fatal(err)
			}
			switch rapid.IntRange(0, 7).Draw(rt, "then") {
			case 0:
				if _, err := ix.Merge(t.Context()); err != nil {
					rt.Fatal(err)
				}
			case 1:
				if err := ix.Clear(t.Context()); err != nil {
					rt.Fatal(err)
				}
			case 2, 3:
				continue // the next look is at more than one commit
			}
			fresh := open()
			want, err := fresh.Documents(t.Context())
			fresh.Close()
			if err != nil {
				rt.Fatal(err)
			}
			got, err := ours.Documents(t.Context())
			if err != nil {
				rt.Fatal(err)
			}
			if diff := cmp.Diff(want, got, all); diff != "" {
				rt.Fatalf("(-file +memory)\n%s", diff)
			}
		}
	})
}
