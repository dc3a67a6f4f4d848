package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"slices"

	"github.com/dragoman/dragoman/internal/store"
)

// AppendMessages implements store.Sessions.
func (d *DB) AppendMessages(ctx context.Context, principal, session string, messages ...store.Message) error {
	if len(messages) == 0 {
		return nil
	}
	tx, err := d.write.BeginTx(ctx, nil)
	if err != nil {
		return d.explain("begin to write messages", err)
	}
	err = appendMessages(ctx, tx, principal, session, messages)
	if err == nil {
		err = tx.Commit()
	}
	if err != nil {
		return d.explain("write messages", errors.Join(err, undo(tx)))
	}
	return nil
}

// undo rolls back what was not committed.
func undo(tx *sql.Tx) error {
	if err := tx.Rollback(); !errors.Is(err, sql.ErrTxDone) {
		return err
	}
	return nil
}

func appendMessages(ctx context.Context, tx *sql.Tx, principal, session string, messages []store.Message) error {
	first, last := nanos(messages[0].Created), nanos(messages[len(messages)-1].Created)
	var count int
	err := tx.QueryRowContext(ctx, `INSERT INTO sessions (principal, id, created, updated, messages) VALUES (?1, ?2, ?3, ?4, ?5)
		ON CONFLICT DO UPDATE SET updated = max(updated, ?4), messages = messages + ?5 RETURNING messages`,
		principal, session, first, last, len(messages)).Scan(&count)
	if err != nil {
		return err
	}
	for i, m := range messages {
		if _, err := tx.ExecContext(ctx, `INSERT INTO messages (principal, session, number, role, content, trace_id, created)
			VALUES (?, ?, ?, ?, ?, ?, ?)`,
			principal, session, count-len(messages)+i+1, string(m.Role), blob(m.Content), m.TraceID, nanos(m.Created)); err != nil {
			return err
		}
	}
	return nil
}

// Messages implements store.Sessions.
func (d *DB) Messages(ctx context.Context, principal, session string, limit int) ([]store.Message, error) {
	rows, err := d.read.QueryContext(ctx, `SELECT role, content, trace_id, created FROM messages
		WHERE principal = ? AND session = ? ORDER BY number DESC LIMIT ?`, principal, session, max(limit, 0))
	if err != nil {
		return nil, d.explain("read messages", err)
	}
	defer rows.Close()
	var messages []store.Message
	for rows.Next() {
		var m store.Message
		var created int64
		if err := rows.Scan(&m.Role, (*[]byte)(&m.Content), &m.TraceID, &created); err != nil {
			return nil, d.explain("read messages", err)
		}
		m.Created = fromNanos(created)
		messages = append(messages, m)
	}
	if err := rows.Err(); err != nil {
		return nil, d.explain("read messages", err)
	}
	slices.Reverse(messages)
	return messages, nil
}

// Sessions implements store.Sessions.
func (d *DB) Sessions(ctx context.Context, principal string, limit int) ([]store.Session, error) {
	rows, err := d.read.QueryContext(ctx, `SELECT id, created, updated, messages FROM sessions
		WHERE principal = ? ORDER BY updated DESC, id LIMIT ?`, principal, max(limit, 0))
	if err != nil {
		return nil, d.explain("list sessions", err)
	}
	defer rows.Close()
	var sessions []store.Session
	for rows.Next() {
		s := store.Session{Principal: principal}
		var created, updated int64
		if err := rows.Scan(&s.ID, &created, &updated, &s.Messages); err != nil {
			return nil, d.explain("list sessions", err)
		}
		s.Created, s.Updated = fromNanos(created), fromNanos(updated)
		sessions = append(sessions, s)
	}
	if err := rows.Err(); err != nil {
		return nil, d.explain("list sessions", err)
	}
	return sessions, nil
}
