package index

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/dragoman/dragoman/internal/knowledge/analysis"
	"github.com/dragoman/dragoman/internal/knowledge/chunk"
)

func openTest(t testing.TB) *Index {
	t.Helper()
	ix, err := Open(t.Context(), filepath.Join(t.TempDir(), "test.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ix.Close() })
	return ix
}

// put commits documents whose chunks are the given texts.
func put(t testing.TB, ix *Index, docs map[string][]string, remove ...string) {
	t.Helper()
	b := NewBuilder()
	paths := make([]string, 0, len(docs))
	for p := range docs {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	for _, p := range paths {
		var chunks []chunk.Chunk
		for i, text := range docs[p] {
			chunks = append(chunks, chunk.Chunk{Start: i + 1, End: i + 1, Kind: chunk.Code, Text: text})
		}
		b.Add(Document{Path: p, Size: 1, Updated: time.Unix(1, 0), Modified: time.Unix(1, 0), Seen: time.Unix(9, 0)}, chunks)
	}
	if err := ix.Commit(t.Context(), Change{Add: b, Remove: remove}); err != nil {
		t.Fatal(err)
	}
}

func query(text string) Query {
	q := Query{Limit: 10}
	analysis.Each(text, func(_ string, t analysis.Terms) {
		for _, p := range t.Parts {
			q.Terms = append(q.Terms, Term{p, 1})
		}
	})
	return q
}

func search(t testing.TB, ix *Index, q Query) []Hit {
	t.Helper()
	res, err := ix.Search(t.Context(), q)
	if err != nil {
		t.Fatal(err)
	}
	return res.Hits
}

func paths(hits []Hit) string {
	var out []string
	for _, h := range hits {
		out = append(out, h.Doc.Path)
	}
	return strings.Join(out, " ")
}

func TestSearchSeesCommits(t *testing.T) {
	ix := openTest(t)
	if got := search(t, ix, query("anything")); len(got) != 0 {
		t.Fatalf("an empty index found %v", got)
	}
	put(t, ix, map[string][]string{"a.go": {"retry the request with backoff", "close the pool"}, "b.go": {"backoff"}})
	if got := paths(search(t, ix, query("retrying requests"))); got != "a.go" {
		t.Errorf("stemmed words found %q", got)
	}
	put(t, ix, map[string][]string{"a.go": {"something else"}})
	if got := paths(search(t, ix, query("retry"))); got != "" {
		t.Errorf("the replaced document is still found: %q", got)
	}
	if got := paths(search(t, ix, query("backoff"))); got != "b.go" {
		t.Errorf("backoff found %q", got)
	}
	put(t, ix, nil, "b.go")
	if got := paths(search(t, ix, query("backoff"))); got != "" {
		t.Errorf("the removed document is still found: %q", got)
	}
	res, err := ix.Search(t.Context(), Query{Terms: []Term{{"someth", 1}}, Limit: 5, Allow: func(d *Document) bool { return d.Path != "a.go" }})
	if err != nil || len(res.Hits) != 0 {
		t.Errorf("a filtered document was found: %v, %v", res.Hits, err)
	}
}

// TestSearchAgainstReference compares with a ranking computed directly from the texts, over random histories of commits
// and merges.
func TestSearchAgainstReference(t *testing.T) {
	words := strings.Fields("alpha beta gamma delta epsilon zeta eta theta iota kappa lambda omega")
	dir := t.TempDir()
	n := 0
	rapid.Check(t, func(rt *rapid.T) {
		n++
		ix, err := Open(t.Context(), filepath.Join(dir, fmt.Sprint(n)))
		if err != nil {
			rt.Fatal(err)
		}
		defer ix.Close()
		live := map[string][]string{}
		text := rapid.Custom(func(rt *rapid.T) string {
			return strings.Join(rapid.SliceOfN(rapid.SampledFrom(words), 0, 8).Draw(rt, "words"), " ")
		})
		for range rapid.IntRange(1, 14).Draw(rt, "commits") {
			docs := map[string][]string{}
			for range rapid.IntRange(0, 3).Draw(rt, "docs") {
				docs[fmt.Sprintf("d%d", rapid.IntRange(0, 6).Draw(rt, "doc"))] = rapid.SliceOfN(text, 0, 3).Draw(rt, "chunks")
			}
			var gone []string
			if rapid.Bool().Draw(rt, "remove") {
				gone = []string{fmt.Sprintf("d%d", rapid.IntRange(0, 6).Draw(rt, "gone"))}
			}
			put(t, ix, docs, gone...)
			for _, g := range gone {
				delete(live, g)
			}
			for p, c := range docs {
				live[p] = c
			}
		}
		q := query(text.Draw(rt, "query"))
		q.Limit = 100
		want := reference(live, q)
		check := func(when string) {
			got := map[string]float64{}
			res, err := ix.Search(context.Background(), q)
			if err != nil {
				rt.Fatal(err)
			}
			chunks, err := ix.Chunks(context.Background(), res.Hits)
			if err != nil || len(chunks) != len(res.Hits) {
				rt.Fatalf("%s: %d chunks of %d hits, %v", when, len(chunks), len(res.Hits), err)
			}
			for i, c := range chunks {
				got[fmt.Sprintf("%s#%d", c.Doc.Path, c.Start)] = float64(res.Hits[i].Score)
				if i > 0 && res.Hits[i].Score > res.Hits[i-1].Score {
					rt.Fatalf("%s: hits are not sorted", when)
				}
			}
			if len(got) != len(want) {
				rt.Fatalf("%s: found %v, want %v", when, got, want)
			}
			for k, w := range want {
				if math.Abs(got[k]-w) > 1e-3*w && when == "merged" {
					rt.Fatalf("%s: %s scores %v, want %v", when, k, got[k], w)
				}
				if _, ok := got[k]; !ok {
					rt.Fatalf("%s: %s not found", when, k)
				}
			}
		}
		check("before merging")
		mergeAll(t, ix)
		check("merged") // now that nothing is left of removed documents, scores are exact
	})
}

// mergeAll joins all segments into one.
func mergeAll(t *testing.T, ix *Index) {
	t.Helper()
	snap, err := ix.current(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	tx, err := ix.db.Begin()
	if err != nil {
		t.Fatal(err)
	}
	defer tx.Rollback()
	if err := countCommit(t.Context(), tx); err != nil {
		t.Fatal(err)
	}
	if err := merge(t.Context(), tx, snap.segments); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

// reference computes BM25 from the formula. The path of a document counts as words of each of its chunks.
func reference(live map[string][]string, q Query) map[string]float64 {
	type doc struct {
		tf  map[string]float64
		len float64
	}
	docs := map[string]doc{}
	df := map[string]float64{}
	total := 0.0
	for path, chunks := range live {
		for i, text := range chunks {
			d := doc{tf: map[string]float64{}}
			analysis.Each(text, func(_ string, t analysis.Terms) { d.tf[t.Parts[0]]++; d.len++ })
			analysis.Each(path, func(_ string, t analysis.Terms) { d.tf[t.Parts[0]]++ })
			for w := range d.tf {
				df[w]++
			}
			total += d.len
			docs[fmt.Sprintf("%s#%d", path, i+1)] = d
		}
	}
	n := float64(len(docs))
	mean := max(1, total/n)
	out := map[string]float64{}
	for id, d := range docs {
		score := 0.0
		for _, term := range q.Terms {
			tf := d.tf[term.Text]
			if tf == 0 {
				continue
			}
			idf := math.Log(1 + (n-df[term.Text]+0.5)/(df[term.Text]+0.5))
			norm := bm25K1 * (1 - bm25B + bm25B*d.len/mean)
			score += idf * tf * (bm25K1 + 1) / (tf + norm)
		}
		if score > 0 {
			out[id] = score
		}
	}
	return out
}

func TestMergeKeepsSegmentsFew(t *testing.T) {
	ix := openTest(t)
	for i := range 60 {
		put(t, ix, map[string][]string{fmt.Sprintf("f%d", i%20): {fmt.Sprintf("common word%d", i)}})
		if _, err := ix.Merge(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	st, err := ix.Stats(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	if st.Segments > maxSegments+1 || st.Documents != 20 || st.Chunks != 20 {
		t.Errorf("after 60 commits: %+v", st)
	}
	q := query("common")
	q.Limit = 50
	if got := len(search(t, ix, q)); got != 20 {
		t.Errorf("found %d of 20", got)
	}
}

func TestTwoProcessesShareTheFile(t *testing.T) {
	path := filepath.Join(t.TempDir(), "x.db")
	writer, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	reader, err := Open(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	defer reader.Close()
	var wg sync.WaitGroup
	done := make(chan struct{})
	wg.Go(func() {
		for {
			select {
			case <-done:
				return
			default:
			}
			res, err := reader.Search(t.Context(), query("word"))
			if err != nil {
				t.Error(err)
				return
			}
			if chunks, err := reader.Chunks(t.Context(), res.Hits); err != nil || len(chunks) > len(res.Hits) {
				t.Errorf("%d chunks, %v", len(chunks), err)
				return
			}
		}
	})
	for i := range 40 {
		put(t, writer, map[string][]string{fmt.Sprintf("d%d", i%5): {"word here"}})
		if _, err := writer.Merge(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	close(done)
	wg.Wait()
	if got := len(search(t, reader, query("word"))); got != 5 {
		t.Errorf("the reader finds %d of 5", got)
	}
}

func TestOpenReplacesWhatItCannotRead(t *testing.T) {
	for name, content := range map[string]string{"garbage": strings.Repeat("not a database ", 500), "cut": "SQLite format 3\x00"} {
		t.Run(name, func(t *testing.T) {
			path := filepath.Join(t.TempDir(), "x.db")
			if err := os.WriteFile(path, []byte(content), 0o600); err != nil {
				t.Fatal(err)
			}
			ix, err := Open(t.Context(), path)
			if err != nil {
				t.Fatal(err)
			}
			defer ix.Close()
			put(t, ix, map[string][]string{"a": {"word"}})
			if got := paths(search(t, ix, query("word"))); got != "a" {
				t.Errorf("found %q", got)
			}
		})
	}
	t.Run("another format", func(t *testing.T) {
		path := filepath.Join(t.TempDir(), "x.db")
		ix, err := Open(t.Context(), path)
		if err != nil {
			t.Fatal(err)
		}
		put(t, ix, map[string][]string{"a": {"word"}})
		if _, err := ix.db.Exec("PRAGMA user_version = 9999"); err != nil {
			t.Fatal(err)
		}
		ix.Close()
		if ix, err = Open(t.Context(), path); err != nil {
			t.Fatal(err)
		}
		defer ix.Close()
		if st, _ := ix.Stats(t.Context()); st.Documents != 0 {
			t.Errorf("the old index was kept: %+v", st)
		}
	})
}

func FuzzBlock(f *testing.F) {
	w := blockWriter{emit: func(_, data []byte) error { f.Add(append([]byte(nil), data...), []byte("beta")); return nil }}
	w.add([]byte("alpha"), 1, appendPosting(nil, 3, 1))
	w.add([]byte("beta"), 2, appendPosting(appendPosting(nil, 0, 7), 2, 1))
	w.flush()
	f.Fuzz(func(t *testing.T, block, term []byte) {
		_, postings, err := findTerm(block, term)
		if err == nil {
			eachPosting(postings, 100, func(o, _ uint32) {
				if o >= 100 {
					t.Fatalf("ordinal %d", o)
				}
			})
		}
	})
}

// BenchmarkSearch searches 100,000 chunks for six words of middling frequency.
func BenchmarkSearch(b *testing.B) {
	ix := openTest(b)
	rng := rand.New(rand.NewPCG(1, 2))
	zipf := rand.NewZipf(rng, 1.1, 4, 40_000)
	for range 5 {
		docs := map[string][]string{}
		for d := range 2000 {
			for range 10 {
				var text strings.Builder
				for range 120 {
					fmt.Fprintf(&text, "w%d ", zipf.Uint64())
				}
				p := fmt.Sprintf("%d/%d", rng.Uint32(), d)
				docs[p] = append(docs[p], text.String())
			}
		}
		put(b, ix, docs)
	}
	b.ResetTimer()
	for b.Loop() {
		q := Query{Limit: 80}
		for range 6 {
			q.Terms = append(q.Terms, Term{fmt.Sprintf("w%d", 20+zipf.Uint64()), 1})
		}
		if _, err := ix.Search(b.Context(), q); err != nil {
			b.Fatal(err)
		}
	}
}
