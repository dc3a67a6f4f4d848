package postgres

import (
	"context"
	"errors"
	"fmt"

	"github.com/jackc/pgx/v5"

	"github.com/dragoman/dragoman/internal/store"
)

// transaction runs f, all or nothing. What f says of the caller's wish (ErrNotFound, ErrExists) comes out as it is.
func (d *DB) transaction(ctx context.Context, doing string, f func(context.Context, pgx.Tx) error) error {
	ctx, cancel := within(ctx)
	defer cancel()
	err := d.transact(ctx, func(tx pgx.Tx) error { return f(ctx, tx) })
	if err == nil || errors.Is(err, store.ErrNotFound) || errors.Is(err, store.ErrExists) {
		return err
	}
	return d.failed(ctx, doing, err)
}

const sessionColumns = `id, title, assistant, forked_from, created, updated, messages, head`

// session is where a row of sessionColumns is read to.
type session struct {
	store.Session
	created, updated int64
}

func (s *session) into() []any {
	return []any{&s.ID, &s.Title, &s.Assistant, &s.From, &s.created, &s.updated, &s.Messages, &s.Head}
}

func (s *session) read(principal string) store.Session {
	s.Principal, s.Created, s.Updated = principal, fromNanos(s.created), fromNanos(s.updated)
	return s.Session
}

// Sessions implements store.Sessions.
func (d *DB) Sessions(ctx context.Context, principal string, q store.SessionQuery) ([]store.Session, error) {
	text := `SELECT ` + sessionColumns + ` FROM sessions s WHERE principal = $1`
	args := []any{clean(principal)}
	arg := func(v any) string {
		args = append(args, v)
		return fmt.Sprintf("$%d", len(args))
	}
	if q.After != nil {
		at := arg(nanos(q.After.Updated))
		text += ` AND (updated < ` + at + ` OR updated = ` + at + ` AND id > ` + arg(clean(q.After.ID)) + `)`
	}
	for _, w := range q.Words {
		w := arg(clean(w))
		text += ` AND (position(` + w + ` in lower(title)) > 0 OR EXISTS (SELECT 1 FROM messages m WHERE m.principal = s.principal AND m.session = s.id AND position(` + w + ` in m.words) > 0))`
	}
	return list(ctx, d, "list sessions", text+` ORDER BY updated DESC, id LIMIT `+arg(max(q.Limit, 0)), args, func(rows pgx.Rows) (store.Session, error) {
		var s session
		err := rows.Scan(s.into()...)
		return s.read(principal), err
	})
}

// Session implements store.Sessions.
func (d *DB) Session(ctx context.Context, principal, id string) (store.Session, error) {
	var s session
	err := d.row(ctx, "read a session", noSession(id), `SELECT `+sessionColumns+` FROM sessions WHERE principal = $1 AND id = $2`, []any{clean(principal), clean(id)}, s.into()...)
	if err != nil {
		return store.Session{}, err
	}
	return s.read(principal), nil
}

func noSession(id string) error { return fmt.Errorf("session %q: %w", id, store.ErrNotFound) }

// CreateSession implements store.Sessions.
func (d *DB) CreateSession(ctx context.Context, s store.Session) error {
	return d.transaction(ctx, "make a session", func(ctx context.Context, tx pgx.Tx) error { return createSession(ctx, tx, s) })
}

func createSession(ctx context.Context, tx pgx.Tx, s store.Session) error {
	tag, err := tx.Exec(ctx, `INSERT INTO sessions (principal, `+sessionColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9) ON CONFLICT DO NOTHING`,
		clean(s.Principal), clean(s.ID), clean(s.Title), clean(s.Assistant), clean(s.From), nanos(s.Created), nanos(s.Updated), s.Messages, s.Head)
	if err == nil && tag.RowsAffected() == 0 {
		return fmt.Errorf("session %q: %w", s.ID, store.ErrExists)
	}
	return err
}

// ForkSession implements store.Sessions.
func (d *DB) ForkSession(ctx context.Context, id string, at int, to store.Session) error {
	return d.transaction(ctx, "fork a session", func(ctx context.Context, tx pgx.Tx) error {
		to.From, to.Messages, to.Head = id, 0, 0
		if err := createSession(ctx, tx, to); err != nil {
			return err
		}
		// The messages are numbered anew, so that each follows the one before it.
		tag, err := tx.Exec(ctx, branch(`SELECT $2::bigint AS number`, ``)+`
			INSERT INTO messages (principal, session, number, parent, role, content, digest, words, trace_id, created)
			SELECT $1, $4, row_number() OVER (ORDER BY depth DESC), row_number() OVER (ORDER BY depth DESC) - 1, role, content, digest, words, trace_id, created FROM branch`,
			clean(to.Principal), at, clean(id), clean(to.ID))
		if err != nil {
			return err
		}
		n := tag.RowsAffected()
		if n == 0 {
			return fmt.Errorf("message %d of the session %q: %w", at, id, store.ErrNotFound)
		}
		_, err = tx.Exec(ctx, `UPDATE sessions SET messages = $1, head = $1 WHERE principal = $2 AND id = $3`, n, clean(to.Principal), clean(to.ID))
		return err
	})
}

// SetTitle implements store.Sessions.
func (d *DB) SetTitle(ctx context.Context, principal, id, title string) error {
	n, err := d.change(ctx, "name a session", `UPDATE sessions SET title = $1 WHERE principal = $2 AND id = $3`, clean(title), clean(principal), clean(id))
	if err == nil && n == 0 {
		return noSession(id)
	}
	return err
}

// SetHead implements store.Sessions.
func (d *DB) SetHead(ctx context.Context, principal, id string, head int) error {
	n, err := d.change(ctx, "change the branch of a session", `UPDATE sessions SET head = $1 WHERE principal = $2 AND id = $3
		AND EXISTS (SELECT 1 FROM messages WHERE principal = $2 AND session = $3 AND number = $1)`, head, clean(principal), clean(id))
	if err == nil && n == 0 {
		return fmt.Errorf("message %d of the session %q: %w", head, id, store.ErrNotFound)
	}
	return err
}

// DeleteSession implements store.Sessions.
func (d *DB) DeleteSession(ctx context.Context, principal, id string) error {
	return d.transaction(ctx, "delete a session", func(ctx context.Context, tx pgx.Tx) error {
		tag, err := tx.Exec(ctx, `DELETE FROM sessions WHERE principal = $1 AND id = $2`, clean(principal), clean(id)) // the rest goes with it
		if err != nil {
			return err
		}
		if tag.RowsAffected() == 0 {
			return noSession(id)
		}
		if _, err = tx.Exec(ctx, `DELETE FROM traces WHERE principal = $1 AND session = $2 AND session <> ''`, clean(principal), clean(id)); err != nil {
			return err
		}
		return along(ctx, tx, 1)
	})
}

// SaveSummary implements store.Sessions.
func (d *DB) SaveSummary(ctx context.Context, principal, session string, s store.Summary) error {
	return d.exec(ctx, "write a summary", `INSERT INTO summaries (principal, session, number, text, created) SELECT principal, id, $1, $2, $3 FROM sessions
		WHERE principal = $4 AND id = $5 ON CONFLICT (principal, session, number) DO UPDATE SET text = excluded.text, created = excluded.created`,
		s.Number, clean(s.Text), nanos(s.Created), clean(principal), clean(session))
}

// Summaries implements store.Sessions.
func (d *DB) Summaries(ctx context.Context, principal, session string, limit int) ([]store.Summary, error) {
	return list(ctx, d, "read summaries", `SELECT number, text, created FROM summaries WHERE principal = $1 AND session = $2 ORDER BY number DESC LIMIT $3`,
		[]any{clean(principal), clean(session), max(limit, 0)}, func(rows pgx.Rows) (s store.Summary, err error) {
			var created int64
			err = rows.Scan(&s.Number, &s.Text, &created)
			s.Created = fromNanos(created)
			return s, err
		})
}

// branch begins a statement with the table branch: the messages of the session $3 of the principal $1 from a message back to
// the first, of depth 1, 2, ... as far as a bound allows.
func branch(start, bound string) string {
	const columns = `m.number, m.parent, m.role, m.content, m.digest, m.words, m.trace_id, m.created`
	return `WITH RECURSIVE branch AS (
		SELECT ` + columns + `, 1 AS depth FROM (` + start + `) h JOIN messages m ON m.principal = $1 AND m.session = $3 AND m.number = h.number
		UNION ALL
		SELECT ` + columns + `, b.depth + 1 FROM branch b JOIN messages m ON m.principal = $1 AND m.session = $3 AND m.number = b.parent` + bound + `)`
}
