package enginetest_test

import (
	"cmp"
	"context"
	"database/sql"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/embed"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/dense"
	"github.com/dragoman/dragoman/internal/knowledge/enginetest"
	"github.com/dragoman/dragoman/internal/knowledge/extract"
	"github.com/dragoman/dragoman/internal/knowledge/index"
	"github.com/dragoman/dragoman/internal/knowledge/weaviate/weaviatetest"
)

// spaces is an engine in memory, which compares all. It shows what belongs to no server: what engines are told, and when.
type spaces struct {
	mu     sync.Mutex
	of     map[string]map[int64]index.Entry
	lost   map[int64]bool          // chunks that are counted, and found with a filter only
	before func(name string) error // asked before each call; may be nil
}

func (s *spaces) enter(name, space string) (map[int64]index.Entry, func(), error) {
	s.mu.Lock()
	if s.before != nil {
		if err := s.before(name); err != nil {
			return nil, s.mu.Unlock, err
		}
	}
	if s.of == nil {
		s.of = map[string]map[int64]index.Entry{}
	}
	if name == "make" && s.of[space] == nil {
		s.of[space] = map[int64]index.Entry{}
	}
	if s.of[space] == nil && name != "drop" {
		return nil, s.mu.Unlock, errors.Join(index.ErrEngine, index.ErrNoSpace)
	}
	return s.of[space], s.mu.Unlock, nil
}

func (s *spaces) Make(_ context.Context, space string) error {
	_, leave, err := s.enter("make", space)
	defer leave()
	return err
}

func (s *spaces) Drop(_ context.Context, space string) error {
	_, leave, err := s.enter("drop", space)
	defer leave()
	if err == nil {
		delete(s.of, space)
	}
	return err
}

func (s *spaces) Put(_ context.Context, space string, entries []index.Entry) error {
	of, leave, err := s.enter("put", space)
	defer leave()
	for i, e := range entries {
		if err != nil && i >= len(entries)/2 { // what fails may have done a part
			break
		}
		if of != nil {
			of[e.Chunk] = e
		}
	}
	return err
}

func (s *spaces) Remove(_ context.Context, space string, documents []int64) error {
	of, leave, err := s.enter("remove", space)
	defer leave()
	for chunk, e := range of {
		if slices.Contains(documents, e.Document) {
			delete(of, chunk)
		}
	}
	return err
}

func (s *spaces) RemoveChunks(_ context.Context, space string, chunks []int64) error {
	of, leave, err := s.enter("remove chunks", space)
	defer leave()
	for _, c := range chunks {
		delete(of, c)
		delete(s.lost, c)
	}
	return err
}

func (s *spaces) Count(_ context.Context, space string) (int, error) {
	of, leave, err := s.enter("count", space)
	defer leave()
	return len(of), err
}

func (s *spaces) Chunks(_ context.Context, space string, after int64, limit int) (list []int64, err error) {
	of, leave, err := s.enter("chunks", space)
	defer leave()
	for c := range of {
		if c > after {
			list = append(list, c)
		}
	}
	slices.Sort(list)
	return list[:min(limit, len(list))], err
}

func (s *spaces) Search(_ context.Context, space string, query []float32, k int, sel index.Selection) (found []dense.Vector, err error) {
	of, leave, err := s.enter("search", space)
	defer leave()
	for c, e := range of {
		has := func(some []string) bool {
			return slices.ContainsFunc(some, func(f string) bool { return slices.Contains(e.Facets, f) })
		}
		if s.lost[c] && sel.ACLs == nil && len(sel.Any)+len(sel.None) == 0 && sel.Documents == nil && sel.Chunks == nil {
			continue
		}
		if sel.ACLs != nil && !slices.Contains(sel.ACLs, e.ACL) || sel.Documents != nil && !slices.Contains(sel.Documents, e.Document) || sel.Chunks != nil && !slices.Contains(sel.Chunks, c) || has(sel.None) ||
			slices.ContainsFunc(sel.Any, func(some []string) bool { return !has(some) }) {
			continue
		}
		found = append(found, dense.Vector{ID: c, Row: e.Row})
	}
	slices.SortFunc(found, func(a, b dense.Vector) int {
		return cmp.Or(cmp.Compare(b.Row.Score(query), a.Row.Score(query)), cmp.Compare(a.ID, b.ID))
	})
	return found[:min(k, len(found))], err
}

func (s *spaces) Rows(_ context.Context, space string, chunks []int64) (found []dense.Vector, err error) {
	of, leave, err := s.enter("rows", space)
	defer leave()
	for _, c := range chunks {
		if e, ok := of[c]; ok {
			found = append(found, dense.Vector{ID: c, Row: e.Row})
		}
	}
	return found, err
}

func atSpaces(t *testing.T) func(*knowledge.Options) {
	s, at := &spaces{}, enginetest.Files(t)
	return func(o *knowledge.Options) { at(o); o.Engine = s }
}

func TestEngine(t *testing.T) { enginetest.Run(t, atSpaces) }

func TestEngineFilters(t *testing.T) { enginetest.FiltersKeepK(t, atSpaces, 5000) }

// pair is a collection with an engine beside one in a file, with the same documents.
type pair struct {
	t           *testing.T
	here, there *knowledge.Collection
	model       *pointed
}

// newPair makes a pair. words are the directions that its model has given to words; making these is what takes time.
func newPair(t *testing.T, e index.Engine, words map[string][]float32) *pair {
	p := &pair{t: t, model: &pointed{words, map[string][]float32{}}}
	for c, engine := range map[**knowledge.Collection]index.Engine{&p.here: nil, &p.there: e} {
		dir := t.TempDir()
		opened, err := knowledge.Open(t.Context(), knowledge.Options{Name: "pair", Root: dir, DataDir: dir, Engine: engine})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { opened.Close() })
		*c = opened
	}
	return p
}

// both does something to both collections.
func (p *pair) both(do func(c *knowledge.Collection) error) {
	p.t.Helper()
	for _, c := range []*knowledge.Collection{p.here, p.there} {
		if err := do(c); err != nil {
			p.t.Fatal(err)
		}
	}
}

func (p *pair) embed(c *knowledge.Collection) error {
	_, err := c.Embed(p.t.Context(), p.model, noCache{}, embed.Options{Now: time.Now})
	return err
}

// search returns the paths that a question finds by its vector alone, and the notes.
func (p *pair) search(c *knowledge.Collection, words string) (found, notes []string) {
	p.t.Helper()
	res, err := c.Search(p.t.Context(), knowledge.Query{Who: acl.All(), Text: "xyzzy", Limit: 10, Vector: p.model.vector(words), Model: p.model.Model()})
	if err != nil {
		p.t.Fatal(err)
	}
	for _, passage := range res.Passages {
		found = append(found, fmt.Sprintf("%s %.9f", passage.Path, passage.Score))
	}
	for _, l := range res.LeftOut {
		found = append(found, fmt.Sprintf("%s %.9f", l.Path, l.Score))
	}
	return found, res.Notes
}

// same says whether both find the same.
func (p *pair) same(what string) {
	p.t.Helper()
	for i := range 10 {
		words := fmt.Sprintf("w%d w%d w%d", i%40, 20+i%90, 100+i%900)
		want, _ := p.search(p.here, words)
		got, notes := p.search(p.there, words)
		if !slices.Equal(got, want) || len(notes) > 0 {
			p.t.Fatalf("%s: found %.300v %q\nin place of %.300v", what, fmt.Sprint(got), notes, fmt.Sprint(want))
		}
	}
}

// finds says whether the engine finds all ten that are closest to a question, of the documents that there are.
func (p *pair) finds() {
	p.t.Helper()
	there := map[string]bool{}
	docs, _, err := p.here.List(p.t.Context(), knowledge.Listing{Who: acl.All(), Limit: 1 << 20})
	if err != nil {
		p.t.Fatal(err)
	}
	for _, d := range docs {
		there[d.Path] = true
	}
	for i := range 40 {
		words := fmt.Sprintf("w%d w%d w%d", i%40, 20+i%90, 100+i%900)
		found, notes := p.search(p.there, words)
		for _, path := range p.model.closest(p.model.vector(words), func(path string) bool { return there[path] }) {
			if len(notes) > 0 || !slices.ContainsFunc(found, func(f string) bool { return strings.HasPrefix(f, path+" ") }) {
				p.t.Errorf("%s: %s is not among %d that were found %q", words, path, len(found), notes)
			}
		}
	}
}

func pullMade(t *testing.T, m made) func(c *knowledge.Collection) error {
	return func(c *knowledge.Collection) error {
		_, err := c.Pull(t.Context(), m, extract.Options{}, time.Now, nil)
		return err
	}
}

func drop(t *testing.T, ids ...string) func(c *knowledge.Collection) error {
	return func(c *knowledge.Collection) error {
		for _, id := range ids {
			if _, err := c.Delete(t.Context(), id, time.Now); err != nil {
				return err
			}
		}
		return nil
	}
}

// TestEngineFails: an engine that fails at any one call, having done a part of it, gets all in the end, and has nothing that it should not.
func TestEngineFails(t *testing.T) {
	fail := errors.Join(index.ErrEngine, errors.New("the engine broke"))
	words := map[string][]float32{}
	for at := 1; ; at++ {
		s := &spaces{}
		p := newPair(t, s, words)
		calls, failed := 0, 0
		s.before = func(name string) error {
			if name == "search" || name == "rows" { // these change nothing
				return nil
			}
			if calls++; calls == at {
				return fail
			}
			return nil
		}
		embedAll := func() {
			t.Helper()
			if err := p.embed(p.here); err != nil {
				t.Fatal(err)
			}
			if err := p.embed(p.there); errors.Is(err, fail) {
				failed++
				err = p.embed(p.there)
				if err != nil {
					t.Fatal(err)
				}
			} else if err != nil {
				t.Fatal(err)
			}
		}
		p.both(pullMade(t, made{40, 0}))
		embedAll()
		p.both(drop(t, "3", "5", "7"))
		p.both(pullMade(t, made{20, 200}))
		embedAll()
		p.same(fmt.Sprint("failed at call ", at))
		want, _, err := p.here.Visible(t.Context(), acl.All())
		if err != nil {
			t.Fatal(err)
		}
		for space, of := range s.of {
			if len(s.of) != 1 || len(of) != want {
				t.Fatalf("call %d: %d spaces, in %s %d of %d", at, len(s.of), space, len(of), want)
			}
		}
		if state, err := p.there.VectorState(t.Context(), ""); err != nil || state.Unsettled != 0 {
			t.Fatalf("%+v %v", state, err)
		}
		if failed == 0 {
			if at <= calls {
				t.Fatalf("call %d of %d failed and nobody noticed", at, calls)
			}
			return
		}
	}
}

// TestEngineLoses: while an engine is away a search finds by words and says why; what it has lost, or has too much of, is put right.
func TestEngineLoses(t *testing.T) {
	away := false
	s := &spaces{before: func(string) error {
		if away {
			return errors.Join(index.ErrEngine, errors.New("away"))
		}
		return nil
	}}
	p := newPair(t, s, map[string][]float32{})
	p.both(pullMade(t, made{100, 0}))
	p.both(p.embed)
	p.same("at first")

	away = true
	found, notes := p.search(p.there, "w1 w2")
	if len(notes) != 1 || len(found) != 0 {
		t.Errorf("of an engine that is away: %v %q", found, notes)
	}
	p.both(drop(t, "1", "2"))
	if err := p.embed(p.there); err == nil {
		t.Error("an engine that is away was told something")
	}
	if state, err := p.there.VectorState(t.Context(), ""); err != nil || state.Unsettled != 2 {
		t.Errorf("%+v %v", state, err)
	}
	away = false
	p.same("with what is gone still at the engine")
	p.both(p.embed)
	p.same("when it is back")

	for _, of := range s.of { // a backup of it came in place
		delete(of, 20)
		of[9999] = index.Entry{Chunk: 9999, Document: 77, Row: of[30].Row}
		of[2] = index.Entry{Chunk: 2, Document: 1, Row: of[30].Row}
	}
	p.both(p.embed)
	p.same("after a backup")

	s.of = nil
	if found, notes := p.search(p.there, "w1 w2"); len(notes) != 1 || len(found) != 0 {
		t.Errorf("of an engine that has lost all: %v %q", found, notes)
	}
	if state, err := p.there.VectorState(t.Context(), ""); err != nil || state.Unsettled != 100 {
		t.Errorf("%+v %v", state, err)
	}
	p.both(p.embed)
	p.same("when it has got all again")

	p.both(func(c *knowledge.Collection) error { return c.Clear(t.Context()) })
	p.both(pullMade(t, made{10, 500}))
	p.both(p.embed)
	p.same("after it was cleared")
	if len(s.of) != 1 {
		t.Errorf("%d spaces are left", len(s.of))
	}
}

// TestEngineObsolete: of an index file that another version made, which is thrown away, the engine lets go what it had.
func TestEngineObsolete(t *testing.T) {
	s, dir, m := &spaces{}, t.TempDir(), &pointed{map[string][]float32{}, map[string][]float32{}}
	open := func() *knowledge.Collection {
		c, err := knowledge.Open(t.Context(), knowledge.Options{Name: "old", Root: dir, DataDir: dir, Engine: s})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { c.Close() })
		if err := pullMade(t, made{20, 0})(c); err != nil {
			t.Fatal(err)
		}
		if _, err := c.Embed(t.Context(), m, noCache{}, embed.Options{Now: time.Now}); err != nil {
			t.Fatal(err)
		}
		return c
	}
	c := open()
	before := maps.Clone(s.of)
	if err := c.Close(); err != nil {
		t.Fatal(err)
	}
	db, err := sql.Open("sqlite", c.IndexPath())
	if err != nil {
		t.Fatal(err)
	}
	if _, err := db.Exec("PRAGMA user_version = 7"); err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	open()
	for name, of := range s.of {
		if len(s.of) != 1 || len(of) != 20 || before[name] != nil {
			t.Errorf("the engine has %d spaces, in %s %d of 20", len(s.of), name, len(of))
		}
	}
}

// TestEngineForgets: an engine that counts what its graph has lost is given it again with the next change.
func TestEngineForgets(t *testing.T) {
	s := &spaces{lost: map[int64]bool{}}
	p := newPair(t, s, map[string][]float32{})
	p.both(pullMade(t, made{100, 0}))
	p.both(p.embed)
	for _, of := range s.of {
		for chunk := range of {
			s.lost[chunk] = chunk > 80
		}
	}
	p.both(pullMade(t, made{5, 200}))
	p.both(p.embed)
	p.same("afterwards")
	for chunk, lost := range s.lost {
		if lost {
			t.Errorf("%d is still lost", chunk)
		}
	}
}

// TestWeaviateKilled: a server that is killed while it is told of vectors, of what is gone, or while it is counted, has all of them once in
// the end; while it is down words are searched for.
func TestWeaviateKilled(t *testing.T) {
	server, words := weaviatetest.Start(t), map[string][]float32{}
	for at, call := range map[string]string{"put": "put", "remove": "remove", "count": "count"} {
		t.Run(at, func(t *testing.T) {
			e := &killed{Engine: atWeaviate(t, server), call: call, down: server.Down}
			p := newPair(t, e, words)
			p.both(pullMade(t, made{1200, 0}))
			if call != "put" {
				p.both(p.embed)
				p.both(drop(t, "3", "5", "7"))
			} else if err := p.embed(p.here); err != nil {
				t.Fatal(err)
			}
			e.armed = true
			if err := p.embed(p.there); !errors.Is(err, index.ErrEngine) {
				t.Fatalf("the server was killed, and embedding returned %v", err)
			}
			if call != "put" {
				if _, notes := p.search(p.there, "w1 w2"); len(notes) != 1 {
					t.Errorf("while it is down: %q", notes)
				}
			}
			if err := server.Up(); err != nil {
				t.Fatal(err)
			}
			e.Engine = atWeaviate(t, server) // the one before rests
			p.both(p.embed)
			p.finds()
			p.both(pullMade(t, made{20, 2000})) // it is told something: now what its graph has lost is seen
			p.both(p.embed)
			p.finds()
			e.finds(t)
			want, _, err := p.here.Visible(t.Context(), acl.All())
			if err != nil {
				t.Fatal(err)
			}
			if n, err := e.Count(t.Context(), e.space); err != nil || n != want {
				t.Errorf("it has %d of %d, %v", n, want, err)
			}
		})
	}
}

// killed kills the server before the second call of a kind, once.
type killed struct {
	index.Engine
	call  string
	space string
	armed bool
	seen  int
	down  func()
}

func (k *killed) at(call, space string) {
	k.space = space
	if k.armed && call == k.call {
		if k.seen++; k.seen == 2 || call != "put" {
			k.armed = false
			k.down()
		}
	}
}

// finds looks for the last vectors in the engine's graph, by themselves. A graph may miss a few; one that has lost its end misses dozens.
func (k *killed) finds(t *testing.T) {
	t.Helper()
	chunks, err := k.Chunks(t.Context(), k.space, -1, 10_000)
	if err != nil {
		t.Fatal(err)
	}
	rows, err := k.Rows(t.Context(), k.space, chunks[len(chunks)-120:])
	if err != nil {
		t.Fatal(err)
	}
	missed := 0
	for _, v := range rows {
		found, err := k.Engine.Search(t.Context(), k.space, v.Row.Floats(), 10, index.Selection{})
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(found, func(f dense.Vector) bool { return f.ID == v.ID }) {
			missed++
		}
	}
	if missed > 6 {
		t.Errorf("of the last %d vectors the graph misses %d", len(rows), missed)
	}
}

func (k *killed) Put(ctx context.Context, space string, entries []index.Entry) error {
	k.at("put", space)
	return k.Engine.Put(ctx, space, entries)
}

func (k *killed) Remove(ctx context.Context, space string, documents []int64) error {
	k.at("remove", space)
	return k.Engine.Remove(ctx, space, documents)
}

func (k *killed) Count(ctx context.Context, space string) (int, error) {
	k.at("count", space)
	return k.Engine.Count(ctx, space)
}
