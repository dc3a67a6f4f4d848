package index

import (
	"cmp"
	"fmt"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/dragoman/dragoman/internal/knowledge/chunk"
	"github.com/dragoman/dragoman/internal/knowledge/dense"
	"github.com/dragoman/dragoman/internal/store/postgrestest"
)

func TestMain(m *testing.M) { os.Exit(postgrestest.Run(m)) }

// TestNeighbours: few vectors are compared one by one, more of them have a graph, and either way the closest are found of what a query lets be
// found: k where there are k.
func TestNeighbours(t *testing.T) {
	ix, err := OpenPostgres(t.Context(), postgrestest.Database(t), "near", DefaultScoring, true)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ix.Close() })
	ix.compared, ix.named = 400, 40 // of the hundreds here
	r := rand.New(rand.NewPCG(5, 6))
	random := func() []float32 {
		v := make([]float32, 16)
		for i := range v {
			v[i] = float32(r.NormFloat64())
		}
		return v
	}
	rows := map[int64]dense.Row{}
	grow := func(from, to int) {
		docs := map[string][]string{}
		for d := from; d < to; d++ {
			docs[fmt.Sprintf("part%d/d%03d", d%10, d)] = []string{"a", "b", "c"}
		}
		put(t, ix, docs)
		ids, err := ix.ChunkIDs(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		var add []dense.Vector
		for _, id := range ids {
			if rows[id] != nil {
				continue
			}
			if rows[id], err = dense.NewRow(random()); err != nil {
				t.Fatal(err)
			}
			add = append(add, dense.Vector{ID: id, Row: rows[id]})
		}
		if err := ix.SaveVectors(t.Context(), "m", add); err != nil {
			t.Fatal(err)
		}
		if err := ix.UseVectors(t.Context(), "m"); err != nil {
			t.Fatal(err)
		}
	}
	graph := func() (there bool) {
		if err := ix.db.QueryRowContext(t.Context(), "SELECT to_regclass('neighbour_graph') IS NOT NULL").Scan(&there); err != nil {
			t.Fatal(err)
		}
		return there
	}
	below := func(folders ...string) func(*Document) bool {
		return func(d *Document) bool {
			return slices.ContainsFunc(folders, func(f string) bool { return strings.HasPrefix(d.Path, f) })
		}
	}
	check := func() {
		t.Helper()
		all, err := ix.Generations(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		for name, q := range map[string]*Query{
			"all": {}, "a half": {Allow: below("part0", "part2", "part4", "part6", "part8")}, "a tenth": {Allow: below("part3")}, "three": {Allow: below("part3/d013")},
			"none": {Allow: below("elsewhere")}, "second passages": {Passage: func(_ *Document, number int) bool { return number == 1 }}, "prose": {Kinds: []chunk.Kind{chunk.Section}},
		} {
			find, err := ix.Filter(t.Context(), q)
			if err != nil {
				t.Fatal(err)
			}
			for range 5 {
				query := random()
				var want []dense.Hit
				for id, row := range rows {
					if find(id) {
						want = append(want, dense.Hit{ID: id, Score: row.Score(query)})
					}
				}
				slices.SortFunc(want, func(a, b dense.Hit) int { return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID)) })
				want = want[:min(30, len(want))]
				got, err := ix.Neighbours(all[0]).Search(t.Context(), query, 30, q)
				if err != nil {
					t.Fatal(err)
				}
				if !slices.Equal(got, want) {
					t.Errorf("%s, of %d: found are %v\nin place of %v", name, len(rows), got, want)
				}
				similar, err := ix.Neighbours(all[0]).Similarities(t.Context(), query, []int64{1, 2, 1 << 40})
				if err != nil || len(similar) != 2 || similar[1] != rows[1].Score(query) || similar[2] != rows[2].Score(query) {
					t.Errorf("similarities are %v, %v", similar, err)
				}
			}
		}
	}
	grow(0, 100)
	if graph() {
		t.Error("300 vectors have a graph")
	}
	check()
	grow(100, 200)
	if !graph() {
		t.Error("600 vectors have no graph")
	}
	check()
	put(t, ix, nil, "part3/d013", "part3/d023", "part3/d033") // and these are in the graph no more
	check()
	grow(200, 210)
	check()
}
