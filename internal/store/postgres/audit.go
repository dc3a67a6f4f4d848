package postgres

import (
	"context"
	"errors"
	"math"

	"github.com/jackc/pgx/v5"

	"github.com/dragoman/dragoman/internal/audit"
)

const auditColumns = `number, at, who, action, object, detail, previous, hash`

// AppendAudit implements audit.Store.
func (d *DB) AppendAudit(ctx context.Context, e audit.Entry) (audit.Entry, error) {
	ctx, cancel := within(ctx)
	defer cancel()
	err := d.transact(ctx, func(tx pgx.Tx) error {
		// Who is second waits until the first has committed, and then sees what it wrote.
		if _, err := tx.Exec(ctx, `LOCK TABLE audit IN SHARE ROW EXCLUSIVE MODE`); err != nil {
			return err
		}
		last, err := scanAudit(tx.QueryRow(ctx, `SELECT `+auditColumns+` FROM audit ORDER BY number DESC LIMIT 1`))
		if err != nil && !errors.Is(err, pgx.ErrNoRows) {
			return err
		}
		e = e.After(last)
		_, err = tx.Exec(ctx, `INSERT INTO audit (`+auditColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)`, e.Number, nanos(e.At), e.Who, string(e.Action), e.Object, e.Detail, e.Previous, e.Hash)
		return err
	})
	if err != nil {
		return e, d.failed(ctx, "write to the audit log", err)
	}
	return e, nil
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
