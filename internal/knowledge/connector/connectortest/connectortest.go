// Package connectortest is what every connector is held to: the suite that each of them runs whole, over a source that the test
// can change.
package connectortest

import (
	"context"
	"errors"
	"maps"
	"slices"
	"testing"

	"github.com/dragoman/dragoman/internal/knowledge/connector"
)

// Source is a source of documents that the suite changes. Its documents have names that the suite chooses.
type Source interface {
	// Connector returns the connector over the source as it is.
	Connector(t *testing.T) connector.Connector
	// Write makes a document, or changes what it says.
	Write(t *testing.T, name, text string)
	// Remove takes a document away.
	Remove(t *testing.T, name string)
	// ID is the document's ID at the connector.
	ID(name string) string
}

// Store is a sink that remembers, as a collection does: what a run brings is there at once, its cursor after a checkpoint.
type Store struct {
	Documents map[string]connector.Document
	Cursor    string

	Puts, Deletes []string // of the run under way
	Skipped       map[string]string
	seen          map[string]bool
	calls, dieAt  int
}

// errDied is how a run ends that the suite kills.
var errDied = errors.New("killed")

// NewStore makes an empty one.
func NewStore() *Store { return &Store{Documents: map[string]connector.Document{}} }

// Sync runs a connector to its end.
func (s *Store) Sync(ctx context.Context, c connector.Connector) error {
	s.Puts, s.Deletes, s.Skipped, s.seen, s.calls = nil, nil, map[string]string{}, map[string]bool{}, 0
	out, err := c.Sync(ctx, s.Cursor, s)
	if err != nil {
		return err
	}
	if out.Complete {
		for id := range s.Documents {
			if !s.seen[id] {
				delete(s.Documents, id)
				s.Deletes = append(s.Deletes, id)
			}
		}
	}
	s.Cursor = out.Cursor
	return nil
}

func (s *Store) call() error {
	if s.calls++; s.dieAt > 0 && s.calls >= s.dieAt {
		return errDied
	}
	return nil
}

// Known implements connector.Sink.
func (s *Store) Known(id string) (string, bool) {
	d, ok := s.Documents[id]
	return d.Version, ok
}

// Put implements connector.Sink.
func (s *Store) Put(_ context.Context, d connector.Document) error {
	if err := s.call(); err != nil {
		return err
	}
	s.seen[d.ID] = true
	s.Documents[d.ID] = d
	s.Puts = append(s.Puts, d.ID)
	return nil
}

// Keep implements connector.Sink.
func (s *Store) Keep(id string) { s.seen[id] = true }

// Delete implements connector.Sink.
func (s *Store) Delete(_ context.Context, id string) error {
	if err := s.call(); err != nil {
		return err
	}
	if _, ok := s.Documents[id]; ok {
		s.Deletes = append(s.Deletes, id)
	}
	delete(s.Documents, id)
	return nil
}

// Skip implements connector.Sink.
func (s *Store) Skip(id, reason string) {
	s.Skipped[id] = reason
	s.seen[id] = true // it may be there: see connector.Sink
}

// Progress implements connector.Sink.
func (s *Store) Progress(int, int) {}

// Checkpoint implements connector.Sink.
func (s *Store) Checkpoint(_ context.Context, cursor string) error {
	if err := s.call(); err != nil {
		return err
	}
	s.Cursor = cursor
	return nil
}

// IDs are those of the documents that are there, sorted.
func (s *Store) IDs() []string { return slices.Sorted(maps.Keys(s.Documents)) }

// Run holds a connector to what Sync promises.
func Run(t *testing.T, open func(t *testing.T) Source) {
	three := func(t *testing.T) (Source, *Store) {
		src, store := open(t), NewStore()
		for _, name := range []string{"alpha", "beta", "gamma"} {
			src.Write(t, name, "This is "+name+".")
		}
		return src, store
	}
	sync := func(t *testing.T, src Source, s *Store) {
		t.Helper()
		if err := s.Sync(t.Context(), src.Connector(t)); err != nil {
			t.Fatal(err)
		}
	}
	t.Run("all is found", func(t *testing.T) {
		src, s := three(t)
		sync(t, src, s)
		for _, name := range []string{"alpha", "beta", "gamma"} {
			d, ok := s.Documents[src.ID(name)]
			if !ok {
				t.Fatalf("%s is missing; there are %v, skipped %v", name, s.IDs(), s.Skipped)
			}
			if d.Path == "" || d.Text == "" && len(d.Body) == 0 {
				t.Errorf("%+v", d)
			}
		}
	})
	t.Run("what has not changed is not put again", func(t *testing.T) {
		src, s := three(t)
		sync(t, src, s)
		sync(t, src, s)
		if len(s.Puts)+len(s.Deletes) > 0 {
			t.Errorf("put %v, deleted %v", s.Puts, s.Deletes)
		}
	})
	t.Run("a change is put, and alone", func(t *testing.T) {
		src, s := three(t)
		sync(t, src, s)
		src.Write(t, "beta", "This is another beta.")
		sync(t, src, s)
		if !slices.Equal(s.Puts, []string{src.ID("beta")}) || len(s.Deletes) > 0 {
			t.Errorf("put %v, deleted %v", s.Puts, s.Deletes)
		}
	})
	t.Run("what is gone is deleted, and alone", func(t *testing.T) {
		src, s := three(t)
		sync(t, src, s)
		src.Remove(t, "alpha")
		sync(t, src, s)
		if !slices.Equal(s.Deletes, []string{src.ID("alpha")}) || len(s.Puts) > 0 {
			t.Errorf("put %v, deleted %v", s.Puts, s.Deletes)
		}
	})
	t.Run("a run that dies anywhere is made good by the next", func(t *testing.T) {
		src, whole := three(t)
		sync(t, src, whole)
		want := whole.IDs()
		for at := 1; at < 100; at++ {
			s := NewStore()
			s.dieAt = at
			if err := s.Sync(t.Context(), src.Connector(t)); err == nil {
				return // it came to its end before
			} else if !errors.Is(err, errDied) {
				t.Fatalf("the sink's error comes back as %v", err)
			}
			s.dieAt = 0
			sync(t, src, s)
			if got := s.IDs(); !slices.Equal(got, want) {
				t.Fatalf("died at call %d: %v in place of %v", at, got, want)
			}
		}
	})
	t.Run("its context ends it", func(t *testing.T) {
		src, s := three(t)
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := s.Sync(ctx, src.Connector(t)); err == nil && len(s.Documents) == 3 {
			t.Error("it went on")
		}
	})
}
