package app

import (
	"context"
	"errors"

	"github.com/dragoman/dragoman/internal/assistant"
	"github.com/dragoman/dragoman/internal/config"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/store"
	"github.com/dragoman/dragoman/internal/tool"
)

// prepareTools makes the tools that assistants may use.
func (a *App) prepareTools() (*tool.Registry, error) {
	library := a.Library()
	return tool.NewRegistry([]tool.Tool{
		tool.SearchKnowledge{Library: library}, tool.ReadDocument{Library: library}, tool.Calculator{}, tool.Clock{Now: a.options.Now},
	}, nil)
}

func toolPolicy(c config.AssistantTools) assistant.ToolPolicy {
	return assistant.ToolPolicy{Use: c.Use, Steps: c.Steps, Time: c.Time, Call: c.Call, Cost: c.Cost, Parallel: c.Parallel, Result: int(c.Result)}
}

// Read returns lines of a document that a principal may see.
func (l Library) Read(ctx context.Context, p identity.Principal, name, path string, first, last int) (*knowledge.Lines, error) {
	if _, ok := l.cs.options[name]; !ok {
		return nil, unknownCollection(name)
	}
	c, err := l.cs.get(ctx, name)
	if err != nil {
		return nil, err
	}
	return c.Read(ctx, assistant.Subjects(p), path, first, last)
}

// heldSteps keeps the steps of turns that handed calls back, among the responses that may be referred to, and as long as those.
type heldSteps struct{ app *App }

var _ assistant.Steps = heldSteps{}

// stepsPrefix keeps them apart from responses.
const stepsPrefix = "steps_"

func (h heldSteps) SaveSteps(ctx context.Context, owner, call string, body []byte) error {
	return h.app.Store.SaveResponse(ctx, store.Response{ID: stepsPrefix + call, Principal: owner, Created: h.app.options.Now(), Body: body})
}

func (h heldSteps) Steps(ctx context.Context, owner, call string) ([]byte, error) {
	r, err := h.app.Store.Response(ctx, owner, stepsPrefix+call)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return r.Body, err
}
