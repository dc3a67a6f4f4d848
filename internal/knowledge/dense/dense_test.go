package dense

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
	"sync"
	"testing"
)

// vectors are like those of texts: clusters of topics, of length 1.
func vectors(r *rand.Rand, n, dims int) [][]float32 {
	topics := make([][]float64, max(n/50, 1))
	for i := range topics {
		topics[i] = make([]float64, dims)
		for j := range topics[i] {
			topics[i][j] = r.NormFloat64()
		}
	}
	out := make([][]float32, n)
	for i := range out {
		topic := topics[r.IntN(len(topics))]
		v := make([]float32, dims)
		sum := 0.0
		for j := range v {
			x := topic[j] + 0.8*r.NormFloat64()
			v[j] = float32(x)
			sum += x * x
		}
		for j := range v {
			v[j] /= float32(math.Sqrt(sum))
		}
		out[i] = v
	}
	return out
}

func build(t testing.TB, vs [][]float32) *Index {
	ix := New(len(vs[0]))
	ix.Grow(len(vs))
	for i, v := range vs {
		row, err := NewRow(v)
		if err == nil {
			err = ix.Add(Vector{int64(i), row})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	return ix
}

func exact(vs [][]float32, q []float32, k int, allow func(int64) bool) []int64 {
	var hits []Hit
	for i, v := range vs {
		if allow != nil && !allow(int64(i)) {
			continue
		}
		s := float32(0)
		for j := range v {
			s += v[j] * q[j]
		}
		hits = append(hits, Hit{int64(i), s})
	}
	slices.SortFunc(hits, func(a, b Hit) int { return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.ID, b.ID)) })
	var out []int64
	for _, h := range hits[:min(k, len(hits))] {
		out = append(out, h.ID)
	}
	return out
}

// TestRecall: what is found is what a full comparison finds, but for little, with a filter and without.
func TestRecall(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	for _, dims := range []int{384, 100} {
		vs := vectors(r, 3000, dims)
		ix := build(t, vs)
		for name, allow := range map[string]func(int64) bool{"all": nil, "one in ten": func(id int64) bool { return id%10 == 3 }, "few": func(id int64) bool { return id%500 == 7 }} {
			found, wanted := 0, 0
			for range 40 {
				q := vs[r.IntN(len(vs))]
				hits, err := ix.Search(q, 10, allow)
				if err != nil {
					t.Fatal(err)
				}
				want := exact(vs, q, 10, allow)
				if len(hits) != len(want) {
					t.Fatalf("%d dimensions, %s: %d of %d", dims, name, len(hits), len(want))
				}
				for _, h := range hits {
					if allow != nil && !allow(h.ID) {
						t.Fatal("what is not allowed is found")
					}
					if slices.Contains(want, h.ID) {
						found++
					}
				}
				wanted += len(want)
				for i := 1; i < len(hits); i++ {
					if hits[i].Score > hits[i-1].Score {
						t.Fatal("not in order")
					}
				}
			}
			if share := float64(found) / float64(wanted); share < 0.95 {
				t.Errorf("%d dimensions, %s: %.3f of the closest are found", dims, name, share)
			}
		}
	}
}

func TestKeep(t *testing.T) {
	vs := vectors(rand.New(rand.NewPCG(3, 4)), 200, 64)
	ix := build(t, vs)
	odd := func(id int64) bool { return id%2 == 1 }
	kept := ix.Keep(odd)
	if kept.Len() != 100 || ix.Len() != 200 {
		t.Fatalf("%d of %d", kept.Len(), ix.Len())
	}
	a, err := kept.Search(vs[7], 5, nil)
	if err != nil {
		t.Fatal(err)
	}
	b, err := ix.Search(vs[7], 5, odd)
	if err != nil || !slices.Equal(a, b) || a[0].ID != 7 {
		t.Errorf("%v %v %v", a, b, err)
	}
}

// TestSigns: the signs of a row are those of its numbers, whatever its length.
func TestSigns(t *testing.T) {
	r := rand.New(rand.NewPCG(2, 2))
	for _, dims := range []int{1, 7, 8, 63, 64, 65, 100, 384} {
		v := vectors(r, 1, dims)[0]
		ix := build(t, [][]float32{v})
		row, err := NewRow(v)
		if err != nil {
			t.Fatal(err)
		}
		if len(ix.signs) != ix.words {
			t.Fatalf("%d dimensions: %d words", dims, len(ix.signs))
		}
		for i, b := range row[4:] {
			if set := ix.signs[i/64]>>(i%64)&1 == 1; set != (int8(b) >= 0) {
				t.Errorf("%d dimensions: number %d is %d", dims, i, int8(b))
			}
		}
	}
}

// TestOrder: in whatever order vectors are added, each chunk has one, the first, and is found by its id.
func TestOrder(t *testing.T) {
	r := rand.New(rand.NewPCG(9, 9))
	vs := vectors(r, 300, 70)
	ix := New(70)
	for from := 0; from < 300; from += 30 {
		var some []Vector
		for _, i := range r.Perm(300)[:60] {
			row, err := NewRow(vs[i])
			if err != nil {
				t.Fatal(err)
			}
			some = append(some, Vector{int64(i), row})
		}
		if err := ix.Add(some...); err != nil {
			t.Fatal(err)
		}
	}
	for i, v := range vs {
		s, ok := ix.View().Similarity(v, int64(i))
		if ok != ix.Has(int64(i)) || ok && s < 0.99 {
			t.Errorf("%d: %v %v", i, s, ok)
		}
		if hits, err := ix.Search(v, 1, nil); err != nil || ok && hits[0].ID != int64(i) {
			t.Errorf("%d is not its own neighbour: %v %v", i, hits, err)
		}
	}
	if !slices.IsSorted(ix.ids) || len(slices.Compact(slices.Clone(ix.ids))) != len(ix.ids) {
		t.Error("ids are out of order, or there twice")
	}
	if _, ok := ix.View().Similarity(vs[0], 1000); ok || ix.Has(-1) {
		t.Error("a chunk that is not there has a vector")
	}
}

func TestBad(t *testing.T) {
	for _, v := range [][]float32{{}, {0, 0}, {1, float32(math.NaN())}, {float32(math.Inf(1)), 1}} {
		if _, err := NewRow(v); err == nil {
			t.Errorf("%v is taken", v)
		}
	}
	ix := New(3)
	row, err := NewRow([]float32{1, 2})
	if err != nil {
		t.Fatal(err)
	}
	if ix.Add(Vector{1, row}) == nil {
		t.Error("a vector of other dimensions is taken")
	}
	if _, err := ix.Search([]float32{1, 2}, 3, nil); err == nil {
		t.Error("a query of other dimensions is taken")
	}
	if hits, err := ix.Search([]float32{1, 2, 3}, 3, nil); err != nil || hits != nil {
		t.Errorf("an empty index: %v %v", hits, err)
	}
}

// TestTogether: vectors are added while others search.
func TestTogether(t *testing.T) {
	vs := vectors(rand.New(rand.NewPCG(5, 6)), 500, 32)
	ix := build(t, vs[:10])
	var wg sync.WaitGroup
	for range 4 {
		wg.Go(func() {
			for i := range 100 {
				if hits, err := ix.Search(vs[i], 5, nil); err != nil || len(hits) != 5 {
					t.Errorf("%v %v", hits, err)
				}
			}
		})
	}
	for i, v := range vs[10:] {
		row, err := NewRow(v)
		if err == nil {
			err = ix.Add(Vector{int64(10 + i), row})
		}
		if err != nil {
			t.Fatal(err)
		}
	}
	wg.Wait()
}

func BenchmarkSearch(b *testing.B) {
	vs := vectors(rand.New(rand.NewPCG(7, 8)), 100_000, 384)
	ix := build(b, vs)
	b.Run("all", func(b *testing.B) {
		b.ReportAllocs()
		for i := 0; b.Loop(); i++ {
			if _, err := ix.Search(vs[i%len(vs)], 80, nil); err != nil {
				b.Fatal(err)
			}
		}
		b.ReportMetric(float64(ix.Bytes())/float64(ix.Len()), "B/vector")
	})
	b.Run("one-in-a-hundred", func(b *testing.B) {
		for i := 0; b.Loop(); i++ {
			if _, err := ix.Search(vs[i%len(vs)], 80, func(id int64) bool { return id%100 == 0 }); err != nil {
				b.Fatal(err)
			}
		}
	})
}
