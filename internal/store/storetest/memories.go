package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/store"
)

func memories(t *testing.T, s store.Store) {
	ctx := t.Context()
	at := func(hours int) time.Time { return start.Add(time.Duration(hours) * time.Hour) }
	one := store.Memory{ID: "one", Owner: "ada", Created: at(0), Body: []byte(`{"b": 1,  "a":2}`)}
	two := store.Memory{ID: "two", Owner: "ada", Scope: "resume", Created: at(1), Expires: at(5), Body: []byte(`{}`)}
	old := store.Memory{ID: "old", Owner: "ada", Created: at(2), Old: true, Body: []byte(`{}`)}
	his := store.Memory{ID: "one", Owner: "bob", Created: at(0), Body: []byte(`"his"`)}
	must(t, s.SaveMemories(ctx, "ada", two, one, old))
	must(t, s.SaveMemories(ctx, "bob", his))
	must(t, s.SaveMemories(ctx, "ada"))
	everywhere, resume := "", "resume"
	for _, c := range []struct {
		owner string
		scope *string
		old   bool
		at    time.Time
		want  []store.Memory
	}{
		{"ada", nil, false, at(2), []store.Memory{one, two}},
		{"ada", nil, true, at(2), []store.Memory{one, two, old}},
		{"ada", nil, false, at(5), []store.Memory{one}},
		{"ada", &everywhere, false, at(2), []store.Memory{one}},
		{"ada", &resume, false, at(2), []store.Memory{two}},
		{"bob", nil, true, at(2), []store.Memory{his}},
		{"eve", nil, true, at(2), nil},
		{"", nil, true, at(2), nil},
	} {
		got, err := s.Memories(ctx, c.owner, c.scope, c.old, c.at)
		must(t, err)
		same(t, fmt.Sprintf("memories of %s, old %v, at %v", c.owner, c.old, c.at), got, c.want)
	}

	one.Old, one.Body = true, []byte(`{"changed": true}`)
	must(t, s.SaveMemories(ctx, "ada", one))
	got, err := s.Memories(ctx, "ada", &everywhere, true, at(2))
	must(t, err)
	same(t, "a memory that was saved again", got, []store.Memory{one, old})

	n, err := s.DeleteMemories(ctx, "bob", "two", "old")
	must(t, err)
	same(t, "deleted of another's", n, 0)
	n, err = s.DeleteMemories(ctx, "ada", "old", "nothing")
	must(t, err)
	same(t, "deleted", n, 1)
	n, err = s.DeleteMemoriesBefore(ctx, at(5).Add(time.Nanosecond))
	must(t, err)
	same(t, "expired", n, 1)
	n, err = s.DeleteMemories(ctx, "ada")
	must(t, err)
	same(t, "all of hers", n, 1)
	left, err := s.Memories(ctx, "bob", nil, true, at(2))
	must(t, err)
	same(t, "his, when hers are deleted", left, []store.Memory{his})
}
