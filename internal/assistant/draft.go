package assistant

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/judge"
)

// draft answers with a model too small to be trusted with citations: the quotes first, at once, then the model's text
// sentence by sentence, each attached by us to the passage that bears it out. Sentences with a number or an identifier
// that stands in no source are dropped. A model that fails takes nothing away from the quotes.
func (e *Engine) draft(ctx context.Context, t *Turn) error {
	if err := t.Out.Begin(t); err != nil {
		return err
	}
	t.finish = chat.FinishStop
	if err := t.quote(t.say); err != nil {
		return err
	}
	if len(t.sources) == 0 {
		t.Trace.note("the model was not asked: there is nothing to answer from")
		return nil
	}
	stream, err := e.open(ctx, t)
	if err == nil {
		defer stream.Close()
		if err = t.say("**Draft by " + t.Trace.Model + ", may be wrong:**\n\n"); err != nil {
			return err
		}
		err = t.draftSentences(ctx, stream)
	}
	if err != nil && ctx.Err() == nil {
		t.Trace.note("the draft failed: " + err.Error())
		return t.say("(There is no complete draft: " + chat.AsError(err).Message + ")\n")
	}
	return err
}

// draftSentences sends what of the stream can be attached.
func (t *Turn) draftSentences(ctx context.Context, stream chat.Stream) error {
	g := t.grounds(nil)
	rest := ""
	for {
		ev, err := stream.Next()
		if err != nil && !errors.Is(err, io.EOF) {
			return err
		}
		final, text := err != nil, ""
		if !final {
			text = ev.Text
			if ev.Finish != "" {
				t.finish = ev.Finish
			}
		}
		rest += t.filter(text, final)
		for {
			n := judge.NextSentence(rest, final)
			if n == 0 {
				break
			}
			sentence := rest[:n]
			rest = rest[n:]
			cited, err := t.attach(ctx, g, sentence)
			if err == nil {
				err = t.say(cited)
			}
			if err != nil {
				return err
			}
			if err := t.Out.Flush(); err != nil {
				return err
			}
		}
		if final {
			break
		}
	}
	if n := len(t.Trace.Dropped); n > 0 {
		return t.say(fmt.Sprintf("\n(%d sentences were left out: they name things that stand in no source.)\n", n))
	}
	return nil
}

// attach cites the source that bears out a sentence, or returns "" for one that none can.
func (t *Turn) attach(ctx context.Context, g *judge.Grounds, sentence string) (string, error) {
	trimmed := strings.TrimSpace(withoutMarks(sentence, len(t.sources)))
	c := judge.NewClaim(trimmed)
	if what := g.Unfounded(c); what != "" {
		t.Trace.Dropped = append(t.Trace.Dropped, t.Masked(trimmed))
		t.Trace.note("dropped a sentence that names " + what)
		return "", nil
	}
	if c.Words() < 2 || judge.IsFence(sentence) {
		return sentence, nil
	}
	v, err := weigh(ctx, g, trimmed, c, nil)
	if err != nil {
		return "", err
	}
	v.Text = t.Masked(trimmed) // a trace keeps no secret
	space := sentence[len(strings.TrimRight(sentence, " \n")):]
	if v.Source == 0 {
		t.Trace.Sentences = append(t.Trace.Sentences, v)
		return trimmed + " (no source)" + space, nil
	}
	v.Cited, v.Status = []int{v.Source}, "weak"
	if v.Score >= supported {
		v.Status = "supported"
	}
	t.Trace.Sentences = append(t.Trace.Sentences, v)
	return fmt.Sprintf("%s [%d]%s", trimmed, v.Source, space), nil
}

// withoutMarks takes out the citations that a small model made up by itself.
func withoutMarks(text string, n int) string {
	var b strings.Builder
	at := 0
	for _, m := range marks(text, n) {
		b.WriteString(strings.TrimRight(text[at:m.start], " "))
		at = m.end
	}
	b.WriteString(text[at:])
	return b.String()
}
