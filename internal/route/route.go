// Package route chooses the models that may answer a turn, in the order in which they are tried, and says why.
package route

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Extractive is the name of the answer without a model: the best passages, quoted.
const Extractive = "extractive"

// Model is one model that can be asked.
type Model struct {
	Provider string
	Name     string // at the provider
	Local    bool   // it runs on this machine: nothing leaves it
	Internal bool   // it runs under the operator's own control
	Small    bool   // too small to be trusted with citations
	Host     string // who sees the text
}

// ID is "provider/name".
func (m Model) ID() string { return m.Provider + "/" + m.Name }

// Live is how a model has done of late.
type Live struct {
	FirstToken time.Duration // median; 0: not known
	ErrorRate  float64       // 0..1
	Open       bool          // its breaker is open: it would not be asked
}

// Prefer says which of equals comes first.
type Prefer string

// The orders that there are.
const (
	InOrder Prefer = ""        // as configured
	Price   Prefer = "price"   // the cheapest for this request
	Latency Prefer = "latency" // the one whose first token comes soonest
)

// Router knows the models and the policies. It is immutable.
type Router struct {
	Models    map[string][]Model // configured names, each with its models in order
	Prefer    map[string]Prefer  // of these names
	Known     []Model            // all models that are listed; any other name at a known provider is passed on as it is
	Providers map[string]Model   // of each provider, a model without a name: what all its models have in common
	Policies  map[string]*Policy
	Default   string // a model or a route; "" takes the extractive answer
	LocalOnly bool

	Live func(m Model) Live // nil: nothing is known
	// Cost is what a request costs in US dollars, of so many tokens of the prompt and of the answer; false where no price is
	// known. nil: none is.
	Cost func(m Model, input, output int) (float64, bool)
	Can  func(m Model) Abilities // nil: nothing is known
}

// UnknownModelError says that a name means nothing here.
type UnknownModelError struct {
	Name    string
	Similar string
}

func (e *UnknownModelError) Error() string {
	if e.Similar != "" {
		return fmt.Sprintf("there is no model %q; did you mean %q?", e.Name, e.Similar)
	}
	return fmt.Sprintf("there is no model %q; `dragoman doctor` and GET /v1/models list those there are, and PROVIDER/MODEL names any other", e.Name)
}

// Policy is the route that a name stands for, "" being the default; nil where it stands for a model.
func (r *Router) Policy(name string) *Policy {
	if name == "" {
		name = r.Default
	}
	return r.Policies[name]
}

// mostRoutes bounds how many routes lead to one another.
const mostRoutes = 8

// Choose picks the models for a turn. name is a model, a route or "" for the default.
func (r *Router) Choose(name string, env Env) (Decision, error) {
	var d Decision
	if name == "" {
		name = r.Default
		if name != "" {
			d.note("%s is the default", name)
		}
	}
	if env.Privacy == "" {
		env.Privacy = string(Public)
	}
	asked := name
	var within time.Duration
	for range mostRoutes {
		p, ok := r.Policies[name]
		if !ok {
			break
		}
		step, limit, err := p.decide(env)
		if err != nil {
			return d, err
		}
		if limit > 0 {
			within = limit
		}
		d.Steps = append(d.Steps, step)
		d.note("route %s: %s", name, step.Why)
		if name = step.Use; name == "" {
			break
		}
	}
	d.Name = name
	if name == "" || name == Extractive {
		d.note("no model: the best passages are quoted")
		return d, nil
	}
	models, err := r.resolve(name)
	if err != nil {
		return d, err
	}
	d.choose(r, models, env, asked, within)
	return d, nil
}

// resolve finds the models that a name means: a configured name, "provider/model", or a model that one provider lists.
func (r *Router) resolve(name string) ([]Model, error) {
	if models, ok := r.Models[name]; ok {
		return models, nil
	}
	if provider, model, ok := strings.Cut(name, "/"); ok {
		if m, known := r.Providers[provider]; known && model != "" {
			for _, k := range r.Known {
				if k.Provider == provider && k.Name == model {
					return []Model{k}, nil
				}
			}
			m.Name = model
			return []Model{m}, nil
		}
	}
	for _, k := range r.Known {
		if k.Name == name {
			return []Model{k}, nil
		}
	}
	if len(r.Providers) == 1 { // no doubt about whose model it is
		for _, m := range r.Providers {
			m.Name = name
			return []Model{m}, nil
		}
	}
	return nil, &UnknownModelError{Name: name, Similar: r.similar(name)}
}

// Names lists what may be asked for by name, sorted.
func (r *Router) Names() []string {
	var out []string
	for n := range r.Models {
		out = append(out, n)
	}
	for n := range r.Policies {
		out = append(out, n)
	}
	for _, m := range r.Known {
		out = append(out, m.ID())
	}
	slices.Sort(out)
	return slices.Compact(out)
}

// similar is a known name that contains the given one or is contained in it.
func (r *Router) similar(name string) string {
	low := strings.ToLower(name)
	for _, n := range r.Names() {
		l := strings.ToLower(n)
		if strings.Contains(l, low) || strings.Contains(low, l[strings.IndexByte(l, '/')+1:]) {
			return n
		}
	}
	return ""
}
