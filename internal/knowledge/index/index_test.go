package index

import (
	"context"
	"fmt"
	"maps"
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
	ix, err := Open(t.Context(), filepath.Join(t.TempDir(), "test.db"), DefaultScoring)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { ix.Close() })
	return ix
}

// put commits documents whose chunks are the given texts.
func put(t testing.TB, ix *Index, docs map[string][]string, remove ...string) {
	t.Helper()
	b := ix.NewBuilder()
	paths := make([]string, 0, len(docs))
	for p := range docs {
		paths = append(paths, p)
	}
	slices.Sort(paths)
	for _, p := range paths {
		var chunks []chunk.Chunk
		for i, text := range docs[p] {
			chunks = append(chunks, chunk.Chunk{Start: i + 1, End: i + 1, Kind: kindOf(p), Text: text})
		}
		b.Add(Document{Path: p, Size: 1, Updated: time.Unix(1, 0), Modified: time.Unix(1, 0), Seen: time.Unix(9, 0)}, chunks)
	}
	if err := ix.Commit(t.Context(), Change{Add: b, Remove: remove}); err != nil {
		t.Fatal(err)
	}
}

// kindOf makes half of the documents prose.
func kindOf(path string) chunk.Kind {
	if path[len(path)-1]%2 == 0 {
		return chunk.Section
	}
	return chunk.Code
}

func query(text string) Query {
	q := Query{Limit: 10}
	analysis.Each(text, func(_ string, t analysis.Terms) {
		for _, p := range t.Parts {
			q.Terms = append(q.Terms, Term{p, 1, 1})
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
	res, err := ix.Search(t.Context(), Query{Terms: []Term{{"someth", 1, 1}}, Limit: 5, Allow: func(d *Document) bool { return d.Path != "a.go" }})
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
		ix, err := Open(t.Context(), filepath.Join(dir, fmt.Sprint(n)), DefaultScoring)
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
	if _, err := countCommit(t.Context(), tx, true); err != nil {
		t.Fatal(err)
	}
	if err := ix.merge(t.Context(), tx, snap.segments); err != nil {
		t.Fatal(err)
	}
	if err := tx.Commit(); err != nil {
		t.Fatal(err)
	}
}

// reference computes scores from the formula. The path of a document counts as words of each of its chunks.
func reference(live map[string][]string, q Query) map[string]float64 {
	type passage struct {
		own, near map[string]float64 // own: the path's words included
		length    float64
		prose     bool
	}
	passages := map[string]*passage{}
	df, headers, sum, number := map[string]float64{}, map[string]float64{}, [2]float64{}, [2]float64{}
	for path, chunks := range live {
		var own []map[string]float64
		for i, text := range chunks {
			p := &passage{own: map[string]float64{}, near: map[string]float64{}, prose: kindOf(path) == chunk.Section}
			analysis.Each(text, func(_ string, t analysis.Terms) { p.own[t.Parts[0]]++; p.length++ })
			for w := range p.own {
				df[w]++
			}
			analysis.Each(path, func(_ string, t analysis.Terms) {
				p.own[t.Parts[0]] += float64(DefaultScoring.Path)
				headers[t.Parts[0]]++
			})
			sum[b2i(p.prose)] += p.length
			number[b2i(p.prose)]++
			own = append(own, p.own)
			passages[fmt.Sprintf("%s#%d", path, i+1)] = p
		}
		for i := range chunks {
			p := passages[fmt.Sprintf("%s#%d", path, i+1)]
			shares := DefaultScoring.of(p.prose).Near
			for j := range own {
				share := 0.0
				switch d := max(i-j, j-i); d {
				case 0:
					share = 1
				case 1, 2:
					share = float64(shares[d-1])
				}
				for w, n := range own[j] {
					p.near[w] += share * n
				}
			}
		}
	}
	n := float64(len(passages))
	out := map[string]float64{}
	for id, p := range passages {
		score, matches := 0.0, false
		k := DefaultScoring.of(p.prose)
		mean := max(1, sum[b2i(p.prose)]/number[b2i(p.prose)])
		for _, term := range q.Terms {
			matches = matches || p.own[term.Text] > 0
			tf := p.near[term.Text]
			f := max(df[term.Text], headers[term.Text]/headerCount)
			idf := math.Log(1 + (n-f+0.5)/(f+0.5))
			norm := float64(k.K1) * (1 - float64(k.B) + float64(k.B)*p.length/mean)
			if tf > 0 {
				score += idf * tf * (float64(k.K1) + 1) / (tf + norm)
			}
		}
		if matches {
			out[id] = score
		}
	}
	return out
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// TestPruningLosesNothing compares the best few hits of a larger index with the first of all hits. Documents are of all
// lengths, also beyond a group, words of all frequencies, and segments of different mean lengths.
func TestPruningLosesNothing(t *testing.T) {
	ix := openTest(t)
	rng := rand.New(rand.NewPCG(3, 4))
	zipf := rand.NewZipf(rng, 1.2, 3, 3000)
	for commit := range 4 {
		docs := map[string][]string{}
		for d := range 120 {
			p := fmt.Sprintf("%d/%d", commit, d)
			for range 1 + rng.IntN(12)*rng.IntN(16) {
				var text strings.Builder
				for range 1 + rng.IntN(40*(commit+1)) {
					fmt.Fprintf(&text, "w%d ", zipf.Uint64())
				}
				docs[p] = append(docs[p], text.String())
			}
		}
		put(t, ix, docs, fmt.Sprintf("%d/7", commit))
	}
	for range 200 {
		q := Query{Limit: 1 << 20}
		for range 1 + rng.IntN(8) {
			q.Terms = append(q.Terms, Term{fmt.Sprintf("w%d", zipf.Uint64()), rng.Float32(), rng.Float32()})
		}
		switch rng.IntN(4) {
		case 0:
			q.Allow = func(d *Document) bool { return strings.HasSuffix(d.Path, "3") }
		case 1:
			q.Kinds = []chunk.Kind{chunk.Section}
		}
		all := search(t, ix, q)
		for _, h := range all {
			if q.Allow != nil && !q.Allow(h.Doc) || len(q.Kinds) > 0 && kindOf(h.Doc.Path) != chunk.Section {
				t.Fatalf("%s is not allowed", h.Doc.Path)
			}
		}
		q.Limit, q.Explain = 1+rng.IntN(30), true
		best := search(t, ix, q)
		if len(best) != min(q.Limit, len(all)) {
			t.Fatalf("%d of %d hits, of %d that there are", len(best), q.Limit, len(all))
		}
		for i, h := range best {
			if math.Abs(float64(h.Score-all[i].Score)) > 1e-5 {
				t.Fatalf("hit %d scores %v, and the %dth best of all %v", i, h.Score, i, all[i].Score)
			}
			sum := float32(0)
			for _, p := range h.Parts {
				sum += p
			}
			if math.Abs(float64(sum-h.Score)) > 1e-4 {
				t.Fatalf("parts %v make %v, not %v", h.Parts, sum, h.Score)
			}
		}
	}
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
	writer, err := Open(t.Context(), path, DefaultScoring)
	if err != nil {
		t.Fatal(err)
	}
	defer writer.Close()
	reader, err := Open(t.Context(), path, DefaultScoring)
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
			ix, err := Open(t.Context(), path, DefaultScoring)
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
		ix, err := Open(t.Context(), path, DefaultScoring)
		if err != nil {
			t.Fatal(err)
		}
		put(t, ix, map[string][]string{"a": {"word"}})
		if _, err := ix.db.Exec("PRAGMA user_version = 9999"); err != nil {
			t.Fatal(err)
		}
		ix.Close()
		if ix, err = Open(t.Context(), path, DefaultScoring); err != nil {
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
	var rows []row
	for i := range int64(150) {
		rows = append(rows, row{chunk: i, document: i / 3, length: 10})
	}
	e := newEncoder(&DefaultScoring, rows)
	var plain []byte
	for i := range uint32(20) {
		plain = appendPosting(plain, i%9, 1+i*12)
	}
	grouped, err := e.encode(plain, 20)
	if err != nil {
		f.Fatal(err)
	}
	w.add([]byte("alpha"), 1, 1, appendPosting(nil, 3, unit))
	w.add([]byte("beta"), 20, grouped.own, grouped.data)
	w.flush()
	l := newLayout(rows)
	f.Fuzz(func(t *testing.T, block, term []byte) {
		list, err := findTerm(block, term)
		if err == nil {
			eachPosting(list, &l, func(o, _ uint32) {
				if o >= 150 {
					t.Fatalf("ordinal %d", o)
				}
			})
		}
	})
}

// TestObsoleteIsReplacedOnce: of several that find a file of another format at once one discards it, and no other discards what that one made.
func TestObsoleteIsReplacedOnce(t *testing.T) {
	for round := range 8 {
		path := filepath.Join(t.TempDir(), "test.db")
		old := DefaultScoring
		old.Names++
		ix, err := Open(t.Context(), path, old)
		if err != nil {
			t.Fatal(err)
		}
		if err := ix.Close(); err != nil {
			t.Fatal(err)
		}
		var all sync.WaitGroup
		const processes = 4
		for n := range processes {
			all.Go(func() {
				ix, err := Open(t.Context(), path, DefaultScoring)
				if err != nil {
					t.Error(err)
					return
				}
				t.Cleanup(func() { ix.Close() })
				if err := ix.Commit(t.Context(), Change{Meta: map[string]string{fmt.Sprint("by ", n): "yes"}}); err != nil {
					t.Error(err)
				}
			})
		}
		all.Wait()
		last, err := Open(t.Context(), path, DefaultScoring)
		if err != nil {
			t.Fatal(err)
		}
		for n := range processes {
			if said, err := last.Meta(t.Context(), fmt.Sprint("by ", n)); said != "yes" || err != nil {
				t.Errorf("round %d: what process %d wrote is lost: %v", round, n, err)
			}
		}
		if err := last.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// Lists come out as they went in, whatever form they are kept in.
func TestPostingsRoundTrip(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var rows []row
		doc := int64(0)
		for range rapid.IntRange(1, 400).Draw(rt, "rows") {
			if rapid.IntRange(0, 20).Draw(rt, "next") == 0 {
				doc++
			}
			rows = append(rows, row{document: doc, length: 5})
		}
		e := newEncoder(&DefaultScoring, rows)
		want := map[uint32]uint32{}
		var plain []byte
		last := -1
		for i := range rows {
			if rapid.Bool().Draw(rt, "in") {
				want[uint32(i)] = rapid.Uint32Range(1, maxFrequency).Draw(rt, "frequency")
				plain = appendPosting(plain, uint32(i-last-1), want[uint32(i)])
				last = i
			}
		}
		list, err := e.encode(plain, len(want))
		if err != nil {
			rt.Fatal(err)
		}
		got := map[uint32]uint32{}
		if err := eachPosting(list, e.layout, func(o, f uint32) { got[o] = f }); err != nil {
			rt.Fatal(err)
		}
		if !maps.Equal(got, want) {
			rt.Fatalf("%v became %v", want, got)
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
			q.Terms = append(q.Terms, Term{fmt.Sprintf("w%d", 20+zipf.Uint64()), 1, 1})
		}
		if _, err := ix.Search(b.Context(), q); err != nil {
			b.Fatal(err)
		}
	}
}
