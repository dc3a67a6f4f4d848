package postgres

import (
	"context"
	"slices"

	"github.com/jackc/pgx/v5"

	"github.com/dragoman/dragoman/internal/store"
)

// AppendMessages implements store.Sessions. The row of the session is locked by its change, so that two that append at once
// do so one after the other.
func (d *DB) AppendMessages(ctx context.Context, principal, session string, messages ...store.Message) error {
	if len(messages) == 0 {
		return nil
	}
	ctx, cancel := within(ctx)
	defer cancel()
	principal, session = clean(principal), clean(session)
	err := pgx.BeginFunc(ctx, d.pool, func(tx pgx.Tx) error {
		first, last := nanos(messages[0].Created), nanos(messages[len(messages)-1].Created)
		var count int
		err := tx.QueryRow(ctx, `INSERT INTO sessions (principal, id, created, updated, messages) VALUES ($1, $2, $3, $4, $5)
			ON CONFLICT (principal, id) DO UPDATE SET updated = greatest(sessions.updated, $4), messages = sessions.messages + $5 RETURNING messages`,
			principal, session, first, last, len(messages)).Scan(&count)
		if err != nil {
			return err
		}
		b := &pgx.Batch{}
		for i, m := range messages {
			b.Queue(`INSERT INTO messages (principal, session, number, role, content, trace_id, created) VALUES ($1, $2, $3, $4, $5, $6, $7)`,
				principal, session, count-len(messages)+i+1, clean(string(m.Role)), blob(m.Content), clean(m.TraceID), nanos(m.Created))
		}
		return tx.SendBatch(ctx, b).Close()
	})
	if err != nil {
		return d.failed(ctx, "write messages", err)
	}
	return nil
}

// Messages implements store.Sessions.
func (d *DB) Messages(ctx context.Context, principal, session string, limit int) ([]store.Message, error) {
	messages, err := list(ctx, d, "read messages", `SELECT role, content, trace_id, created FROM messages
		WHERE principal = $1 AND session = $2 ORDER BY number DESC LIMIT $3`, []any{clean(principal), clean(session), max(limit, 0)},
		func(rows pgx.Rows) (m store.Message, err error) {
			var created int64
			err = rows.Scan(&m.Role, (*[]byte)(&m.Content), &m.TraceID, &created)
			m.Created = fromNanos(created)
			return m, err
		})
	slices.Reverse(messages)
	return messages, err
}

// Sessions implements store.Sessions.
func (d *DB) Sessions(ctx context.Context, principal string, limit int) ([]store.Session, error) {
	return list(ctx, d, "list sessions", `SELECT id, created, updated, messages FROM sessions
		WHERE principal = $1 ORDER BY updated DESC, id LIMIT $2`, []any{clean(principal), max(limit, 0)},
		func(rows pgx.Rows) (store.Session, error) {
			s := store.Session{Principal: principal}
			var created, updated int64
			err := rows.Scan(&s.ID, &created, &updated, &s.Messages)
			s.Created, s.Updated = fromNanos(created), fromNanos(updated)
			return s, err
		})
}
