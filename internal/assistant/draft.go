package assistant

import (
	"context"
	"errors"
	"fmt"
	"io"
	"strings"
	"unicode/utf8"

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
	if least := t.Definition.Judge.UnanswerableBelow; least > 0 {
		if p, _ := t.Answerable(); p < least {
			t.Trace.note(fmt.Sprintf("the model was not asked: the sources answer the question with a probability of %.2f, and the least is %.2f", p, least))
			return nil
		}
	}
	stream, err := e.open(ctx, t)
	if err == nil {
		defer stream.Close()
		err = e.draftFrom(ctx, t, stream)
	}
	if err != nil && ctx.Err() == nil {
		t.Trace.note("the draft failed: " + err.Error())
		return t.say("(There is no complete draft: " + chat.AsError(e.asFailure(ctx, err)).Message + ")\n")
	}
	return err
}

// draftFrom sends the draft whose first token is here. Where the policy needs it as a whole, the caller has the quotes meanwhile.
func (e *Engine) draftFrom(ctx context.Context, t *Turn, stream chat.Stream) error {
	p := &t.Definition.Judge
	if p.holds() {
		var best *candidate
		err := t.meanwhile(ctx, "judge", func(ctx context.Context) (err error) {
			best, err = e.choose(ctx, t, stream)
			return err
		})
		if err != nil {
			return err
		}
		t.Trace.Provider, t.Trace.Model, t.Trace.SeenBy = best.provider, best.model, best.host
		if p.AbstainBelow > 0 && best.verdict.Confidence < p.AbstainBelow {
			t.Trace.note(fmt.Sprintf("the draft was left out: its confidence is %.2f, and the assistant abstains below %.2f", best.verdict.Confidence, p.AbstainBelow))
			t.judged().Abstained = "the draft was not sure enough"
			return t.say("(A draft was left out: the passages do not bear it out well enough.)\n")
		}
		stream = &replayed{best.events}
	}
	if err := t.say("**Draft by " + t.Trace.Model + ", may be wrong:**\n\n"); err != nil {
		return err
	}
	return t.draftSentences(ctx, stream)
}

// draftSentences sends what of the stream can be attached, within the bounds of the policy.
func (t *Turn) draftSentences(ctx context.Context, stream chat.Stream) error {
	g := t.grounds(nil)
	within := &bounds{turn: t, seen: map[string]int{}}
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
			if !within.take(sentence) {
				return errors.Join(t.say(circling), t.sayDropped())
			}
			if err := t.sayAttached(ctx, g, sentence); err != nil {
				return err
			}
			var more strings.Builder
			if within.bound(&more); within.over {
				return errors.Join(t.say(more.String()), t.sayDropped())
			}
		}
		if final {
			break
		}
	}
	return t.sayDropped()
}

// sayAttached says a sentence with the source that bears it out, and what is found on it.
func (t *Turn) sayAttached(ctx context.Context, g *judge.Grounds, sentence string) error {
	before := len(t.Trace.Sentences)
	cited, err := t.attach(ctx, g, sentence)
	if err != nil || cited == "" {
		return err
	}
	start := utf8.RuneCountInString(t.answer.text())
	if err := t.say(cited); err != nil {
		return err
	}
	if out, takes := t.Out.(Annotator); takes && t.Definition.Judge.Marks && len(t.Trace.Sentences) > before {
		a := Annotation{start, start + utf8.RuneCountInString(strings.TrimSpace(cited)), t.Trace.Sentences[before]}
		if err := out.Annotate(a); err != nil {
			return err
		}
	}
	return t.Out.Flush()
}

func (t *Turn) sayDropped() error {
	if n := len(t.Trace.Dropped); n > 0 {
		why := "they name things that stand in no source"
		if t.verdicts != nil {
			why += ", or a second model found none that bears them out"
		}
		return t.say(fmt.Sprintf("\n(%d sentences were left out: %s.)\n", n, why))
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
	v, err := t.weigh(ctx, g, trimmed, c, nil)
	if err != nil {
		return "", err
	}
	v.Text = t.Masked(trimmed) // a trace keeps no secret
	if t.apply(&v); v.Verdict != "" && v.Verdict != "supported" {
		t.Trace.Dropped = append(t.Trace.Dropped, v.Text)
		t.Trace.note("dropped a sentence that a second model found " + v.Verdict)
		return "", nil
	}
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
