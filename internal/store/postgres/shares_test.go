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
	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/internal/limit"
	"github.com/dragoman/dragoman/internal/store/postgrestest"
)

var window = time.Date(2026, 11, 25, 12, 10, 0, 0, time.UTC)

func shared(d *DB) *limit.Book {
	b := limit.NewBook(func() time.Time { return window })
	b.Share(d)
	return b
}

func bounded(money int64) []limit.Level {
	return []limit.Level{
		{Kind: limit.Org, Name: "acme", Limits: &limit.Limits{Budgets: []limit.Budget{{Window: limit.Month, Money: money}}}},
		{Kind: limit.Team, Name: "shop", Limits: &limit.Limits{Budgets: []limit.Budget{{Window: limit.Hour, Tokens: 1 << 40}}}},
		{Kind: limit.Key, Name: "k"},
	}
}

func hold(t *testing.T, b *limit.Book, l []limit.Level) *limit.Hold {
	t.Helper()
	h, err := b.Acquire(l, 0)
	if err != nil {
		t.Fatal(err)
	}
	return h
}

// TestSharesHold: whatever several processes reserve and spend at once, they never spend more than a budget together; and when they have
// given back what they don't use, what is left can be had, to the last nano-dollar, and no more.
func TestSharesHold(t *testing.T) {
	address := postgrestest.Database(t)
	const budget, workers, each = 100_000, 4, 60
	levels := bounded(budget)
	var books []*limit.Book
	for range 3 {
		books = append(books, shared(open(t, address)))
	}
	var spent, refused, under, most atomic.Int64
	var g errgroup.Group
	for i, b := range books {
		for w := range workers {
			r := rand.New(rand.NewPCG(uint64(i), uint64(w)))
			g.Go(func() error {
				for n := range each {
					h, err := b.Acquire(levels, 0)
					if err != nil {
						return err
					}
					want := 1 + r.Int64N(800)
					set, err := h.Reserve(want, 10)
					if _, ok := errors.AsType[*limit.Exceeded](err); ok {
						refused.Add(1)
						h.Release()
						continue
					}
					if err != nil {
						return err
					}
					if now := under.Add(want) + spent.Load(); now > most.Load() {
						most.Store(now)
					}
					cost := r.Int64N(want + 1)
					spent.Add(cost)
					under.Add(-want)
					h.Settle(set, cost, 5)
					h.Release()
					if n%20 == 0 {
						if err := b.Reconcile(t.Context(), false); err != nil {
							return err
						}
					}
				}
				return nil
			})
		}
	}
	if err := g.Wait(); err != nil {
		t.Fatal(err)
	}
	if spent.Load() > budget || most.Load() > budget {
		t.Fatalf("%d was spent and %d set aside of %d", spent.Load(), most.Load(), budget)
	}
	t.Logf("%d of %d was spent, %d requests refused", spent.Load(), budget, refused.Load())
	for _, b := range books {
		if err := b.Reconcile(t.Context(), true); err != nil {
			t.Fatal(err)
		}
	}
	fresh := shared(open(t, address))
	h := hold(t, fresh, levels)
	left := budget - spent.Load()
	_, err := h.Reserve(left+1, 0)
	e, ok := errors.AsType[*limit.Exceeded](err)
	if !ok || e.Frees != limit.WithTime && left < budget {
		t.Fatalf("one more than is left: %v", err)
	}
	set, err := h.Reserve(left, 0)
	if err != nil {
		t.Fatalf("what is left is refused: %v", err)
	}
	if _, err := hold(t, books[0], levels).Reserve(1, 0); err == nil {
		t.Error("there is more than the budget")
	} else if e, _ := errors.AsType[*limit.Exceeded](err); e == nil || left > 0 && e.Frees != limit.WithRequests {
		t.Errorf("%+v", e)
	}
	h.Settle(set, 0, 0)
}

// TestSharesAfterACrash: what was spent before counts; a process that died keeps its shares until its rows are there, and then what it
// has spent.
func TestSharesAfterACrash(t *testing.T) {
	ctx, address := t.Context(), postgrestest.Database(t)
	one, two := open(t, address), open(t, address)
	levels := bounded(1000)
	row := func(id string, started time.Time, cost ledger.Money) ledger.Row {
		return ledger.Row{ID: id, Started: started, State: ledger.Settled, Team: "shop", Outcome: ledger.Outcome{Cost: cost, CostKnown: true, Usage: chat.Usage{Input: 5}}}
	}
	if err := one.AddUsage(ctx, []ledger.Row{row("before", window, 100), row("last month", window.AddDate(0, -1, 0), 500)}); err != nil {
		t.Fatal(err)
	}
	dies, lives := shared(one), shared(two)
	if _, err := hold(t, dies, levels).Reserve(600, 0); err != nil {
		t.Fatal(err)
	}
	if _, err := hold(t, lives, levels).Reserve(400, 0); err == nil {
		t.Fatal("100 was spent and 600 is set aside of 1000, and there were 400")
	}
	// Its journal says that 50 was spent: by a request that waited for the share, and by one that it died over.
	waited := row("from the journal", time.Now().Add(-time.Minute), 20)
	waited.Duration = time.Minute
	abandoned := row("under way", window.Add(-time.Minute), 30)
	abandoned.State = ledger.Abandoned
	if err := two.Of(one.Instance()).AddUsage(ctx, []ledger.Row{waited, abandoned}); err != nil {
		t.Fatal(err)
	}
	if err := two.SettleShares(ctx, one.Instance()); err != nil {
		t.Fatal(err)
	}
	fresh := shared(open(t, address))
	h := hold(t, fresh, levels)
	if _, err := h.Reserve(851, 0); err == nil {
		t.Error("150 is spent of 1000, and there were 851")
	}
	fresh = shared(open(t, address)) // the refusal of the other one is remembered
	if _, err := hold(t, fresh, levels).Reserve(850, 0); err != nil {
		t.Errorf("150 is spent of 1000, and there are no 850: %v", err)
	}
}

// TestSharesWithoutADatabase: what was taken may be spent, and no more: a budget is not overspent for want of a database.
func TestSharesWithoutADatabase(t *testing.T) {
	server := postgrestest.Start(t)
	b := shared(open(t, server.Database(t)))
	levels := bounded(1_000_000)
	h := hold(t, b, levels)
	set, err := h.Reserve(10_000, 10)
	if err != nil {
		t.Fatal(err)
	}
	h.Settle(set, 0, 0)
	server.Down()
	if set, err = h.Reserve(10_000, 10); err != nil {
		t.Errorf("what it has was refused: %v", err)
	}
	var ce *chat.Error
	if _, err := h.Reserve(500_000, 10); !errors.As(err, &ce) || ce.Code != chat.CodeOverloaded || ce.RetryAfter == 0 {
		t.Errorf("%v", err)
	}
	if err := server.Up(); err != nil {
		t.Fatal(err)
	}
	if _, err := h.Reserve(500_000, 10); err != nil {
		t.Errorf("when it was back: %v, since %v", err, errors.Unwrap(err))
	}
	h.Settle(set, 10_000, 10)
	if err := b.Reconcile(t.Context(), false); err != nil {
		t.Error(err)
	}
}

func BenchmarkShared(b *testing.B) {
	d := open(b, postgrestest.Database(b))
	book := shared(d)
	levels := bounded(1 << 60)
	for i := 0; b.Loop(); i++ {
		h, err := book.Acquire(levels, 0)
		if err != nil {
			b.Fatal(err)
		}
		set, err := h.Reserve(25_000_000, 1000)
		if err != nil {
			b.Fatal(fmt.Errorf("request %d: %w", i, err))
		}
		h.Settle(set, 400_000, 300)
		h.Release()
	}
}

// TestSharesOfCommands: what a command has spent counts when it has ended and left no row of its own; one that was killed is charged
// with what its request had set aside, and what it had taken beyond is there for others.
func TestSharesOfCommands(t *testing.T) {
	ctx, address := t.Context(), postgrestest.Database(t)
	levels := bounded(1000)
	command := open(t, address)
	b := shared(command)
	h := hold(t, b, levels)
	set, err := h.Reserve(500, 10)
	if err != nil {
		t.Fatal(err)
	}
	h.Settle(set, 100, 10)
	h.Release()
	if err := b.Reconcile(ctx, true); err != nil {
		t.Fatal(err)
	}
	if err := command.LeaveShares(ctx); err != nil {
		t.Fatal(err)
	}
	dies := open(t, address)
	if _, err := hold(t, shared(dies), levels).Reserve(600, 10); err != nil {
		t.Fatal(err)
	}
	row := ledger.Row{ID: "its row", Started: time.Now(), State: ledger.Dispatched, Team: "shop", Reserved: 600, ReservedKnown: true}
	if err := dies.InsertUsage(ctx, row); err != nil {
		t.Fatal(err)
	}
	other := open(t, address)
	if _, err := hold(t, shared(other), levels).Reserve(301, 10); err == nil {
		t.Error("100 is spent and 600 set aside of 1000, and there were 301")
	}
	if _, err := other.pool.Exec(ctx, `UPDATE instances SET seen = now() - interval '2 minutes' WHERE id = $1`, dies.instance); err != nil {
		t.Fatal(err)
	}
	if n, err := other.AbandonUsage(ctx); n != 1 || err != nil {
		t.Fatalf("%d %v", n, err)
	}
	var rows int
	if err := other.pool.QueryRow(ctx, `SELECT count(*) FROM shares WHERE instance IN ($1, $2)`, command.instance, dies.instance).Scan(&rows); err != nil || rows != 0 {
		t.Errorf("%d rows of commands that have ended, %v", rows, err)
	}
	if _, err := hold(t, shared(open(t, address)), levels).Reserve(301, 10); err == nil {
		t.Error("700 is spent of 1000, and there were 301")
	}
	if _, err := hold(t, shared(open(t, address)), levels).Reserve(300, 10); err != nil {
		t.Errorf("700 is spent of 1000, and there are no 300: %v", err)
	}
}
