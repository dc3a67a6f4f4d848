package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dragoman/dragoman/internal/store"
)

// NoteErasure implements store.Erasures.
func (d *DB) NoteErasure(ctx context.Context, whose [32]byte, at time.Time) error {
	return d.transaction(ctx, "note that data was erased", func(ctx context.Context, tx pgx.Tx) error {
		return noteErasure(ctx, tx, &store.Erasure{Whose: whose, At: at})
	})
}

func noteErasure(ctx context.Context, tx pgx.Tx, e *store.Erasure) error {
	for _, statement := range []string{
		// Who is second waits until the first has committed: a reader never sees a number before a smaller one.
		`LOCK TABLE erasures IN SHARE ROW EXCLUSIVE MODE`,
		`SELECT pg_advisory_xact_lock(hashtextextended('trim the cache', 0))`, // two that delete many rows could wait for each other
	} {
		if _, err := tx.Exec(ctx, statement); err != nil {
			return err
		}
	}
	if _, err := tx.Exec(ctx, `INSERT INTO erasures (whose, at) VALUES ($1, $2)`, e.Whose[:], nanos(e.At)); err != nil {
		return err
	}
	for _, table := range []string{"answers", "meanings"} {
		if _, err := tx.Exec(ctx, `DELETE FROM `+table+` WHERE asked IS NULL OR $1 = ANY(asked)`, e.Whose[:]); err != nil {
			return err
		}
	}
	return nil
}

// Erasures implements store.Erasures.
func (d *DB) Erasures(ctx context.Context, after int64) ([]store.Erasure, error) {
	return list(ctx, d, "see whose data was erased", `SELECT number, whose, at FROM erasures WHERE number > $1 ORDER BY number`, []any{after}, func(rows pgx.Rows) (e store.Erasure, err error) {
		var whose []byte
		var at int64
		err = rows.Scan(&e.Number, &whose, &at)
		copy(e.Whose[:], whose)
		e.At = fromNanos(at)
		return e, err
	})
}

// DeleteErasuresBefore implements store.Erasures.
func (d *DB) DeleteErasuresBefore(ctx context.Context, t time.Time) (int, error) {
	return d.change(ctx, "delete old notes of what was erased", `DELETE FROM erasures WHERE at < $1`, nanos(t))
}
