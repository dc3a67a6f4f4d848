package sqlite

import (
	"context"
	"math"
	"time"

	"github.com/dragoman/dragoman/internal/store"
)

// SaveFeedback implements store.Feedbacks.
func (d *DB) SaveFeedback(ctx context.Context, f store.Feedback) error {
	_, err := d.write.ExecContext(ctx, `INSERT OR REPLACE INTO feedback (trace, principal, created, body) VALUES (?, ?, ?, ?)`, f.TraceID, f.Principal, nanos(f.Created), blob(f.Body))
	if err != nil {
		return d.explain("write feedback", err)
	}
	return nil
}

// Feedback implements store.Feedbacks.
func (d *DB) Feedback(ctx context.Context, q store.FeedbackQuery) ([]store.Feedback, error) {
	before := int64(math.MaxInt64)
	if !q.Before.IsZero() {
		before = nanos(q.Before)
	}
	rows, err := d.read.QueryContext(ctx, `SELECT trace, principal, created, body FROM feedback WHERE (?1 = '' OR principal = ?1) AND created < ?2
		ORDER BY created DESC, trace DESC, principal LIMIT ?3`, q.Principal, before, q.Limit)
	if err != nil {
		return nil, d.explain("read feedback", err)
	}
	defer rows.Close()
	var out []store.Feedback
	for rows.Next() {
		var f store.Feedback
		var created int64
		if err := rows.Scan(&f.TraceID, &f.Principal, &created, (*[]byte)(&f.Body)); err != nil {
			return nil, d.explain("read feedback", err)
		}
		f.Created = fromNanos(created)
		out = append(out, f)
	}
	if err := rows.Err(); err != nil {
		return nil, d.explain("read feedback", err)
	}
	return out, nil
}

// DeleteFeedbackBefore implements store.Feedbacks.
func (d *DB) DeleteFeedbackBefore(ctx context.Context, t time.Time) (int, error) {
	res, err := d.write.ExecContext(ctx, `DELETE FROM feedback WHERE created < ?`, nanos(t))
	if err != nil {
		return 0, d.explain("delete old feedback", err)
	}
	n, err := res.RowsAffected()
	return int(n), err
}
