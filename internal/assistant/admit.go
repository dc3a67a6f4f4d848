package assistant

import (
	"context"

	"github.com/dragoman/dragoman/internal/chat"
)

// admit lets the caller in: it may ask for this assistant, and is within its limits. Money is set aside later, before each
// request to a provider.
func (e *Engine) admit(_ context.Context, t *Turn) error {
	if name := t.Definition.Name; name != "" && !t.Principal.MayAsk(name) {
		return &chat.Error{Code: chat.CodeForbidden, Param: "model", Message: "the key may not use the assistant " + name}
	}
	e.labelTurn(t)
	if t.tokens == 0 { // a call that is no conversation knows its own
		t.tokens = EstimateInput(t.Request)
	}
	t.media = mediaIn(t.Request)
	if e.Limits == nil {
		return nil
	}
	hold, err := e.Limits.Acquire(e.Levels(t.Principal), int64(t.tokens))
	if err != nil {
		return err
	}
	t.hold = hold
	return nil
}
