package app

import (
	"context"
	"fmt"
	"log/slog"
	"time"

	"github.com/google/uuid"

	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/internal/limit"
)

// sharing is a store by which servers have their budgets in common.
type sharing interface {
	limit.Shares
	// Listen lets this process hear of what others announce, and told of what they tell.
	Listen(ctx context.Context, told func(word string)) error
	// Tell tells the others that listen now.
	Tell(ctx context.Context, word string) error
	// Instance names this process, as shares and the journal are.
	Instance() string
	// Of takes rows over that another process has left.
	Of(instance string) ledger.Store
	// SettleShares puts what a process that died has spent in the place of what it was given.
	SettleShares(ctx context.Context, instance string) error
	// LeaveShares lets what this process has spent count without it. It is over with its shares.
	LeaveShares(ctx context.Context) error
	// ForgetShares forgets those of windows that began before a time.
	ForgetShares(ctx context.Context, before time.Time) error
}

// longestWindow of a budget, in days, with some to spare.
const longestWindow = 40

// journalID names a server's journal: as its shares, so that whoever takes the journal over can settle them.
func journalID(s sharing) (string, error) {
	if s != nil {
		return s.Instance(), nil
	}
	id, err := uuid.NewRandom()
	if err != nil {
		return "", fmt.Errorf("make an id for the journal: %w", err)
	}
	return id.String(), nil
}

// reconcileEvery is how often a server gives back what it does not use of budgets.
const reconcileEvery = time.Second

// reconciling does so.
type reconciling struct {
	book   *limit.Book
	shares sharing
	cancel context.CancelFunc
	ended  chan struct{}
}

func startReconciling(b *limit.Book, shares sharing, log *slog.Logger) *reconciling {
	ctx, cancel := context.WithCancel(context.Background()) // the server's own life, ended by stop
	r := &reconciling{b, shares, cancel, make(chan struct{})}
	go func() {
		defer close(r.ended)
		tick := time.NewTicker(reconcileEvery)
		defer tick.Stop()
		failing := false
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			err := b.Reconcile(ctx, false)
			if err != nil && !failing && ctx.Err() == nil {
				log.Error("what this server keeps of budgets cannot be reported; it spends what it has and gets no more", "err", err)
			}
			failing = err != nil
		}
	}()
	return r
}

// stop gives back all that is not spent. settled says that all that is spent is in the database.
func (r *reconciling) stop(ctx context.Context, settled bool) error {
	if r == nil {
		return nil
	}
	r.cancel()
	<-r.ended
	ctx, cancel := context.WithTimeout(ctx, stopWithin)
	defer cancel()
	if err := r.book.Reconcile(ctx, true); err != nil || !settled {
		return err
	}
	return r.shares.LeaveShares(ctx)
}
