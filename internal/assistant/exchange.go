package assistant

import (
	"context"
	"errors"
	"io"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/guard"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/provider"
	"github.com/dragoman/dragoman/internal/provider/gate"
	"github.com/dragoman/dragoman/internal/route"
)

// Exchanger is a provider that answers calls which are no conversation.
type Exchanger interface {
	Name() string
	Dialect() chat.Dialect
	Gate() *gate.Gate
	Exchange(ctx context.Context, path, model string, body []byte) ([]byte, error)
}

// Call makes one such call of a model, and says what it used, as far as the provider tells.
type Call func(ctx context.Context, up Exchanger, model string) (chat.Usage, error)

// Exchange is a call that is no conversation: embeddings, re-ranking, moderation.
type Exchange struct {
	RequestID string // the caller's own name for it
	Principal identity.Principal
	Model     string
	Class     string
	Feature   string
	Privacy   route.Privacy
	Door      string
	Tokens    int // of the input, estimated
	Longest   int // of its texts, which must fit into the model's window, each by itself; 0: as Tokens
	Call      Call
	Untraced  bool // it is in the books, and no trace of it is kept
}

// Exchange takes a call along the road of a turn: limits, choice of a model, one row in the books for each request, fallbacks, a
// trace. Errors are *chat.Error; the trace is never nil.
func (e *Engine) Exchange(ctx context.Context, x *Exchange) (*Trace, error) {
	t := &Turn{
		Request: &chat.Request{Model: x.Model}, Principal: x.Principal, Class: x.Class, Feature: x.Feature, Privacy: x.Privacy, Door: chat.Wire(x.Door),
		Definition: &Definition{Policy: guard.Policy{Secrets: guard.Off, Injection: guard.Off, Output: guard.Off}}, tokens: x.Tokens, longest: x.Longest,
	}
	t.started, t.clock = e.Now(), e.Now
	t.Trace = &Trace{ID: e.NewID(), RequestID: x.RequestID, Started: t.started, Principal: t.Principal.Name, Mode: Plain}
	defer e.Metrics.TurnBegins()()
	defer func() { t.hold.Release() }()
	for _, s := range []step{
		{name: "admit", run: (*Engine).admit},
		{name: "select model", run: (*Engine).selectModel},
		{name: "exchange", run: func(e *Engine, ctx context.Context, t *Turn) error { return e.callAny(ctx, t, x) }},
		{name: "settle", run: func(e *Engine, ctx context.Context, t *Turn) error {
			if x.Untraced {
				return nil
			}
			return e.settle(ctx, t)
		}},
	} {
		if t.failure != nil && s.name != "settle" {
			t.Trace.skip(s.name)
			continue
		}
		begun := e.Now()
		t.Trace.begin(s.name)
		err := s.run(e, ctx, t)
		t.Trace.end(e.Now().Sub(begun))
		if err != nil {
			t.failure = e.asFailure(ctx, err)
			t.Trace.Error = t.failure.Error()
		}
	}
	e.count(t)
	return t.Trace, t.failure
}

// callAny calls the models in turn until one answers, as a conversation does: with retries, and each request in the books.
func (e *Engine) callAny(ctx context.Context, t *Turn, x *Exchange) error {
	t.outgoing = &chat.Request{Model: x.Model, MaxTokens: -1} // there is no text to wait for
	var targets []provider.Target
	for _, m := range e.payable(t) {
		if up, ok := e.Upstream(m.Provider); ok {
			if ex, can := up.(Exchanger); can {
				targets = append(targets, provider.Target{Upstream: called{ex, x.Call}, Model: m.Name})
			}
		}
	}
	if len(targets) == 0 {
		return &chat.Error{Code: chat.CodeUnavailable, Param: "model", Message: "no provider of this model answers such calls"}
	}
	reply, err := e.ask(ctx, t, targets)
	if err != nil {
		return err
	}
	defer reply.Close()
	for {
		if _, err := reply.Next(); err != nil {
			if errors.Is(err, io.EOF) {
				return nil
			}
			return err
		}
	}
}

// callAside makes a call as one of a turn's requests: in its trace, as what it is for, in the books, within its caller's limits, and of a
// model that may see the turn and what has the label. Whether its texts, of so many tokens together, fit into a window is left to the
// provider: most cut what is longer.
func (e *Engine) callAside(ctx context.Context, t *Turn, label route.Privacy, model, purpose string, tokens int, call Call) error {
	label = label.Stricter(t.Privacy)
	d, err := e.Router.Choose(model, route.Env{Privacy: string(label)})
	switch {
	case err != nil:
		return err
	case len(d.Models) == 0:
		return errors.New(d.Why())
	}
	child := &Turn{
		Request: &chat.Request{Model: model}, Principal: t.Principal, Class: purpose, Feature: t.Feature, Door: t.Door, Privacy: label, Definition: &Definition{Name: t.Definition.Name},
		Trace: t.Trace, hold: t.hold, tokens: tokens, started: t.started, clock: t.clock, decision: d,
	}
	return e.aside(child, func() error { return e.callAny(ctx, child, &Exchange{Model: model, Call: call}) })
}

// called is a provider whose answer is that of a call.
type called struct {
	Exchanger
	call Call
}

var _ provider.Gated = called{}

// Send implements provider.Upstream: the answer is what the call keeps, and what it used.
func (c called) Send(ctx context.Context, r *chat.Request) (*provider.Reply, error) {
	usage, err := c.call(ctx, c.Exchanger, r.Model)
	if err != nil {
		return nil, err
	}
	return &provider.Reply{Stream: &replayed{[]chat.Event{{Finish: chat.FinishStop, Usage: &usage, Whole: true}}}}, nil
}
