package store

import (
	"context"
	"encoding/json"
	"time"
)

// Feedback is what somebody says of an answer that they got.
type Feedback struct {
	TraceID   string
	Principal string
	Created   time.Time
	Body      json.RawMessage // kept byte for byte
}

// FeedbackQuery chooses among feedback.
type FeedbackQuery struct {
	Principal string    // only theirs; empty: everybody's
	Before    time.Time // only what was said before; the zero value: up to the latest
	Limit     int
}

// Feedbacks keeps feedback.
type Feedbacks interface {
	// SaveFeedback writes it, in place of what the same principal said of the same trace before.
	SaveFeedback(ctx context.Context, f Feedback) error
	// Feedback returns the latest first.
	Feedback(ctx context.Context, q FeedbackQuery) ([]Feedback, error)
	// DeleteFeedbackBefore deletes what was said before t, and says how much there was.
	DeleteFeedbackBefore(ctx context.Context, t time.Time) (int, error)
}
