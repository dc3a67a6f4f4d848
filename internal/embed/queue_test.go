package embed

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/dense"
)

// shelf is a target and a store in memory.
type shelf struct {
	texts   map[int64]string
	vectors map[string]map[int64]dense.Row
	rows    map[string]map[Hash]dense.Row
	active  string
	saves   int
	dieAt   int
}

func newShelf(texts ...string) *shelf {
	s := &shelf{texts: map[int64]string{}, vectors: map[string]map[int64]dense.Row{}, rows: map[string]map[Hash]dense.Row{}}
	for i, t := range texts {
		s.texts[int64(i+1)] = t
	}
	return s
}

var errDied = errors.New("killed")

func (s *shelf) Pending(_ context.Context, g string, limit int) (out []Passage, missing, all int, _ error) {
	for id := int64(1); id <= int64(len(s.texts)); id++ {
		if _, ok := s.vectors[g][id]; ok {
			continue
		}
		if missing++; len(out) < limit {
			out = append(out, Passage{ID: id, Text: s.texts[id]})
		}
	}
	return out, missing, len(s.texts), nil
}

func (s *shelf) Save(_ context.Context, g string, vs []dense.Vector) error {
	if s.saves++; s.saves == s.dieAt {
		return errDied
	}
	if s.vectors[g] == nil {
		s.vectors[g] = map[int64]dense.Row{}
	}
	for _, v := range vs {
		s.vectors[g][v.ID] = v.Row
	}
	return nil
}

func (s *shelf) Use(_ context.Context, g string) error {
	s.active = g
	for other := range s.vectors {
		if other != g {
			delete(s.vectors, other)
		}
	}
	return nil
}

func (s *shelf) Rows(_ context.Context, m string, hs []Hash) (map[Hash]dense.Row, error) {
	out := map[Hash]dense.Row{}
	for _, h := range hs {
		if row, ok := s.rows[m][h]; ok {
			out[h] = row
		}
	}
	return out, nil
}

func (s *shelf) SaveRows(_ context.Context, m string, rows map[Hash]dense.Row) error {
	if s.rows[m] == nil {
		s.rows[m] = map[Hash]dense.Row{}
	}
	for h, r := range rows {
		s.rows[m][h] = r
	}
	return nil
}

// down is an error that may pass.
type down struct{ after time.Duration }

func (d down) Error() string                 { return "it is down" }
func (d down) Retryable() bool               { return true }
func (d down) RetryAfterTime() time.Duration { return d.after }

// service answers with vectors of the lengths of texts, and as moods say.
type service struct {
	asked []int // texts of each request
	moods []func(texts []string) ([][]float32, error)
}

func (s *service) send(_ context.Context, _ Kind, texts []string) ([][]float32, error) {
	s.asked = append(s.asked, len(texts))
	if len(s.moods) > 0 {
		mood := s.moods[0]
		s.moods = s.moods[1:]
		if mood != nil {
			return mood(texts)
		}
	}
	var out [][]float32
	for _, t := range texts {
		if strings.Contains(t, "poison") {
			return nil, errors.New("I do not take that")
		}
		out = append(out, []float32{float32(len(t)), 1})
	}
	return out, nil
}

// clock is a time that passes when somebody waits.
type clock struct {
	now   time.Time
	waits []time.Duration
}

func (c *clock) options() Options {
	return Options{Now: func() time.Time { return c.now }, Wait: func(_ context.Context, d time.Duration) error {
		c.waits = append(c.waits, d)
		c.now = c.now.Add(d)
		return nil
	}}
}

func texts(n int) []string {
	var out []string
	for i := range n {
		out = append(out, fmt.Sprintf("text %d", i))
	}
	return out
}

func TestRun(t *testing.T) {
	s, svc, c := newShelf(append(texts(300), "text 7")...), &service{}, &clock{}
	e := NewRemote("m", 0, 100, svc.send)
	got, err := Run(t.Context(), s, e, s, c.options())
	if err != nil || got.Embedded != 301 && got.Embedded+got.Reused != 301 || s.active != "m" || len(s.vectors["m"]) != 301 {
		t.Fatalf("%+v %v, %d vectors", got, err, len(s.vectors["m"]))
	}
	if total := sum(svc.asked); total != 300 {
		t.Errorf("%d texts were sent", total)
	}
	// What is there already is not sent: nothing now, and a text that has moved to another collection.
	other := newShelf("text 5", "text 299", "new")
	other.rows = s.rows
	got, err = Run(t.Context(), other, e, other, c.options())
	if err != nil || got.Reused != 2 || got.Embedded != 1 {
		t.Errorf("%+v %v", got, err)
	}
}

// TestSentOnce: two collections want vectors of the same texts at the same time. Each text is sent once, and both have it.
func TestSentOnce(t *testing.T) {
	cache, err := OpenCache(t.Context(), t.TempDir(), time.Now)
	if err != nil {
		t.Fatal(err)
	}
	defer cache.Close()
	begun, goOn := make(chan struct{}), make(chan struct{})
	sent := 0
	first := NewRemote("m", 0, 10, func(_ context.Context, _ Kind, texts []string) (out [][]float32, _ error) {
		if sent == 0 {
			close(begun)
			<-goOn
		}
		sent += len(texts)
		for _, text := range texts {
			out = append(out, []float32{float32(len(text)), 1})
		}
		return out, nil
	})
	own := 0
	second := NewRemote("m", 0, 4, func(_ context.Context, _ Kind, texts []string) (out [][]float32, _ error) {
		if own == 0 {
			close(goOn) // what the first has asked for came after this
		}
		own += len(texts)
		for _, text := range texts {
			out = append(out, []float32{float32(len(text)), 1})
		}
		return out, nil
	})
	one, two := newShelf(texts(10)...), newShelf(append([]string{"its own"}, texts(10)...)...)
	var all sync.WaitGroup
	run := func(s *shelf, e Embedder, store Store) {
		if _, err := Run(t.Context(), s, e, store, Options{Now: time.Now}); err != nil {
			t.Error(err)
		}
	}
	all.Go(func() { run(one, first, cache) })
	<-begun // what it has asked for is not there yet
	all.Go(func() { run(two, second, cache) })
	all.Wait()
	if sent != 10 || own != 1 || len(one.vectors["m"]) != 10 || len(two.vectors["m"]) != 11 {
		t.Errorf("%d and %d texts were sent, for %d and %d vectors", sent, own, len(one.vectors["m"]), len(two.vectors["m"]))
	}
}

func sum(list []int) (n int) {
	for _, x := range list {
		n += x
	}
	return n
}

// TestGenerations: another model is gathered beside the one in use, which stays until the other is complete, however often it dies.
func TestGenerations(t *testing.T) {
	s, svc, c := newShelf(texts(500)...), &service{}, &clock{}
	if _, err := Run(t.Context(), s, NewRemote("old", 0, 50, svc.send), s, c.options()); err != nil {
		t.Fatal(err)
	}
	runs := 0
	for s.active == "old" {
		s.saves, s.dieAt = 0, 3
		_, err := Run(t.Context(), s, NewRemote("new", 0, 50, svc.send), s, c.options())
		if err != nil && !errors.Is(err, errDied) {
			t.Fatal(err)
		}
		if err != nil && (s.active != "old" || len(s.vectors["old"]) != 500) {
			t.Fatalf("%s is in use, with %d old vectors", s.active, len(s.vectors["old"]))
		}
		if runs++; runs > 50 {
			t.Fatal("it never ends")
		}
	}
	if s.active != "new" || len(s.vectors["new"]) != 500 || s.vectors["old"] != nil {
		t.Errorf("%s, %d", s.active, len(s.vectors["new"]))
	}
	if n := sum(svc.asked); n != 1000 {
		t.Errorf("%d texts were sent, some twice", n)
	}
}

func TestTrouble(t *testing.T) {
	nan := func([]string) ([][]float32, error) { return [][]float32{{float32(math.NaN()), 1}}, nil }
	few := func([]string) ([][]float32, error) { return nil, nil }
	long := func(ts []string) ([][]float32, error) { return make([][]float32, len(ts)+1), nil }
	zero := func(ts []string) ([][]float32, error) { return [][]float32{{0, 0}}, nil }
	for name, mood := range map[string]func([]string) ([][]float32, error){"NaN": nan, "none": few, "too many": long, "zero": zero} {
		s, svc, c := newShelf("a"), &service{moods: []func([]string) ([][]float32, error){mood}}, &clock{}
		got, err := Run(t.Context(), s, NewRemote("m", 2, 10, svc.send), s, c.options())
		if err == nil || got.Failed != 1 || s.active != "" || !strings.Contains(err.Error(), ErrAnswer.Error()) {
			t.Errorf("%s: %+v %v", name, got, err)
		}
	}
	// One text that the model does not take costs its own vector alone.
	s, svc, c := newShelf(append(texts(20), "poison", "more")...), &service{}, &clock{}
	got, err := Run(t.Context(), s, NewRemote("m", 2, 16, svc.send), s, c.options())
	if err != nil || got.Failed != 1 || got.Embedded != 21 || got.Why != "I do not take that" || s.active != "m/2" {
		t.Errorf("%+v %v", got, err)
	}
	// Down for a while, and limited.
	fail := func(d time.Duration) func([]string) ([][]float32, error) {
		return func([]string) ([][]float32, error) { return nil, down{d} }
	}
	s, svc, c = newShelf("a"), &service{moods: []func([]string) ([][]float32, error){fail(0), fail(7 * time.Second), nil}}, &clock{}
	if _, err := Run(t.Context(), s, NewRemote("m", 2, 16, svc.send), s, c.options()); err != nil || len(c.waits) != 2 || c.waits[1] != 7*time.Second {
		t.Errorf("%v, waited %v", err, c.waits)
	}
	// Down for good: the run ends, and nothing is given up.
	s, svc, c = newShelf("a", "b"), &service{moods: slices.Repeat([]func([]string) ([][]float32, error){fail(0)}, 100)}, &clock{}
	if got, err := Run(t.Context(), s, NewRemote("m", 2, 16, svc.send), s, c.options()); err == nil || got.Failed != 0 || len(svc.asked) != tries {
		t.Errorf("%+v %v, asked %d times", got, err, len(svc.asked))
	}
}

func TestPace(t *testing.T) {
	s, svc, c := newShelf(texts(100)...), &service{}, &clock{}
	o := c.options()
	o.PerMinute = 40
	if _, err := Run(t.Context(), s, NewRemote("m", 2, 20, svc.send), s, o); err != nil {
		t.Fatal(err)
	}
	if !slices.Equal(c.waits, []time.Duration{time.Minute, time.Minute}) {
		t.Errorf("waited %v", c.waits)
	}
}
