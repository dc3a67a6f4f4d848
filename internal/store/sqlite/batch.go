package sqlite

import (
	"context"
	"database/sql"
	"errors"

	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/internal/store"
)

// atOnce is how many rows one statement writes: more save little, and SQLite bounds the parameters of a statement.
const atOnce = 64

// Add implements store.Batches.
func (d *DB) Add(ctx context.Context, b store.Batch) (err error) {
	tx, err := d.write.BeginTx(ctx, nil)
	if err != nil {
		return d.explain("write to the books", err)
	}
	defer func() {
		if err != nil {
			err = errors.Join(d.explain("write to the books", err), rolledBack(tx))
		}
	}()
	usage := `INSERT INTO usage (` + usageColumns + `, ` + outcomeColumns + `) VALUES `
	err = inChunks(ctx, tx, b.Usage, usage, dispatchedFields+outcomeFields, ` ON CONFLICT (id) DO NOTHING`, func(args []any, r *ledger.Row) []any {
		return ended(d.dispatched(args, r), &r.Outcome)
	})
	if err != nil {
		return err
	}
	err = inChunks(ctx, tx, b.Traces, `INSERT OR REPLACE INTO traces (id, principal, session, created, body) VALUES `, 5, "", func(args []any, t *store.Trace) []any {
		return append(args, t.ID, t.Principal, t.Session, nanos(t.Created), blob(t.Body))
	})
	if err != nil {
		return err
	}
	return tx.Commit()
}

func rolledBack(tx *sql.Tx) error {
	if err := tx.Rollback(); !errors.Is(err, sql.ErrTxDone) {
		return err
	}
	return nil
}

// inChunks writes rows, many with one statement.
func inChunks[T any](ctx context.Context, tx *sql.Tx, rows []T, insert string, fields int, after string, values func([]any, *T) []any) error {
	args := make([]any, 0, min(len(rows), atOnce)*fields)
	for len(rows) > 0 {
		n := min(len(rows), atOnce)
		args = args[:0]
		for i := range rows[:n] {
			args = values(args, &rows[i])
		}
		if _, err := tx.ExecContext(ctx, insert+tuples(n, fields)+after, args...); err != nil {
			return err
		}
		rows = rows[n:]
	}
	return nil
}
