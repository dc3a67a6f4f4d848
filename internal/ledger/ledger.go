// Package ledger knows what requests cost and keeps the book of them: one durable row for each request that is sent to a
// provider, written before it leaves and settled exactly once. Money is set aside before a request is sent.
package ledger

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/ledger/journal"
	"github.com/dragoman/dragoman/internal/limit"
)

// Ledger keeps the book. It is safe for concurrent use.
type Ledger struct {
	store       Store
	prices      func() *Catalogue
	now         func() time.Time
	calibration *Calibration

	// Of a server: rows go to a journal first and from there to the store in batches. Without, each row is written by itself.
	journal *journal.Journal
	queue   Queue
}

// Queue takes rows that are over to the store, later.
type Queue interface {
	// AddUsage queues a copy of a row; applied is called when it is in the store.
	AddUsage(r *Row, applied func())
	// Behind says that so much is queued that no more requests should be sent.
	Behind() bool
}

// New makes a ledger over a store, for one request at a time. now is the clock, time.Now outside tests.
func New(store Store, prices func() *Catalogue, now func() time.Time) *Ledger {
	return &Ledger{store: store, prices: prices, now: now, calibration: NewCalibration()}
}

// Journaled makes the ledger of a server: rows outlast a crash by the journal, and reach the store by the queue.
func (l *Ledger) Journaled(j *journal.Journal, q Queue) { l.journal, l.queue = j, q }

// settleWithin bounds how long settling may take once its request is over: longer than a busy database needs, shorter than
// a draining server waits.
const settleWithin = 10 * time.Second

// Estimate is what a request may use, before it is sent.
type Estimate struct {
	Input     int64 // tokens of the prompt, estimated
	MaxOutput int64 // the most that the answer may have; 0: as much as the model can; negative: there is none
}

// Ticket is what Dispatch hands out and Settle takes back.
type Ticket struct {
	row      *Row
	price    Price // as of its start, so that a price change during the request does not matter
	known    bool
	input    int64 // estimated, before it was calibrated
	hold     *limit.Hold
	reserved limit.Reservation
	segment  *journal.Segment
	promised bool
}

// ID is the row's.
func (t *Ticket) ID() string { return t.row.ID }

// defaultOutput is reserved at least for an answer where neither the caller nor the price list bounds it.
const defaultOutput = 8192

// mostTokens bounds what is reserved or booked for one request: sums of it stay numbers.
const mostTokens = 1 << 40

// longest is how long the answer of a request may be.
func (l *Ledger) longest(e Estimate, p Price, model string, input int64) int64 {
	switch {
	case e.MaxOutput < 0:
		return 0
	case e.MaxOutput > 0:
		return min(e.MaxOutput, mostTokens)
	case p.MaxOutput > 0:
		return min(p.MaxOutput, mostTokens)
	}
	most := max(defaultOutput, l.calibration.Longest(model))
	if p.Context > 0 {
		most = min(most, max(p.Context-input, 1))
	}
	return most
}

// Dispatch sets aside what the request may cost and writes its row. The caller must not send the request when Dispatch
// fails. r is the ledger's from here on; of it, ID and Started are filled in where empty, and State, Outcome and what is reserved are
// ignored. Errors that a caller should see are *limit.Exceeded and *chat.Error.
func (l *Ledger) Dispatch(ctx context.Context, r *Row, e Estimate, hold *limit.Hold) (*Ticket, error) {
	if r.ID == "" {
		id, err := uuid.NewV7()
		if err != nil {
			return nil, fmt.Errorf("make an id for a usage row: %w", err)
		}
		r.ID = id.String()
	}
	if r.Started.IsZero() {
		r.Started = l.now()
	}
	r.State, r.Outcome = Dispatched, Outcome{}
	for _, s := range [...]*string{&r.Feature, &r.Class, &r.Model} { // callers choose them
		*s = clip(*s)
	}
	e.Input = min(max(e.Input, 0), mostTokens)
	t := &Ticket{row: r, input: e.Input, hold: hold}
	t.price, t.known = l.prices().Lookup(r.Provider, r.Model, r.Started)
	if !t.known && hold.MoneyBounded() {
		return nil, unpriced(r)
	}
	model := r.Provider + "/" + r.Model
	r.ReservedInput = min(l.calibration.Tokens(model, e.Input), mostTokens)
	r.ReservedOutput = l.longest(e, t.price, model, r.ReservedInput)
	if r.ReservedKnown = t.known; t.known {
		r.Reserved = Most(r.ReservedInput, r.ReservedOutput, r.Images, t.price)
	}
	var err error
	if t.reserved, err = hold.Reserve(int64(r.Reserved), r.ReservedInput+r.ReservedOutput); err != nil {
		return nil, err
	}
	if err := l.write(ctx, t); err != nil {
		hold.Settle(t.reserved, 0, 0)
		return nil, err
	}
	return t, nil
}

func unpriced(r *Row) error {
	return &chat.Error{Code: chat.CodeBudget, Message: fmt.Sprintf(
		"a budget bounds what you may spend, and what %s/%s costs is not known; the operator can set it under providers.%s.prices", r.Provider, r.Model, r.Provider)}
}

// settleRecord is how many bytes a settlement takes in the journal, at most.
const settleRecord = 256

var errBehind = &chat.Error{Code: chat.CodeOverloaded, RetryAfter: 5 * time.Second, Message: "the books cannot keep up (the disk is full, or the database is locked or cannot be reached); try again in a moment"}

func (l *Ledger) write(ctx context.Context, t *Ticket) error {
	if l.journal == nil {
		return l.insert(ctx, t.row)
	}
	if l.queue.Behind() {
		return errBehind
	}
	if err := l.journal.Reserve(settleRecord); err != nil {
		return full(err)
	}
	s, err := l.journal.Append(appendDispatch(make([]byte, 0, 512), t.row), 0)
	if err != nil {
		l.journal.Release(settleRecord)
		return full(err)
	}
	t.segment, t.promised = s, true
	return nil
}

func (l *Ledger) insert(ctx context.Context, r *Row) error {
	if err := l.store.InsertUsage(ctx, *r); err != nil {
		return fmt.Errorf("write the usage row before sending to %s: %w", r.Provider, err)
	}
	return nil
}

func full(err error) error {
	if errors.Is(err, journal.ErrFull) {
		e := *errBehind
		e.Err = err
		return &e
	}
	return fmt.Errorf("write the usage row before sending: %w", err)
}

// Settle writes how the request of a ticket ended and returns its outcome with Cost and CostKnown filled in, and Duration
// where it was 0. An outcome with an ErrorCode is Failed, any other Settled. Usage is what the provider reported; where it
// reported nothing, the caller counts and marks it Estimated, and where such a usage has no Input, the prompt is counted here, by
// what its model has reported of others.
//
// Settle works after ctx is cancelled, as it is when the caller of a turn goes away. A second Settle of the same ticket, after
// the first has returned, changes nothing and is no error.
func (l *Ledger) Settle(ctx context.Context, t *Ticket, o Outcome) (Outcome, error) {
	r := t.row
	if r.State != Dispatched {
		return r.Outcome, nil
	}
	r.State = Settled
	if o.ErrorCode != "" {
		r.State = Failed
	}
	model := r.Provider + "/" + r.Model
	o.Usage = sane(o.Usage)
	if o.Usage.Estimated && o.Usage.Input == 0 {
		o.Usage.Input = l.calibration.Guess(model, t.input)
	}
	o.Cost, o.CostKnown = 0, t.known
	if t.known {
		images := r.Images
		if o.Usage.Total() == 0 {
			images = 0 // it was not answered
		}
		o.Cost = Cost(o.Usage, images, t.price)
	}
	if o.Duration == 0 {
		o.Duration = max(l.now().Sub(r.Started), 0)
	}
	r.Outcome = o
	t.hold.Settle(t.reserved, int64(o.Cost), o.Usage.Total())
	if !o.Usage.Estimated && o.Usage.Input > 0 {
		l.calibration.Saw(model, t.input, o.Usage.Input, o.Usage.Output)
	}
	if l.journal != nil {
		return o, l.settleInJournal(t)
	}
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleWithin)
	defer cancel()
	if _, err := l.store.SettleUsage(ctx, r.ID, r.State, o); err != nil {
		return o, fmt.Errorf("settle usage row %s: %w", r.ID, err)
	}
	return o, nil
}

// sane cuts what cannot be: what a provider says it used is not ours to believe when it takes from a budget.
func sane(u chat.Usage) chat.Usage {
	for _, n := range [...]*int64{&u.Input, &u.CachedInput, &u.CacheWrite, &u.CacheHour, &u.Output, &u.Reasoning} {
		*n = min(max(*n, 0), mostTokens)
	}
	return u
}

func (l *Ledger) settleInJournal(t *Ticket) error {
	s, err := l.journal.Append(appendSettle(make([]byte, 0, settleRecord), t.row), settleRecord)
	// The row goes to the store in any case: what the journal lacks matters only if this process dies first.
	l.queue.AddUsage(t.row, func() {
		l.journal.Forget(t.segment, 1)
		if s != nil {
			l.journal.Forget(s, 1)
		}
	})
	if err != nil {
		return fmt.Errorf("settle usage row %s: %w", t.row.ID, err)
	}
	return nil
}

// Estimate is what a usage would cost now; known is false where no price is known.
func (l *Ledger) Estimate(provider, model string, u chat.Usage) (cost Money, known bool) {
	price, known := l.prices().Lookup(provider, model, l.now())
	return Cost(u, 0, price), known
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
