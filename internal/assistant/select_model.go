package assistant

import (
	"cmp"
	"context"
	"slices"
	"strings"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/route"
)

// selectModel chooses who answers, and how: a plain model as it is, an assistant from its passages with a large model's
// citations, with a small model's checked draft, or without a model.
func (e *Engine) selectModel(ctx context.Context, t *Turn) error {
	if t.handover != nil {
		return nil
	}
	name := t.asksFor()
	env := e.known(t)
	if p := e.Router.Policy(name); p != nil {
		e.facts(t, &env)
		if p.Asks("complexity") {
			env.Complexity = e.complexity(ctx, t, p)
		}
	}
	d, err := e.Router.Choose(name, env)
	t.decision = d
	for _, r := range d.Reasons {
		t.Trace.note(r)
	}
	t.Trace.Routes = d.Steps
	if len(d.Candidates) > 1 || d.Refused || len(d.Steps) > 0 {
		t.Trace.Candidates = d.Candidates
	}
	if err != nil {
		return err
	}
	switch {
	case d.Unable:
		return &chat.Error{Code: chat.CodeUnsupported, Param: "model", Message: d.Why()}
	case d.Refused:
		return &chat.Error{Code: chat.CodeForbidden, Param: "model", Message: d.Why()}
	case len(d.Models) == 0 && t.Definition.Name == "":
		return &chat.Error{Code: chat.CodeUnavailable, Param: "model", Message: "no model that may answer is available; `dragoman doctor` says what is missing"}
	case len(d.Models) == 0:
		t.Trace.Mode, t.Trace.Model = Extractive, route.Extractive
		return nil
	case t.Definition.Name == "":
		t.Trace.Mode = Plain
	case t.drafts(&d.Models[0]):
		t.Trace.Mode = Draft
	default:
		t.Trace.Mode = Grounded
	}
	t.useModel(&d.Models[0])
	return nil
}

// drafts says whether a model is to draft from the passages: a small one, unless the answer has a form of its own or tools are to find what
// the passages do not have. Those that look into the same knowledge are no reason: a small model seldom asks them for the right thing.
func (t *Turn) drafts(m *route.Model) bool {
	if !m.Small || t.Definition.Output.Format == JSON {
		return false
	}
	p := &t.Definition.Tools
	if p.Calling == "" && !slices.ContainsFunc(p.Use, func(name string) bool { return name != "search_knowledge" && name != "read_document" }) {
		if len(p.Use) > 0 {
			t.Trace.note(m.ID() + " is small: it drafts from the passages, and calls no tools")
		}
		return true
	}
	return len(p.Use) == 0
}

// asksFor is the name of the model or route that a turn asks for; "" for the default.
func (t *Turn) asksFor() string {
	if t.Definition.Name != "" {
		return t.Definition.Route
	}
	return t.Request.Model
}

// known is what the choice among models takes of every turn.
func (e *Engine) known(t *Turn) route.Env {
	env := route.Env{Privacy: string(t.Privacy), Tokens: cmp.Or(t.longest, t.tokens), MaxTokens: t.Request.MaxTokens, Needs: t.needs()}
	if e.Allowed != nil {
		env.Allowed = e.Allowed(t.Principal)
	}
	return env
}

// facts adds what the rules of a route may ask for, but for the complexity.
func (e *Engine) facts(t *Turn, env *route.Env) {
	now, p := t.started.UTC(), &t.Principal
	env.Assistant, env.Class, env.Feature, env.Door = t.Definition.Name, t.Class, t.Feature, cmp.Or(string(t.Door), "cli")
	env.Tier, env.Team, env.User = p.Tier(), p.Team(), p.User()
	env.Language, env.Code = route.Language(t.question), codeLanguage(t.question)
	env.Question, env.Passages, env.Turns = len(t.question), len(t.found), len(t.history)
	env.Tools, env.Stream, env.JSON, env.Reasoning = len(t.Request.Tools) > 0, t.Request.Stream, t.Request.Format != nil, t.Request.Reasoning != nil
	env.Images, env.Documents, env.Audio = t.media.images, t.media.documents, t.media.audio
	env.Hour, env.Weekday = now.Hour(), strings.ToLower(now.Weekday().String())
	// A conversation stays with its model: by its session, else by whoever the caller says asks, else by the key's user.
	env.Sticky = cmp.Or(t.Session, t.Request.User, p.User())
	if e.Random != nil {
		env.Random = e.Random()
	}
	for _, f := range t.Trace.Findings {
		env.Secrets = env.Secrets || f.Where == "input" && f.Action == "masked"
	}
}

// codeLanguage is the language that the first fenced block of code names.
func codeLanguage(question string) string {
	_, rest, ok := strings.Cut(question, "```")
	if !ok {
		return ""
	}
	word, _, _ := strings.Cut(rest, "\n")
	if word = strings.ToLower(strings.TrimSpace(word)); len(word) > 20 || strings.ContainsAny(word, " \t") {
		return "" // a fence within a line
	}
	return word
}

// useModel notes in the trace who answers.
func (t *Turn) useModel(m *route.Model) {
	t.Trace.Provider, t.Trace.Model, t.Trace.SeenBy = m.Provider, m.Name, m.Host
	if m.Local {
		t.Trace.SeenBy = ""
	}
}
