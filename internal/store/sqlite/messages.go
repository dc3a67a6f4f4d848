package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/dragoman/dragoman/internal/store"
)

// AppendMessages implements store.Sessions.
func (d *DB) AppendMessages(ctx context.Context, s store.Session, after int, messages ...store.Message) (numbers []int, err error) {
	if len(messages) == 0 {
		return nil, nil
	}
	statements := appending{}
	for to, query := range map[**sql.Stmt]string{&statements.open: openSession, &statements.there: findNumber, &statements.same: findSame, &statements.add: addMessage, &statements.end: endSession} {
		if *to, err = d.written.Get(ctx, query); err != nil {
			return nil, d.explain("write messages", err)
		}
	}
	err = d.change(ctx, "write messages", func(tx *sql.Tx) (err error) {
		numbers, err = statements.run(ctx, tx, s, after, messages)
		return err
	})
	if err != nil {
		return nil, err
	}
	return numbers, nil
}

// appending are the statements by which messages are added.
type appending struct{ open, there, same, add, end *sql.Stmt }

const (
	openSession = `INSERT INTO sessions (principal, id, title, assistant, created, updated, messages) VALUES (?, ?, ?, ?, ?, ?, 0)
		ON CONFLICT DO UPDATE SET updated = max(updated, excluded.updated) RETURNING messages, head`
	findNumber = `SELECT number FROM messages WHERE principal = ? AND session = ? AND number = ?`
	findSame   = `SELECT number FROM messages WHERE principal = ? AND session = ? AND parent = ? AND digest = ? AND digest <> '' ORDER BY number LIMIT 1`
	addMessage = `INSERT INTO messages (principal, session, number, parent, role, content, digest, words, trace_id, created) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?)`
	endSession = `UPDATE sessions SET messages = ?, head = ? WHERE principal = ? AND id = ?`
)

func (a *appending) run(ctx context.Context, tx *sql.Tx, s store.Session, after int, messages []store.Message) (numbers []int, err error) {
	first, last := nanos(messages[0].Created), nanos(messages[len(messages)-1].Created)
	var count, parent int
	if err := tx.StmtContext(ctx, a.open).QueryRowContext(ctx, s.Principal, s.ID, s.Title, s.Assistant, first, last).Scan(&count, &parent); err != nil {
		return nil, err
	}
	if after != store.AtHead {
		if parent = after; after > 0 {
			if _, err := number(ctx, tx, a.there, s.Principal, s.ID, after); errors.Is(err, sql.ErrNoRows) {
				return nil, fmt.Errorf("message %d of the session %q: %w", after, s.ID, store.ErrNotFound)
			} else if err != nil {
				return nil, err
			}
		}
	}
	for _, m := range messages {
		at, err := 0, sql.ErrNoRows
		if m.Digest != "" {
			at, err = number(ctx, tx, a.same, s.Principal, s.ID, parent, m.Digest)
		}
		if errors.Is(err, sql.ErrNoRows) {
			count++
			at = count
			_, err = tx.StmtContext(ctx, a.add).ExecContext(ctx, s.Principal, s.ID, at, parent, string(m.Role), blob(m.Content), m.Digest, m.Words, m.TraceID, nanos(m.Created))
		}
		if err != nil {
			return nil, err
		}
		numbers, parent = append(numbers, at), at
	}
	_, err = tx.StmtContext(ctx, a.end).ExecContext(ctx, count, parent, s.Principal, s.ID)
	return numbers, err
}

func number(ctx context.Context, tx *sql.Tx, stmt *sql.Stmt, args ...any) (n int, err error) {
	err = tx.StmtContext(ctx, stmt).QueryRowContext(ctx, args...).Scan(&n)
	return n, err
}

const messageColumns = `number, parent, role, content, digest, trace_id, created`

// Messages implements store.Sessions.
func (d *DB) Messages(ctx context.Context, principal, session string, limit int) ([]store.Message, error) {
	if limit <= 0 {
		return nil, ctx.Err()
	}
	return d.messages(ctx, branch(`SELECT head AS number FROM sessions WHERE principal = ?1 AND id = ?3`, ` WHERE b.depth < ?2`)+`
		SELECT `+messageColumns+` FROM branch ORDER BY depth DESC`, principal, limit, session)
}

// AllMessages implements store.Sessions.
func (d *DB) AllMessages(ctx context.Context, principal, session string, after, limit int) ([]store.Message, error) {
	return d.messages(ctx, `SELECT `+messageColumns+` FROM messages WHERE principal = ? AND session = ? AND number > ? ORDER BY number LIMIT ?`, principal, session, after, max(limit, 0))
}

func (d *DB) messages(ctx context.Context, query string, args ...any) ([]store.Message, error) {
	rows, err := d.asked.Query(ctx, query, args...)
	if err != nil {
		return nil, d.explain("read messages", err)
	}
	defer rows.Close()
	var messages []store.Message
	for rows.Next() {
		var m store.Message
		var created int64
		if err := rows.Scan(&m.Number, &m.Parent, &m.Role, (*[]byte)(&m.Content), &m.Digest, &m.TraceID, &created); err != nil {
			return nil, d.explain("read messages", err)
		}
		m.Created = fromNanos(created)
		messages = append(messages, m)
	}
	if err := rows.Err(); err != nil {
		return nil, d.explain("read messages", err)
	}
	return messages, nil
}
