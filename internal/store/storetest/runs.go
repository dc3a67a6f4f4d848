package storetest

import (
	"fmt"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/store"
)

func syncRuns(t *testing.T, s store.Store) {
	ctx := t.Context()
	list := func(collection string, limit int) []store.SyncRun {
		t.Helper()
		got, err := s.SyncRuns(ctx, collection, limit)
		must(t, err)
		return got
	}
	if got := list("wiki", 10); len(got) != 0 {
		t.Errorf("there are runs of nothing: %v", got)
	}
	run := func(i int) store.SyncRun {
		return store.SyncRun{ID: fmt.Sprint("r", i), Collection: "wiki", Started: start.Add(time.Duration(i) * time.Minute), Body: []byte(`{"b": 1,  "a":2}`)}
	}
	for _, i := range []int{2, 0, 3, 1} {
		must(t, s.SaveSyncRun(ctx, run(i)))
	}
	must(t, s.SaveSyncRun(ctx, store.SyncRun{ID: "other", Collection: "shop", Started: start, Body: []byte(`{}`)}))
	same(t, "the last two", list("wiki", 2), []store.SyncRun{run(3), run(2)})
	over := run(3)
	over.Ended, over.Body = start.Add(time.Hour), []byte(`{"c":3}`)
	must(t, s.SaveSyncRun(ctx, over))
	same(t, "one that is over", list("wiki", 1), []store.SyncRun{over})
	n, err := s.DeleteSyncRuns(ctx, "wiki", 2)
	must(t, err)
	same(t, "deleted", n, 2)
	same(t, "the rest", list("wiki", 10), []store.SyncRun{over, run(2)})
	same(t, "another collection's", len(list("shop", 10)), 1)
}
