package enginetest_test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/connector"
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
