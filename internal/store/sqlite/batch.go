package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"strings"
	"sync"

	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/internal/store"
)

// Add implements store.Batches.
func (d *DB) Add(ctx context.Context, b store.Batch) (err error) {
	if err := d.batches.prepare(ctx, d.write); err != nil {
		return d.explain("write to the books", err)
	}
	tx, err := d.write.BeginTx(ctx, nil)
	if err != nil {
		return d.explain("write to the books", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(d.explain("write to the books", err), rolledBack(tx))
		}
	}()
	err = inChunks(ctx, tx, &d.batches.usage, b.Usage, func(args []any, r *ledger.Row) []any {
		return ended(d.dispatched(args, r), &r.Outcome)
	})
	if err != nil {
		return err
	}
	err = inChunks(ctx, tx, &d.batches.traces, b.Traces, func(args []any, t *store.Trace) []any {
		return append(args, t.ID, t.Principal, t.Session, nanos(t.Created), blob(t.Body))
	})
	if err != nil {
		return err
	}
	if err := tx.Commit(); err != nil {
		return err
	}
	return d.inPlace()
}

// batches are the statements that write 1, 2, 4, ... 64 rows, prepared once: parsing one takes as long as running it.
type batches struct {
	once          sync.Mutex
	ready         bool
	usage, traces [7]*sql.Stmt
}

func (b *batches) prepare(ctx context.Context, db *sql.DB) (err error) {
	b.once.Lock()
	defer b.once.Unlock()
	for i := range b.usage {
		if b.ready {
			break
		}
		if b.usage[i], err = db.PrepareContext(ctx, `INSERT INTO usage (`+usageColumns+`, `+outcomeColumns+`) VALUES `+tuples(1<<i, dispatchedFields+outcomeFields)+` ON CONFLICT (id) DO NOTHING`); err != nil {
			return err
		}
		if b.traces[i], err = db.PrepareContext(ctx, `INSERT OR REPLACE INTO traces (id, principal, session, created, body) VALUES `+tuples(1<<i, 5)); err != nil {
			return err
		}
	}
	b.ready = true
	return nil
}

// close lets go of the statements.
func (b *batches) close() {
	b.once.Lock()
	defer b.once.Unlock()
	for i := range b.usage {
		for _, s := range []*sql.Stmt{b.usage[i], b.traces[i]} {
			if s != nil {
				s.Close()
			}
		}
	}
}

// rolledBack ends a transaction that failed. Where the disk is full, SQLite has done so itself.
func rolledBack(tx *sql.Tx) error {
	if err := tx.Rollback(); err != nil && !errors.Is(err, sql.ErrTxDone) && !strings.Contains(err.Error(), "no transaction is active") {
		return err
	}
	return nil
}

// inChunks writes rows, many with one statement.
func inChunks[T any](ctx context.Context, tx *sql.Tx, st *[7]*sql.Stmt, rows []T, values func([]any, *T) []any) error {
	var args []any
	for i := len(st) - 1; i >= 0; i-- {
		for n := 1 << i; len(rows) >= n; rows = rows[n:] {
			args = args[:0]
			for j := range rows[:n] {
				args = values(args, &rows[j])
			}
			if _, err := tx.StmtContext(ctx, st[i]).ExecContext(ctx, args...); err != nil {
				return err
			}
		}
	}
	return nil
}
