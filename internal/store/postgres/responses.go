package postgres

import (
	"context"
	"fmt"
	"time"

	"github.com/dragoman/dragoman/internal/store"
)

// SaveResponse implements store.Responses.
func (d *DB) SaveResponse(ctx context.Context, r store.Response) error {
	return d.exec(ctx, "write a response", `INSERT INTO responses (id, principal, created, body) VALUES ($1, $2, $3, $4)`,
		clean(r.ID), clean(r.Principal), nanos(r.Created), blob(r.Body))
}

// Response implements store.Responses.
func (d *DB) Response(ctx context.Context, principal, id string) (store.Response, error) {
	r := store.Response{ID: id, Principal: principal}
	var created int64
	err := d.row(ctx, "read a response", fmt.Errorf("response %s: %w", id, store.ErrNotFound),
		`SELECT created, body FROM responses WHERE id = $1 AND principal = $2`, []any{clean(id), clean(principal)}, &created, (*[]byte)(&r.Body))
	if err != nil {
		return store.Response{}, err
	}
	r.Created = fromNanos(created)
	return r, nil
}

// DeleteResponse implements store.Responses.
func (d *DB) DeleteResponse(ctx context.Context, principal, id string) error {
	n, err := d.change(ctx, "delete a response", `DELETE FROM responses WHERE id = $1 AND principal = $2`, clean(id), clean(principal))
	if err == nil && n == 0 {
		return fmt.Errorf("response %s: %w", id, store.ErrNotFound)
	}
	return err
}

// DeleteResponsesBefore implements store.Responses.
func (d *DB) DeleteResponsesBefore(ctx context.Context, before time.Time) (int, error) {
	return d.deleteBefore(ctx, "delete old responses", "responses", before)
}
