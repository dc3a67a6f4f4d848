package ledger_test

import (
	"context"
	"errors"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/ledger"
)

// book is the smallest store that keeps the promises of ledger.Store.
type book struct {
	rows    map[string]ledger.Row
	refuses error // what InsertUsage returns
}

func (b *book) InsertUsage(ctx context.Context, r ledger.Row) error {
	if b.refuses != nil {
		return b.refuses
	}
	b.rows[r.ID] = r
	return ctx.Err()
}

func (b *book) SettleUsage(ctx context.Context, id string, s ledger.State, o ledger.Outcome) (bool, error) {
	if err := ctx.Err(); err != nil {
		return false, err
	}
	if _, bounded := ctx.Deadline(); !bounded {
		return false, errors.New("settling may take for ever")
	}
	r, ok := b.rows[id]
	if !ok {
		return false, ledger.ErrNoRow
	}
	if r.State != ledger.Dispatched {
		return false, nil
	}
	r.State, r.Outcome = s, o
	b.rows[id] = r
	return true, nil
}

func (b *book) AbandonUsage(context.Context) (int, error) { return 0, nil }

func (b *book) AddUsage(_ context.Context, rows []ledger.Row) error {
	for _, r := range rows {
		if _, there := b.rows[r.ID]; !there {
			b.rows[r.ID] = r
		}
	}
	return nil
}

func (b *book) UsageTotals(context.Context, time.Time, ledger.Grouping) ([]ledger.Total, error) {
	return nil, nil
}

func setup(t *testing.T) (*ledger.Ledger, *book, *time.Time) {
	prices, err := ledger.NewCatalogue()
	if err != nil {
		t.Fatal(err)
	}
	b := &book{rows: map[string]ledger.Row{}}
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	return ledger.New(b, func() *ledger.Catalogue { return prices }, func() time.Time { return now }), b, &now
}

func TestDispatchThenSettle(t *testing.T) {
	l, b, now := setup(t)
	ticket, err := l.Dispatch(t.Context(), ledger.Row{Provider: "openai", Model: "gpt-4.1", TraceID: "t1", Try: 1}, ledger.Estimate{Input: 100, MaxOutput: 50}, nil)
	if err != nil {
		t.Fatal(err)
	}
	r := b.rows[ticket.ID()]
	if r.State != ledger.Dispatched || !r.Started.Equal(*now) || r.TraceID != "t1" {
		t.Fatalf("the row before sending: %+v", r)
	}
	*now = now.Add(3 * time.Second)
	o := ledger.Outcome{Usage: chat.Usage{Input: 1000, Output: 500}, Finish: chat.FinishStop}
	got, err := l.Settle(t.Context(), ticket, o)
	if err != nil {
		t.Fatal(err)
	}
	if want := 6 * ledger.USD / 1000; got.Cost != want || !got.CostKnown || got.Duration != 3*time.Second {
		t.Errorf("outcome %+v, want cost %v", got, want)
	}
	if r := b.rows[ticket.ID()]; r.State != ledger.Settled || r.Outcome != got {
		t.Errorf("the row afterwards: %+v", r)
	}
	// Once settled, always settled.
	if _, err := l.Settle(t.Context(), ticket, ledger.Outcome{ErrorCode: chat.CodeTimeout}); err != nil {
		t.Errorf("second settle: %v", err)
	}
	if r := b.rows[ticket.ID()]; r.State != ledger.Settled || r.Outcome != got {
		t.Errorf("a second settle changed the row: %+v", r)
	}
}

func TestSettleAfterTheCallerLeft(t *testing.T) {
	l, b, _ := setup(t)
	ctx, cancel := context.WithCancel(t.Context())
	ticket, err := l.Dispatch(ctx, ledger.Row{Provider: "openai", Model: "gpt-4.1"}, ledger.Estimate{Input: 100, MaxOutput: 50}, nil)
	if err != nil {
		t.Fatal(err)
	}
	cancel()
	if _, err := l.Settle(ctx, ticket, ledger.Outcome{ErrorCode: chat.CodeCancelled, Usage: chat.Usage{Input: 10}}); err != nil {
		t.Fatal(err)
	}
	if r := b.rows[ticket.ID()]; r.State != ledger.Failed || r.Cost == 0 {
		t.Errorf("row %+v: want failed, with the cost of what was used", r)
	}
}

func TestUnknownPriceIsNeverNothing(t *testing.T) {
	l, b, _ := setup(t)
	ticket, err := l.Dispatch(t.Context(), ledger.Row{Provider: "rack", Model: "mystery"}, ledger.Estimate{Input: 100, MaxOutput: 50}, nil)
	if err != nil {
		t.Fatal(err)
	}
	o, err := l.Settle(t.Context(), ticket, ledger.Outcome{Usage: chat.Usage{Input: 10}, CostKnown: true, Cost: 5})
	if err != nil {
		t.Fatal(err)
	}
	if o.CostKnown || b.rows[ticket.ID()].CostKnown || o.Cost != 0 {
		t.Errorf("outcome %+v claims to know a cost", o)
	}
	if _, known := l.Estimate("rack", "mystery", o.Usage); known {
		t.Error("an estimate claims to know a cost")
	}
}

func TestNothingIsSentWithoutARow(t *testing.T) {
	l, b, _ := setup(t)
	b.refuses = errors.New("disk full")
	if _, err := l.Dispatch(t.Context(), ledger.Row{Provider: "openai", Model: "gpt-4.1"}, ledger.Estimate{Input: 100, MaxOutput: 50}, nil); !errors.Is(err, b.refuses) {
		t.Errorf("err = %v", err)
	}
}
