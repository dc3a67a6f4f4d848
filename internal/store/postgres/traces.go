package postgres

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"

	"github.com/dragoman/dragoman/internal/store"
)

const saveTrace = `INSERT INTO traces (id, principal, session, created, body) VALUES ($1, $2, $3, $4, $5)
	ON CONFLICT (id) DO UPDATE SET principal = excluded.principal, session = excluded.session, created = excluded.created, body = excluded.body`

func traceArgs(t *store.Trace) []any {
	return []any{clean(t.ID), clean(t.Principal), clean(t.Session), nanos(t.Created), blob(t.Body)}
}

// SaveTrace implements store.Traces.
func (d *DB) SaveTrace(ctx context.Context, t store.Trace) error {
	return d.exec(ctx, "write a trace", saveTrace, traceArgs(&t)...)
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

// Trace implements store.Traces.
func (d *DB) Trace(ctx context.Context, id string) (store.Trace, error) {
	t := store.Trace{ID: id}
	var created int64
	err := d.row(ctx, "read a trace", fmt.Errorf("trace %s: %w", id, store.ErrNotFound),
		`SELECT principal, session, created, body FROM traces WHERE id = $1`, []any{clean(id)}, &t.Principal, &t.Session, &created, (*[]byte)(&t.Body))
	if err != nil {
		return store.Trace{}, err
	}
	t.Created = fromNanos(created)
	return t, nil
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

// DeleteTracesBefore implements store.Traces.
func (d *DB) DeleteTracesBefore(ctx context.Context, before time.Time) (int, error) {
	return d.deleteBefore(ctx, "delete old traces", "traces", before)
}
