package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/dragoman/dragoman/internal/limit"
	"github.com/dragoman/dragoman/internal/store/sqlite"
)

// ErrServed says that a server has the data folder already.
var ErrServed = errors.New("another server has this data folder")

// serverLock is held by the one server of a data folder, for as long as it runs.
const serverLock = "server.lock"

// alone says whether a server has its budgets to itself: its count of them is in its memory, so that there is one of it.
func (a *App) alone() bool {
	_, shared := a.Store.(sharing)
	return !shared
}

// lockServing makes this process the one server of the data folder.
func (a *App) lockServing() (*flock.Flock, error) {
	lock := flock.New(filepath.Join(a.DataDir, serverLock), flock.SetPermissions(0o600))
	switch locked, err := lock.TryLock(); {
	case err != nil:
		return nil, fmt.Errorf("lock the data folder for a server: %w", err)
	case !locked:
		return nil, fmt.Errorf("%w (%s), and each would count limits and budgets for itself: stop it, give this one a folder of its own (--data), or let them share a PostgreSQL database (store.url)", ErrServed, a.DataDir)
	}
	return lock, nil
}

// CountSpent makes budgets hold for a command: what was spent before counts, and when the command closes what it has opened, a server on
// the same data counts what it has spent.
func (a *App) CountSpent(ctx context.Context) error {
	if !a.alone() || !a.levels.budgeted() {
		return nil
	}
	a.counted = true
	return recount(ctx, a.limits, a.Ledger, a.levels.org, a.options.Now())
}

// beside lets a server count what commands on the same data folder spend.
type beside struct {
	cancel context.CancelFunc
	ended  chan struct{}
}

// besideEvery is how often a server looks whether there was a command.
const besideEvery = time.Second

func (a *App) startBeside(db *sqlite.DB, from *sqlite.Mark, log *slog.Logger) *beside {
	ctx, cancel := context.WithCancel(context.Background()) // the server's own life, ended by stop
	b := &beside{cancel, make(chan struct{})}
	book, org, now := a.limits, a.levels.org, a.options.Now
	seen := db.Changes()
	go func() {
		defer close(b.ended)
		tick := time.NewTicker(besideEvery)
		defer tick.Stop()
		for {
			select {
			case <-ctx.Done():
				return
			case <-tick.C:
			}
			changes := db.Changes()
			if changes == seen {
				continue
			}
			if err := countBeside(ctx, book, db, from, org, now()); err != nil {
				if ctx.Err() == nil {
					log.Error("what commands have spent cannot be looked up; it is tried again", "err", err)
				}
				continue
			}
			seen = changes
		}
	}()
	return b
}

func countBeside(ctx context.Context, book *limit.Book, db *sqlite.DB, from *sqlite.Mark, org string, now time.Time) error {
	rows, err := db.UsageBeside(ctx, from)
	if err != nil {
		return err
	}
	for i := range rows {
		r := &rows[i]
		for _, w := range []limit.Window{limit.Hour, limit.Day, limit.Month} {
			if begins, _ := w.Bounds(now); r.Started.Before(begins) {
				continue
			}
			spent := func(kind limit.Kind, name string) {
				if name != "" {
					book.Spent(kind, name, w, int64(r.Cost), r.Usage.Total())
				}
			}
			spent(limit.Org, org)
			spent(limit.Team, r.Team)
			spent(limit.User, r.User)
			if of, ok := strings.CutPrefix(r.KeyID, collectionKey); ok {
				spent(limit.Collection, of)
			} else {
				spent(limit.Key, r.KeyID)
			}
		}
	}
	return nil
}

func (b *beside) stop() {
	if b != nil {
		b.cancel()
		<-b.ended
	}
}
