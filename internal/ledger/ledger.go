// Package ledger knows what requests cost and keeps the book of them: one durable row for each request that is sent to a
// provider, written before it leaves and settled exactly once.
package ledger

import (
	"context"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/dragoman/dragoman/internal/chat"
)

// Ledger keeps the book. It is safe for concurrent use.
type Ledger struct {
	store  Store
	prices *Catalogue
	now    func() time.Time
}

// New makes a ledger over a store. now is the clock, time.Now outside tests.
func New(store Store, prices *Catalogue, now func() time.Time) *Ledger {
	return &Ledger{store: store, prices: prices, now: now}
}

// settleWithin bounds how long settling may take once its request is over: longer than a busy database needs, shorter than
// a draining server waits.
const settleWithin = 10 * time.Second

// Ticket is what Dispatch hands out and Settle takes back.
type Ticket struct {
	ID      string
	started time.Time
	price   Price // as of started, so that a price change during the request does not matter
	known   bool
}

// Dispatch writes the row of a request that is about to be sent. The caller must not send it when Dispatch fails. Of r, ID
// and Started are filled in where empty; State and Outcome are ignored.
func (l *Ledger) Dispatch(ctx context.Context, r Row) (Ticket, error) {
	if r.ID == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return Ticket{}, fmt.Errorf("make an id for a usage row: %w", err)
		}
		r.ID = id.String()
	}
	if r.Started.IsZero() {
		r.Started = l.now()
	}
	r.State, r.Outcome = Dispatched, Outcome{}
	price, known := l.prices.Lookup(r.Provider, r.Model, r.Started)
	if err := l.store.InsertUsage(ctx, r); err != nil {
		return Ticket{}, fmt.Errorf("write the usage row before sending to %s: %w", r.Provider, err)
	}
	return Ticket{ID: r.ID, started: r.Started, price: price, known: known}, nil
}

// Settle writes how the request of a ticket ended and returns its outcome with Cost and CostKnown filled in, and Duration
// where it was 0. An outcome with an ErrorCode is Failed, any other Settled. Usage is what the provider reported; where it
// reported nothing, the caller counts and marks it Estimated.
//
// Settle works after ctx is cancelled, as it is when the caller of a turn goes away. A second Settle of the same ticket
// changes nothing and is no error.
func (l *Ledger) Settle(ctx context.Context, t Ticket, o Outcome) (Outcome, error) {
	state := Settled
	if o.ErrorCode != "" {
		state = Failed
	}
	o.Cost, o.CostKnown = 0, t.known
	if t.known {
		o.Cost = Cost(o.Usage, t.price)
	}
	if o.Duration == 0 {
		o.Duration = max(l.now().Sub(t.started), 0)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleWithin)
	defer cancel()
	if _, err := l.store.SettleUsage(ctx, t.ID, state, o); err != nil {
		return o, fmt.Errorf("settle usage row %s: %w", t.ID, err)
	}
	return o, nil
}

// Estimate is what a usage would cost now; known is false where no price is known.
func (l *Ledger) Estimate(provider, model string, u chat.Usage) (cost Money, known bool) {
	price, known := l.prices.Lookup(provider, model, l.now())
	return Cost(u, price), known
}

// Recover closes the rows of processes that ended without settling them, and says how many there were. It is called at
// start; rows of other processes that still run are left alone.
func (l *Ledger) Recover(ctx context.Context) (int, error) {
	n, err := l.store.AbandonUsage(ctx)
	if err != nil {
		return n, fmt.Errorf("close the usage rows of processes that are gone: %w", err)
	}
	return n, nil
}

// Totals sums up the rows that started at since or later, kept apart by a grouping and ordered by its key.
func (l *Ledger) Totals(ctx context.Context, since time.Time, by Grouping) ([]Total, error) {
	totals, err := l.store.UsageTotals(ctx, since, by)
	if err != nil {
		return nil, fmt.Errorf("sum up usage: %w", err)
	}
	return totals, nil
}
