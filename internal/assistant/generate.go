package assistant

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/internal/limit"
	"github.com/dragoman/dragoman/internal/observe"
	"github.com/dragoman/dragoman/internal/provider"
	"github.com/dragoman/dragoman/internal/route"
)

// generate makes the answer: quotes, a cached answer, or a model's, streamed through the filters to the caller.
func (e *Engine) generate(ctx context.Context, t *Turn) error {
	if t.handover != nil {
		return t.sayHandover()
	}
	if err := e.beforehand(ctx, t); err != nil {
		return err
	}
	switch {
	case t.Trace.Mode == Extractive:
		if t.Definition.Judge.holds() {
			t.Trace.note("the answer is passages as they stand: there is nothing to ask for again, choose from or leave out")
		}
		if err := t.Out.Begin(t); err != nil {
			return err
		}
		t.finish = chat.FinishStop
		t.Trace.Cost = cmp.Or(t.Trace.Cost, ledger.Money(0).String()) // of vectors and the like
		return errors.Join(t.quote(t.say), t.disclaim())
	case t.cached != nil:
		return t.replay()
	}
	if t.Trace.Mode == Draft {
		if err := e.draft(ctx, t); err != nil {
			return err
		}
		return t.disclaim()
	}
	if t.tools != nil {
		err := e.useTools(ctx, t)
		if err != nil && !t.tools.begun {
			return e.degrade(ctx, t, err)
		}
		return err
	}
	if t.Trace.Mode == Plain && t.Request.Stream {
		return e.relay(ctx, t)
	}
	if t.Trace.Mode == Grounded && t.Definition.Judge.UnanswerableBelow > 0 {
		if done, err := t.unanswerable(); done || err != nil {
			return err
		}
	}
	stream, err := e.open(ctx, t)
	if err != nil {
		return e.degrade(ctx, t, err)
	}
	defer stream.Close()
	return e.answerFrom(ctx, t, stream)
}

// answerFrom sends the answer whose first token is here.
func (e *Engine) answerFrom(ctx context.Context, t *Turn, stream *provider.Reply) error {
	if err := t.Out.Begin(t); err != nil {
		return err
	}
	if t.Trace.Mode == Grounded && t.Definition.Judge.holds() {
		return e.deliberate(ctx, t, stream)
	}
	recorded := &recorder{Stream: stream, idle: !t.cacheable}
	return e.pumped(ctx, t, recorded, t.pump(recorded))
}

// pumped ends an answer whose stream is over, for the reason err.
func (e *Engine) pumped(ctx context.Context, t *Turn, recorded *recorder, err error) error {
	if err != nil {
		flushErr := t.flush() // what the filters held is safe to show, and the caller learns from err that it isn't all
		return errors.Join(err, flushErr)
	}
	if err := t.flush(); err != nil {
		return err
	}
	e.remember(ctx, t, recorded)
	return nil
}

// replay sends an answer from the cache.
func (t *Turn) replay() error {
	t.answersFromCache()
	if err := t.Out.Begin(t); err != nil {
		return err
	}
	return errors.Join(t.pump(t.cached.stream()), t.flush())
}

// answersFromCache notes in the trace whose answer it is.
func (t *Turn) answersFromCache() {
	t.Trace.Provider, t.Trace.Model, t.Trace.SeenBy = t.cached.provider, t.cached.model, ""
	t.Trace.Cost = cmp.Or(t.Trace.Cost, ledger.Money(0).String()) // of vectors and the like
	t.Trace.Mode = t.cached.mode
}

// open gets the first token of an answer from the first model that gives one.
func (e *Engine) open(ctx context.Context, t *Turn) (*provider.Reply, error) {
	var targets []provider.Target
	for _, m := range e.payable(t) {
		up, ok := e.Upstream(m.Provider)
		if !ok {
			return nil, &chat.Error{Code: chat.CodeUnavailable, Message: fmt.Sprintf("there is no provider %q", m.Provider)}
		}
		targets = append(targets, provider.Target{Upstream: up, Model: m.Name})
	}
	if err := e.keptBack(t); err != nil {
		return nil, err
	}
	return e.ask(ctx, t, targets)
}

// ask sends the turn's request to the first of several models that answers. Each request has its row in the books before it
// leaves.
func (e *Engine) ask(ctx context.Context, t *Turn, targets []provider.Target) (*provider.Reply, error) {
	stream, used, attempts, err := provider.Open(ctx, targets, t.outgoing, provider.Options{
		Caller:  e.caller(t),
		Retries: e.Retries,
		Now:     e.Now,
		Dispatch: func(ctx context.Context, target provider.Target, try int) (func(provider.Outcome), error) {
			return e.dispatch(ctx, t, target, try)
		},
		Resumed: func(a provider.Attempt, target provider.Target) {
			t.Trace.attempted(a)
			if a.Err == nil {
				t.Trace.note("the answer broke off; " + target.Upstream.Name() + "/" + target.Model + " went on with it")
				t.answers(target)
			}
		},
	})
	t.Trace.attempted(attempts...)
	if err != nil {
		return nil, err
	}
	t.answers(used)
	t.dropped = stream.Dropped
	t.Trace.NotSent = stream.Dropped
	return stream, nil
}

// answers notes in the trace which of the models that were chosen answers.
func (t *Turn) answers(by provider.Target) {
	for i := range t.decision.Models {
		if m := &t.decision.Models[i]; m.Provider == by.Upstream.Name() && m.Name == by.Model {
			t.useModel(m)
			return
		}
	}
}

// payable are the models that may be asked: where a budget bounds the caller, those whose price is known. Where it is of none,
// all are returned, and the books say what is wrong.
func (e *Engine) payable(t *Turn) []route.Model {
	if !t.hold.MoneyBounded() {
		return t.decision.Models
	}
	var out []route.Model
	for _, m := range t.decision.Models {
		if _, known := e.Books.Estimate(m.Provider, m.Name, chat.Usage{}); known {
			out = append(out, m)
		} else {
			t.Trace.note(m.ID() + " was passed over: a budget bounds the caller, and what it costs is not known")
		}
	}
	if len(out) == 0 {
		return t.decision.Models
	}
	return out
}

func (e *Engine) dispatch(ctx context.Context, t *Turn, target provider.Target, try int) (func(provider.Outcome), error) {
	tokens := t.tokens
	if t.Trace.Mode != Plain {
		tokens = EstimateInput(t.outgoing)
	}
	p := &t.Principal
	row := &ledger.Row{
		TraceID: t.Trace.ID, Principal: p.Name, KeyID: p.KeyID, Org: e.Org, Team: p.Team(), User: p.User(), Tier: p.Tier(), Assistant: t.Definition.Name,
		Feature: t.Feature, Class: t.Class, Door: string(t.Door), Stream: t.Request.Stream, Provider: target.Upstream.Name(), Model: target.Model, Try: try,
		Cache: t.Trace.Cache, Images: countImages(t.outgoing), Version: t.Definition.Version, Template: t.Trace.Template,
	}
	if e.Region != nil {
		row.Region = e.Region(row.Provider)
	}
	most := t.outgoing.MaxTokens
	if up, ok := target.Upstream.(interface{ MaxTokens(*chat.Request) int }); ok && most >= 0 {
		most = up.MaxTokens(t.outgoing)
	}
	ticket, err := e.Books.Dispatch(ctx, row, ledger.Estimate{Input: int64(tokens), MaxOutput: int64(most)}, t.hold)
	if err != nil {
		if _, ok := errors.AsType[*limit.Exceeded](err); ok {
			return nil, err
		}
		if _, ok := errors.AsType[*chat.Error](err); ok {
			return nil, err
		}
		return nil, &chat.Error{Code: chat.CodeInternal, Message: "the request was not sent, because its cost could not be booked; see the server's log", Err: err}
	}
	return func(o provider.Outcome) { e.over(ctx, t, target, ticket, o) }, nil
}

// over books how a request ended.
func (e *Engine) over(ctx context.Context, t *Turn, target provider.Target, ticket *ledger.Ticket, o provider.Outcome) {
	e.suspect(t, target, o.Err)
	out := ledger.Outcome{Usage: used(o), Finish: o.Finish, First: o.FirstToken, Duration: o.Total}
	if o.Err != nil {
		out.ErrorCode, out.Status = o.Err.Code, o.Err.Status
	}
	booked, err := e.Books.Settle(ctx, ticket, out)
	t.spend(booked.Usage)
	if err != nil {
		t.Trace.note("the books could not be settled: " + err.Error())
		return
	}
	t.Trace.Cost = addCost(t.Trace.Cost, booked)
	e.Metrics.Request(&observe.Request{
		Provider: target.Upstream.Name(), Model: target.Model, Status: cmp.Or(string(out.ErrorCode), "ok"), Input: booked.Usage.Input, CachedInput: booked.Usage.CachedInput,
		CacheWrite: booked.Usage.CacheWrite, Output: booked.Usage.Output, Think: booked.Usage.Reasoning, Dollars: booked.Cost.Dollars(), Priced: booked.CostKnown,
	})
}

// spend adds what one request used to what the turn used.
func (t *Turn) spend(u chat.Usage) {
	s := &t.usage
	s.Input, s.CachedInput, s.CacheWrite, s.CacheHour = s.Input+u.Input, s.CachedInput+u.CachedInput, s.CacheWrite+u.CacheWrite, s.CacheHour+u.CacheHour
	s.Output, s.Reasoning, s.Estimated = s.Output+u.Output, s.Reasoning+u.Reasoning, s.Estimated || u.Estimated
}

// addCost adds what one request cost to what is known of the turn's cost.
func addCost(sum string, o ledger.Outcome) string {
	if !o.CostKnown || sum == unknownCost {
		return unknownCost
	}
	if sum == "" {
		return o.Cost.String()
	}
	before, err := ledger.ParseMoney(sum)
	if err != nil {
		return unknownCost
	}
	return before.Plus(o.Cost).String()
}

const unknownCost = "unknown"

// attempted adds requests to the trace.
func (tr *Trace) attempted(attempts ...provider.Attempt) {
	for i := range attempts {
		tr.Attempts = append(tr.Attempts, traceAttempt(&attempts[i]))
	}
}

func traceAttempt(a *provider.Attempt) Attempt {
	out := Attempt{Provider: a.Provider, Model: a.Model, Try: a.Try, WaitMS: milliseconds(a.Wait), Resumed: a.Resumed, KeptBack: a.KeptBack, RequestID: a.RequestID}
	if a.Err != nil {
		out.Code, out.Error = a.Err.Code, a.Err.Message
	}
	return out
}

func (t *Turn) now() time.Time { return t.clock() }
