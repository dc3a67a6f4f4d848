package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/dragoman/dragoman/internal/store"
)

// SaveResponse implements store.Responses.
func (d *DB) SaveResponse(ctx context.Context, r store.Response) error {
	_, err := d.write.ExecContext(ctx, `INSERT INTO responses (id, principal, created, body) VALUES (?, ?, ?, ?)`, r.ID, r.Principal, nanos(r.Created), blob(r.Body))
	if err != nil {
		return d.explain("write a response", err)
	}
	return nil
}

// Response implements store.Responses.
func (d *DB) Response(ctx context.Context, principal, id string) (store.Response, error) {
	r := store.Response{ID: id, Principal: principal}
	var created int64
	err := d.read.QueryRowContext(ctx, `SELECT created, body FROM responses WHERE id = ? AND principal = ?`, id, principal).Scan(&created, (*[]byte)(&r.Body))
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return store.Response{}, fmt.Errorf("response %s: %w", id, store.ErrNotFound)
	case err != nil:
		return store.Response{}, d.explain("read a response", err)
	}
	r.Created = fromNanos(created)
	return r, nil
}

// DeleteResponse implements store.Responses.
func (d *DB) DeleteResponse(ctx context.Context, principal, id string) error {
	res, err := d.write.ExecContext(ctx, `DELETE FROM responses WHERE id = ? AND principal = ?`, id, principal)
	if err != nil {
		return d.explain("delete a response", err)
	}
	n, err := res.RowsAffected()
	if err == nil && n == 0 {
		return fmt.Errorf("response %s: %w", id, store.ErrNotFound)
	}
	return err
}

// DeleteResponsesBefore implements store.Responses.
func (d *DB) DeleteResponsesBefore(ctx context.Context, before time.Time) (int, error) {
	total := 0
	for {
		res, err := d.write.ExecContext(ctx, `DELETE FROM responses WHERE id IN (SELECT id FROM responses WHERE created < ? LIMIT ?)`, nanos(before), deleteAtOnce)
		if err != nil {
			return total, d.explain("delete old responses", err)
		}
		n, err := res.RowsAffected()
		total += int(n)
		if err != nil || n < deleteAtOnce {
			return total, err
		}
	}
}
