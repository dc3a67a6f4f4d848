package store

import (
	"context"
	"encoding/json"
	"time"
)

// SyncRun is the record of one run in which a collection was brought up to date.
type SyncRun struct {
	ID         string
	Collection string
	Started    time.Time
	Ended      time.Time       // zero while it is under way, or where its process died
	Body       json.RawMessage // kept byte for byte
}

// SyncRuns keeps the records of runs.
type SyncRuns interface {
	// SaveSyncRun writes a record, in place of an earlier one with its ID.
	SaveSyncRun(ctx context.Context, r SyncRun) error
	// SyncRuns returns the records of a collection, at most limit, those that started last first.
	SyncRuns(ctx context.Context, collection string, limit int) ([]SyncRun, error)
	// DeleteSyncRuns deletes the records of a collection but for the keep that started last, and says how many there were.
	DeleteSyncRuns(ctx context.Context, collection string, keep int) (int, error)
}
