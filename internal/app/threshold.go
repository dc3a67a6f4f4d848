package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/dragoman/dragoman/internal/audit"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/store"
)

// Threshold is how well, 0..1, the best passages of a collection must match a question.
type Threshold struct {
	Value float64    `json:"value"`
	Tuned *time.Time `json:"tuned,omitempty"` // when it was put in place by feedback; nil: it is that of the configuration
	By    string     `json:"by,omitempty"`    // who did so
	Note  string     `json:"note,omitempty"`  // what it rests on
}

func thresholdKey(collection string) string { return "collections/" + collection + "/threshold" }

// threshold returns the one that holds. Another process may put a new one in place at any time, and the next search goes by it.
func (cs *collections) threshold(ctx context.Context, name string) (Threshold, error) {
	t := Threshold{Value: cs.thresholds[name]}
	text, err := cs.settings.Setting(ctx, thresholdKey(name))
	switch {
	case errors.Is(err, store.ErrNotFound) || err == nil && text == "":
		return t, nil
	case err == nil:
		err = json.Unmarshal([]byte(text), &t)
	}
	if err != nil {
		return Threshold{}, fmt.Errorf("read the threshold of %s: %w", name, err)
	}
	return t, nil
}

// searched is a collection as turns search it: with its threshold.
type searched struct {
	*collection
	cs *collections
}

// bound is the threshold by which turns search. While the store cannot be asked it stays what it was: nobody's question waits for that.
func (cs *collections) bound(ctx context.Context, name string) float64 {
	t, err := cs.threshold(ctx, name)
	if err == nil {
		cs.lastBounds.Store(name, t.Value)
		return t.Value
	}
	if last, ok := cs.lastBounds.Load(name); ok {
		return last.(float64)
	}
	return cs.thresholds[name]
}

// Search implements assistant.Searcher.
func (s searched) Search(ctx context.Context, q knowledge.Query) (*knowledge.Result, error) {
	q.Threshold = s.cs.bound(ctx, s.Name)
	return s.collection.Search(ctx, q)
}

// State is that of the collection, and of what is kept back: a cached answer must not outlive either.
func (s searched) State(ctx context.Context, who acl.Subjects) (string, error) {
	state, err := s.collection.State(ctx, who)
	if bound := s.cs.bound(ctx, s.Name); bound > 0 {
		state += fmt.Sprintf(" above %g", bound)
	}
	return state, err
}

// Threshold returns that of a collection.
func (a *App) Threshold(ctx context.Context, collection string) (Threshold, error) {
	if _, ok := a.collections.options[collection]; !ok {
		return Threshold{}, unknownCollection(collection)
	}
	return a.collections.threshold(ctx, collection)
}

// TuneCollection puts a threshold of a collection in place, for all processes on this data; nil goes back to that of the configuration.
func (a *App) TuneCollection(ctx context.Context, p identity.Principal, collection string, value *float64, note string) error {
	if _, ok := a.collections.options[collection]; !ok {
		return unknownCollection(collection)
	}
	text, detail := "", "that of the configuration"
	if value != nil {
		now := a.options.Now().UTC()
		body, err := json.Marshal(Threshold{*value, &now, p.Name, note})
		if err != nil {
			return err
		}
		text, detail = string(body), fmt.Sprintf("%g: %s", *value, note)
	}
	ctx = audited{a.Store, a.Audit}.noting(ctx, audit.FeedbackApplied, thresholdKey(collection), detail)
	return a.Store.SetSetting(ctx, thresholdKey(collection), text)
}
