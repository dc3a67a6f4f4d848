package assistant

import (
	"bytes"
	"context"
	"encoding/json"
	"strings"

	"github.com/dragoman/dragoman/internal/chat"
)

// Steps keeps what a turn did with its own tools before it handed calls back to its caller. The caller does not see those steps, and
// sends its results without them; under the id of a call that it got they are found again, by any replica.
type Steps interface {
	SaveSteps(ctx context.Context, owner, call string, body []byte) error
	// TakeSteps is Steps for one taker: whoever asks for them again, or at the same time, gets nil.
	TakeSteps(ctx context.Context, owner, call string) ([]byte, error)
	// Steps returns nil where nothing is kept under this call for this owner.
	Steps(ctx context.Context, owner, call string) ([]byte, error)
}

// heldSteps is what is kept.
type heldSteps struct {
	Assistant string         `json:"assistant"`
	Sources   []heldSource   `json:"sources"` // as the model saw them: it cites their numbers
	Offered   int            `json:"offered"` // of the sources: stood in the prompt
	Tail      []chat.Message `json:"tail"`    // what followed the user's message, up to our results of the last step
	Told      []toldResult   `json:"told,omitempty"`
	Pending   []pendingCall  `json:"pending,omitempty"`  // wait for the caller's word
	Question  string         `json:"question,omitempty"` // by which the caller was asked for it
}

// toldResult is what a tool told the model, as far as it did.
type toldResult struct {
	Tool string `json:"tool"`
	Text string `json:"text"`
}

type heldSource struct {
	Source
	Text string `json:"text"`
}

// handBack keeps the steps of a turn whose last one calls tools of the caller. Where there are none but that one, the caller has all.
func (e *Engine) handBack(ctx context.Context, t *Turn, step *toolStream) error {
	ours := false
	for _, m := range t.tools.tail {
		ours = ours || m.Role == chat.Tool
	}
	if !ours || e.Steps == nil {
		return nil
	}
	body, err := json.Marshal(t.heldSteps())
	if err != nil {
		return err
	}
	for i := range step.calls {
		if c := &step.calls[i]; c.callers {
			if err := e.Steps.SaveSteps(context.WithoutCancel(ctx), t.Principal.Owner(), c.id, body); err != nil {
				return &chat.Error{Code: chat.CodeInternal, Message: "the steps of the tools could not be kept; see the server's log", Err: err}
			}
		}
	}
	return nil
}

// heldSteps are the steps so far.
func (t *Turn) heldSteps() *heldSteps {
	h := &heldSteps{Assistant: t.Definition.Name, Offered: t.offered, Tail: append(append([]chat.Message{}, t.tools.before...), t.tools.tail...), Told: t.tools.told}
	for _, s := range t.sources {
		h.Sources = append(h.Sources, heldSource{s, s.Text})
	}
	return h
}

// tail is what follows the user's message in the request: calls that were handed back, with the caller's results; and before them, from
// the store, what the turn had done by itself.
func (e *Engine) tail(ctx context.Context, t *Turn) []chat.Message {
	_, at := lastUser(t.Request.Messages)
	tail := t.Request.Messages[at+1:]
	if len(tail) == 0 {
		return e.confirmed(ctx, t)
	}
	for i := len(tail) - 1; i >= 0; i-- {
		for _, c := range tail[i].Calls() {
			if e.Steps == nil || !strings.HasPrefix(c.ID, callPrefix) {
				continue
			}
			held := e.heldSteps(ctx, t, c.ID)
			if held == nil {
				continue
			}
			e.takeUp(t, held)
			t.callerTold(tail[i+1:])
			t.Trace.note("it goes on with the steps of the turn that handed " + c.Name + " back")
			return append(held.Tail, tail[i+1:]...)
		}
	}
	t.callerTold(tail)
	return tail
}

// takeUp goes on with the sources and results of an earlier turn.
func (e *Engine) takeUp(t *Turn, held *heldSteps) {
	t.sources = make([]Source, len(held.Sources))
	for j, s := range held.Sources {
		t.sources[j] = s.Source
		t.sources[j].Text = s.Text
		if e.Labels != nil {
			t.label(e.Labels(s.Collection), "the collection "+s.Collection)
		}
	}
	t.held, t.offered = true, min(held.Offered, len(t.sources))
	if t.tools != nil {
		t.tools.told = held.Told
	}
}

// callerTold adds the results of the caller's tools to what the answer may rest on.
func (t *Turn) callerTold(tail []chat.Message) {
	if t.tools == nil {
		return
	}
	for _, m := range tail {
		for _, p := range m.Parts {
			if p.Result != nil && !p.Result.Error {
				t.tools.told = append(t.tools.told, toldResult{p.Result.Name, p.Result.Text()})
			}
		}
	}
}

// callPrefix begins the ids of the calls that are handed back.
const callPrefix = "call_"

func (e *Engine) heldSteps(ctx context.Context, t *Turn, call string) *heldSteps {
	body, err := e.Steps.Steps(ctx, t.Principal.Owner(), call)
	if err != nil {
		t.Trace.note("the steps before a call that was handed back could not be read: " + err.Error())
		return nil
	}
	return t.readSteps(body)
}

// readSteps reads what was kept; nil where it is nothing of this assistant.
func (t *Turn) readSteps(body []byte) *heldSteps {
	var held heldSteps
	if len(body) == 0 || json.Unmarshal(body, &held) != nil || held.Assistant != t.Definition.Name {
		return nil
	}
	for i := range held.Tail {
		for j := range held.Tail[i].Parts {
			if p := &held.Tail[i].Parts[j]; bytes.Equal(p.Raw, []byte("null")) {
				p.Raw = nil
			}
		}
	}
	return &held
}

// spoken is a conversation without its calls of tools: those of earlier turns are over, and without their results no vendor takes them.
func spoken(history []chat.Message) []chat.Message {
	out := make([]chat.Message, 0, len(history))
	for _, m := range history {
		parts := make([]chat.Part, 0, len(m.Parts))
		for _, p := range m.Parts {
			if p.Call == nil && p.Result == nil {
				parts = append(parts, p)
			}
		}
		if len(parts) > 0 {
			m.Parts = parts
			out = append(out, m)
		}
	}
	return out
}
