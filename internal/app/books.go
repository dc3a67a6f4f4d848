package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/gofrs/flock"

	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/internal/ledger/journal"
	"github.com/dragoman/dragoman/internal/store"
	"github.com/dragoman/dragoman/internal/store/sqlite"
	"github.com/dragoman/dragoman/internal/store/writer"
)

// books are the journal and the writer of a server.
type books struct {
	journal *journal.Journal
	writer  *writer.Writer
	lock    *flock.Flock
	log     *slog.Logger
	serving *flock.Flock // nil where several servers may have one data folder
	beside  *beside      // as serving
	strikes *strikes     // nil where there are no other servers
}

// journals holds a folder for each server's journal, and beside it a file that the server keeps locked: so others can tell
// whether it still runs.
const journals = "journal"

// syncEvery is how far the disk may be behind the journal.
const syncEvery = 100 * time.Millisecond

// StartBooks makes the books those of a server: requests don't wait for the database. Before, what servers that died left in
// their journals is taken over, and what was spent in the windows that are open is counted. Where budgets are not shared, one server at a time has
// a data folder: another one gets ErrServed. Close ends it.
func (a *App) StartBooks(ctx context.Context, log *slog.Logger) (err error) {
	var serving *flock.Flock
	if a.alone() {
		if serving, err = a.lockServing(); err != nil {
			return err
		}
		defer func() {
			if err != nil {
				err = errors.Join(err, serving.Close())
			}
		}()
	}
	folder := filepath.Join(a.DataDir, journals)
	if err := os.MkdirAll(folder, 0o700); err != nil {
		return fmt.Errorf("make the folder of the journal: %w", err)
	}
	if err := a.replay(ctx, folder, log); err != nil {
		return err
	}
	shared, _ := a.Store.(sharing)
	if shared != nil {
		if err := shared.ForgetShares(ctx, a.options.Now().AddDate(0, 0, -longestWindow)); err != nil {
			return err
		}
		if err := shared.Listen(ctx, func(word string) { heardStrike(a.quarantine, word) }); err != nil {
			return err
		}
	}
	var mark *sqlite.Mark
	file, _ := a.Store.(*sqlite.DB)
	if file != nil {
		if mark, err = file.MarkUsage(ctx); err != nil {
			return err
		}
	}
	if err := recount(ctx, a.limits, a.Ledger, a.levels.org, a.options.Now()); err != nil {
		return err
	}
	id, err := journalID(shared)
	if err != nil {
		return err
	}
	if err := a.auditConfig(ctx); err != nil {
		return err
	}
	b := &books{lock: journalLock(folder, id), log: log, serving: serving}
	if locked, err := b.lock.TryLock(); err != nil || !locked {
		return fmt.Errorf("lock the journal: %w", errors.Join(err, os.ErrExist))
	}
	o := journal.Options{SyncEvery: syncEvery}
	if a.Config.Ledger.Sync == "always" {
		o.SyncEvery = 0
	}
	if b.journal, err = journal.Open(filepath.Join(folder, id), o); err != nil {
		return errors.Join(err, b.unlock())
	}
	b.writer = writer.New(a.Store, log)
	b.writer.Start()
	if shared != nil {
		b.strikes = startStrikes(a.quarantine, shared.Tell)
	}
	if file != nil {
		b.beside = a.startBeside(file, mark, log)
	}
	a.Ledger.Journaled(b.journal, b.writer)
	a.books = b
	if a.Metrics != nil {
		a.Metrics.Gauge("books_waiting", "Usage rows and traces that are not in the database yet; from 50,000 rows on no request is let in.", nil, func() float64 { return float64(b.writer.Backlog()) })
		a.Metrics.Gauge("books_journal_bytes", "Bytes of the journal that are kept until the database has them.", nil, func() float64 { return float64(b.journal.Size()) })
	}
	return nil
}

func journalLock(folder, id string) *flock.Flock {
	return flock.New(filepath.Join(folder, id+".lock"), flock.SetPermissions(0o600))
}

func (b *books) unlock() error {
	return errors.Join(b.lock.Close(), os.Remove(b.lock.Path()))
}

func (b *books) stopServing() error {
	if b.serving == nil {
		return nil
	}
	return b.serving.Close()
}

// stopWithin bounds how long closing waits for the database: what is not written by then is taken over at the next start.
const stopWithin = 10 * time.Second

func (b *books) stop(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopWithin)
	defer cancel()
	err := b.writer.Stop(ctx)
	b.beside.stop()
	b.strikes.stop()
	if n := b.writer.Backlog(); err != nil && n > 0 {
		b.log.Error("the database did not take all of the books; the next start takes the rest over from the journal", "rows and traces", n)
	}
	return errors.Join(err, b.journal.Close(), b.unlock(), b.stopServing())
}

// replay takes the journals of servers that died to the store.
func (a *App) replay(ctx context.Context, folder string, log *slog.Logger) error {
	entries, err := os.ReadDir(folder)
	if err != nil {
		return fmt.Errorf("look for journals: %w", err)
	}
	for _, e := range entries {
		if !e.IsDir() {
			a.forgetLock(folder, e.Name())
			continue
		}
		lock := journalLock(folder, e.Name())
		locked, err := lock.TryLock()
		if err != nil {
			return fmt.Errorf("see whether a server still runs: %w", err)
		}
		if !locked {
			continue
		}
		shared, _ := a.Store.(sharing)
		var to ledger.Store = a.Store
		if shared != nil {
			to = shared.Of(e.Name())
		}
		n, err := ledger.Replay(ctx, filepath.Join(folder, e.Name()), to)
		if shared != nil && (err == nil || errors.Is(err, journal.ErrDamaged)) {
			err = errors.Join(err, shared.SettleShares(ctx, e.Name()))
		}
		if errors.Is(err, journal.ErrDamaged) {
			// What could be read is in the books. The rest is kept for a person to look at.
			kept := filepath.Join(folder, "damaged-"+e.Name())
			log.Error("a journal is damaged; what could be read was taken over", "rows", n, "kept", kept, "err", err)
			err = os.Rename(filepath.Join(folder, e.Name()), kept)
		} else if err == nil {
			if n > 0 {
				log.Info("took over the books of a server that died", "rows", n)
			}
			err = os.RemoveAll(filepath.Join(folder, e.Name()))
		}
		if err = errors.Join(err, lock.Close(), os.Remove(lock.Path())); err != nil {
			return fmt.Errorf("take over the books of a server that died: %w", err)
		}
	}
	return nil
}

// forgetLock removes the lock of a journal that is gone.
func (a *App) forgetLock(folder, name string) {
	id, ok := strings.CutSuffix(name, ".lock")
	if !ok {
		return
	}
	if _, err := os.Stat(filepath.Join(folder, id)); err == nil {
		return
	}
	lock := journalLock(folder, id)
	if locked, err := lock.TryLock(); err == nil && locked {
		lock.Close()
		_ = os.Remove(lock.Path()) // what stays harms nobody
	}
}

// Flush waits until what was settled before is in the store.
func (a *App) Flush(ctx context.Context) error {
	if a.books == nil {
		return nil
	}
	return a.books.writer.Flush(ctx)
}

// Trace reads a trace, also one that is still on its way to the store.
func (a *App) Trace(ctx context.Context, id string) (store.Trace, error) {
	flush, cancel := context.WithTimeout(ctx, 2*time.Second)
	defer cancel()
	if err := a.Flush(flush); err != nil && ctx.Err() != nil {
		return store.Trace{}, err
	}
	return a.Store.Trace(ctx, id)
}
