package postgres

import (
	"context"
	"math"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dragoman/dragoman/internal/store"
)

// SaveFeedback implements store.Feedbacks.
func (d *DB) SaveFeedback(ctx context.Context, f store.Feedback) error {
	return d.exec(ctx, "write feedback", `INSERT INTO feedback (trace, principal, created, body) VALUES ($1, $2, $3, $4)
		ON CONFLICT (trace, principal) DO UPDATE SET created = excluded.created, body = excluded.body`, clean(f.TraceID), clean(f.Principal), nanos(f.Created), blob(f.Body))
}

// Feedback implements store.Feedbacks.
func (d *DB) Feedback(ctx context.Context, q store.FeedbackQuery) ([]store.Feedback, error) {
	before := int64(math.MaxInt64)
	if !q.Before.IsZero() {
		before = nanos(q.Before)
	}
	return list(ctx, d, "read feedback", `SELECT trace, principal, created, body FROM feedback WHERE ($1 = '' OR principal = $1) AND created < $2
		ORDER BY created DESC, trace DESC, principal LIMIT $3`, []any{clean(q.Principal), before, q.Limit}, func(rows pgx.Rows) (store.Feedback, error) {
		var f store.Feedback
		var created int64
		err := rows.Scan(&f.TraceID, &f.Principal, &created, (*[]byte)(&f.Body))
		f.Created = fromNanos(created)
		return f, err
	})
}

// DeleteFeedbackBefore implements store.Feedbacks.
func (d *DB) DeleteFeedbackBefore(ctx context.Context, t time.Time) (int, error) {
	return d.change(ctx, "delete old feedback", `DELETE FROM feedback WHERE created < $1`, nanos(t))
}
