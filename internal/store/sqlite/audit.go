package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"math"

	"github.com/dragoman/dragoman/internal/audit"
)

const auditColumns = `number, at, who, action, object, detail, previous, hash`

// AppendAudit implements audit.Store.
func (d *DB) AppendAudit(ctx context.Context, e audit.Entry) (audit.Entry, error) {
	tx, err := d.write.BeginTx(ctx, nil) // which is immediate: nobody else writes until it ends
	if err != nil {
		return e, d.explain("write to the audit log", err)
	}
	defer tx.Rollback()
	last, err := scanAudit(tx.QueryRowContext(ctx, `SELECT `+auditColumns+` FROM audit ORDER BY number DESC LIMIT 1`).Scan)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return e, d.explain("read the audit log", err)
	}
	e = e.After(last)
	if _, err = tx.ExecContext(ctx, `INSERT INTO audit (`+auditColumns+`) VALUES `+tuples(1, 8), e.Number, nanos(e.At), e.Who, string(e.Action), e.Object, e.Detail, e.Previous, e.Hash); err == nil {
		err = tx.Commit()
	}
	if err != nil {
		return e, d.explain("write to the audit log", err)
	}
	return e, nil
}

func scanAudit(scan func(...any) error) (e audit.Entry, err error) {
	var at int64
	err = scan(&e.Number, &at, &e.Who, &e.Action, &e.Object, &e.Detail, &e.Previous, &e.Hash)
	e.At = fromNanos(at)
	return e, err
}

// AuditEntries implements audit.Store.
func (d *DB) AuditEntries(ctx context.Context, after int64, limit int) ([]audit.Entry, error) {
	return d.auditEntries(ctx, `WHERE number > ? ORDER BY number LIMIT ?`, after, limit)
}

// LastAuditEntries implements audit.Store.
func (d *DB) LastAuditEntries(ctx context.Context, before int64, limit int) ([]audit.Entry, error) {
	if before == 0 {
		before = math.MaxInt64
	}
	return d.auditEntries(ctx, `WHERE number < ? ORDER BY number DESC LIMIT ?`, before, limit)
}

func (d *DB) auditEntries(ctx context.Context, where string, args ...any) ([]audit.Entry, error) {
	rows, err := d.read.QueryContext(ctx, `SELECT `+auditColumns+` FROM audit `+where, args...)
	if err != nil {
		return nil, d.explain("read the audit log", err)
	}
	defer rows.Close()
	var list []audit.Entry
	for rows.Next() {
		e, err := scanAudit(rows.Scan)
		if err != nil {
			return nil, d.explain("read the audit log", err)
		}
		list = append(list, e)
	}
	if err := rows.Err(); err != nil {
		return nil, d.explain("read the audit log", err)
	}
	return list, nil
}
