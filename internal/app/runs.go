package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/google/uuid"

	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/knowledge/source"
	"github.com/dragoman/dragoman/internal/store"
)

// SyncRun is one run in which a collection was brought up to date, as people and programs are told of it.
type SyncRun struct {
	ID         string     `json:"id"`
	Collection string     `json:"collection"`
	Reason     string     `json:"reason"` // why it ran: "start", "change", "schedule", "asked", "webhook"
	Status     string     `json:"status"` // "running", "done", "failed"; "interrupted" where it was stopped or its process died
	Started    time.Time  `json:"started"`
	Ended      *time.Time `json:"ended,omitempty"`
	Rebuild    bool       `json:"rebuild,omitempty"`

	Phase string `json:"phase,omitempty"` // while it runs: "scan", "index", "merge"
	Done  int    `json:"done,omitempty"`  // documents, of Total
	Total int    `json:"total,omitempty"` // 0: not known

	Added     int             `json:"added"`
	Changed   int             `json:"changed"`
	Removed   int             `json:"removed"`
	Pruned    int             `json:"pruned,omitempty"` // no longer searched, by a rule
	Unchanged int             `json:"unchanged"`
	Bytes     int64           `json:"bytes"`              // of text that was read
	Blamed    int             `json:"blamed,omitempty"`   // documents of which git told who changed their lines
	Unblamed  int             `json:"unblamed,omitempty"` // that still have to be asked about, or of which git knows nothing: their passages have their last change
	Failed    int             `json:"failed"`             // documents that could not be read
	Errors    []DocumentError `json:"errors,omitempty"`   // of the first of these
	Error     string          `json:"error,omitempty"`    // why the run as a whole failed
}

// DocumentError says why a document could not be read.
type DocumentError struct {
	Document string `json:"document"` // its ID at the source, or its path
	Reason   string `json:"reason"`
}

const (
	keptRuns   = 100 // of each collection
	keptErrors = 200 // of each run
	// progressEvery is how often the record of a run under way is written.
	progressEvery = time.Second
)

// recording is a synchronisation that is being recorded.
type recording struct {
	cs     *collections
	c      *collection
	record SyncRun
	quiet  bool      // it is recorded only if there is something to tell
	saved  time.Time // or begun
	wrote  bool
	failed bool // to be saved; said once
}

// recorded runs work and keeps a record of it. With quiet a run that finds nothing to do, and could read no less than the one before, leaves none: folders are
// looked at all the time, and sources as often as they are to be.
// The caller is the only one who works on the collection in this process.
func (cs *collections) recorded(ctx context.Context, c *collection, why occasion, quiet bool, work func(progress func(knowledge.Progress)) (knowledge.Report, error)) (knowledge.Report, error) {
	id, err := uuid.NewV7()
	if err != nil {
		return knowledge.Report{}, err
	}
	r := &recording{cs: cs, c: c, quiet: quiet, saved: cs.now(), record: SyncRun{ID: "run_" + id.String(), Collection: c.Name, Reason: why.reason, Status: "running", Started: cs.now().UTC(), Rebuild: why.rebuild}}
	c.runs.Add(1)
	defer c.runs.Add(-1)
	if !quiet {
		r.save(ctx)
	}
	var report knowledge.Report
	if why.rebuild {
		err = c.Rebuild(ctx, cs.now)
	}
	if err == nil {
		report, err = work(r.progress(ctx))
	}
	r.end(ctx, report, err)
	return report, err
}

// progress passes on how far the run has come, and notes it now and then.
func (r *recording) progress(ctx context.Context) func(knowledge.Progress) {
	return func(p knowledge.Progress) {
		if r.cs.progress != nil {
			r.cs.progress(p)
		}
		r.record.Phase, r.record.Done, r.record.Total, r.record.Bytes = p.Phase, p.Files, p.Total, p.Bytes
		if p.Phase != "scan" && r.cs.now().Sub(r.saved) >= progressEvery {
			r.save(ctx)
		}
	}
}

func (r *recording) end(ctx context.Context, report knowledge.Report, err error) {
	at := r.cs.now().UTC()
	rec := &r.record
	rec.Ended, rec.Phase, rec.Done, rec.Total, rec.Status = &at, "", 0, 0, "done"
	rec.Added, rec.Changed, rec.Removed, rec.Pruned, rec.Unchanged, rec.Bytes = report.Added, report.Changed, report.Removed, report.Pruned, report.Unchanged, report.Bytes
	rec.Blamed, rec.Unblamed = report.Blame.Documents-report.Blame.Without, report.Blame.Without+report.Blame.Left
	for _, s := range report.Skipped {
		if !failure(s.Reason) {
			continue
		}
		if rec.Failed++; len(rec.Errors) < keptErrors {
			reason := string(s.Reason)
			if s.Detail != "" {
				reason += ": " + s.Detail
			}
			rec.Errors = append(rec.Errors, DocumentError{source.Display(s.Path), reason})
		}
	}
	if err != nil {
		rec.Status, rec.Error = "failed", err.Error()
		if ctx.Err() != nil {
			rec.Status = "interrupted"
		}
	}
	unread := fmt.Sprint(rec.Failed, rec.Errors)
	nothing := err == nil && rec.Added+rec.Changed+rec.Removed+rec.Pruned == 0 && (rec.Failed == 0 || unread == r.c.unread)
	r.c.unread = unread
	if r.quiet && nothing && !r.wrote {
		return
	}
	r.cs.metrics.Synced(rec.Collection, rec.Status)
	ctx = context.WithoutCancel(ctx)
	r.save(ctx)
	if _, err := r.cs.runs.DeleteSyncRuns(ctx, rec.Collection, keptRuns); err != nil {
		r.cs.log.Warn("the records of old syncs could not be deleted", "err", err)
	}
}

// failure says whether a document was left out because it could not be read, rather than by a rule.
func failure(r source.Reason) bool {
	switch r {
	case knowledge.Unfit, source.Unreadable, source.TooLarge, source.BrokenLink:
		return true
	}
	return false
}

// save writes the record. A sync does not fail because nobody can be told of it.
func (r *recording) save(ctx context.Context) {
	body, err := json.Marshal(r.record)
	if err == nil {
		s := store.SyncRun{ID: r.record.ID, Collection: r.record.Collection, Started: r.record.Started, Body: body}
		if r.record.Ended != nil {
			s.Ended = *r.record.Ended
		}
		err = r.cs.runs.SaveSyncRun(ctx, s)
	}
	if err != nil && !r.failed && !errors.Is(err, context.Canceled) {
		r.failed = true
		r.cs.log.Warn("the record of a sync could not be written", "collection", r.record.Collection, "err", err)
	}
	r.saved, r.wrote = r.cs.now(), true
}

// runsOf returns the records of a collection, those that started last first. One without an end was interrupted where a later one has begun
// or nobody is at work, for one works at a time.
func (cs *collections) runsOf(ctx context.Context, name string, limit int) ([]SyncRun, error) {
	c, err := cs.opened(ctx, name)
	if err != nil {
		return nil, err
	}
	idle := func() bool { return c.runs.Load() == 0 && !c.Busy(ctx) }
	dead := idle() // before and after: a run may end or begin meanwhile
	kept, err := cs.runs.SyncRuns(ctx, name, limit)
	if err != nil {
		return nil, err
	}
	out := make([]SyncRun, 0, len(kept))
	for i, k := range kept {
		var r SyncRun
		if err := json.Unmarshal(k.Body, &r); err != nil {
			return nil, fmt.Errorf("read the record of the sync %s: %w", k.ID, err)
		}
		if r.Ended == nil && (i > 0 || dead && idle()) {
			r.Status, r.Phase = "interrupted", ""
		}
		out = append(out, r)
	}
	return out, nil
}
