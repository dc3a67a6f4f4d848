// Command hybrid measures searching by words and by meaning in a collection of made text: words by Zipf's law, passages about topics, and
// vectors that lie around their topics. No weights are needed, and the time that a question's vector takes is not in the figures.
//
//	go run ./bench/hybrid -chunks 100000
package main

import (
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"hash/fnv"
	"log"
	"math"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"syscall"
	"time"

	"github.com/dragoman/dragoman/internal/embed"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/connector"
	"github.com/dragoman/dragoman/internal/knowledge/dense"
	"github.com/dragoman/dragoman/internal/knowledge/extract"
	"github.com/dragoman/dragoman/internal/knowledge/index"
	"github.com/dragoman/dragoman/internal/knowledge/weaviate"
)

const (
	dims        = 384
	words       = 50_000 // in the vocabulary
	perDocument = 10     // passages
	perTopic    = 100    // passages

	functionWords = 100 // of the vocabulary, as English has some
)

func main() {
	log.SetFlags(0)
	chunks := flag.Int("chunks", 100_000, "passages")
	perPassage := flag.Int("words", 90, "words of a passage")
	queries := flag.Int("queries", 1000, "questions of each kind")
	profile := flag.String("profile", "", "write a CPU profile of the searches with vectors to this file")
	cold := flag.String("cold", "", "only open the collection in this folder, and ask one question")
	server := flag.String("weaviate", "", "search vectors at this Weaviate server, whose key is in WEAVIATE_API_KEY")
	flag.Parse()
	var engine *weaviate.Engine
	if *server != "" {
		engine = weaviate.New(weaviate.Options{URL: *server, Key: os.Getenv("WEAVIATE_API_KEY"), Client: http.DefaultClient, Now: time.Now, Within: time.Minute})
	}
	if err := run(context.Background(), *chunks, *perPassage, *queries, *cold, *profile, engine); err != nil {
		log.Fatal(err)
	}
}

func run(ctx context.Context, chunks, perPassage, queries int, cold, profile string, engine *weaviate.Engine) error {
	m := &maker{engine: engine, topics: max(1, chunks/perTopic), words: perPassage, common: map[string]bool{}}
	for n := range uint64(functionWords) {
		m.common[word(n)] = true
	}
	if cold != "" {
		return m.cold(ctx, cold)
	}
	dir, err := os.MkdirTemp("", "dragoman-hybrid-*")
	if err != nil {
		return err
	}
	defer os.RemoveAll(dir)
	if err := m.build(ctx, dir, chunks); err != nil {
		return err
	}
	self, err := os.Executable()
	if err != nil {
		return err
	}
	for range 3 {
		if engine != nil {
			break // what is read then is nothing of its
		}
		cmd := exec.CommandContext(ctx, self, "-chunks", fmt.Sprint(chunks), "-cold", dir)
		cmd.Stderr = os.Stderr
		out, err := cmd.Output()
		if err != nil {
			return err
		}
		var s started
		if err := json.Unmarshal(out, &s); err != nil {
			return err
		}
		fmt.Printf("cold start: opened and first answer after %v (%v by words alone), %v of processor time; %d MB of heap\n",
			s.Hybrid.Round(time.Millisecond), s.Words.Round(time.Millisecond), s.CPU.Round(time.Millisecond), s.Heap>>20)
	}
	c, err := m.open(ctx, dir)
	if err != nil {
		return err
	}
	defer c.Close()
	for _, kind := range []struct {
		name string
		ask  func(r *rand.Rand) knowledge.Query
	}{
		{"words", func(r *rand.Rand) knowledge.Query {
			return knowledge.Query{Who: acl.All(), Text: m.question(r, r.IntN(m.topics))}
		}},
		{"words and vectors", func(r *rand.Rand) knowledge.Query { return m.ask(r, acl.All(), "") }},
		{"the same, one in a hundred documents passes a filter", func(r *rand.Rand) knowledge.Query { return m.ask(r, acl.All(), fmt.Sprintf("part%02d", r.IntN(100))) }},
		{"the same, asked by somebody who may see one in ten", func(r *rand.Rand) knowledge.Query { return m.ask(r, acl.Of("ann"), "") }},
	} {
		if profile != "" && kind.name == "words and vectors" {
			f, err := os.Create(profile)
			if err != nil {
				return err
			}
			defer f.Close()
			if err := pprof.StartCPUProfile(f); err != nil {
				return err
			}
		}
		r := rand.New(rand.NewPCG(2, 3))
		var took, used []time.Duration
		for i := range queries + queries/10 {
			q := kind.ask(r)
			q.Limit = 10
			began, before := time.Now(), cpu()
			res, err := c.Search(ctx, q)
			if err != nil {
				return err
			}
			if len(res.Passages) == 0 {
				return fmt.Errorf("nothing was found for %q", q.Text)
			}
			if i >= queries/10 { // the first ones fill caches
				took = append(took, time.Since(began))
				used = append(used, cpu()-before)
			}
		}
		pprof.StopCPUProfile()
		slices.Sort(took)
		slices.Sort(used)
		n := len(took)
		fmt.Printf("search, %s: p50 %.1f ms, p99 %.1f ms; of processor time %.1f and %.1f ms\n", kind.name, ms(took[n/2]), ms(took[n*99/100]), ms(used[n/2]), ms(used[n*99/100]))
	}
	if engine != nil {
		return recallOutside(ctx, c.IndexPath(), engine, func(r *rand.Rand) []float32 { return m.vector(r.IntN(m.topics), r.Uint64()) })
	}
	return m.recall(chunks)
}

// cpu is the processor time of this process so far. On a machine that does other work, too, it says more than a clock.
func cpu() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (m *maker) open(ctx context.Context, dir string) (*knowledge.Collection, error) {
	o := knowledge.Options{Name: "made", Root: filepath.Join(dir, "made"), DataDir: dir}
	if m.engine != nil {
		o.Engine = m.engine
	}
	return knowledge.Open(ctx, o)
}

// build indexes the text and gives it vectors, by a run that is timed.
func (m *maker) build(ctx context.Context, dir string, chunks int) error {
	c, err := m.open(ctx, dir)
	if err != nil {
		return err
	}
	defer c.Close()
	m.documents = max(1, chunks/perDocument)
	began, before := time.Now(), cpu()
	report, err := c.Pull(ctx, m, extract.Options{}, time.Now, nil)
	if err != nil {
		return err
	}
	took := time.Since(began)
	stats, err := c.Stats(ctx)
	if err != nil {
		return err
	}
	fmt.Printf("%d passages of %d documents, %.0f MB of text; made and indexed in %.1f s, %.1f s of processor time\n",
		stats.Chunks, stats.Documents, float64(report.Bytes)/1e6, took.Seconds(), (cpu() - before).Seconds())
	began = time.Now()
	if _, err := c.Embed(ctx, m, forgetful{}, embed.Options{Now: time.Now}); err != nil {
		return err
	}
	size, err := os.Stat(c.IndexPath())
	if err != nil {
		return err
	}
	fmt.Printf("vectors made up and saved in %.1f s; the file has %d MB\n", time.Since(began).Seconds(), size.Size()>>20)
	return nil
}

// started is what a fresh process measures.
type started struct {
	Words, Hybrid, CPU time.Duration
	Heap               uint64
}

func (m *maker) cold(ctx context.Context, dir string) error {
	began := time.Now()
	c, err := m.open(ctx, dir)
	if err != nil {
		return err
	}
	defer c.Close()
	r := rand.New(rand.NewPCG(1, 1))
	q := m.ask(r, acl.All(), "")
	byWords := q
	byWords.Vector = nil
	if _, err := c.Search(ctx, byWords); err != nil {
		return err
	}
	s := started{Words: time.Since(began)}
	if _, err := c.Search(ctx, q); err != nil {
		return err
	}
	s.Hybrid, s.CPU = time.Since(began), cpu()
	runtime.GC()
	var mem runtime.MemStats
	runtime.ReadMemStats(&mem)
	s.Heap = mem.HeapAlloc
	return json.NewEncoder(os.Stdout).Encode(s)
}

// recall says what compression costs: how many of the ten closest by float32 are found by signs and int8.
func (m *maker) recall(chunks int) error {
	n := min(chunks, 100_000)
	ix := dense.New(dims)
	ix.Grow(n)
	all := make([][]float32, n)
	for i := range all {
		all[i] = m.vector(i/perTopic, uint64(i))
		row, err := dense.NewRow(all[i])
		if err != nil {
			return err
		}
		if err := ix.Add(dense.Vector{ID: int64(i), Row: row}); err != nil {
			return err
		}
	}
	r := rand.New(rand.NewPCG(4, 5))
	found, wanted := 0, 0
	for range 200 {
		q := m.vector(r.IntN(max(1, n/perTopic)), r.Uint64())
		hits, err := ix.Search(q, 10, nil)
		if err != nil {
			return err
		}
		exact := make([]dense.Hit, n)
		for i, v := range all {
			s := float32(0)
			for j := range v {
				s += v[j] * q[j]
			}
			exact[i] = dense.Hit{ID: int64(i), Score: s}
		}
		slices.SortFunc(exact, func(a, b dense.Hit) int { return cmp.Compare(b.Score, a.Score) })
		for _, e := range exact[:10] {
			wanted++
			if slices.ContainsFunc(hits, func(h dense.Hit) bool { return h.ID == e.ID }) {
				found++
			}
		}
	}
	fmt.Printf("memory: %.0f bytes for a vector of %d dimensions, %d as float32; of the ten closest %.1f %% are found (made vectors, %d of them)\n",
		float64(ix.Bytes())/float64(n), dims, 4*dims, 100*float64(found)/float64(wanted), n)
	return nil
}

// recallOutside says how many of the ten closest the engine finds, of the vectors of an index in a file.
func recallOutside(ctx context.Context, file string, e index.Engine, ask func(r *rand.Rand) []float32) error {
	ix, err := index.Open(ctx, file, index.DefaultScoring)
	if err != nil {
		return err
	}
	defer ix.Close()
	if err := ix.UseEngine(ctx, e, "made", func(*index.Document) []string { return nil }); err != nil {
		return err
	}
	generations, err := ix.Generations(ctx)
	if err != nil {
		return err
	}
	outside, _, err := ix.Outside(ctx, generations[0])
	if err != nil || outside == nil {
		return errors.Join(err, errors.New("the engine does not have the vectors"))
	}
	var all []dense.Vector
	err = ix.VectorBlocks(ctx, generations[0].ID, 0, func(_ int64, ids []int64, rows []byte) error {
		for i, id := range ids {
			all = append(all, dense.Vector{ID: id, Row: slices.Clone(rows[i*(4+dims) : (i+1)*(4+dims)])})
		}
		return nil
	})
	if err != nil {
		return err
	}
	r := rand.New(rand.NewPCG(4, 5))
	found, wanted := 0, 0
	var took []time.Duration
	for range 200 {
		q := ask(r)
		began := time.Now()
		hits, err := outside.Search(ctx, q, 100, &index.Query{})
		if err != nil {
			return err
		}
		took = append(took, time.Since(began))
		exact := make([]dense.Hit, len(all))
		for i, v := range all {
			exact[i] = dense.Hit{ID: v.ID, Score: v.Row.Score(q)}
		}
		slices.SortFunc(exact, func(a, b dense.Hit) int { return cmp.Compare(b.Score, a.Score) })
		for _, e := range exact[:10] {
			wanted++
			if slices.ContainsFunc(hits[:min(10, len(hits))], func(h dense.Hit) bool { return h.ID == e.ID }) {
				found++
			}
		}
	}
	slices.Sort(took)
	fmt.Printf("engine: a search by vector alone p50 %.1f ms, p99 %.1f ms; of the ten closest %.1f %% are found\n", ms(took[len(took)/2]), ms(took[len(took)*99/100]), 100*float64(found)/float64(wanted))
	return nil
}

// forgetful is an embed.Store that keeps nothing: made vectors are quicker made than read.
type forgetful struct{}

func (forgetful) Rows(context.Context, string, []embed.Hash) (map[embed.Hash]dense.Row, error) {
	return nil, nil
}
func (forgetful) SaveRows(context.Context, string, map[embed.Hash]dense.Row) error { return nil }

// maker makes texts, questions and vectors. It is the connector that brings the texts, and their embedder.
type maker struct {
	engine            *weaviate.Engine // searches vectors; nil: they are in memory
	topics, documents int
	words             int             // of a passage
	common            map[string]bool // words that are in most texts
}

// Sync implements connector.Connector.
func (m *maker) Sync(ctx context.Context, _ string, sink connector.Sink) (connector.Outcome, error) {
	one, err := acl.New("user:ann")
	if err != nil {
		return connector.Outcome{}, err
	}
	for d := range m.documents {
		r := rand.New(rand.NewPCG(uint64(d), 1))
		var b strings.Builder
		for p := range perDocument {
			topic := (d*perDocument + p) / perTopic % m.topics
			fmt.Fprintf(&b, "# About t%d\n\n%s\n\n", topic, m.text(r, topic, m.words))
		}
		doc := connector.Document{ID: fmt.Sprint(d), Path: fmt.Sprintf("part%02d/d%d", d%100, d), Type: "page", Text: b.String(), Version: "1", Updated: time.Unix(1e9, 0)}
		if d%10 == 0 {
			doc.ACL = &one
		} else {
			doc.ACL = &acl.ACL{}
		}
		if err := sink.Put(ctx, doc); err != nil {
			return connector.Outcome{}, err
		}
	}
	return connector.Outcome{Complete: true}, nil
}

// text is words by Zipf's law, every tenth one of its topic's own.
func (m *maker) text(r *rand.Rand, topic, n int) string {
	zipf := rand.NewZipf(r, 1.1, 3, words-1)
	var b strings.Builder
	for i := range n {
		if i > 0 {
			b.WriteByte(' ')
		}
		w := zipf.Uint64()
		if i%10 == 9 {
			w = uint64(topic*31+r.IntN(20)) % words
		}
		b.WriteString(word(w))
	}
	return b.String()
}

// word is a pronounceable word for a number.
func word(n uint64) string {
	const consonants, vowels = "bdfgklmnprstvz", "aeiou"
	var b []byte
	for n += 70; n > 0; n /= 70 {
		b = append(b, consonants[n%14], vowels[n/14%5])
	}
	return string(b)
}

// question has four to ten words of a text, without the commonest, as questions are searched without their function words.
func (m *maker) question(r *rand.Rand, topic int) string {
	rare := strings.Fields(m.text(r, topic, 200))
	rare = slices.DeleteFunc(rare, func(w string) bool { return m.common[w] })
	return strings.Join(rare[:4+r.IntN(7)], " ")
}

func (m *maker) ask(r *rand.Rand, who acl.Subjects, part string) knowledge.Query {
	topic := r.IntN(m.topics)
	q := knowledge.Query{Who: who, Text: m.question(r, topic), Vector: m.vector(topic, r.Uint64()), Model: m.Model()}
	if part != "" {
		q.Paths = []string{part}
	}
	return q
}

// Model implements embed.Embedder.
func (m *maker) Model() string { return "made" }

// Batch implements embed.Embedder.
func (m *maker) Batch() int { return 1024 }

// Embed implements embed.Embedder.
func (m *maker) Embed(_ context.Context, _ embed.Kind, texts []string) ([][]float32, error) {
	out := make([][]float32, len(texts))
	for i, t := range texts {
		topic := 0
		if at := strings.Index(t, "About t"); at >= 0 {
			if _, err := fmt.Sscanf(t[at:], "About t%d", &topic); err != nil {
				return nil, err
			}
		}
		h := fnv.New64a()
		h.Write([]byte(t))
		out[i] = m.vector(topic, h.Sum64())
	}
	return out, nil
}

// vector lies around its topic: cosines within a topic are about 0.6, as with vectors of texts.
func (m *maker) vector(topic int, seed uint64) []float32 {
	center, own := rand.New(rand.NewPCG(uint64(topic), 7)), rand.New(rand.NewPCG(seed, 8))
	v := make([]float32, dims)
	sum := 0.0
	for i := range v {
		x := center.NormFloat64() + 0.8*own.NormFloat64()
		v[i] = float32(x)
		sum += x * x
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(sum))
	}
	return v
}
