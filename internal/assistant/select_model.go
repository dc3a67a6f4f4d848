package assistant

import (
	"cmp"
	"context"
	"strings"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/route"
)

// selectModel chooses who answers, and how: a plain model as it is, an assistant from its passages with a large model's
// citations, with a small model's checked draft, or without a model.
func (e *Engine) selectModel(_ context.Context, t *Turn) error {
	name := t.Request.Model
	if t.Definition.Name != "" {
		name = t.Definition.Route
	}
	env := route.Env{Privacy: t.Privacy}
	if e.Router.Decides(name) {
		env = e.facts(t)
	}
	if e.Allowed != nil {
		env.Allowed = e.Allowed(t.Principal)
	}
	d, err := e.Router.Choose(name, env)
	t.decision = d
	for _, r := range d.Reasons {
		t.Trace.note(r)
	}
	if len(d.Candidates) > 1 || d.Refused {
		t.Trace.Candidates = d.Candidates
	}
	if err != nil {
		return err
	}
	switch {
	case d.Refused:
		return &chat.Error{Code: chat.CodeForbidden, Param: "model", Message: "no model may answer this request: " + strings.Join(d.Reasons, "; ")}
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

// facts are what the rules of a route may ask for.
func (e *Engine) facts(t *Turn) route.Env {
	now := t.started.UTC()
	env := route.Env{
		Assistant: t.Definition.Name, Class: t.Class, Feature: t.Feature, Tier: t.Principal.Tier(), Team: t.Principal.Team(), Privacy: t.Privacy, Door: string(t.Door), Language: codeLanguage(t.question),
		Question: len(t.question), Tokens: t.tokens, Passages: len(t.found), Turns: len(t.history), Tools: len(t.Request.Tools) > 0,
		Stream: t.Request.Stream, JSON: t.Request.Format != nil, Complexity: Complexity(t.question), Hour: now.Hour(),
		Weekday: strings.ToLower(now.Weekday().String()), Sticky: cmp.Or(t.Session, t.Request.User), Random: e.Random(),
	}
	for _, m := range t.Request.Messages {
		for _, p := range m.Parts {
			env.Images = env.Images || p.Kind == chat.ImagePart
		}
	}
	for _, f := range t.Trace.Findings {
		env.Secrets = env.Secrets || f.Where == "input" && f.Action == "masked"
	}
	return env
}

// codeLanguage is the language that the first fenced block of code names.
func codeLanguage(question string) string {
	_, rest, ok := strings.Cut(question, "```")
	if !ok {
		return ""
	}
	word, _, _ := strings.Cut(rest, "\n")
	return strings.ToLower(strings.TrimSpace(word))
}

// useModel notes in the trace who answers.
func (t *Turn) useModel(m route.Model) {
	t.Trace.Provider, t.Trace.Model, t.Trace.SeenBy = m.Provider, m.Name, m.Host
	if m.Local {
		t.Trace.SeenBy = ""
	}
}

// Complexity guesses from a question, 0 to 1, how much thought its answer takes: a route may spare the dear model for the
// rest. It adds up: a two-hundredth for each word, at most 0.4; 0.2 for fenced code or more than five lines; 0.2 for each word that asks for
// judgement (why, design, compare, debug, ...).
func Complexity(question string) float64 {
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
