package sqlite

import (
	"context"

	"github.com/dragoman/dragoman/internal/store"
)

// SaveSyncRun implements store.SyncRuns.
func (d *DB) SaveSyncRun(ctx context.Context, r store.SyncRun) error {
	_, err := d.write.ExecContext(ctx, `INSERT OR REPLACE INTO sync_runs (id, collection, started, ended, body) VALUES (?, ?, ?, ?, ?)`,
		r.ID, r.Collection, nanos(r.Started), nanos(r.Ended), blob(r.Body))
	if err != nil {
		return d.explain("write the record of a sync", err)
	}
	return nil
}

// SyncRuns implements store.SyncRuns.
func (d *DB) SyncRuns(ctx context.Context, collection string, limit int) ([]store.SyncRun, error) {
	rows, err := d.read.QueryContext(ctx, `SELECT id, started, ended, body FROM sync_runs WHERE collection = ? ORDER BY started DESC, id DESC LIMIT ?`, collection, limit)
	if err != nil {
		return nil, d.explain("read the records of syncs", err)
	}
	defer rows.Close()
	var out []store.SyncRun
	for rows.Next() {
		r := store.SyncRun{Collection: collection}
		var started, ended int64
		if err := rows.Scan(&r.ID, &started, &ended, (*[]byte)(&r.Body)); err != nil {
			return nil, d.explain("read the records of syncs", err)
		}
		r.Started, r.Ended = fromNanos(started), fromNanos(ended)
		out = append(out, r)
	}
	if err := rows.Err(); err != nil {
		return nil, d.explain("read the records of syncs", err)
	}
	return out, nil
}

// DeleteSyncRuns implements store.SyncRuns.
func (d *DB) DeleteSyncRuns(ctx context.Context, collection string, keep int) (int, error) {
	res, err := d.write.ExecContext(ctx, `DELETE FROM sync_runs WHERE collection = ? AND id NOT IN
		(SELECT id FROM sync_runs WHERE collection = ? ORDER BY started DESC, id DESC LIMIT ?)`, collection, collection, keep)
	if err != nil {
		return 0, d.explain("delete the records of old syncs", err)
	}
	n, err := res.RowsAffected()
	return int(n), err
}
