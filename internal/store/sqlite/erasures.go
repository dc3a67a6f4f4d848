package sqlite

import (
	"context"
	"database/sql"
	"time"

	"github.com/dragoman/dragoman/internal/store"
)

// NoteErasure implements store.Erasures. Processes on one folder have no answers in common.
func (d *DB) NoteErasure(ctx context.Context, whose [32]byte, at time.Time) error {
	return d.change(ctx, "note that data was erased", func(tx *sql.Tx) error {
		return noteErasure(ctx, tx, &store.Erasure{Whose: whose, At: at})
	})
}

func noteErasure(ctx context.Context, tx *sql.Tx, e *store.Erasure) error {
	_, err := tx.ExecContext(ctx, `INSERT INTO erasures (whose, at) VALUES (?, ?)`, e.Whose[:], nanos(e.At))
	return err
}

// Erasures implements store.Erasures.
func (d *DB) Erasures(ctx context.Context, after int64) ([]store.Erasure, error) {
	rows, err := d.asked.Query(ctx, `SELECT number, whose, at FROM erasures WHERE number > ? ORDER BY number`, after)
	if err != nil {
		return nil, d.explain("see whose data was erased", err)
	}
	defer rows.Close()
	var out []store.Erasure
	for rows.Next() {
		var e store.Erasure
		var whose []byte
		var at int64
		if err := rows.Scan(&e.Number, &whose, &at); err != nil {
			return nil, d.explain("see whose data was erased", err)
		}
		copy(e.Whose[:], whose)
		e.At = fromNanos(at)
		out = append(out, e)
	}
	if err := rows.Err(); err != nil {
		return nil, d.explain("see whose data was erased", err)
	}
	return out, nil
}

// DeleteErasuresBefore implements store.Erasures.
func (d *DB) DeleteErasuresBefore(ctx context.Context, t time.Time) (int, error) {
	n, err := affected(d.write.ExecContext(ctx, `DELETE FROM erasures WHERE at < ?`, nanos(t)))
	if err != nil {
		return 0, d.explain("delete old notes of what was erased", err)
	}
	return int(n), nil
}
