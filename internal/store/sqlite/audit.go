package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"math"

	"github.com/dragoman/dragoman/internal/audit"
	"github.com/dragoman/dragoman/internal/store"
)

const auditColumns = `number, at, who, action, object, detail, previous, hash`

// AppendAudit implements audit.Store.
func (d *DB) AppendAudit(ctx context.Context, e audit.Entry) (audit.Entry, error) {
	// The transaction is immediate: nobody else writes until it ends.
	err := d.change(ctx, "write to the audit log", func(tx *sql.Tx) (err error) {
		e, err = appendAudit(ctx, tx, e)
		return err
	})
	return e, err
}

func appendAudit(ctx context.Context, tx *sql.Tx, e audit.Entry) (audit.Entry, error) {
	last, err := scanAudit(tx.QueryRowContext(ctx, `SELECT `+auditColumns+` FROM audit ORDER BY number DESC LIMIT 1`).Scan)
	if err != nil && !errors.Is(err, sql.ErrNoRows) {
		return e, err
	}
	e = e.After(last)
	_, err = tx.ExecContext(ctx, `INSERT INTO audit (`+auditColumns+`) VALUES `+tuples(1, 8), e.Number, nanos(e.At), e.Who, string(e.Action), e.Object, e.Detail, e.Previous, e.Hash)
	return e, err
}

// along writes what comes with the context of a change that changed so much (store.With).
func along(ctx context.Context, tx *sql.Tx, changed int64) error {
	entry, erased := store.AlongOf(ctx, int(changed))
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

// noted runs a statement with what is to be written along, and says how many rows it touched.
func (d *DB) noted(ctx context.Context, doing, statement string, args ...any) (n int64, err error) {
	err = d.change(ctx, doing, func(tx *sql.Tx) error {
		if n, err = affected(tx.ExecContext(ctx, statement, args...)); err != nil {
			return err
		}
		return along(ctx, tx, n)
	})
	return n, err
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
