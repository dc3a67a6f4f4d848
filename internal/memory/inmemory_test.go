package memory

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/dragoman/dragoman/internal/store"
)

var rapidID atomic.Int64

// shelf keeps memories in a map, so that a property can be tried a hundred times; store/storetest holds the real ones to the same.
type shelf struct {
	mu sync.Mutex
	m  map[[2]string]store.Memory
}

func quietKeeper(*rapid.T) (*Keeper, *shelf) {
	s := &shelf{m: map[[2]string]store.Memory{}}
	return NewKeeper(s, Options{Mask: func(s string) string { return s }, NewID: func() string { return fmt.Sprint("mem_", rapidID.Add(1)) }, Now: func() time.Time { return start }}), s
}

func (s *shelf) SaveMemories(_ context.Context, owner string, memories ...store.Memory) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for _, m := range memories {
		s.m[[2]string{owner, m.ID}] = m
	}
	return nil
}

func (s *shelf) Memories(_ context.Context, owner string, scope *string, old bool, at time.Time) ([]store.Memory, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	var out []store.Memory
	for key, m := range s.m {
		if key[0] == owner && (scope == nil || *scope == m.Scope) && (old || !m.Old) && (m.Expires.IsZero() || m.Expires.After(at)) {
			out = append(out, m)
		}
	}
	slices.SortFunc(out, func(a, b store.Memory) int { return cmp.Or(a.Created.Compare(b.Created), cmp.Compare(a.ID, b.ID)) })
	return out, nil
}

func (s *shelf) DeleteMemories(_ context.Context, owner string, ids ...string) (int, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	before := len(s.m)
	maps.DeleteFunc(s.m, func(key [2]string, _ store.Memory) bool {
		return key[0] == owner && (len(ids) == 0 || slices.Contains(ids, key[1]))
	})
	return before - len(s.m), nil
}

func (s *shelf) DeleteMemoriesBefore(context.Context, time.Time) (int, error) { return 0, nil }

// TestRecallAfterChanges: what is held of memories is what the store has of them, whoever wrote it.
func TestRecallAfterChanges(t *testing.T) {
	kept := &shelf{m: map[[2]string]store.Memory{}}
	options := Options{Mask: func(s string) string { return s }, NewID: func() string { return fmt.Sprint("mem_", rapidID.Add(1)) }, Now: func() time.Time { return start }}
	here, elsewhere := NewKeeper(kept, options), NewKeeper(kept, options)
	said := func() (out []string) {
		r, err := here.Recall(t.Context(), Query{Owner: "ada", Assistant: "pal", Question: "Which editor?", Budget: 100})
		if err != nil {
			t.Fatal(err)
		}
		for _, m := range r.Memories {
			out = append(out, m.Text)
		}
		return out
	}
	c, err := here.Remember(t.Context(), "ada", Memory{Text: "I use the editor Vim.", Assistant: "pal"})
	if err != nil {
		t.Fatal(err)
	}
	if got := said(); !slices.Equal(got, []string{"I use the editor Vim."}) {
		t.Fatalf("recalled %q", got)
	}
	other := "I use the editor Helix."
	if _, err := elsewhere.Edit(t.Context(), "ada", c.Memory.ID, &other, nil); err != nil {
		t.Fatal(err)
	}
	if got := said(); !slices.Equal(got, []string{other}) {
		t.Fatalf("after an edit by another process: %q", got)
	}
	if _, err := here.Erase(t.Context(), "ada", c.Memory.ID); err != nil {
		t.Fatal(err)
	}
	if here.desk.get([2]string{"ada", "pal"}) != nil {
		t.Error("what was erased is held")
	}
	if got := said(); got != nil {
		t.Fatalf("after it was erased: %q", got)
	}
}
