package writer

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"math/rand/v2"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/internal/store"
)

// shelf is a store that fails now and then.
type shelf struct {
	mu      sync.Mutex
	random  *rand.Rand
	failing float64
	slow    time.Duration
	rows    map[string]int
	traces  map[string]string
}

func (s *shelf) Add(ctx context.Context, b store.Batch) error {
	time.Sleep(s.slow)
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.random.Float64() < s.failing {
		return errors.New("the disk is full")
	}
	if len(b.Usage) > most || len(b.Traces) > most {
		return fmt.Errorf("%d rows and %d traces in a transaction", len(b.Usage), len(b.Traces))
	}
	for _, r := range b.Usage {
		s.rows[r.ID]++
	}
	for _, t := range b.Traces {
		s.traces[t.ID] = string(t.Body)
	}
	return nil
}

// Whatever the store does, each row and each trace reaches it once and as it was, and each row's applied is called once, after.
func TestNothingIsLost(t *testing.T) {
	for seed := range uint64(20) {
		synctest.Test(t, func(t *testing.T) {
			random := rand.New(rand.NewPCG(seed, 1))
			s := &shelf{random: random, failing: float64(seed%4) / 5, slow: time.Duration(seed%3) * 70 * time.Millisecond, rows: map[string]int{}, traces: map[string]string{}}
			w := New(s, slog.New(slog.DiscardHandler))
			w.Start()
			var mu sync.Mutex
			applied := map[string]int{}
			const callers, each = 4, 900
			var wg sync.WaitGroup
			for c := range callers {
				pause := rand.New(rand.NewPCG(seed, uint64(2+c)))
				wg.Go(func() {
					buf := make([]byte, 0, 4096)
					for i := range each {
						id := fmt.Sprintf("%d-%d", c, i)
						row := ledger.Row{ID: id}
						w.AddUsage(&row, func() {
							mu.Lock()
							defer mu.Unlock()
							applied[id]++
						})
						row.ID = "used for something else"
						buf = append(append(buf[:0], id...), make([]byte, pause.IntN(3000))...)
						if !w.AddTrace(store.Trace{ID: id, Body: buf}) {
							t.Errorf("trace %s was dropped", id)
						}
						if pause.IntN(20) == 0 {
							time.Sleep(time.Duration(pause.IntN(int(time.Millisecond) * 20)))
						}
					}
				})
			}
			wg.Wait()
			ctx, cancel := context.WithTimeout(t.Context(), time.Hour)
			defer cancel()
			if err := w.Stop(ctx); err != nil {
				t.Fatal(err)
			}
			if n := w.Backlog(); n != 0 {
				t.Errorf("%d wait after the end", n)
			}
			for c := range callers {
				for i := range each {
					id := fmt.Sprintf("%d-%d", c, i)
					if s.rows[id] != 1 || applied[id] != 1 {
						t.Fatalf("seed %d: row %s was written %d times, and applied %d times", seed, id, s.rows[id], applied[id])
					}
					if got := s.traces[id]; len(got) < len(id) || got[:len(id)] != id {
						t.Fatalf("seed %d: trace %s has another's body: %.20q", seed, id, got)
					}
				}
			}
		})
	}
}
