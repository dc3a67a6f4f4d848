package app

import (
	"context"
	"time"
)

// VectorStatus says how far the vectors of a collection are.
type VectorStatus struct {
	Model      string     `json:"model,omitempty"`      // whose vectors are searched; none while the first are made
	Generation int64      `json:"generation,omitempty"` // of these: it grows with each model
	Next       string     `json:"next,omitempty"`       // the embedder's model, while its vectors are not complete
	Embedded   int        `json:"embedded"`             // passages that have a vector of the embedder's model
	Queue      int        `json:"queue"`                // and those that wait for one
	Unsettled  int        `json:"unsettled,omitempty"`  // what an engine that searches them still has to be told
	Share      float64    `json:"share"`                // Embedded of both, 0..1; 1 where there are no passages
	Tried      *time.Time `json:"tried,omitempty"`      // when this process last made some, or tried to
	Error      string     `json:"error,omitempty"`      // why that failed
}

// status returns nil where the collection has no embedder. That its embedder cannot be had is said in Error.
func (v *semantics) status(ctx context.Context, collection string) (*VectorStatus, error) {
	x, err := v.embedders.get(collection)
	if err != nil {
		return &VectorStatus{Error: err.Error()}, nil
	}
	if x == nil {
		return nil, nil
	}
	state, err := v.state(ctx, collection)
	if err != nil {
		return nil, err
	}
	s := &VectorStatus{Model: state.Model, Generation: state.Generation, Next: state.Next, Embedded: state.Passages - state.Missing, Queue: state.Missing, Unsettled: state.Unsettled, Share: 1}
	if state.Passages > 0 {
		s.Share = float64(s.Embedded) / float64(state.Passages)
	}
	e := v.cs.embedding(collection)
	e.mu.Lock()
	defer e.mu.Unlock()
	if last := e.state; !last.Tried.IsZero() {
		at := last.Tried.UTC()
		if s.Tried = &at; last.Err != nil {
			s.Error = last.Err.Error()
		} else if last.Report.Failed > 0 {
			s.Error = last.Report.Why
		}
	}
	return s, nil
}
