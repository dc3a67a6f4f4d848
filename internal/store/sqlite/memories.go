package sqlite

import (
	"context"
	"database/sql"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/store"
)

// SaveMemories implements store.Memories.
func (d *DB) SaveMemories(ctx context.Context, owner string, memories ...store.Memory) error {
	if len(memories) == 0 {
		return nil
	}
	return d.change(ctx, "write memories", func(tx *sql.Tx) error {
		for _, m := range memories {
			if _, err := tx.ExecContext(ctx, `INSERT OR REPLACE INTO memories (owner, id, scope, created, expires, old, body) VALUES (?, ?, ?, ?, ?, ?, ?)`,
				owner, m.ID, m.Scope, nanos(m.Created), nanos(m.Expires), m.Old, blob(m.Body)); err != nil {
				return err
			}
		}
		return nil
	})
}

// Memories implements store.Memories.
func (d *DB) Memories(ctx context.Context, owner string, scope *string, old bool, at time.Time) ([]store.Memory, error) {
	rows, err := d.asked.Query(ctx, `SELECT id, scope, created, expires, old, body FROM memories
		WHERE owner = ?1 AND (?2 IS NULL OR scope = ?2) AND (?3 OR NOT old) AND (expires = 0 OR expires > ?4) ORDER BY created, id`, owner, scope, old, nanos(at))
	if err != nil {
		return nil, d.explain("read memories", err)
	}
	defer rows.Close()
	var out []store.Memory
	for rows.Next() {
		m := store.Memory{Owner: owner}
		var created, expires int64
		if err := rows.Scan(&m.ID, &m.Scope, &created, &expires, &m.Old, (*[]byte)(&m.Body)); err != nil {
			return nil, d.explain("read memories", err)
		}
		m.Created, m.Expires = fromNanos(created), fromNanos(expires)
		out = append(out, m)
	}
	if err := rows.Err(); err != nil {
		return nil, d.explain("read memories", err)
	}
	return out, nil
}

// DeleteMemories implements store.Memories.
func (d *DB) DeleteMemories(ctx context.Context, owner string, ids ...string) (int, error) {
	query, args := `DELETE FROM memories WHERE owner = ?`, []any{owner}
	if len(ids) > 0 {
		query += ` AND id IN (?` + strings.Repeat(`, ?`, len(ids)-1) + `)`
		for _, id := range ids {
			args = append(args, id)
		}
	}
	n, err := d.noted(ctx, "delete memories", query, args...)
	return int(n), err
}

// DeleteMemoriesBefore implements store.Memories.
func (d *DB) DeleteMemoriesBefore(ctx context.Context, t time.Time) (int, error) {
	n, err := affected(d.write.ExecContext(ctx, `DELETE FROM memories WHERE expires > 0 AND expires < ?`, nanos(t)))
	if err != nil {
		return 0, d.explain("delete what has expired", err)
	}
	return int(n), nil
}
