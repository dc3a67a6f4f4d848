package postgres

import (
	"context"
	"fmt"
	"time"

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

// DeleteTracesBefore implements store.Traces.
func (d *DB) DeleteTracesBefore(ctx context.Context, before time.Time) (int, error) {
	return d.deleteBefore(ctx, "delete old traces", "traces", before)
}
