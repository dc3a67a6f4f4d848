package assistant

import (
	"context"

	"github.com/dragoman/dragoman/internal/chat"
)

// Preview takes a turn to the point where a model would be asked, and no further: it returns what would be sent, nil where no model
// would be, with a trace that says what was found, left out and shortened. Nothing is booked or kept, and
// what is remembered of the caller is not shown.
func (e *Engine) Preview(ctx context.Context, t *Turn) (*chat.Request, *Trace, error) {
	t.engine, t.started, t.clock = e, e.Now(), e.Now
	t.Trace = &Trace{ID: e.NewID(), Started: t.started, Assistant: t.Definition.Name, Version: t.Definition.Version, Principal: t.Principal.Name, Mode: Plain}
	for _, s := range steps {
		switch s.name {
		case "admit", "memories": // they book, and remember
			continue
		}
		t.Trace.begin(s.name)
		if err := s.run(e, ctx, t); err != nil {
			return nil, t.Trace, e.asFailure(ctx, err)
		}
		if s.name == "compose" {
			return t.outgoing, t.Trace, nil
		}
	}
	return t.outgoing, t.Trace, nil
}
