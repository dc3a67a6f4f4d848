package assistant

import (
	"context"
	"errors"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/guard"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/provider"
)

// Exchanger is a provider that answers calls which are no conversation.
type Exchanger interface {
	Name() string
	Dialect() chat.Dialect
	Exchange(ctx context.Context, path, model string, body []byte) ([]byte, error)
}

// Call makes one such call of a model, and says what it used, as far as the provider tells.
type Call func(ctx context.Context, up Exchanger, model string) (chat.Usage, error)

// Exchange is a call that is no conversation: embeddings, re-ranking, moderation.
type Exchange struct {
	Principal identity.Principal
	Model     string
	Class     string
	Feature   string
	Privacy   string
	Door      string
	Tokens    int // of the input, estimated
	Call      Call
}

// Exchange takes a call along the road of a turn: limits, choice of a model, one row in the books for each request, fallbacks, a
// trace. Errors are *chat.Error; the trace is never nil.
func (e *Engine) Exchange(ctx context.Context, x *Exchange) (*Trace, error) {
	t := &Turn{
		Request: &chat.Request{Model: x.Model}, Principal: x.Principal, Class: x.Class, Feature: x.Feature, Privacy: x.Privacy, Door: chat.Wire(x.Door),
		Definition: Definition{Policy: guard.Policy{Secrets: guard.Off, Injection: guard.Off, Output: guard.Off}}, tokens: x.Tokens,
	}
	t.started, t.clock = e.Now(), e.Now
	t.Trace = &Trace{ID: e.NewID(), Started: t.started, Principal: t.Principal.Name, Mode: Plain}
	defer e.Metrics.TurnBegins()()
	defer func() { t.hold.Release() }()
	for _, s := range []step{
		{name: "admit", run: (*Engine).admit},
		{name: "select model", run: (*Engine).selectModel},
		{name: "exchange", run: func(e *Engine, ctx context.Context, t *Turn) error { return e.callAny(ctx, t, x) }},
		{name: "settle", run: (*Engine).settle},
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

// callAny calls the models in turn until one answers.
func (e *Engine) callAny(ctx context.Context, t *Turn, x *Exchange) error {
	t.outgoing = &chat.Request{Model: x.Model, MaxTokens: -1} // there is no text to wait for
	var last error
	for i, m := range e.payable(t) {
		up, ok := e.Upstream(m.Provider)
		ex, can := up.(Exchanger)
		if !ok || !can {
			continue
		}
		attempt := Attempt{Provider: m.Provider, Model: m.Name, Try: i + 1}
		leave, err := provider.Enter(ctx, up, m.Name, e.caller(t))
		if err != nil {
			kept := chat.AsError(err)
			attempt.Code, attempt.Error, attempt.KeptBack = kept.Code, kept.Message, true
			t.Trace.Attempts = append(t.Trace.Attempts, attempt)
			if last = err; kept.Code == chat.CodeCancelled {
				return err
			}
			continue
		}
		settle, err := e.dispatch(ctx, t, provider.Target{Upstream: up, Model: m.Name}, i+1)
		if err != nil {
			leave(provider.Outcome{Err: &chat.Error{Code: chat.CodeCancelled}})
			return err
		}
		begun := e.Now()
		usage, err := x.Call(ctx, ex, m.Name)
		o := provider.Outcome{Usage: usage, Total: e.Now().Sub(begun), Finish: chat.FinishStop}
		if err != nil {
			o.Err = chat.AsError(err)
			attempt.Code, attempt.Error = o.Err.Code, o.Err.Message
		} else {
			o.FirstToken = o.Total
		}
		leave(o)
		settle(o)
		t.Trace.Attempts = append(t.Trace.Attempts, attempt)
		if err == nil {
			t.useModel(m)
			return nil
		}
		last = err
		if c := o.Err.Code; c == chat.CodeInvalidRequest || c == chat.CodeTooLarge || c == chat.CodeCancelled || ctx.Err() != nil {
			return err
		}
	}
	if last == nil {
		last = errors.New("no provider can be asked")
	}
	return last
}
