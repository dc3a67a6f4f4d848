package encoder

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

func TestQueriesGoBeforeDocuments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate{places: 1, free: 1, now: time.Now}
		var mu sync.Mutex
		var order []string
		say := func(what string) {
			mu.Lock()
			defer mu.Unlock()
			order = append(order, what)
		}
		ctx, cancel := context.WithCancel(t.Context())
		if err := g.enter(ctx, false); err != nil {
			t.Fatal(err)
		}
		var wg sync.WaitGroup
		for i, query := range []bool{false, true, true} {
			wg.Go(func() {
				if err := g.enter(t.Context(), query); err != nil {
					t.Error(err)
				}
				say(fmt.Sprintf("%d query=%t", i, query))
				g.leave(query)
			})
			synctest.Wait()
		}
		gone := make(chan error)
		go func() { gone <- g.enter(ctx, true) }()
		synctest.Wait()
		cancel()
		if err := <-gone; !errors.Is(err, context.Canceled) {
			t.Errorf("who gave up got %v", err)
		}
		if err := g.pause(t.Context()); err != nil { // both queries go, then the document that waited, then this one goes on
			t.Fatal(err)
		}
		say("goes on")
		if err := g.pause(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("a pass whose caller left goes on: %v", err)
		}
		g.leave(false)
		wg.Wait()
		if want := []string{"1 query=true", "2 query=true", "0 query=false", "goes on"}; !slices.Equal(order, want) {
			t.Errorf("the order is %q, not %q", order, want)
		}
		if g.free != 1 || len(g.queries)+len(g.documents) != 0 {
			t.Errorf("at the end %d places are free, %d wait", g.free, len(g.queries)+len(g.documents))
		}
	})
}

// TestDocumentsLeaveAPlace: while queries come, one of the places is not for documents, and it is theirs again when no more come.
func TestDocumentsLeaveAPlace(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		g := gate{places: 2, free: 2, now: time.Now}
		enter := func(query bool) (entered chan error) {
			entered = make(chan error, 1)
			go func() { entered <- g.enter(t.Context(), query) }()
			synctest.Wait()
			return entered
		}
		<-enter(false)
		<-enter(false) // nobody asks: both places are for documents
		query := enter(true)
		paused := make(chan error, 1)
		go func() { paused <- g.pause(t.Context()) }()
		if err := <-query; err != nil {
			t.Fatal(err)
		}
		g.leave(true)
		synctest.Wait()
		if len(paused) > 0 || g.free != 1 {
			t.Fatal("the document went on in the place that is not for documents")
		}
		third := enter(false)
		time.Sleep(quietAfter)
		if len(third) > 0 {
			t.Error("a document got a place that nobody gave back")
		}
		if err := g.pause(t.Context()); err != nil { // the document that goes on sees that no query comes
			t.Fatal(err)
		}
		synctest.Wait()
		if len(paused) != 1 || len(third) != 0 || g.free != 0 {
			t.Errorf("who gave its place up went on: %d; who came later: %d; free: %d", len(paused), len(third), g.free)
		}
		g.leave(false)
		if err := <-third; err != nil {
			t.Fatal(err)
		}
		g.leave(false)
		g.leave(false)
		if g.free != 2 || g.reading != 0 {
			t.Errorf("at the end %d places are free, and documents have %d", g.free, g.reading)
		}
	})
}

func TestManyAtOnce(t *testing.T) {
	list := texts(readExpected(t, "ranker"))
	e := mustOpen(t, "ranker", Options{Workers: 2}, available()[0])
	want := encode(t, e, list)
	scores, err := e.Score(t.Context(), "the error", list)
	if err != nil {
		t.Fatal(err)
	}
	var wg sync.WaitGroup
	for i := range 12 {
		wg.Go(func() {
			switch i % 4 {
			case 0:
				if got := encode(t, e, list); !slices.EqualFunc(got, want, slices.Equal[[]float32]) {
					t.Error("documents differ")
				}
			case 1:
				got := make([]float32, e.Dimensions())
				for j, text := range list {
					if err := e.EncodeQuery(t.Context(), text, got); err != nil || farthest(got, want[j]) > 1e-6 {
						t.Errorf("query %q differs: %v", text, err)
					}
				}
			case 2:
				if got, err := e.Score(t.Context(), "the error", list); err != nil || farthest(got, scores) > 1e-6 {
					t.Errorf("scores differ: %v", err)
				}
			case 3:
				ctx, cancel := context.WithCancelCause(t.Context())
				left := errors.New("the caller left")
				cancel(left)
				if err := e.Encode(ctx, list, want); !errors.Is(err, left) {
					t.Errorf("a caller who left got %v", err)
				}
			}
		})
	}
	wg.Wait()
	if e.gate.free != 2 {
		t.Errorf("%d of 2 places are free at the end", e.gate.free)
	}
}

func TestQueriesAllocateNothing(t *testing.T) {
	e := mustOpen(t, "embedder", Options{}, available()[0])
	ctx, out := context.Background(), make([]float32, e.Dimensions())
	if n := testing.AllocsPerRun(50, func() {
		if err := e.EncodeQuery(ctx, "The unreadable files, Écrit 中国", out); err != nil {
			t.Fatal(err)
		}
	}); n != 0 {
		t.Errorf("a query takes %v allocations", n)
	}
}
