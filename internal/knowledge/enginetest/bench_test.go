package enginetest_test

import (
	"cmp"
	"context"
	"fmt"
	"hash/fnv"
	"math"
	"math/rand/v2"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/embed"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/connector"
	"github.com/dragoman/dragoman/internal/knowledge/dense"
	"github.com/dragoman/dragoman/internal/knowledge/extract"
	"github.com/dragoman/dragoman/internal/store/postgrestest"
)

// made is a source of n documents of some 150 words, whose frequencies are those of a language (Zipf).
type made struct{ n, from int }

func (m made) Sync(ctx context.Context, _ string, sink connector.Sink) (connector.Outcome, error) {
	r := rand.New(rand.NewPCG(1, uint64(m.from)))
	z := rand.NewZipf(r, 1.1, 4, 50_000)
	for i := m.from; i < m.from+m.n; i++ {
		var b strings.Builder
		for range 150 {
			fmt.Fprintf(&b, "w%d ", z.Uint64())
		}
		id := fmt.Sprint(i)
		if err := sink.Put(ctx, connector.Document{ID: id, Path: "doc/" + id, Type: "page", Title: "Document " + id, Text: b.String(), Version: "1", Updated: time.Unix(1e9, 0)}); err != nil {
			return connector.Outcome{}, err
		}
	}
	return connector.Outcome{}, nil
}

// BenchmarkEngines indexes 20,000 documents, searches them, and lets another process take over a commit of one document.
func BenchmarkEngines(b *testing.B) {
	places := map[string]func() func(*knowledge.Options){
		"file": func() func(*knowledge.Options) {
			dir := b.TempDir()
			return func(o *knowledge.Options) { o.DataDir = dir }
		},
		"postgres": func() func(*knowledge.Options) {
			address := postgrestest.Database(b)
			return func(o *knowledge.Options) { o.Database = address }
		},
	}
	for _, name := range []string{"file", "postgres"} {
		at, root := places[name](), b.TempDir()
		open := func(b *testing.B) *knowledge.Collection {
			o := knowledge.Options{Name: "bench", Root: root, DataDir: root}
			at(&o)
			c, err := knowledge.Open(b.Context(), o)
			if err != nil {
				b.Fatal(err)
			}
			return c
		}
		one, two := open(b), open(b)
		pull := func(b *testing.B, m made) knowledge.Report {
			r, err := one.Pull(b.Context(), m, extract.Options{}, time.Now, nil)
			if err != nil {
				b.Fatal(err)
			}
			return r
		}
		search := func(b *testing.B, c *knowledge.Collection, i int) {
			if _, err := c.Search(b.Context(), knowledge.Query{Who: acl.All(), Text: fmt.Sprintf("w%d w%d w%d", i%40, 100+i%900, 5000+i%7000)}); err != nil {
				b.Fatal(err)
			}
		}
		began := time.Now()
		r := pull(b, made{20_000, 0})
		speed := float64(r.Bytes) / 1e6 / time.Since(began).Seconds()
		b.Run(name+"/index", func(b *testing.B) {
			for b.Loop() {
			}
			b.ReportMetric(speed, "MB/s")
			b.ReportMetric(0, "ns/op")
		})
		b.Run(name+"/first", func(b *testing.B) {
			for b.Loop() {
				c := open(b)
				search(b, c, 1)
				c.Close()
			}
		})
		b.Run(name+"/search", func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				search(b, two, i)
			}
		})
		from := 20_000
		b.Run(name+"/commit of another", func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				b.StopTimer()
				pull(b, made{1, from})
				from++
				b.StartTimer()
				search(b, two, i)
			}
		})
		one.Close()
		two.Close()
	}
}

// pointed is a model whose vectors are sums of the directions of words, in 384 dimensions.
type pointed struct {
	words map[string][]float32
	docs  map[string][]float32 // by their paths
}

func (*pointed) Model() string { return "pointed" }
func (*pointed) Batch() int    { return 256 }

var titled = regexp.MustCompile(`Document (\d+)`)

func (p *pointed) Embed(_ context.Context, kind embed.Kind, texts []string) (out [][]float32, _ error) {
	for _, t := range texts {
		v := p.vector(t)
		if title := titled.FindStringSubmatch(t); kind == embed.Document && title != nil {
			p.docs["doc/"+title[1]] = v
		}
		out = append(out, v)
	}
	return out, nil
}

// closest are the paths of the ten documents whose vectors are closest, by comparing all.
func (p *pointed) closest(query []float32, match func(path string) bool) []string {
	score := map[string]float32{}
	var all []string
	for path, v := range p.docs {
		if !match(path) {
			continue
		}
		for i := range v {
			score[path] += v[i] * query[i]
		}
		all = append(all, path)
	}
	slices.SortFunc(all, func(a, b string) int { return cmp.Compare(score[b], score[a]) })
	return all[:min(10, len(all))]
}

func (p *pointed) vector(text string) []float32 {
	v := make([]float32, 384)
	for _, w := range strings.Fields(text) {
		d := p.words[w]
		if d == nil {
			h := fnv.New64a()
			h.Write([]byte(w))
			r := rand.New(rand.NewPCG(h.Sum64(), 9))
			for range v {
				d = append(d, float32(r.NormFloat64()))
			}
			p.words[w] = d
		}
		for i := range v {
			v[i] += d[i]
		}
	}
	sum := 0.0
	for _, x := range v {
		sum += float64(x * x)
	}
	for i := range v {
		v[i] /= float32(math.Sqrt(sum))
	}
	return v
}

type noCache struct{}

func (noCache) Rows(context.Context, string, []embed.Hash) (map[embed.Hash]dense.Row, error) {
	return nil, nil
}
func (noCache) SaveRows(context.Context, string, map[embed.Hash]dense.Row) error { return nil }

// BenchmarkVectors searches 20,000 vectors in memory and by pgvector, all of them and with a filter that leaves one document in a hundred, and
// says how many of the ten closest are found.
func BenchmarkVectors(b *testing.B) {
	m := &pointed{map[string][]float32{}, map[string][]float32{}}
	address := postgrestest.Database(b)
	open := func(o knowledge.Options) *knowledge.Collection {
		o.Name, o.Root, o.DataDir = "bench", b.TempDir(), b.TempDir()
		c, err := knowledge.Open(b.Context(), o)
		if err != nil {
			b.Fatal(err)
		}
		b.Cleanup(func() { c.Close() })
		if _, err := c.Pull(b.Context(), made{20_000, 0}, extract.Options{}, time.Now, nil); err != nil {
			b.Fatal(err)
		}
		began := time.Now()
		if _, err := c.Embed(b.Context(), m, noCache{}, embed.Options{Now: time.Now}); err != nil {
			b.Fatal(err)
		}
		b.Logf("pgvector %v: vectors made, written and ready after %s", o.PGVector, time.Since(began).Round(time.Millisecond))
		return c
	}
	memory, pg := open(knowledge.Options{}), open(knowledge.Options{Database: address, PGVector: true})
	few := []string{"doc/*00"}
	query := func(i int) []float32 {
		return m.vector(fmt.Sprintf("w%d w%d w%d w%d", i%40, 20+i%90, 100+i%900, 50+i%70))
	}
	search := func(c *knowledge.Collection, i int, paths []string) (found []string) {
		res, err := c.Search(b.Context(), knowledge.Query{Who: acl.All(), Text: "xyzzy", Limit: 10, Paths: paths, Vector: query(i), Model: m.Model()})
		if err != nil {
			b.Fatal(err)
		}
		for _, p := range res.Passages {
			found = append(found, p.Path)
		}
		for _, l := range res.LeftOut { // for being far from the first
			found = append(found, l.Path)
		}
		return found[:min(10, len(found))]
	}
	for _, of := range []struct {
		name string
		c    *knowledge.Collection
	}{{"memory", memory}, {"pgvector", pg}} {
		for name, paths := range map[string][]string{"all": nil, "one in a hundred": few} {
			b.Run(of.name+"/"+name, func(b *testing.B) {
				for i := 0; b.Loop(); i++ {
					search(of.c, i, paths)
				}
				b.StopTimer()
				same, all := 0, 0
				for i := range 40 {
					found := search(of.c, i, paths)
					for _, path := range m.closest(query(i), func(path string) bool { return paths == nil || strings.HasSuffix(path, "00") }) {
						all++
						if slices.Contains(found, path) {
							same++
						}
					}
				}
				b.ReportMetric(100*float64(same)/float64(all), "%found")
			})
		}
	}
}
