package postgres

import (
	"context"

	"github.com/jackc/pgx/v5"

	"github.com/dragoman/dragoman/internal/store"
)

// SaveSyncRun implements store.SyncRuns.
func (d *DB) SaveSyncRun(ctx context.Context, r store.SyncRun) error {
	return d.exec(ctx, "write the record of a sync", `INSERT INTO sync_runs (id, collection, started, ended, body) VALUES ($1, $2, $3, $4, $5)
		ON CONFLICT (id) DO UPDATE SET collection = excluded.collection, started = excluded.started, ended = excluded.ended, body = excluded.body`,
		clean(r.ID), clean(r.Collection), nanos(r.Started), nanos(r.Ended), blob(r.Body))
}

// SyncRuns implements store.SyncRuns.
func (d *DB) SyncRuns(ctx context.Context, collection string, limit int) ([]store.SyncRun, error) {
	return list(ctx, d, "read the records of syncs", `SELECT id, collection, started, ended, body FROM sync_runs WHERE collection = $1 ORDER BY started DESC, id DESC LIMIT $2`,
		[]any{clean(collection), limit}, func(rows pgx.Rows) (store.SyncRun, error) {
			var r store.SyncRun
			var started, ended int64
			err := rows.Scan(&r.ID, &r.Collection, &started, &ended, (*[]byte)(&r.Body))
			r.Started, r.Ended = fromNanos(started), fromNanos(ended)
			return r, err
		})
}

// DeleteSyncRuns implements store.SyncRuns.
func (d *DB) DeleteSyncRuns(ctx context.Context, collection string, keep int) (int, error) {
	return d.change(ctx, "delete the records of old syncs", `DELETE FROM sync_runs WHERE collection = $1 AND id NOT IN
		(SELECT id FROM sync_runs WHERE collection = $1 ORDER BY started DESC, id DESC LIMIT $2)`, clean(collection), keep)
}
