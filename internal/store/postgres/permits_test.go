package postgres

import (
	"errors"
	"fmt"
	"math/rand/v2"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/limit"
	"github.com/dragoman/dragoman/internal/store/postgrestest"
)

// timed is a book whose clock goes, as limits per minute need.
func timed(d *DB) *limit.Book {
	b := limit.NewBook(time.Now)
	b.Share(d)
	return b
}

func rated(l limit.Limits) []limit.Level {
	return []limit.Level{{Kind: limit.Org, Name: "acme", Limits: &l}, {Kind: limit.Team, Name: "shop"}, {Kind: limit.Key, Name: "k", Limits: &limit.Limits{RequestsPerMinute: 1 << 40}}}
}

// storm has callers of several books ask for permits again and again until each was refused so many times.
func storm(t *testing.T, books []*limit.Book, levels []limit.Level, tokens int64, each func(h *limit.Hold, r *rand.Rand)) {
	t.Helper()
	var g errgroup.Group
	for i, b := range books {
		for w := range 4 {
			r := rand.New(rand.NewPCG(uint64(i), uint64(w)))
			g.Go(func() error {
				for n, refused := 0, 0; refused < 20 && n < 2000; n++ {
					h, err := b.Acquire(levels, tokens)
					if _, ok := errors.AsType[*limit.Exceeded](err); ok {
						if refused++; r.IntN(5) == 0 {
							if err := b.Reconcile(t.Context(), false); err != nil {
								return err
							}
						}
						continue
					}
					if err != nil {
						return err
					}
					each(h, r)
					h.Release()
				}
				return nil
			})
		}
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
}

// TestPermitsPerMinuteHold: three processes together let no more in than a limit per minute says, and than flowed back meanwhile.
func TestPermitsPerMinuteHold(t *testing.T) {
	const perMinute, tokens, processes = 300, 7, 3
	for name, limits := range map[string]limit.Limits{"requests": {RequestsPerMinute: perMinute}, "tokens": {TokensPerMinute: perMinute * tokens}} {
		address := postgrestest.Database(t)
		var books []*limit.Book
		for range processes {
			books = append(books, timed(open(t, address)))
		}
		var in atomic.Int64
		start := time.Now()
		storm(t, books, rated(limits), tokens, func(h *limit.Hold, _ *rand.Rand) {
			in.Add(1)
			set, err := h.Reserve(0, tokens)
			if err != nil {
				t.Error(err)
			}
			h.Settle(set, 0, tokens) // as many as it was let in for
		})
		flowed := int64(time.Since(start).Minutes()*perMinute) + 1
		if n := in.Load(); n > perMinute+flowed+perMinute/inAdvance*processes || n < perMinute-perMinute/inAdvance*processes {
			t.Errorf("%s: %d were let in where the limit is %d and %d flowed back", name, n, perMinute, flowed)
		}
	}
}

// TestAnswersCountForAll: tokens of answers that were longer than what was let in for are charged for all, and those that were not
// used come back.
func TestAnswersCountForAll(t *testing.T) {
	address := postgrestest.Database(t)
	one, two := timed(open(t, address)), timed(open(t, address))
	levels := rated(limit.Limits{TokensPerMinute: 1000})
	h, err := one.Acquire(levels, 100)
	if err != nil {
		t.Fatal(err)
	}
	set, err := h.Reserve(0, 0)
	if err != nil {
		t.Fatal(err)
	}
	h.Settle(set, 0, 900)
	h.Release()
	if err := one.Reconcile(t.Context(), false); err != nil {
		t.Fatal(err)
	}
	e := &limit.Exceeded{}
	if _, err := two.Acquire(levels, 300); !errors.As(err, &e) || e.What != "tokens per minute" || e.RetryAfter <= 0 {
		t.Fatalf("900 of 1000 are used, and there were 300: %v", err)
	}
	h, err = two.Acquire(levels, 90)
	if err != nil {
		t.Fatal(err)
	}
	h.Release() // nothing was used after all
	if err := two.Reconcile(t.Context(), true); err != nil {
		t.Fatal(err)
	}
	if _, err := one.Acquire(levels, 90); err != nil {
		t.Errorf("what came back is not there: %v", err)
	}
}

// TestPermitsAtATimeHold: three processes together never have more requests under way than the limit says; what they don't use they
// give back, and a process that died is forgotten after a while.
func TestPermitsAtATimeHold(t *testing.T) {
	address := postgrestest.Database(t)
	const most = 5
	levels := rated(limit.Limits{Concurrent: most})
	var books []*limit.Book
	var last *DB
	for range 3 {
		last = open(t, address)
		books = append(books, timed(last))
	}
	var now, peak, in atomic.Int64
	storm(t, books, levels, 0, func(_ *limit.Hold, r *rand.Rand) {
		in.Add(1)
		n := now.Add(1)
		for p := peak.Load(); n > p && !peak.CompareAndSwap(p, n); p = peak.Load() {
		}
		time.Sleep(time.Duration(r.IntN(3)) * time.Millisecond) // a request takes its time
		now.Add(-1)
	})
	if peak.Load() > most || in.Load() < 100 {
		t.Fatalf("%d were under way at a time where the limit is %d; %d in all", peak.Load(), most, in.Load())
	}
	for range 2 {
		for _, b := range books {
			if err := b.Reconcile(t.Context(), false); err != nil {
				t.Fatal(err)
			}
		}
	}
	fresh := open(t, address)
	lives := timed(fresh)
	for i := range most { // nothing leaked
		if _, err := lives.Acquire(levels, 0); err != nil {
			t.Fatalf("request %d: %v", i+1, err)
		}
	}
	e := &limit.Exceeded{}
	if _, err := books[0].Acquire(levels, 0); !errors.As(err, &e) || e.Frees != limit.WithRequests {
		t.Fatalf("one more than the limit: %v", err)
	}
	// It dies: nobody renews what it had.
	if _, err := fresh.pool.Exec(t.Context(), `UPDATE slots SET until = 0 WHERE instance = $1`, fresh.instance); err != nil {
		t.Fatal(err)
	}
	for i := range most {
		if _, err := books[2].Acquire(levels, 0); err != nil {
			t.Fatalf("request %d after the other died: %v", i+1, err)
		}
	}
}

// TestPermitsWithoutADatabase: nobody is let in beyond what a process has permits for, and told why.
func TestPermitsWithoutADatabase(t *testing.T) {
	server := postgrestest.Start(t)
	b := timed(open(t, server.Database(t)))
	levels := rated(limit.Limits{RequestsPerMinute: 1000})
	if _, err := b.Acquire(levels, 0); err != nil {
		t.Fatal(err)
	}
	server.Down()
	in := 0
	for {
		_, err := b.Acquire(levels, 0)
		var ce *chat.Error
		if errors.As(err, &ce) && ce.Code == chat.CodeOverloaded && ce.RetryAfter > 0 {
			break
		}
		if in++; err != nil || in > 1000/inAdvance {
			t.Fatalf("request %d: %v", in, err)
		}
	}
	if err := server.Up(); err != nil {
		t.Fatal(err)
	}
	if _, err := b.Acquire(levels, 0); err != nil {
		t.Errorf("when it was back: %v", err)
	}
}

// BenchmarkPermits is what it takes to let a request in and out where a limit per minute is shared: one from which a hundredth is taken in
// advance, and one whose every request asks the database.
func BenchmarkPermits(b *testing.B) {
	for name, limits := range map[string]limit.Limits{"in advance": {RequestsPerMinute: 1 << 40}, "one by one": {RequestsPerMinute: 60}} {
		b.Run(name, func(b *testing.B) {
			book := timed(open(b, postgrestest.Database(b)))
			levels := []limit.Level{{Kind: limit.Key, Name: "k", Limits: &limits}}
			for i := 0; b.Loop(); i++ {
				if limits.RequestsPerMinute < 100 {
					levels[0].Name = fmt.Sprint(i)
				}
				h, err := book.Acquire(levels, 10)
				if err != nil {
					b.Fatal(err)
				}
				h.Release()
			}
		})
	}
}
