package ledger_test

import (
	"context"
	"errors"
	"math"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/internal/ledger/journal"
	"github.com/dragoman/dragoman/internal/limit"
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

func setup(t *testing.T, own ...ledger.Entry) (*ledger.Ledger, *book, *time.Time) {
	prices, err := ledger.NewCatalogue(own...)
	if err != nil {
		t.Fatal(err)
	}
	b := &book{rows: map[string]ledger.Row{}}
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	return ledger.New(b, func() *ledger.Catalogue { return prices }, func() time.Time { return now }), b, &now
}

func TestDispatchThenSettle(t *testing.T) {
	l, b, now := setup(t)
	ticket, err := l.Dispatch(t.Context(), &ledger.Row{Provider: "openai", Model: "gpt-4.1", TraceID: "t1", Try: 1}, ledger.Estimate{Input: 100, MaxOutput: 50}, nil)
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
	ticket, err := l.Dispatch(ctx, &ledger.Row{Provider: "openai", Model: "gpt-4.1"}, ledger.Estimate{Input: 100, MaxOutput: 50}, nil)
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
	ticket, err := l.Dispatch(t.Context(), &ledger.Row{Provider: "rack", Model: "mystery"}, ledger.Estimate{Input: 100, MaxOutput: 50}, nil)
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
	if _, err := l.Dispatch(t.Context(), &ledger.Row{Provider: "openai", Model: "gpt-4.1"}, ledger.Estimate{Input: 100, MaxOutput: 50}, nil); !errors.Is(err, b.refuses) {
		t.Errorf("err = %v", err)
	}
}

// What a provider says it used is booked as far as it can be, and never gives anything back.
func TestAbsurdReports(t *testing.T) {
	l, b, _ := setup(t)
	limits := limit.NewBook(time.Now)
	hold, err := limits.Acquire([]limit.Level{{Kind: limit.Team, Name: "shop", Limits: &limit.Limits{}}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	for _, u := range []chat.Usage{
		{Input: -1000, CachedInput: -1, CacheWrite: -1, CacheHour: -1, Output: -1000, Reasoning: -1},
		{Input: math.MaxInt64, CachedInput: math.MaxInt64, Output: math.MaxInt64, Reasoning: math.MaxInt64},
		{Input: math.MaxInt64, Output: math.MaxInt64},
	} {
		ticket, err := l.Dispatch(t.Context(), &ledger.Row{Provider: "openai", Model: "gpt-4.1"}, ledger.Estimate{Input: math.MaxInt64, MaxOutput: math.MaxInt64}, hold)
		if err != nil {
			t.Fatal(err)
		}
		if _, err := l.Settle(t.Context(), ticket, ledger.Outcome{Usage: u}); err != nil {
			t.Fatal(err)
		}
	}
	var sum ledger.Money
	for _, r := range b.rows {
		if u := r.Usage; min(u.Input, u.CachedInput, u.CacheWrite, u.Output, u.Total(), int64(r.Cost), r.ReservedInput, int64(r.Reserved)) < 0 {
			t.Errorf("%+v", r)
		}
		sum = sum.Plus(r.Cost)
	}
	if money, tokens, held, heldTokens := limits.Used(limit.Team, "shop", limit.Month); money != int64(sum) || tokens < 1<<41 || held != 0 || heldTokens != 0 {
		t.Errorf("$%d, %d tokens, %d and %d held", money, tokens, held, heldTokens)
	}
}

// TestReservation: what is set aside is the longest answer that may come, as far as anybody says how long that is.
func TestReservation(t *testing.T) {
	l, b, _ := setup(t, ledger.Entry{Provider: "rack", Models: []string{"small"}, Price: ledger.Price{Context: 2000}}, ledger.Free("rack"))
	for _, c := range []struct {
		provider, model string
		e               ledger.Estimate
		output          int64
	}{
		{"openai", "gpt-4.1", ledger.Estimate{Input: 100, MaxOutput: 50}, 50},
		{"openai", "gpt-4.1", ledger.Estimate{Input: 100}, 32768},
		{"openai", "text-embedding-3-small", ledger.Estimate{Input: 100, MaxOutput: -1}, 0},
		{"rack", "any", ledger.Estimate{Input: 100}, 8192},
		{"rack", "small", ledger.Estimate{Input: 1000}, 2000 - 1501},
		{"rack", "small", ledger.Estimate{Input: 5000}, 1},
	} {
		ticket, err := l.Dispatch(t.Context(), &ledger.Row{Provider: c.provider, Model: c.model}, c.e, nil)
		if err != nil {
			t.Fatal(err)
		}
		if r := b.rows[ticket.ID()]; r.ReservedOutput != c.output || r.ReservedInput != c.e.Input*3/2+1 {
			t.Errorf("%s %+v: %d and %d tokens are set aside", c.model, c.e, r.ReservedInput, r.ReservedOutput)
		}
	}
	// An answer that was longer than thought makes the next reservation longer.
	ticket, err := l.Dispatch(t.Context(), &ledger.Row{Provider: "rack", Model: "any"}, ledger.Estimate{Input: 100}, nil)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := l.Settle(t.Context(), ticket, ledger.Outcome{Usage: chat.Usage{Input: 100, Output: 20_000}}); err != nil {
		t.Fatal(err)
	}
	if ticket, err = l.Dispatch(t.Context(), &ledger.Row{Provider: "rack", Model: "any"}, ledger.Estimate{Input: 100}, nil); err != nil || b.rows[ticket.ID()].ReservedOutput != 20_000 {
		t.Errorf("%d tokens are set aside, %v", b.rows[ticket.ID()].ReservedOutput, err)
	}
}

// TestEstimatesLearn: what a model reports of its prompts is what others are counted by, and is set aside for them.
func TestEstimatesLearn(t *testing.T) {
	l, b, _ := setup(t)
	dispatch := func() *ledger.Ticket {
		ticket, err := l.Dispatch(t.Context(), &ledger.Row{Provider: "openai", Model: "gpt-4.1"}, ledger.Estimate{Input: 100, MaxOutput: 50}, nil)
		if err != nil {
			t.Fatal(err)
		}
		return ticket
	}
	settle := func(u chat.Usage) ledger.Outcome {
		o, err := l.Settle(t.Context(), dispatch(), ledger.Outcome{Usage: u})
		if err != nil {
			t.Fatal(err)
		}
		return o
	}
	if o := settle(chat.Usage{Output: 7, Estimated: true}); o.Usage.Input != 100 || o.Usage.Output != 7 || o.Cost == 0 {
		t.Errorf("before anything was reported: %+v", o)
	}
	for range 50 {
		settle(chat.Usage{Input: 240, Output: 5})
	}
	if o := settle(chat.Usage{Output: 7, Estimated: true}); o.Usage.Input != 240 || !o.Usage.Estimated {
		t.Errorf("after: %+v", o)
	}
	if got := b.rows[dispatch().ID()].ReservedInput; got < 240*11/10 || got > 300 {
		t.Errorf("%d tokens are set aside for a prompt of 240", got)
	}
}

// line is a queue that takes rows and says what it is told to say.
type line struct {
	rows    []ledger.Row
	applied []func()
	behind  bool
}

func (q *line) AddUsage(r *ledger.Row, applied func()) {
	q.rows, q.applied = append(q.rows, *r), append(q.applied, applied)
}

func (q *line) Behind() bool { return q.behind }

// TestBackPressure: where the books cannot keep up, requests are refused before they are sent, and nothing stays set aside. What was
// sent is settled whatever happens, and when the store has caught up, all goes on.
func TestBackPressure(t *testing.T) {
	l, _, _ := setup(t)
	j, err := journal.Open(filepath.Join(t.TempDir(), "j"), journal.Options{SyncEvery: time.Hour, MaxSegments: 2})
	if err != nil {
		t.Fatal(err)
	}
	q := &line{}
	l.Journaled(j, q)
	limits := limit.NewBook(time.Now)
	hold, err := limits.Acquire([]limit.Level{{Kind: limit.Team, Name: "shop", Limits: &limit.Limits{}}}, 0)
	if err != nil {
		t.Fatal(err)
	}
	long := strings.Repeat("x", 1000)
	dispatch := func() (*ledger.Ticket, error) {
		return l.Dispatch(t.Context(), &ledger.Row{
			Provider: "openai", Model: "gpt-4.1", Feature: long, Class: long, Org: long, Team: long, User: long, Assistant: long, Principal: long, Region: long,
		}, ledger.Estimate{Input: 100, MaxOutput: 50}, hold)
	}
	refused := func(err error) {
		t.Helper()
		if e := chat.AsError(err); e == nil || e.Code != chat.CodeOverloaded || e.RetryAfter == 0 {
			t.Fatalf("%v", err)
		}
	}
	q.behind = true
	_, err = dispatch()
	refused(err)
	q.behind = false
	var sent []*ledger.Ticket
	for {
		ticket, err := dispatch()
		if err != nil {
			refused(err)
			break
		}
		if sent = append(sent, ticket); len(sent) > 10_000 {
			t.Fatal("the journal is never full")
		}
	}
	for _, ticket := range sent {
		if _, err := l.Settle(t.Context(), ticket, ledger.Outcome{Usage: chat.Usage{Input: 100, Output: 50}}); err != nil {
			t.Fatal(err)
		}
	}
	if len(sent) < 500 || len(q.rows) != len(sent) {
		t.Fatalf("%d sent, %d settled", len(sent), len(q.rows))
	}
	for _, applied := range q.applied {
		applied()
	}
	last, err := dispatch()
	if err != nil {
		t.Fatalf("the store has caught up: %v", err)
	}
	if _, err := l.Settle(t.Context(), last, ledger.Outcome{}); err != nil {
		t.Fatal(err)
	}
	if _, tokens, held, heldTokens := limits.Used(limit.Team, "shop", limit.Month); tokens != int64(150*len(sent)) || held != 0 || heldTokens != 0 {
		t.Errorf("%d tokens are booked, %d and %d held", tokens, held, heldTokens)
	}
	q.applied[len(q.applied)-1]()
	if err := j.Close(); err != nil {
		t.Error(err)
	}
}
