package provider

import (
	"bytes"
	"context"
	"errors"
	"io"
	"slices"
	"strings"

	"github.com/dragoman/dragoman/internal/chat"
)

// resumable is an answer that goes on elsewhere when its stream breaks after the first token. Whoever reads it sees one
// answer: what came so far is given to a model, with the request to write the rest.
type resumable struct {
	ctx     context.Context
	o       *Options
	targets []Target // the one that answers, then those that may go on
	req     *chat.Request
	tries   int // requests so far

	inner   *Reply
	said    strings.Builder
	stuck   bool // what was said cannot be gone on with: it is more than text
	joint   seam
	resumes int
	refuses bool // a provider takes no beginning of an answer after all
}

// seam fits the next stream to what was said: it takes a piece of it and returns what of it is new.
type seam interface {
	pass(text string, final bool) (string, error)
}

// firstPiece is the room that an answer which comes in pieces begins with, in bytes.
const firstPiece = 64

// maxResumes bounds how often one answer is gone on with.
const maxResumes = 3

// continuation is what a model is told that cannot be made to go on with a text of its own.
const continuation = "Your answer was cut off. Continue it exactly where it stopped, in the middle of the sentence or word if need be. " +
	"Write only what comes next: repeat nothing, explain nothing, and begin without any introduction."

// Next implements chat.Stream.
func (r *resumable) Next() (*chat.Event, error) {
	for {
		ev, err := r.inner.Next()
		if err == nil && r.resumes > 0 {
			ev.Raw, ev.ID = nil, "" // of another answer; ours goes on
			if r.said.Len() > 0 {
				// Thoughts come before what follows from them: Anthropic takes back no answer that has them behind its text.
				ev.Thinking, ev.Signature, ev.Redacted, ev.Thoughts = "", chat.Signature{}, "", nil
			}
			if ev.Text != "" || ev.Finish != "" {
				ev.Text, err = r.joint.pass(ev.Text, ev.Finish != "")
			}
		}
		if err == nil {
			if r.said.Len() == 0 && !ev.Whole {
				r.said.Grow(firstPiece)
			}
			r.said.WriteString(ev.Text)
			r.stuck = r.stuck || len(ev.ToolCalls) > 0 || ev.Refusal != "" || ev.Whole
			return ev, nil
		}
		if errors.Is(err, io.EOF) {
			return nil, err
		}
		e := chat.AsError(err)
		if e.Code != chat.CodeStreamBroken || r.stuck || r.ctx.Err() != nil || !r.resume() {
			return nil, err
		}
	}
}

// resume opens a stream of the rest: at first from the same model, then from the next ones, the last time in one piece. It
// says whether it got one.
func (r *resumable) resume() bool {
	r.inner.Close()
	for r.resumes < maxResumes {
		r.resumes++
		for i := 0; i < len(r.targets); i++ {
			t := r.targets[i]
			if r.resumes > 1 { // the one that broke off twice comes last
				t = r.targets[(i+1)%len(r.targets)]
			}
			said := r.said.String()
			prefill := !r.refuses && prefills(t, r.req)
			req, joint := rest(r.req, said, prefill)
			if prefill && echoes(t) {
				joint = &echo{said: strings.TrimRight(said, blanks), next: joint}
			}
			req.Stream = r.resumes < maxResumes
			r.tries++
			reply, how, err := r.o.try(r.ctx, t, req, r.tries)
			if how == refused {
				return false
			}
			r.o.resumed(Attempt{Provider: t.Upstream.Name(), Model: t.Model, Try: r.tries, Err: err, Resumed: true, KeptBack: how == keptBack, RequestID: namedBy(reply, err)}, t)
			if err == nil {
				r.inner, r.joint = reply, joint
				return true
			}
			if r.ctx.Err() != nil {
				return false
			}
			if prefill && err.Code == chat.CodeInvalidRequest {
				r.refuses = true
				i-- // the same one, told in words
			}
		}
	}
	return false
}

func (o *Options) resumed(a Attempt, t Target) {
	if o.Resumed != nil {
		o.Resumed(a, t)
	}
}

// rest is the request for the rest of an answer, and how what comes fits to what was said. An answer of a given form can be gone
// on with from its beginning only; else the whole of it is asked for once more, and what was said already is left out.
func rest(r *chat.Request, said string, prefill bool) (*chat.Request, seam) {
	out := *r
	out.Source, out.Body = r.Body, nil
	out.Messages = slices.Clone(r.Messages)
	switch {
	case said == "": // thoughts, at most
		return &out, &again{}
	case prefill:
		out.Messages = append(out.Messages, chat.NewText(chat.Assistant, strings.TrimRight(said, blanks)))
	case r.Format != nil:
		return &out, &again{said}
	default:
		out.Messages = append(out.Messages, chat.NewText(chat.Assistant, said), chat.NewText(chat.User, continuation))
	}
	return &out, newJoint(said)
}

func prefills(t Target, r *chat.Request) bool {
	p, ok := t.Upstream.(interface{ Prefills(*chat.Request) bool })
	return ok && p.Prefills(r)
}

// blanks must not be at the end of the beginning of an answer.
const blanks = " \t\r\n"

// echoes says whether a server may begin an answer with the beginning that it was given. llama-server does, Anthropic never.
func echoes(t Target) bool {
	p, ok := t.Upstream.(interface{ Dialect() chat.Dialect })
	return ok && p.Dialect() == chat.OpenAI
}

// echo leaves out what was said where all of it comes again.
type echo struct {
	said string
	held string
	done bool
	next seam
}

func (e *echo) pass(text string, final bool) (string, error) {
	if !e.done {
		e.held += text
		if !final && len(e.held) < len(e.said) && strings.HasPrefix(e.said, e.held) {
			return "", nil
		}
		e.done = true
		text = strings.TrimPrefix(e.held, e.said)
	}
	return e.next.pass(text, final)
}

// again leaves out of an answer what was said already.
type again struct{ said string }

func (a *again) pass(text string, final bool) (string, error) {
	n := min(len(text), len(a.said))
	if text[:n] != a.said[:n] || final && n < len(a.said) {
		return "", &chat.Error{Code: chat.CodeStreamBroken, Message: "the answer broke off, and when it was asked for again, another began"}
	}
	a.said = a.said[n:]
	return text[n:], nil
}

// MaxTokens is how long the answer to a request may be, as the request goes out; 0 where nothing bounds it.
func (p *Provider) MaxTokens(r *chat.Request) int {
	if b, ok := p.dialect.upstream.(interface{ MaxTokens(*chat.Request) int }); ok {
		return b.MaxTokens(r)
	}
	return r.MaxTokens
}

// Prefills says whether a request may end with the beginning of the answer. Anthropic's messages take one unless the model
// thinks, and llama-server's where the answer is to have no form of its own, which would begin anew; other dialects have no such
// thing.
func (p *Provider) Prefills(r *chat.Request) bool {
	return r.Reasoning == nil && (p.dialect.upstream.Wire() == chat.AnthropicMessages || p.cfg.Prefills && r.Format == nil && len(r.Tools) == 0)
}

// More says whether the next event is at hand.
func (r *resumable) More() bool { return r.inner.More() }

// Close implements chat.Stream.
func (r *resumable) Close() error { return r.inner.Close() }

// joint fits a continuation to what was said: models repeat the last words before they go on, and one that was given its own
// text without the blank at its end begins with it.
type joint struct {
	tail string // the end of what was said
	held []byte
	done bool
}

const (
	overlap    = 200 // bytes of what was said that a model may repeat
	minOverlap = 8   // shorter repetitions may be chance
)

func newJoint(said string) *joint {
	return &joint{tail: said[max(0, len(said)-overlap):]}
}

// pass takes the next piece of the continuation and returns what of it is new. It holds back what may be a repetition.
func (j *joint) pass(text string, final bool) (string, error) {
	if j.done {
		return text, nil
	}
	j.held = append(j.held, text...)
	if len(j.held) < overlap && !final && j.mayRepeat() {
		return "", nil
	}
	j.done = true
	cut := 0
	for n := min(len(j.tail), len(j.held)); n >= minOverlap; n-- {
		if bytes.HasPrefix(j.held, []byte(j.tail[len(j.tail)-n:])) {
			cut = n
			break
		}
	}
	out := string(j.held[cut:])
	if blank := strings.TrimRight(j.tail, blanks); cut == 0 && len(blank) < len(j.tail) {
		out = strings.TrimPrefix(out, j.tail[len(blank):]) // the blank that a prefill must not end with
	}
	return out, nil
}

// mayRepeat says whether what is held may turn out to be a repetition of the end of the tail.
func (j *joint) mayRepeat() bool {
	for i := 0; i < len(j.tail); i++ {
		if bytes.HasPrefix([]byte(j.tail[i:]), j.held) || len(j.tail)-i >= minOverlap && bytes.HasPrefix(j.held, []byte(j.tail[i:])) {
			return true
		}
	}
	return false
}
