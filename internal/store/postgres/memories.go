package postgres

import (
	"context"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dragoman/dragoman/internal/store"
)

// SaveMemories implements store.Memories.
func (d *DB) SaveMemories(ctx context.Context, owner string, memories ...store.Memory) error {
	if len(memories) == 0 {
		return nil
	}
	return d.transaction(ctx, "write memories", func(ctx context.Context, tx pgx.Tx) error {
		b := &pgx.Batch{}
		for _, m := range memories {
			b.Queue(`INSERT INTO memories (owner, id, scope, created, expires, old, body) VALUES ($1, $2, $3, $4, $5, $6, $7)
				ON CONFLICT (owner, id) DO UPDATE SET scope = excluded.scope, created = excluded.created, expires = excluded.expires, old = excluded.old, body = excluded.body`,
				clean(owner), clean(m.ID), clean(m.Scope), nanos(m.Created), nanos(m.Expires), m.Old, blob(m.Body))
		}
		return tx.SendBatch(ctx, b).Close()
	})
}

// Memories implements store.Memories.
func (d *DB) Memories(ctx context.Context, owner string, scope *string, old bool, at time.Time) ([]store.Memory, error) {
	query, args := `SELECT id, scope, created, expires, old, body FROM memories WHERE owner = $1 AND ($2 OR NOT old) AND (expires = 0 OR expires > $3)`, []any{clean(owner), old, nanos(at)}
	if scope != nil {
		query, args = query+` AND scope = $4`, append(args, clean(*scope))
	}
	return list(ctx, d, "read memories", query+` ORDER BY created, id`, args, func(rows pgx.Rows) (store.Memory, error) {
		m := store.Memory{Owner: owner}
		var created, expires int64
		err := rows.Scan(&m.ID, &m.Scope, &created, &expires, &m.Old, (*[]byte)(&m.Body))
		m.Created, m.Expires = fromNanos(created), fromNanos(expires)
		return m, err
	})
}

// DeleteMemories implements store.Memories.
func (d *DB) DeleteMemories(ctx context.Context, owner string, ids ...string) (int, error) {
	query, args := `DELETE FROM memories WHERE owner = $1`, []any{clean(owner)}
	if len(ids) > 0 {
		query, args = query+` AND id = ANY($2)`, append(args, ids)
	}
	return d.noted(ctx, "delete memories", query, args...)
}

// DeleteMemoriesBefore implements store.Memories.
func (d *DB) DeleteMemoriesBefore(ctx context.Context, t time.Time) (int, error) {
	return d.change(ctx, "delete what has expired", `DELETE FROM memories WHERE expires > 0 AND expires < $1`, nanos(t))
}
