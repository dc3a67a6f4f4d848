package assistant

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/cache"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/memory"
	"github.com/dragoman/dragoman/internal/store"
)

// erasedElsewhere is a store that says what it is told to.
type erasedElsewhere struct {
	changes uint64
	list    []store.Erasure
	err     error
	asked   int
}

func (n *erasedElsewhere) Changes() uint64 { return n.changes }

func (n *erasedElsewhere) Erasures(_ context.Context, after int64) (out []store.Erasure, _ error) {
	n.asked++
	for _, e := range n.list {
		if e.Number > after {
			out = append(out, e)
		}
	}
	return out, n.err
}

func (n *erasedElsewhere) erase(owner string) {
	n.list = append(n.list, store.Erasure{Number: int64(len(n.list) + 1), Whose: Erased(owner)})
}

// TestErasures: answers go by the key and by the person who asked, those of people for whom a program asks with the key's others, and nothing that
// was begun before is kept. The store is asked when something has changed, and otherwise now and then.
func TestErasures(t *testing.T) {
	now := time.Date(2026, 11, 26, 1, 0, 0, 0, time.UTC)
	clock := func() time.Time { return now }
	ada := identity.Principal{KeyID: "k1", Grants: &identity.Grants{Team: "shop", User: "ada"}}
	again := identity.Principal{KeyID: "k2", Grants: ada.Grants}
	program := identity.Principal{KeyID: "k3", Grants: &identity.Grants{}}
	everybody := map[string]asker{"ada": askerOf(ada), "again": askerOf(again), "program": askerOf(program), "unknown": {}}
	for name, x := range map[string]struct {
		owner string
		stay  []string
	}{
		"sessions of a key":              {ada.Owner(), []string{"again", "program"}},
		"memories of a person":           {memory.Owner(ada, ""), []string{"program"}},
		"memories of a program's person": {memory.Owner(program, "eve"), []string{"ada", "again"}},
		"somebody else's":                {memory.Owner(identity.Principal{KeyID: "k4"}, ""), []string{"ada", "again", "program"}},
	} {
		s, kept := &erasedElsewhere{}, NewCache(1<<20, time.Hour, clock)
		e := NewErasures(s, kept, nil, NewOlder(1<<20, 0, clock), clock)
		before := e.look(t.Context())
		for who, by := range everybody {
			kept.Put(cache.KeyOf(who), &cachedAnswer{by: by}, 100)
			e.older.exact.Put(cache.KeyOf(who), &likeAnswer{cachedAnswer: &cachedAnswer{by: by}}, 100)
		}
		s.erase(x.owner)
		if e.look(t.Context()); s.asked != 1 {
			t.Errorf("%s: the store is asked although nothing was announced", name)
		}
		s.changes++
		e.look(t.Context())
		for who, by := range everybody {
			want := false
			for _, w := range x.stay {
				want = want || w == who
			}
			_, there := kept.Get(cache.KeyOf(who), 0)
			_, older := e.older.exact.Get(cache.KeyOf(who), 0)
			if there != want || older != want {
				t.Errorf("%s: of %s there is %t and %t", name, who, there, older)
			}
			if who != "unknown" && e.during(t.Context(), by, before) == want {
				t.Errorf("%s: what %s had begun", name, who)
			}
			if e.during(t.Context(), by, e.look(t.Context())) {
				t.Errorf("%s: what %s begins now", name, who)
			}
		}
	}

	s, kept := &erasedElsewhere{err: errors.New("away")}, NewCache(1<<20, time.Hour, clock)
	e := NewErasures(s, kept, nil, nil, clock)
	e.look(t.Context())
	kept.Put(cache.KeyOf("a"), &cachedAnswer{by: askerOf(ada)}, 100)
	s.erase(ada.Owner())
	if e.look(t.Context()); s.asked != 1 {
		t.Errorf("a store that is away is asked %d times at once", s.asked)
	}
	s.err, now = nil, now.Add(identity.RememberFor)
	if e.look(t.Context()); e.last.Load() != 1 { // nobody told this process
		t.Error("what was erased meanwhile is not known")
	}
	if _, there := kept.Get(cache.KeyOf("a"), 0); there {
		t.Error("it is there still")
	}
}
