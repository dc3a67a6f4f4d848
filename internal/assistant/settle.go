package assistant

import (
	"context"

	"github.com/dragoman/dragoman/internal/ledger"
)

// settle closes the turn: its usage and cost, and what the store keeps of it. It runs also when the turn failed or its
// caller has gone, for those are the turns that somebody will ask about.
func (e *Engine) settle(ctx context.Context, t *Turn) error {
	tr := t.Trace
	tr.Privacy = t.Privacy
	if t.cached != nil {
		t.usage = t.cached.usage
	}
	tr.Usage = Usage{t.usage.Input, t.usage.CachedInput, t.usage.CacheWrite, t.usage.Output, t.usage.Reasoning, t.usage.Estimated}
	if tr.Cost == "" {
		tr.Cost = ledger.Money(0).String()
	}
	tr.TotalMS = milliseconds(e.Now().Sub(t.started))
	t.ended = t.result()
	if e.Archive == nil {
		return nil
	}
	if err := e.Archive.Keep(ctx, t, t.ended); err != nil {
		tr.note("the trace could not be stored: " + err.Error())
	}
	return nil
}
