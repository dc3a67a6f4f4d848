package assistant

import (
	"context"
	"strings"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/prompt"
	"github.com/dragoman/dragoman/internal/route"
)

// selectModel chooses who answers, and how: a plain model as it is, an assistant from its passages with a large model's
// citations, with a small model's checked draft, or without a model.
func (e *Engine) selectModel(_ context.Context, t *Turn) error {
	name := t.Request.Model
	if t.Definition.Name != "" {
		name = t.Definition.Route
	}
	env := route.Env{
		Assistant: t.Definition.Name, Class: t.Class, Privacy: t.Privacy, Question: len(t.question), Passages: len(t.found),
		Turns: len(t.history), Tools: len(t.Request.Tools) > 0, Complexity: complexity(t.question),
	}
	for _, m := range t.Request.Messages {
		env.Tokens += prompt.Tokens(m.Text())
	}
	for _, f := range t.Trace.Findings {
		env.Secrets = env.Secrets || f.Where == "input" && f.Action == "masked"
	}
	d, err := e.Router.Choose(name, env)
	t.decision = d
	for _, r := range d.Reasons {
		t.Trace.note(r)
	}
	if err != nil {
		return err
	}
	switch {
	case len(d.Models) == 0 && t.Definition.Name == "":
		return &chat.Error{Code: chat.CodeUnavailable, Param: "model", Message: "no model that may answer is available; `dragoman doctor` says what is missing"}
	case len(d.Models) == 0:
		t.Trace.Mode, t.Trace.Model = Extractive, route.Extractive
		return nil
	case t.Definition.Name == "":
		t.Trace.Mode = Plain
	case d.Models[0].Small:
		t.Trace.Mode = Draft
	default:
		t.Trace.Mode = Grounded
	}
	t.useModel(d.Models[0])
	return nil
}

// useModel notes in the trace who answers.
func (t *Turn) useModel(m route.Model) {
	t.Trace.Provider, t.Trace.Model, t.Trace.SeenBy = m.Provider, m.Name, m.Host
	if m.Local {
		t.Trace.SeenBy = ""
	}
}

// complexity guesses from a question, 0 to 1, how much thought its answer takes: a route may spare the dear model for
// the rest. Long questions, code within them, and words that ask for judgement speak for it.
func complexity(question string) float64 {
	words := strings.Fields(strings.ToLower(question))
	c := min(0.4, float64(len(words))/200)
	if strings.Contains(question, "```") || strings.Count(question, "\n") > 5 {
		c += 0.2
	}
	for _, w := range words {
		switch strings.Trim(w, ".,?!:;") {
		case "why", "design", "refactor", "compare", "tradeoff", "trade-off", "architecture", "prove", "optimize", "debug", "race", "deadlock", "migrate":
			c += 0.2
		}
	}
	return min(c, 1)
}
