package postgres

import (
	"context"
	"errors"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
)

// within bounds a call.
func within(ctx context.Context) (context.Context, context.CancelFunc) {
	return context.WithTimeoutCause(ctx, answerWithin, errSilent)
}

// again does something once more where a connection was found to be gone before anything was sent over it, as those are that the pool
// kept while the server was restarted.
func (d *DB) again(do func() error) error {
	err := do()
	if err != nil && pgconn.SafeToRetry(err) && !errors.Is(err, context.Canceled) && !errors.Is(err, context.DeadlineExceeded) {
		d.pool.Reset()
		err = do()
	}
	return err
}

// transact runs a transaction.
func (d *DB) transact(ctx context.Context, do func(tx pgx.Tx) error) error {
	return d.again(func() error { return pgx.BeginFunc(ctx, d.pool, do) })
}

// exec runs a statement of which nothing comes back.
func (d *DB) exec(ctx context.Context, doing, statement string, args ...any) error {
	_, err := d.change(ctx, doing, statement, args...)
	return err
}

// change runs a statement and says how many rows it touched.
func (d *DB) change(ctx context.Context, doing, statement string, args ...any) (int, error) {
	ctx, cancel := within(ctx)
	defer cancel()
	var tag pgconn.CommandTag
	err := d.again(func() (err error) {
		tag, err = d.pool.Exec(ctx, statement, args...)
		return err
	})
	if err != nil {
		return 0, d.failed(ctx, doing, err)
	}
	return int(tag.RowsAffected()), nil
}

// row reads one row, or says notThere.
func (d *DB) row(ctx context.Context, doing string, notThere error, query string, args []any, into ...any) error {
	ctx, cancel := within(ctx)
	defer cancel()
	err := d.again(func() error { return d.pool.QueryRow(ctx, query, args...).Scan(into...) })
	switch {
	case errors.Is(err, pgx.ErrNoRows):
		return notThere
	case err != nil:
		return d.failed(ctx, doing, err)
	}
	return nil
}

// list reads rows, each by read.
func list[T any](ctx context.Context, d *DB, doing, query string, args []any, read func(pgx.Rows) (T, error)) ([]T, error) {
	ctx, cancel := within(ctx)
	defer cancel()
	var all []T
	err := d.again(func() error {
		rows, err := d.pool.Query(ctx, query, args...)
		if err != nil {
			return err
		}
		all, err = pgx.CollectRows(rows, func(pgx.CollectableRow) (T, error) { return read(rows) })
		return err
	})
	if err != nil {
		return nil, d.failed(ctx, doing, err)
	}
	if len(all) == 0 {
		return nil, nil
	}
	return all, nil
}

// deleteAtOnce bounds a transaction that deletes.
const deleteAtOnce = 500

// deleteBefore deletes in small steps what was created before a time, and says how many there were.
func (d *DB) deleteBefore(ctx context.Context, doing, table string, before time.Time) (total int, err error) {
	for {
		n, err := d.change(ctx, doing, `DELETE FROM `+table+` WHERE id IN (SELECT id FROM `+table+` WHERE created < $1 LIMIT $2)`, nanos(before), deleteAtOnce)
		total += n
		if err != nil || n < deleteAtOnce {
			return total, err
		}
	}
}
