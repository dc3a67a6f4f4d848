package storetest

import (
	"fmt"
	"math"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/internal/store"
)

func row(id string) ledger.Row {
	return ledger.Row{
		ID: id, TraceID: "trace", Principal: "ada", KeyID: "k1", Assistant: "code", Provider: "openai", Model: "gpt", Try: 1,
		Started: start, State: ledger.Dispatched, Region: "eu", Cache: "miss", Images: 2, Version: "ab12cd34", Template: "answer@2",
	}
}

func oneRow(r ledger.Row) []ledger.Row { return []ledger.Row{r} }

func outcome() ledger.Outcome {
	return ledger.Outcome{
		Usage: chat.Usage{Input: 10, CachedInput: 5, CacheWrite: 2, CacheHour: 1, Output: 7, Reasoning: 3, Estimated: true},
		Cost:  12345, CostKnown: true, Finish: chat.FinishStop, First: 3 * time.Millisecond, Duration: time.Second,
	}
}

func usageRow(t *testing.T, s store.Store) {
	ctx := t.Context()
	r := row("u1")
	must(t, s.InsertUsage(ctx, r))
	wrong(t, "the same ID again", s.InsertUsage(ctx, r), ledger.ErrRowExists)

	later := row("u0")
	later.Started, later.Try = start.Add(1), 2
	must(t, s.InsertUsage(ctx, later))
	other := row("u2")
	other.TraceID = "another"
	must(t, s.InsertUsage(ctx, other))

	rows, err := s.UsageOfTrace(ctx, "trace")
	must(t, err)
	same(t, "rows of the turn, the earliest first", rows, []ledger.Row{r, later})
	none, err := s.UsageOfTrace(ctx, "nothing")
	must(t, err)
	same(t, "rows of an unknown turn", len(none), 0)
}

func settleOnce(t *testing.T, s store.Store) {
	ctx := t.Context()
	r := row("u1")
	must(t, s.InsertUsage(ctx, r))
	r.State, r.Outcome = ledger.Settled, outcome()
	did, err := s.SettleUsage(ctx, "u1", ledger.Settled, r.Outcome)
	must(t, err)
	same(t, "settled", did, true)

	did, err = s.SettleUsage(ctx, "u1", ledger.Failed, ledger.Outcome{ErrorCode: chat.CodeTimeout})
	must(t, err)
	same(t, "settled again", did, false)
	rows, err := s.UsageOfTrace(ctx, "trace")
	must(t, err)
	same(t, "row", rows, oneRow(r))

	_, err = s.SettleUsage(ctx, "unknown", ledger.Settled, outcome())
	wrong(t, "an unknown row", err, ledger.ErrNoRow)
}

// settleRaces: of many that settle one row at once, exactly one does.
func settleRaces(t *testing.T, s store.Store) {
	ctx := t.Context()
	must(t, s.InsertUsage(ctx, row("u1")))
	var did atomic.Int64
	var g errgroup.Group
	for range 8 {
		g.Go(func() error {
			ok, err := s.SettleUsage(ctx, "u1", ledger.Settled, outcome())
			if ok {
				did.Add(1)
			}
			return err
		})
	}
	must(t, g.Wait())
	same(t, "settled by", did.Load(), int64(1))
}

func totals(t *testing.T, s store.Store) {
	ctx := t.Context()
	none, err := s.UsageTotals(ctx, time.Time{}, ledger.ByModel)
	must(t, err)
	same(t, "totals of nothing", len(none), 0)

	add := func(id, provider, principal string, at time.Time, state ledger.State, o ledger.Outcome) {
		r := row(id)
		r.Provider, r.Principal, r.Started, r.Assistant = provider, principal, at, ""
		must(t, s.InsertUsage(ctx, r))
		if state == ledger.Dispatched {
			return
		}
		_, err := s.SettleUsage(ctx, id, state, o)
		must(t, err)
	}
	exact := chat.Usage{Input: 100, CachedInput: 40, CacheWrite: 10, Output: 50, Reasoning: 20}
	add("1", "openai", "ada", start, ledger.Settled, ledger.Outcome{Usage: exact, Cost: 7, CostKnown: true})
	add("2", "openai", "bob", start, ledger.Failed, ledger.Outcome{Usage: chat.Usage{Input: 1, Estimated: true}, Cost: 1, CostKnown: true})
	add("3", "openai", "bob", start.AddDate(0, 0, 1), ledger.Dispatched, ledger.Outcome{})
	add("4", "rack", "bob", start.AddDate(0, 0, 1), ledger.Settled, ledger.Outcome{Usage: chat.Usage{Output: 3}})
	add("5", "rack", "eve", start.AddDate(0, 0, -9), ledger.Settled, ledger.Outcome{Usage: exact}) // before

	both := chat.Usage{Input: 101, CachedInput: 40, CacheWrite: 10, Output: 50, Reasoning: 20, Estimated: true}
	all := both
	all.Output += 3
	rack := ledger.Total{Key: "rack", Requests: 1, Usage: chat.Usage{Output: 3}, UnknownCost: 1}
	openai := ledger.Total{Key: "openai", Requests: 3, Open: 1, Failed: 1, Usage: both, Cost: 8}
	keyed := func(t ledger.Total, key string) ledger.Total { t.Key = key; return t }
	for by, want := range map[ledger.Grouping][]ledger.Total{
		ledger.ByNothing:   {{Requests: 4, Open: 1, Failed: 1, Usage: all, Cost: 8, UnknownCost: 1}},
		ledger.ByAssistant: {{Requests: 4, Open: 1, Failed: 1, Usage: all, Cost: 8, UnknownCost: 1}},
		ledger.ByProvider:  {openai, rack},
		ledger.ByModel:     {keyed(openai, "openai/gpt"), keyed(rack, "rack/gpt")},
		ledger.ByRegion:    {{Key: "eu", Requests: 4, Open: 1, Failed: 1, Usage: all, Cost: 8, UnknownCost: 1}},
		ledger.ByPrincipal: {
			{Key: "ada", Requests: 1, Usage: exact, Cost: 7},
			{Key: "bob", Requests: 3, Open: 1, Failed: 1, Usage: chat.Usage{Input: 1, Output: 3, Estimated: true}, Cost: 1, UnknownCost: 1},
		},
		ledger.ByDay: {
			{Key: "2026-11-01", Requests: 2, Failed: 1, Usage: both, Cost: 8},
			{Key: "2026-11-02", Requests: 2, Open: 1, Usage: chat.Usage{Output: 3}, UnknownCost: 1},
		},
	} {
		got, err := s.UsageTotals(ctx, start, by)
		must(t, err)
		same(t, "totals by "+string(by), got, want)
	}
	everything, err := s.UsageTotals(ctx, time.Time{}, ledger.ByNothing)
	must(t, err)
	same(t, "requests since ever", everything[0].Requests, int64(5))
	if _, err := s.UsageTotals(ctx, start, "id; DROP TABLE usage"); err == nil {
		t.Error("an unknown grouping is no error")
	}
}

// hugeTotals: sums that do not fit 64 bits stay at the largest amount, and are no failure.
func hugeTotals(t *testing.T, s store.Store) {
	ctx := t.Context()
	for i, cost := range []ledger.Money{math.MaxInt64, math.MaxInt64, 5} {
		r := row(fmt.Sprint(i))
		r.State, r.Outcome = ledger.Settled, ledger.Outcome{Cost: cost, CostKnown: true, Usage: chat.Usage{Input: 1 << 40, Output: 1 << 40}}
		must(t, s.AddUsage(ctx, []ledger.Row{r}))
	}
	got, err := s.UsageTotals(ctx, time.Time{}, ledger.ByNothing)
	must(t, err)
	same(t, "the sum", got, []ledger.Total{{Requests: 3, Cost: math.MaxInt64, Usage: chat.Usage{Input: 3 << 40, Output: 3 << 40}}})
}

// abandonSparesTheLiving: this process still runs, so its rows are its own.
func abandonSparesTheLiving(t *testing.T, s store.Store) {
	ctx := t.Context()
	must(t, s.InsertUsage(ctx, row("u1")))
	n, err := s.AbandonUsage(ctx)
	must(t, err)
	same(t, "abandoned", n, 0)
	did, err := s.SettleUsage(ctx, "u1", ledger.Settled, outcome())
	must(t, err)
	same(t, "settled", did, true)
}

func manyRows(t *testing.T, s store.Store) {
	ctx := t.Context()
	const workers, each = 8, 25
	var g errgroup.Group
	for w := range workers {
		g.Go(func() error {
			for i := range each {
				id := fmt.Sprintf("%d-%d", w, i)
				if err := s.InsertUsage(ctx, row(id)); err != nil {
					return err
				}
				if _, err := s.SettleUsage(ctx, id, ledger.Settled, outcome()); err != nil {
					return err
				}
				if _, err := s.UsageTotals(ctx, time.Time{}, ledger.ByModel); err != nil {
					return err
				}
			}
			return nil
		})
	}
	must(t, g.Wait())
	all, err := s.UsageTotals(ctx, time.Time{}, ledger.ByNothing)
	must(t, err)
	const n = workers * each
	o := outcome()
	same(t, "the books balance", all, []ledger.Total{{Requests: n, Cost: n * o.Cost, Usage: chat.Usage{
		Input: n * o.Usage.Input, CachedInput: n * o.Usage.CachedInput, CacheWrite: n * o.Usage.CacheWrite, CacheHour: n * o.Usage.CacheHour,
		Output: n * o.Usage.Output, Reasoning: n * o.Usage.Reasoning, Estimated: true,
	}}})
}
