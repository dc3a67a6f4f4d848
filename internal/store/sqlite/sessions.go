package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"
	"strings"

	"github.com/dragoman/dragoman/internal/store"
)

// change runs f in a transaction, all or nothing.
func (d *DB) change(ctx context.Context, what string, f func(*sql.Tx) error) error {
	tx, err := d.write.BeginTx(ctx, nil)
	if err != nil {
		return d.explain(what, err)
	}
	if err = f(tx); err == nil {
		err = tx.Commit()
	}
	if err != nil {
		return d.explain(what, errors.Join(err, undo(tx)))
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

const sessionColumns = `id, title, assistant, forked_from, created, updated, messages, head`

func scanSession(row interface{ Scan(...any) error }, principal string) (store.Session, error) {
	s := store.Session{Principal: principal}
	var created, updated int64
	err := row.Scan(&s.ID, &s.Title, &s.Assistant, &s.From, &created, &updated, &s.Messages, &s.Head)
	s.Created, s.Updated = fromNanos(created), fromNanos(updated)
	return s, err
}

// Sessions implements store.Sessions.
func (d *DB) Sessions(ctx context.Context, principal string, q store.SessionQuery) ([]store.Session, error) {
	text := `SELECT ` + sessionColumns + ` FROM sessions s WHERE principal = ?`
	args := []any{principal}
	if q.After != nil {
		text += ` AND (updated < ? OR updated = ? AND id > ?)`
		at := nanos(q.After.Updated)
		args = append(args, at, at, q.After.ID)
	}
	for _, w := range q.Words {
		text += ` AND (instr(lower(title), ?) > 0 OR EXISTS (SELECT 1 FROM messages m WHERE m.principal = s.principal AND m.session = s.id AND instr(m.words, ?) > 0))`
		args = append(args, w, w)
	}
	rows, err := d.read.QueryContext(ctx, text+` ORDER BY updated DESC, id LIMIT ?`, append(args, max(q.Limit, 0))...)
	if err != nil {
		return nil, d.explain("list sessions", err)
	}
	defer rows.Close()
	var sessions []store.Session
	for rows.Next() {
		s, err := scanSession(rows, principal)
		if err != nil {
			return nil, d.explain("list sessions", err)
		}
		sessions = append(sessions, s)
	}
	if err := rows.Err(); err != nil {
		return nil, d.explain("list sessions", err)
	}
	return sessions, nil
}

// Session implements store.Sessions.
func (d *DB) Session(ctx context.Context, principal, id string) (store.Session, error) {
	stmt, err := d.asked.Get(ctx, `SELECT `+sessionColumns+` FROM sessions WHERE principal = ? AND id = ?`)
	if err != nil {
		return store.Session{}, d.explain("read a session", err)
	}
	s, err := scanSession(stmt.QueryRowContext(ctx, principal, id), principal)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return store.Session{}, noSession(id)
	case err != nil:
		return store.Session{}, d.explain("read a session", err)
	}
	return s, nil
}

func noSession(id string) error { return fmt.Errorf("session %q: %w", id, store.ErrNotFound) }

// CreateSession implements store.Sessions.
func (d *DB) CreateSession(ctx context.Context, s store.Session) error {
	return d.change(ctx, "make a session", func(tx *sql.Tx) error { return createSession(ctx, tx, s) })
}

func createSession(ctx context.Context, tx *sql.Tx, s store.Session) error {
	n, err := affected(tx.ExecContext(ctx, `INSERT INTO sessions (principal, `+sessionColumns+`) VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO NOTHING`,
		s.Principal, s.ID, s.Title, s.Assistant, s.From, nanos(s.Created), nanos(s.Updated), s.Messages, s.Head))
	if err == nil && n == 0 {
		return fmt.Errorf("session %q: %w", s.ID, store.ErrExists)
	}
	return err
}

// affected is how many rows a statement changed.
func affected(r sql.Result, err error) (int64, error) {
	if err != nil {
		return 0, err
	}
	return r.RowsAffected()
}

// ForkSession implements store.Sessions.
func (d *DB) ForkSession(ctx context.Context, id string, at int, to store.Session) error {
	return d.change(ctx, "fork a session", func(tx *sql.Tx) error {
		to.From, to.Messages, to.Head = id, 0, 0
		if err := createSession(ctx, tx, to); err != nil {
			return err
		}
		// The messages are numbered anew, so that each follows the one before it.
		n, err := affected(tx.ExecContext(ctx, branch(`SELECT ?2 AS number`)+`
			INSERT INTO messages (principal, session, number, parent, role, content, digest, words, trace_id, created)
			SELECT ?1, ?4, row_number() OVER (ORDER BY depth DESC), row_number() OVER (ORDER BY depth DESC) - 1, role, content, digest, words, trace_id, created FROM branch`,
			to.Principal, at, id, to.ID))
		if err != nil {
			return err
		}
		if n == 0 {
			return fmt.Errorf("message %d of the session %q: %w", at, id, store.ErrNotFound)
		}
		_, err = tx.ExecContext(ctx, `UPDATE sessions SET messages = ?, head = ? WHERE principal = ? AND id = ?`, n, n, to.Principal, to.ID)
		return err
	})
}

// SetTitle implements store.Sessions.
func (d *DB) SetTitle(ctx context.Context, principal, id, title string) error {
	n, err := affected(d.write.ExecContext(ctx, `UPDATE sessions SET title = ? WHERE principal = ? AND id = ?`, title, principal, id))
	if err != nil {
		return d.explain("name a session", err)
	}
	if n == 0 {
		return noSession(id)
	}
	return nil
}

// SetHead implements store.Sessions.
func (d *DB) SetHead(ctx context.Context, principal, id string, head int) error {
	n, err := affected(d.write.ExecContext(ctx, `UPDATE sessions SET head = ?1 WHERE principal = ?2 AND id = ?3
		AND EXISTS (SELECT 1 FROM messages WHERE principal = ?2 AND session = ?3 AND number = ?1)`, head, principal, id))
	if err != nil {
		return d.explain("change the branch of a session", err)
	}
	if n == 0 {
		return fmt.Errorf("message %d of the session %q: %w", head, id, store.ErrNotFound)
	}
	return nil
}

// DeleteSession implements store.Sessions.
func (d *DB) DeleteSession(ctx context.Context, principal, id string) error {
	return d.change(ctx, "delete a session", func(tx *sql.Tx) error {
		n, err := affected(tx.ExecContext(ctx, `DELETE FROM sessions WHERE principal = ? AND id = ?`, principal, id)) // the rest goes with it
		if err != nil {
			return err
		}
		if n == 0 {
			return noSession(id)
		}
		if _, err = tx.ExecContext(ctx, `DELETE FROM traces WHERE principal = ? AND session = ? AND session <> ''`, principal, id); err != nil {
			return err
		}
		return along(ctx, tx, n)
	})
}

// SaveSummary implements store.Sessions.
func (d *DB) SaveSummary(ctx context.Context, principal, session string, s store.Summary) error {
	_, err := d.write.ExecContext(ctx, `INSERT INTO summaries (principal, session, number, text, created) SELECT principal, id, ?, ?, ? FROM sessions
		WHERE principal = ? AND id = ? ON CONFLICT DO UPDATE SET text = excluded.text, created = excluded.created`, s.Number, s.Text, nanos(s.Created), principal, session)
	if err != nil {
		return d.explain("write a summary", err)
	}
	return nil
}

// Summaries implements store.Sessions.
func (d *DB) Summaries(ctx context.Context, principal, session string, limit int) ([]store.Summary, error) {
	rows, err := d.asked.Query(ctx, `SELECT number, text, created FROM summaries WHERE principal = ? AND session = ? ORDER BY number DESC LIMIT ?`, principal, session, max(limit, 0))
	if err != nil {
		return nil, d.explain("read summaries", err)
	}
	defer rows.Close()
	var out []store.Summary
	for rows.Next() {
		var s store.Summary
		var created int64
		if err := rows.Scan(&s.Number, &s.Text, &created); err != nil {
			return nil, d.explain("read summaries", err)
		}
		s.Created = fromNanos(created)
		out = append(out, s)
	}
	if err := rows.Err(); err != nil {
		return nil, d.explain("read summaries", err)
	}
	return out, nil
}

// branch begins a statement with the table branch: the messages of the session ?3 of the principal ?1 from a message back to
// the first, of depth 1, 2, ..., at most ?2 of them where that is a bound.
func branch(start string, bound ...string) string {
	const columns = `m.number, m.parent, m.role, m.content, m.digest, m.words, m.trace_id, m.created`
	return `WITH RECURSIVE branch AS (
		SELECT ` + columns + `, 1 AS depth FROM (` + start + `) h JOIN messages m ON m.principal = ?1 AND m.session = ?3 AND m.number = h.number
		UNION ALL
		SELECT ` + columns + `, b.depth + 1 FROM branch b JOIN messages m ON m.principal = ?1 AND m.session = ?3 AND m.number = b.parent` + strings.Join(bound, "") + `)`
}
