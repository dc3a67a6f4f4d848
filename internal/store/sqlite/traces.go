package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/dragoman/dragoman/internal/store"
)

// SaveTrace implements store.Traces.
func (d *DB) SaveTrace(ctx context.Context, t store.Trace) error {
	_, err := d.write.ExecContext(ctx, `INSERT OR REPLACE INTO traces (id, principal, session, created, body) VALUES (?, ?, ?, ?, ?)`,
		t.ID, t.Principal, t.Session, nanos(t.Created), blob(t.Body))
	if err != nil {
		return d.explain("write a trace", err)
	}
	return nil
}

// blob keeps an empty body from becoming NULL.
func blob(b []byte) []byte {
	if b == nil {
		return []byte{}
	}
	return b
}

// Trace implements store.Traces.
func (d *DB) Trace(ctx context.Context, id string) (store.Trace, error) {
	t := store.Trace{ID: id}
	var created int64
	err := d.read.QueryRowContext(ctx, `SELECT principal, session, created, body FROM traces WHERE id = ?`, id).
		Scan(&t.Principal, &t.Session, &created, (*[]byte)(&t.Body))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return store.Trace{}, fmt.Errorf("trace %s: %w", id, store.ErrNotFound)
	case err != nil:
		return store.Trace{}, d.explain("read a trace", err)
	}
	t.Created = fromNanos(created)
	return t, nil
}

// deleteAtOnce bounds a transaction that deletes, so that a request's row never waits long behind it.
const deleteAtOnce = 500

// DeleteTracesBefore implements store.Traces.
func (d *DB) DeleteTracesBefore(ctx context.Context, before time.Time) (int, error) {
	total := 0
	for {
		res, err := d.write.ExecContext(ctx, `DELETE FROM traces WHERE id IN (SELECT id FROM traces WHERE created < ? LIMIT ?)`,
			nanos(before), deleteAtOnce)
		if err != nil {
			return total, d.explain("delete old traces", err)
		}
		n, err := res.RowsAffected()
		total += int(n)
		if err != nil || n < deleteAtOnce {
			return total, err
		}
	}
}
