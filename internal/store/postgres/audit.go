package postgres

import (
	"context"
	"errors"
	"fmt"
	"math"

	"github.com/jackc/pgx/v5"

	"github.com/dragoman/dragoman/internal/audit"
	"github.com/dragoman/dragoman/internal/store"
)

const auditColumns = `number, at, who, action, object, detail, previous, hash`

// AppendAudit implements audit.Store.
func (d *DB) AppendAudit(ctx context.Context, e audit.Entry) (audit.Entry, error) {
	ctx, cancel := within(ctx)
	defer cancel()
	err := d.transact(ctx, func(tx pgx.Tx) (err error) {
		e, err = appendAudit(ctx, tx, e)
		return err
	})
	if err != nil {
		return e, d.failed(ctx, "write to the audit log", err)
	}
	return e, nil
}

// appendAudit is the last thing that a transaction does: others wait for it.
func appendAudit(ctx context.Context, tx pgx.Tx, e audit.Entry) (audit.Entry, error) {
	// Who is second waits until the first has committed, and then sees what it wrote.
	if _, err := tx.Exec(ctx, `LOCK TABLE audit IN SHARE ROW EXCLUSIVE MODE`); err != nil {
		return e, err
	}
	last, err := scanAudit(tx.QueryRow(ctx, `SELECT `+auditColumns+` FROM audit ORDER BY number DESC LIMIT 1`))
	if err != nil && !errors.Is(err, pgx.ErrNoRows) {
		return e, err
	}
	e = e.After(last)
	_, err = tx.Exec(ctx, `INSERT INTO audit (`+auditColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, e.Number, nanos(e.At), e.Who, string(e.Action), e.Object, e.Detail, e.Previous, e.Hash)
	return e, err
}

// along writes what comes with the context of a change that changed so much (store.With).
func along(ctx context.Context, tx pgx.Tx, changed int) error {
	entry, erased := store.AlongOf(ctx, changed)
	if erased != nil {
		if err := noteErasure(ctx, tx, erased); err != nil {
			return err
		}
	}
	if entry != nil {
		if _, err := appendAudit(ctx, tx, *entry); err != nil {
			return fmt.Errorf("write to the audit log: %w", err)
		}
	}
	return nil
}

// noted is change with what is to be written along.
func (d *DB) noted(ctx context.Context, doing, statement string, args ...any) (n int, err error) {
	err = d.transaction(ctx, doing, func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, statement, args...)
		if err != nil {
			return err
		}
		n = int(tag.RowsAffected())
		return along(ctx, tx, n)
	})
	return n, err
}

func scanAudit(row pgx.Row) (e audit.Entry, err error) {
	var at int64
	err = row.Scan(&e.Number, &at, &e.Who, &e.Action, &e.Object, &e.Detail, &e.Previous, &e.Hash)
	e.At = fromNanos(at)
	return e, err
}

// AuditEntries implements audit.Store.
func (d *DB) AuditEntries(ctx context.Context, after int64, limit int) ([]audit.Entry, error) {
	return d.auditEntries(ctx, `WHERE number > $1 ORDER BY number LIMIT $2`, after, limit)
}

// LastAuditEntries implements audit.Store.
func (d *DB) LastAuditEntries(ctx context.Context, before int64, limit int) ([]audit.Entry, error) {
	if before == 0 {
		before = math.MaxInt64
	}
	return d.auditEntries(ctx, `WHERE number < $1 ORDER BY number DESC LIMIT $2`, before, limit)
}

func (d *DB) auditEntries(ctx context.Context, where string, args ...any) ([]audit.Entry, error) {
	return list(ctx, d, "read the audit log", `SELECT `+auditColumns+` FROM audit `+where, args, func(rows pgx.Rows) (audit.Entry, error) { return scanAudit(rows) })
}
