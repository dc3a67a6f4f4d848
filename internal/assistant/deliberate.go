package assistant

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/judge"
	"github.com/dragoman/dragoman/internal/route"
)

// candidate is one of several answers, as a model gave it.
type candidate struct {
	verdict   CandidateVerdict
	events    []chat.Event
	text      string
	finish    chat.FinishReason
	sentences []Sentence
	calls     bool // it calls tools of the caller
	provider  string
	model     string
	host      string
}

// deliberate makes the answer where it must be known as a whole before any of it is said: other candidates, another try, a second opinion, or
// the best passages in its place. Until then the caller hears that it is being worked on. first is the first candidate. What calls tools of
// the caller is no answer, and passes.
func (e *Engine) deliberate(ctx context.Context, t *Turn, first chat.Stream) error {
	var best *candidate
	err := t.meanwhile(ctx, "judge", func(ctx context.Context) (err error) {
		best, err = e.choose(ctx, t, first)
		return err
	})
	if err != nil {
		return err
	}
	best.verdict.Chosen = true
	t.Trace.Provider, t.Trace.Model, t.Trace.SeenBy = best.provider, best.model, best.host
	if best.text != "" {
		if err := t.paragraph(); err != nil {
			return err
		}
	}
	if p := &t.Definition.Judge; !best.calls && p.AbstainBelow > 0 && best.verdict.Confidence < p.AbstainBelow {
		t.cacheable = false
		return t.abstain(fmt.Sprintf("the answer's confidence is %.2f, and the assistant abstains below %.2f", best.verdict.Confidence, p.AbstainBelow))
	}
	if err := errors.Join(t.pump(&replayed{best.events}), t.flush()); err != nil {
		return err
	}
	e.remember(ctx, t, &recorder{events: best.events})
	return nil
}

// meanwhile does work while the caller is told, every now and then, that there is some. Work gets a context that ends when the caller goes.
func (t *Turn) meanwhile(ctx context.Context, what string, work func(context.Context) error) error {
	ctx, cancel := context.WithCancel(ctx)
	defer cancel()
	done := make(chan error, 1)
	go func() { done <- work(ctx) }()
	still := time.NewTicker(stillHere)
	defer still.Stop()
	var gone error
	for {
		select {
		case err := <-done:
			return cmp.Or(gone, err)
		case <-still.C:
			if gone == nil {
				if gone = t.tell(Progress{Tool: what, State: "running"}); gone != nil {
					cancel()
				}
			}
		}
	}
}

// choose gets the candidates and returns the best of them.
func (e *Engine) choose(ctx context.Context, t *Turn, first chat.Stream) (*candidate, error) {
	g := t.grounds(e.encode(t))
	c := &candidate{provider: t.Trace.Provider, model: t.Trace.Model, host: t.Trace.SeenBy}
	c.verdict = CandidateVerdict{Model: c.provider + "/" + c.model, Temperature: *t.outgoing.Temperature, Why: "first"}
	if err := c.read(first); err != nil {
		return nil, err
	}
	if c.calls {
		t.Trace.note("calls are handed back to the caller: what was said with them is not judged before it is said")
		return c, nil
	}
	all := []*candidate{c}
	if err := t.assess(ctx, g, all); err != nil {
		return nil, err
	}
	p := &t.Definition.Judge
	for i := range max(p.Candidates.Count-1, 0) {
		if p.Candidates.Cost > 0 && t.spent() >= p.Candidates.Cost {
			t.Trace.note(fmt.Sprintf("no further candidate was asked for: the turn has cost %s", t.Trace.Cost))
			break
		}
		name, warmth := "", 0.7
		if m := p.Candidates.Models; len(m) > 0 {
			name = m[i%len(m)]
		}
		if w := p.Candidates.Temperatures; len(w) > 0 {
			warmth = w[i%len(w)]
		}
		all = append(all, e.another(ctx, t, name, warmth, "candidate", nil))
	}
	if err := t.assess(ctx, g, all); err != nil {
		return nil, err
	}
	best := rank(all)
	for range p.Retries {
		if best.verdict.Form == "" && best.verdict.Confidence >= p.retryBelow() {
			break
		}
		t.judged().Retries++
		all = append(all, e.another(ctx, t, "", *t.outgoing.Temperature, "retry", t.stricter(best)))
		if err := t.assess(ctx, g, all); err != nil {
			return nil, err
		}
		best = rank(all)
	}
	if p.Validate != "" {
		if err := e.validate(ctx, t, best); err != nil {
			t.Trace.note(fmt.Sprintf("%s did not judge the answer: %v", p.Validate, err))
		}
	}
	best.verdict.Chosen = true
	for _, c := range all {
		t.judged().Candidates = append(t.judged().Candidates, c.verdict)
	}
	if len(all) > 1 {
		t.Trace.note(fmt.Sprintf("of %d candidates that of %s was taken, with a confidence of %.2f", len(all), best.verdict.Model, best.verdict.Confidence))
	}
	return best, ctx.Err()
}

// read takes a whole stream.
func (c *candidate) read(s chat.Stream) error {
	rec := &recorder{Stream: s}
	var text strings.Builder
	for {
		ev, err := rec.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return err
		}
		text.WriteString(ev.Text)
		if ev.Finish != "" {
			c.finish = ev.Finish
		}
		c.calls = c.calls || len(ev.ToolCalls) > 0
	}
	c.text = text.String()
	c.events, _ = compacted(rec.events)
	return nil
}

// another asks for a further answer, beside the turn whose trace and money it shares. name is a model; empty: the turn's own. more is
// what stands behind the prompt. After tools it is asked with what they found, and can call none: what they did is not done again.
func (e *Engine) another(ctx context.Context, t *Turn, name string, warmth float64, why string, more []chat.Message) *candidate {
	c := &candidate{verdict: CandidateVerdict{Model: name, Temperature: warmth, Why: why}}
	req := *t.outgoing
	req.Messages, req.Temperature = append(slices.Clone(req.Messages), more...), &warmth
	if t.tools != nil {
		t.answersOnly(&req)
	}
	child := &Turn{
		Request: t.Request, Principal: t.Principal, Class: why, Feature: t.Feature, Door: t.Door, Privacy: t.Privacy, Definition: t.Definition,
		Trace: t.Trace, hold: t.hold, outgoing: &req, tokens: EstimateInput(&req), started: t.started, clock: t.clock, decision: t.decision,
	}
	if name != "" {
		d, err := e.choice(t, name, child.tokens, req.MaxTokens)
		if err != nil {
			c.verdict.Error = err.Error()
			return c
		}
		child.decision = d
	}
	err := e.aside(child, func() error {
		stream, err := e.open(ctx, child)
		if err != nil {
			return err
		}
		defer stream.Close()
		c.provider, c.model, c.host = t.Trace.Provider, t.Trace.Model, t.Trace.SeenBy
		c.verdict.Model = c.provider + "/" + c.model
		if t.tools != nil {
			return c.read(t.finalWords(stream))
		}
		return c.read(stream)
	})
	if err == nil && c.calls {
		err = errors.New("it calls a tool in place of an answer")
	}
	if err != nil {
		c.verdict.Error = chat.AsError(err).Message
	}
	return c
}

// choice chooses a model beside the turn's: one that may see it, and that its caller may use.
func (e *Engine) choice(t *Turn, name string, tokens, most int) (route.Decision, error) {
	env := route.Env{Privacy: string(t.Privacy), Tokens: tokens, MaxTokens: most}
	if e.Allowed != nil {
		env.Allowed = e.Allowed(t.Principal)
	}
	d, err := e.Router.Choose(name, env)
	if err == nil && len(d.Models) == 0 {
		err = errors.New(d.Why())
	}
	return d, err
}

// assess judges candidates that were not judged yet, and compares all of them.
func (t *Turn) assess(ctx context.Context, g *judge.Grounds, all []*candidate) error {
	answerable, err := t.answerable(ctx, g)
	if err != nil {
		return err
	}
	for _, c := range all {
		if c.verdict.Error != "" || c.sentences != nil {
			continue
		}
		text, err := checkForm(t.form(), c.text)
		if err != nil {
			c.verdict.Form = err.Error()
		} else if text != c.text {
			c.text, c.events = text, []chat.Event{{Text: text}, {Finish: c.finish}} // what it thought beside is lost with its words
		}
		if c.finish == chat.FinishLength && c.verdict.Form == "" {
			c.verdict.Form = "it reached its bound of tokens"
		}
		if t.Trace.Mode == Draft { // marks of its own mean nothing: its sentences are attached when they are said
			c.text = withoutMarks(c.text, len(t.sources))
			c.events = []chat.Event{{Text: c.text}, {Finish: c.finish}}
		}
		if c.sentences, err = t.sentences(ctx, g, t.Masked(c.text)); err != nil {
			return err
		}
		c.verdict.Confidence = confidence(c.sentences, answerable)
		if c.sentences == nil {
			c.sentences = []Sentence{}
		}
	}
	for i, c := range all {
		sum, others := 0.0, 0
		for k, other := range all {
			if k != i && c.verdict.Error == "" && other.verdict.Error == "" {
				sum += inCommon(c.text, other.text)
				others++
			}
		}
		if others > 0 {
			c.verdict.Agreement = round(sum / float64(others))
		}
		c.verdict.Score = round(t.score(c))
	}
	return nil
}

// score ranks a candidate: 0.6 of it is support, 0.2 agreement with the others, 0.1 its form and 0.1 that its length is within bounds. One
// whose form is wrong comes after all others.
func (t *Turn) score(c *candidate) float64 {
	v := &c.verdict
	if v.Error != "" {
		return 0
	}
	s := 0.6*v.Confidence + 0.2*v.Agreement
	if v.Form == "" {
		s += 0.1
	} else {
		s -= 1
	}
	words, most := len(strings.Fields(c.text)), t.Definition.Judge.MaxWords
	if words >= 5 && (most == 0 || words <= most) || t.form() != nil && words > 0 {
		s += 0.1
	}
	return s
}

// rank returns the best candidate that there is: the first one always is.
func rank(all []*candidate) *candidate {
	return slices.MaxFunc(all, func(a, b *candidate) int {
		switch {
		case a.verdict.Error != "" || a.verdict.Score < b.verdict.Score:
			return -1
		case b.verdict.Error != "" || a.verdict.Score > b.verdict.Score:
			return 1
		}
		return 0
	})
}

// inCommon is how many of the words of two texts are in both (Jaccard).
func inCommon(a, b string) float64 {
	x, y := map[string]bool{}, map[string]bool{}
	for w := range strings.FieldsSeq(strings.ToLower(a)) {
		x[w] = true
	}
	both := 0
	for w := range strings.FieldsSeq(strings.ToLower(b)) {
		if x[w] && !y[w] {
			both++
		}
		y[w] = true
	}
	if n := len(x) + len(y) - both; n > 0 {
		return float64(both) / float64(n)
	}
	return 1
}

// stricter is what another try is told: what was wrong with the last one.
func (t *Turn) stricter(last *candidate) []chat.Message {
	var b strings.Builder
	from := "from the numbered sources alone, and cite each sentence"
	switch {
	case t.Trace.Mode == Draft:
		from = "in short sentences, from the sources alone"
	case t.tools != nil:
		from = "from the numbered sources and the results of tools alone, and cite the sources"
	}
	b.WriteString("An earlier answer to this was not good enough. Answer again, " + from + ". Where they do not say it, say that they do not.")
	if last.verdict.Form != "" {
		b.WriteString("\nWhat was wrong with its form: " + last.verdict.Form)
	}
	named := 0
	for _, s := range last.sentences {
		if s.Score >= supported || named == 5 {
			continue
		}
		if named == 0 {
			b.WriteString("\nSentences of it that no source bears out:")
		}
		named++
		b.WriteString("\n- " + cutText(s.Text, 300))
		for _, x := range s.Conflicts {
			fmt.Fprintf(&b, " (the source has another %s: %s)", x.Kind, x.What)
		}
	}
	return []chat.Message{chat.NewText(chat.Assistant, cutText(last.text, 4000)), chat.NewText(chat.User, b.String())}
}

// abstain gives the best passages in place of an answer.
func (t *Turn) abstain(why string) error {
	t.judged().Abstained = why
	t.Trace.note("abstained: " + why)
	t.finish = chat.FinishStop
	if done := t.acted(); len(done) > 0 { // whatever is not said, that is
		if err := t.say("This was done: " + strings.Join(done, ", ") + ".\n\n"); err != nil {
			return err
		}
	}
	if len(t.sources) == 0 {
		return errors.Join(t.say(t.nothingFound()), t.disclaim())
	}
	if err := t.say("I have no answer that the sources bear out well enough. These passages come closest.\n\n"); err != nil {
		return err
	}
	for i := range t.sources[:min(3, len(t.sources))] {
		if err := t.say(quoteSource(&t.sources[i])); err != nil {
			return err
		}
	}
	return t.disclaim()
}

// unanswerable gives the passages alone where they answer the question too improbably for a model to be asked.
func (t *Turn) unanswerable() (bool, error) {
	least := t.Definition.Judge.UnanswerableBelow
	p, ok := t.Answerable()
	if ok && p >= least {
		return false, nil
	}
	t.Trace.Provider, t.Trace.Model, t.Trace.SeenBy = "", route.Extractive, ""
	if err := t.Out.Begin(t); err != nil {
		return true, err
	}
	return true, t.abstain(fmt.Sprintf("the sources answer the question with a probability of %.2f, and below %.2f no model is asked", p, least))
}

// beforehand judges, before a model is asked, whether the sources answer the question: by words, unless the policy goes by it and has an
// encoder, since nobody should wait for that in vain.
func (e *Engine) beforehand(ctx context.Context, t *Turn) error {
	if len(t.sources) == 0 {
		return nil
	}
	var encode judge.Encode
	if t.Definition.Judge.UnanswerableBelow > 0 {
		encode = e.encode(t)
	}
	p, _, err := t.grounds(encode).Answerable(ctx, t.question)
	if err != nil {
		return err
	}
	t.before = &p
	t.Trace.note(fmt.Sprintf("before a model is asked: the sources answer the question with a probability of %.2f", p))
	return nil
}
