package assistant

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/dragoman/dragoman/internal/cache"
	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/internal/route"
)

// DegradePolicy is the ladder of what answers where the models of an assistant's route cannot. A rung is a model's name, or one of those
// below.
type DegradePolicy struct {
	Ladder []string
	Wait   time.Duration // that RungWait may last; 0: 20 s
	Stale  time.Duration // how old an answer may be that RungCached gives from before the knowledge changed; 0: none is given
}

// The rungs that are no models.
const (
	RungCached     = "cached"     // the answer that the same question, or one that means the same, got before
	RungExtractive = "extractive" // the best passages
	RungWait       = "wait"       // in line for the models of the route
)

func (p *DegradePolicy) has(rung string) bool { return slices.Contains(p.Ladder, rung) }

// degradable says whether another rung may do better: it was not the request that was at fault.
func degradable(err error) bool {
	ce, ok := errors.AsType[*chat.Error](err)
	if !ok {
		return false
	}
	switch ce.Code {
	case chat.CodeRateLimited, chat.CodeOverloaded, chat.CodeLoading, chat.CodeTimeout, chat.CodeUpstream, chat.CodeUpstreamAuth, chat.CodeUnavailable, chat.CodeBudget:
		return true
	}
	return false
}

// degrade goes down the ladder, since no model of the route answers, for the reason cause. Nothing was said yet. Where no rung answers,
// the error is the first one, which says how long to wait.
func (e *Engine) degrade(ctx context.Context, t *Turn, cause error) error {
	cause = e.asFailure(ctx, cause)
	if !degradable(cause) {
		return cause
	}
	preferred, sources := t.decision, t.sources
	for _, rung := range t.Definition.Degrade.Ladder {
		if ctx.Err() != nil {
			break
		}
		var done bool
		var err error
		switch rung {
		case RungCached:
			t.sources, t.Trace.Sources = sources, sources // which another rung may have numbered anew
			done, err = e.answeredBefore(ctx, t)
		case RungExtractive:
			done, err = e.quotePassages(t)
		case RungWait:
			t.decision = preferred
			done, err = e.waitInLine(ctx, t, cause)
		default:
			done, err = e.stepDown(ctx, t, rung)
		}
		if done {
			return err
		}
		if err != nil {
			why := err.Error()
			if ce, ok := errors.AsType[*chat.Error](err); ok {
				why = ce.Message
			}
			t.Trace.note(fmt.Sprintf("rung %s did not answer: %s", rung, why))
		}
	}
	return cause
}

// takes notes which rung answers, before the door is told who does.
func (t *Turn) takes(rung string) {
	t.Trace.Rung = rung
	t.Trace.note("the models of the route could not answer; rung " + rung + " of the ladder does")
	t.cacheable = false // it is no answer of the model that its key names
}

// answeredBefore gives the answer from the cache, also where the request's temperature asks for variety.
func (e *Engine) answeredBefore(ctx context.Context, t *Turn) (done bool, err error) {
	if e.Cache == nil || t.Cache.NoCache || t.key == (cache.Key{}) {
		return false, nil
	}
	if !e.fromCache(ctx, t) && (t.like == nil || !e.fromMeaning(ctx, t)) {
		if done, err = e.answeredOnce(ctx, t); done || err != nil {
			return done, err
		}
		return false, errors.New("the question was not answered before")
	}
	t.takes(RungCached)
	return true, t.replay()
}

// quotePassages gives the best passages.
func (e *Engine) quotePassages(t *Turn) (done bool, err error) {
	if len(t.found) == 0 || t.held || t.form() != nil {
		return false, errors.New("there are no passages that could stand for the answer")
	}
	t.sources = nil
	t.number(t.found[:min(quoted, len(t.found))], nil)
	t.Trace.Mode, t.Trace.Provider, t.Trace.Model, t.Trace.SeenBy = Extractive, "", route.Extractive, ""
	t.takes(RungExtractive)
	if err := t.Out.Begin(t); err != nil {
		return true, err
	}
	t.finish = chat.FinishStop
	t.Trace.Cost = cmp.Or(t.Trace.Cost, ledger.Money(0).String())
	return true, errors.Join(t.say("No model could be asked. These passages come closest.\n\n"), t.quote(t.say), t.disclaim())
}

// stepDown asks another model, with a prompt that fits it.
func (e *Engine) stepDown(ctx context.Context, t *Turn, name string) (done bool, err error) {
	d, err := e.choice(t, name, t.tokens, t.Request.MaxTokens)
	if err != nil {
		return false, err
	}
	t.decision = d
	t.Trace.Mode = Grounded
	if t.drafts(&d.Models[0]) {
		t.Trace.Mode = Draft
	}
	if !t.held {
		t.sources = nil
	}
	told := len(t.Trace.LeftOut)
	t.tools = nil
	err = e.composePrompt(ctx, t)
	t.Trace.LeftOut = t.Trace.LeftOut[:told]
	if err != nil {
		return false, err
	}
	t.useModel(&d.Models[0])
	return e.fromRung(ctx, t, name)
}

// fromRung gets the answer of the models that were chosen. Not done: none of them gave a token.
func (e *Engine) fromRung(ctx context.Context, t *Turn, rung string) (done bool, err error) {
	if t.tools != nil {
		before := t.Trace.Rung
		t.Trace.Rung = rung
		if err = e.useTools(ctx, t); err != nil && !t.tools.begun {
			t.Trace.Rung = before
			return false, err
		}
		t.takes(rung)
		return true, err
	}
	if t.Trace.Mode == Draft { // its quotes are an answer in any case
		t.takes(rung)
		return true, errors.Join(e.draft(ctx, t), t.disclaim())
	}
	stream, err := e.open(ctx, t)
	if err != nil {
		return false, e.asFailure(ctx, err)
	}
	defer stream.Close()
	t.takes(rung)
	return true, e.answerFrom(ctx, t, stream)
}

// longestPause is the longest time between two tries where a provider does not say when to come back.
const longestPause = 5 * time.Second

// waitInLine tries the models of the route again after the time that the error names. It waits no longer than that is bounded, and not at
// all where the error names a longer time: who knows that it takes an hour can come back then.
func (e *Engine) waitInLine(ctx context.Context, t *Turn, cause error) (done bool, err error) {
	left := cmp.Or(t.Definition.Degrade.Wait, 20*time.Second)
	pause := chat.AsError(cause).RetryAfter
	for try := 1; ; try++ {
		if pause <= 0 {
			pause = min(time.Duration(try)*time.Second, longestPause)
		}
		if pause > left {
			return false, fmt.Errorf("the wait would be %s, and %s are left of its bound", pause.Round(time.Millisecond), left)
		}
		left -= pause
		t.Trace.note(fmt.Sprintf("waits %s in line", pause.Round(time.Millisecond)))
		timer := time.NewTimer(pause)
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return false, ctx.Err()
		}
		done, err = e.stepBack(ctx, t)
		if done || !degradable(err) {
			return done, err
		}
		pause = chat.AsError(err).RetryAfter
	}
}

// stepBack asks the models of the route again, whose prompt another rung may have changed.
func (e *Engine) stepBack(ctx context.Context, t *Turn) (done bool, err error) {
	t.Trace.Mode = Grounded
	if !t.held {
		t.sources = nil
	}
	told := len(t.Trace.LeftOut)
	err = e.composePrompt(ctx, t)
	t.Trace.LeftOut = t.Trace.LeftOut[:told]
	if err != nil {
		return false, err
	}
	t.useModel(&t.decision.Models[0])
	return e.fromRung(ctx, t, RungWait)
}
