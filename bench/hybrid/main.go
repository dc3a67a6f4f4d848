// Command hybrid measures searching by words and by meaning in a collection of made text: words by Zipf's law, passages about topics, and
// vectors that lie around their topics. No weights are needed, and the time that a question's vector takes is not in the figures.
//
//	go run ./bench/hybrid -chunks 100000
//	go run ./bench/hybrid -chunks 100000 -postgres postgres://postgres@127.0.0.1:5432/bench -pid 4711 -keep /tmp/made
//	go run ./bench/hybrid -keep /tmp/made -postgres postgres://postgres@127.0.0.1:5432/bench -pid 4711    # searches alone
package main

import (
	"context"
	"encoding/json"
	"errors"
	"flag"
	"fmt"
	"log"
	"math/rand/v2"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"runtime/pprof"
	"slices"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/embed"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/extract"
	"github.com/dragoman/dragoman/internal/knowledge/weaviate"
)

const (
	dims        = 384
	words       = 50_000 // in the vocabulary
	perDocument = 10     // passages
	perTopic    = 100    // passages

	functionWords = 100 // of the vocabulary, as English has some
)

// bench is what is measured, and where.
type bench struct {
	*maker
	queries  int
	profile  string
	weaviate string // a server's address; empty: vectors are not searched there
	postgres string // a database's address; empty: the index is in a file
	server   server
}

func main() {
	log.SetFlags(0)
	chunks := flag.Int("chunks", 100_000, "passages")
	perPassage := flag.Int("words", 90, "words of a passage")
	var b bench
	flag.IntVar(&b.queries, "queries", 1000, "questions of each kind")
	flag.StringVar(&b.profile, "profile", "", "write a CPU profile of the searches with vectors to this file")
	flag.StringVar(&b.weaviate, "weaviate", "", "search vectors at this Weaviate server, whose key is in WEAVIATE_API_KEY")
	flag.StringVar(&b.postgres, "postgres", "", "keep the index in this PostgreSQL database, and search vectors there by pgvector, as store.index and store.vectors: pgvector do")
	flag.IntVar(&b.server.pid, "pid", 0, "the server's process, to tell of its memory and processor time")
	keep := flag.String("keep", "", "keep what is built in this folder; where as many passages are there already, only search")
	cold := flag.String("cold", "", "only open the collection in this folder, and ask one question")
	flag.Parse()
	if err := b.run(context.Background(), *chunks, *perPassage, *keep, *cold); err != nil {
		log.Fatal(err)
	}
}

func (b *bench) run(ctx context.Context, chunks, perPassage int, dir, cold string) error {
	if cold != "" {
		b.maker = newMaker(chunks, perPassage)
		return b.cold(ctx, cold)
	}
	if dir == "" {
		temporary, err := os.MkdirTemp("", "dragoman-hybrid-*")
		if err != nil {
			return err
		}
		defer os.RemoveAll(temporary)
		dir = temporary
	}
	dir, err := filepath.Abs(dir) // the index's name depends on it
	if err != nil {
		return err
	}
	made, err := readBuilt(dir)
	if errors.Is(err, os.ErrNotExist) || err == nil && made.Chunks < chunks {
		b.maker = newMaker(chunks, perPassage)
		made, err = b.build(ctx, dir)
	}
	if err != nil {
		return err
	}
	b.maker = newMaker(made.Chunks, made.Words)
	starts := 3
	if b.postgres != "" || b.weaviate != "" {
		starts = 1
	}
	for range starts {
		if err := b.start(ctx, dir, made); err != nil {
			return err
		}
	}
	c, err := b.open(ctx, dir)
	if err != nil {
		return err
	}
	defer c.Close()
	if err := b.search(ctx, c); err != nil {
		return err
	}
	if err := b.recall(ctx, c, made.Closest); err != nil {
		return err
	}
	if b.server.pid != 0 {
		fmt.Printf("server: %d MB of memory, %d MB of it not of files, after the searches\n", b.server.memory()>>20, b.server.anonymous()>>20)
	}
	fmt.Printf("load: %s\n", load())
	return nil
}

// search asks questions of each kind.
func (b *bench) search(ctx context.Context, c *knowledge.Collection) error {
	for _, kind := range []struct {
		name string
		ask  func(r *rand.Rand) knowledge.Query
	}{
		{"words", func(r *rand.Rand) knowledge.Query {
			return knowledge.Query{Who: acl.All(), Text: b.question(r, r.IntN(b.topics))}
		}},
		{"words and vectors", func(r *rand.Rand) knowledge.Query { return b.ask(r, acl.All(), "") }},
		{"the same, one in a hundred documents passes a filter", func(r *rand.Rand) knowledge.Query { return b.ask(r, acl.All(), fmt.Sprintf("part%02d", r.IntN(100))) }},
		{"the same, asked by somebody who may see one in ten", func(r *rand.Rand) knowledge.Query { return b.ask(r, acl.Of("ann"), "") }},
	} {
		if b.profile != "" && kind.name == "words and vectors" {
			f, err := os.Create(b.profile)
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
		var atServer time.Duration
		for i := range b.queries + b.queries/10 {
			q := kind.ask(r)
			q.Limit = 10
			if i == b.queries/10 { // the first ones fill caches
				took, used, atServer = nil, nil, b.server.cpu()
			}
			began, before := time.Now(), cpu()
			res, err := c.Search(ctx, q)
			if err != nil {
				return err
			}
			if len(res.Passages) == 0 {
				return fmt.Errorf("nothing was found for %q", q.Text)
			}
			if len(res.Notes) > 0 {
				return errors.New(strings.Join(res.Notes, "; "))
			}
			took, used = append(took, time.Since(began)), append(used, cpu()-before)
		}
		pprof.StopCPUProfile()
		at := ""
		if b.server.pid != 0 {
			at = fmt.Sprintf("; at the server %.1f ms on average", ms((b.server.cpu()-atServer)/time.Duration(len(took))))
		}
		fmt.Printf("search, %s: p50 %.1f ms, p99 %.1f ms; of processor time %.1f and %.1f ms%s\n", kind.name, ms(part(took, 50)), ms(part(took, 99)), ms(part(used, 50)), ms(part(used, 99)), at)
	}
	return nil
}

// part is the duration below which a percentage of them lies.
func part(all []time.Duration, percent int) time.Duration {
	all = slices.Sorted(slices.Values(all))
	return all[len(all)*percent/100]
}

func ms(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }

func (b *bench) open(ctx context.Context, dir string) (*knowledge.Collection, error) {
	o := knowledge.Options{Name: "made", Root: filepath.Join(dir, "made"), DataDir: dir, Database: b.postgres, PGVector: b.postgres != "" && b.weaviate == ""}
	if e := b.engine(); e != nil {
		o.Engine = e
	}
	return knowledge.Open(ctx, o)
}

func (b *bench) engine() *weaviate.Engine {
	if b.weaviate == "" {
		return nil
	}
	return weaviate.New(weaviate.Options{URL: b.weaviate, Key: os.Getenv("WEAVIATE_API_KEY"), Client: http.DefaultClient, Now: time.Now, Within: time.Minute})
}

// built is what is known of a folder in which something was built.
type built struct {
	Chunks, Words int // passages, and words of each
	Closest       [][]int64
}

const builtFile = "built.json"

func readBuilt(dir string) (*built, error) {
	data, err := os.ReadFile(filepath.Join(dir, builtFile))
	if err != nil {
		return nil, err
	}
	var m built
	return &m, json.Unmarshal(data, &m)
}

// build indexes the text and gives it vectors, by a run that is timed. What was broken off is gone on with.
func (b *bench) build(ctx context.Context, dir string) (*built, error) {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return nil, err
	}
	c, err := b.open(ctx, dir)
	if err != nil {
		return nil, err
	}
	defer c.Close()
	began, before, atServer := time.Now(), cpu(), b.server.cpu()
	report, err := c.Pull(ctx, b.maker, extract.Options{}, time.Now, nil)
	if err != nil {
		return nil, err
	}
	stats, err := c.Stats(ctx)
	if err != nil {
		return nil, err
	}
	fmt.Printf("%d passages of %d documents, %.0f MB of text; made and indexed in %.1f s, %.1f s of processor time, %.1f s at the server\n",
		stats.Chunks, stats.Documents, float64(report.Bytes)/1e6, time.Since(began).Seconds(), (cpu() - before).Seconds(), (b.server.cpu() - atServer).Seconds())
	began, before, atServer = time.Now(), cpu(), b.server.cpu()
	if _, err := c.Embed(ctx, b.maker, forgetful{}, embed.Options{Now: time.Now}); err != nil {
		return nil, err
	}
	size, err := c.Size(ctx)
	if err != nil {
		return nil, err
	}
	fmt.Printf("vectors made up, saved and searchable in %.1f s, %.1f s of processor time, %.1f s at the server (load: %s); the index takes %d MB\n",
		time.Since(began).Seconds(), (cpu() - before).Seconds(), (b.server.cpu() - atServer).Seconds(), load(), size.Bytes>>20)
	if b.server.pid != 0 {
		fmt.Printf("server: %d MB of memory, %d MB of it not of files, after that\n", b.server.memory()>>20, b.server.anonymous()>>20)
	}
	m := &built{Chunks: b.documents * perDocument, Words: b.words}
	if m.Closest, err = b.closest(ctx, c); err != nil {
		return nil, err
	}
	data, err := json.Marshal(m)
	if err != nil {
		return nil, err
	}
	return m, os.WriteFile(filepath.Join(dir, builtFile), data, 0o600)
}

// started is what a fresh process measures.
type started struct {
	Words, Hybrid, CPU time.Duration
	Heap               uint64
}

// start lets a fresh process open the collection, and prints what it measured.
func (b *bench) start(ctx context.Context, dir string, made *built) error {
	self, err := os.Executable()
	if err != nil {
		return err
	}
	cmd := exec.CommandContext(ctx, self, "-chunks", fmt.Sprint(made.Chunks), "-words", fmt.Sprint(made.Words), "-weaviate", b.weaviate, "-postgres", b.postgres, "-cold", dir)
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
	return nil
}

func (b *bench) cold(ctx context.Context, dir string) error {
	began := time.Now()
	c, err := b.open(ctx, dir)
	if err != nil {
		return err
	}
	defer c.Close()
	r := rand.New(rand.NewPCG(1, 1))
	q := b.ask(r, acl.All(), "")
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
