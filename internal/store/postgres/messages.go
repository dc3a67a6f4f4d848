package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/dragoman/dragoman/internal/store"
)

// AppendMessages implements store.Sessions. The row of the session is locked by its change, so that two that append at once
// do so one after the other.
func (d *DB) AppendMessages(ctx context.Context, s store.Session, after int, messages ...store.Message) (numbers []int, err error) {
	if len(messages) == 0 {
		return nil, nil
	}
	err = d.transaction(ctx, "write messages", func(ctx context.Context, tx pgx.Tx) (err error) {
		numbers, err = appendMessages(ctx, tx, s, after, messages)
		return err
	})
	if err != nil {
		return nil, err
	}
	return numbers, nil
}

func appendMessages(ctx context.Context, tx pgx.Tx, s store.Session, after int, messages []store.Message) (numbers []int, err error) {
	principal, session := clean(s.Principal), clean(s.ID)
	first, last := nanos(messages[0].Created), nanos(messages[len(messages)-1].Created)
	var count, parent int
	err = tx.QueryRow(ctx, `INSERT INTO sessions (principal, id, title, assistant, created, updated, messages) VALUES ($1, $2, $3, $4, $5, $6, 0)
		ON CONFLICT (principal, id) DO UPDATE SET updated = greatest(sessions.updated, excluded.updated) RETURNING messages, head`,
		principal, session, clean(s.Title), clean(s.Assistant), first, last).Scan(&count, &parent)
	if err != nil {
		return nil, err
	}
	if after != store.AtHead {
		if parent = after; after > 0 {
			if _, err := number(ctx, tx, `SELECT number FROM messages WHERE principal = $1 AND session = $2 AND number = $3`, principal, session, after); errors.Is(err, pgx.ErrNoRows) {
				return nil, fmt.Errorf("message %d of the session %q: %w", after, s.ID, store.ErrNotFound)
			} else if err != nil {
				return nil, err
			}
		}
	}
	for _, m := range messages {
		at, err := 0, pgx.ErrNoRows
		if m.Digest != "" {
			at, err = number(ctx, tx, `SELECT number FROM messages WHERE principal = $1 AND session = $2 AND parent = $3 AND digest = $4 AND digest <> '' ORDER BY number LIMIT 1`,
				principal, session, parent, clean(m.Digest))
		}
		if errors.Is(err, pgx.ErrNoRows) {
			count++
			at = count
			_, err = tx.Exec(ctx, `INSERT INTO messages (principal, session, number, parent, role, content, digest, words, trace_id, created)
				VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
				principal, session, at, parent, clean(string(m.Role)), blob(m.Content), clean(m.Digest), clean(m.Words), clean(m.TraceID), nanos(m.Created))
		}
		if err != nil {
			return nil, err
		}
		numbers, parent = append(numbers, at), at
	}
	_, err = tx.Exec(ctx, `UPDATE sessions SET messages = $1, head = $2 WHERE principal = $3 AND id = $4`, count, parent, principal, session)
	return numbers, err
}

func number(ctx context.Context, tx pgx.Tx, query string, args ...any) (n int, err error) {
	err = tx.QueryRow(ctx, query, args...).Scan(&n)
	return n, err
}

const messageColumns = `number, parent, role, content, digest, trace_id, created`

// Messages implements store.Sessions.
func (d *DB) Messages(ctx context.Context, principal, session string, limit int) ([]store.Message, error) {
	if limit <= 0 {
		return nil, ctx.Err()
	}
	return d.messages(ctx, branch(`SELECT head AS number FROM sessions WHERE principal = $1 AND id = $3`, ` WHERE b.depth < $2`)+`
		SELECT `+messageColumns+` FROM branch ORDER BY depth DESC`, clean(principal), limit, clean(session))
}

// AllMessages implements store.Sessions.
func (d *DB) AllMessages(ctx context.Context, principal, session string, after, limit int) ([]store.Message, error) {
	return d.messages(ctx, `SELECT `+messageColumns+` FROM messages WHERE principal = $1 AND session = $2 AND number > $3 ORDER BY number LIMIT $4`,
		clean(principal), clean(session), after, max(limit, 0))
}

func (d *DB) messages(ctx context.Context, query string, args ...any) ([]store.Message, error) {
	return list(ctx, d, "read messages", query, args, func(rows pgx.Rows) (m store.Message, err error) {
		var created int64
		err = rows.Scan(&m.Number, &m.Parent, &m.Role, (*[]byte)(&m.Content), &m.Digest, &m.TraceID, &created)
		m.Created = fromNanos(created)
		return m, err
	})
}
