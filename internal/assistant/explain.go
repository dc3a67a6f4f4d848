package assistant

import (
	"context"
	"fmt"
	"reflect"

	"github.com/dragoman/dragoman/internal/route"
)

// Explanation is what the router makes of a request, without anybody being asked for an answer.
type Explanation struct {
	Asked      string            `json:"asked"`                // the name of a model or route; empty for the default
	Facts      map[string]any    `json:"facts"`                // all that rules may ask for
	Complexity string            `json:"complexity,omitempty"` // what it is made of
	Routes     []route.Step      `json:"routes,omitempty"`
	Use        string            `json:"use"` // the name that the routes led to
	Candidates []route.Candidate `json:"candidates"`
	Models     []string          `json:"models"` // who would be asked, in this order
	Notes      []string          `json:"notes,omitempty"`
	Refused    string            `json:"refused,omitempty"` // why nobody may answer
}

// Explain says what the router makes of a turn. Nothing is searched, booked or answered; what is not known before that, as the
// number of passages, may be set by change, which gets the facts after all else. Where a route has a judge of complexity, it is
// asked, and paid, with judge alone.
func (e *Engine) Explain(ctx context.Context, t *Turn, judge bool, change func(*route.Env)) (*Explanation, error) {
	t.started, t.clock = e.Now(), e.Now
	t.Trace = &Trace{ID: e.NewID(), Started: t.started, Mode: Plain}
	t.Trace.begin("explain")
	e.labelTurn(t)
	t.tokens, t.media = EstimateInput(t.Request), mediaIn(t.Request)
	if _, at := lastUser(t.Request.Messages); at >= 0 {
		if err := e.guardInput(ctx, t); err != nil {
			return nil, e.asFailure(ctx, err)
		}
	}
	if err := e.recall(ctx, t); err != nil {
		return nil, e.asFailure(ctx, err)
	}
	x := &Explanation{Asked: t.asksFor(), Facts: map[string]any{}, Candidates: []route.Candidate{}, Models: []string{}}
	env := e.known(t)
	e.facts(t, &env)
	score := route.Complexity(route.Asked{Question: t.question, Turns: len(t.history), Tools: len(t.Request.Tools)})
	env.Complexity, x.Complexity = score.Value, score.String()
	if p := e.Router.Policy(x.Asked); p != nil && p.Asks("complexity") && p.Judge != nil {
		if judge {
			env.Complexity = e.complexity(ctx, t, p)
		} else {
			t.Trace.note(fmt.Sprintf("%s says how complex a question is; it was not asked", p.Judge.Model))
		}
	}
	if change != nil {
		change(&env)
	}
	if env.Privacy == "" {
		env.Privacy = string(route.Public)
	}
	for _, f := range route.Facts() {
		if v := f.Of(&env); v.Kind() != reflect.Func {
			x.Facts[f.Name] = v.Interface()
		}
	}
	d, err := e.Router.Choose(x.Asked, env)
	if err != nil {
		return nil, e.asFailure(ctx, err)
	}
	x.Routes, x.Use = d.Steps, d.Name
	x.Candidates = append(x.Candidates, d.Candidates...)
	for _, m := range d.Models {
		x.Models = append(x.Models, m.ID())
	}
	if d.Refused {
		x.Refused = d.Why()
	}
	x.Notes = t.Trace.Steps[0].Notes
	return x, nil
}
