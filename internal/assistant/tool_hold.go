package assistant

import (
	"context"
	"slices"

	"github.com/dragoman/dragoman/internal/chat"
)

// holdStep reads a step to its end before any of it is said: only then it is known whether it calls tools, and is passed on as it came, or is
// the answer, which the assistant's policy judges as a whole. What tools did stays in the prompt of other tries, which can call none.
func (e *Engine) holdStep(ctx context.Context, t *Turn, step *toolStream) error {
	step.held = true
	c := &candidate{}
	if err := t.meanwhile(ctx, "model", func(context.Context) error { return c.read(step) }); err != nil {
		return err
	}
	if len(step.calls) == 0 {
		return e.deliberate(ctx, t, &replayed{c.events})
	}
	if c.text != "" {
		if err := t.paragraph(); err != nil {
			return err
		}
	}
	return t.pump(&replayed{c.events})
}

// answersOnly makes of a request one that can be answered in words alone. The tools stay declared: vendors refuse calls in a conversation of
// tools that they do not know.
func (t *Turn) answersOnly(r *chat.Request) {
	if t.tools.json {
		r.Format = jsonFormat(nil, answerSchema(t.form()))
		n := len(r.Messages) - 2
		r.Messages = append(slices.Clone(r.Messages[:n]), asText(r.Messages[n:])...) // templates of small models want turns to alternate
		return
	}
	r.ToolChoice = chat.ToolChoice{Mode: chat.ToolNone}
}

// finalWords reads an answer to such a request. Calls that come all the same are dropped.
func (t *Turn) finalWords(s chat.Stream) chat.Stream {
	return &toolStream{Stream: t.callsIn(s), turn: t, drop: true, held: true}
}

// acted names the calls of this turn that changed something, or may have.
func (t *Turn) acted() []string {
	if t.tools == nil {
		return nil
	}
	return t.tools.acts
}
