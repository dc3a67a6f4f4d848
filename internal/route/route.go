// Package route chooses the models that may answer a turn, in the order in which they are tried, and says why.
package route

import (
	"fmt"
	"slices"
	"strings"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/vm"
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

// Env is what the conditions of rules may ask for.
type Env struct {
	Assistant  string  `expr:"assistant"`  // name, "" for a plain model
	Class      string  `expr:"class"`      // what the caller said the request is for: "chat", "autocomplete", ...
	Privacy    string  `expr:"privacy"`    // "internal" where the request must stay in the house, else "public"
	Question   int     `expr:"question"`   // characters of the question
	Tokens     int     `expr:"tokens"`     // estimated tokens of the request so far
	Passages   int     `expr:"passages"`   // how many were found
	Turns      int     `expr:"turns"`      // messages before this one
	Tools      bool    `expr:"tools"`      // the caller offers tools
	Complexity float64 `expr:"complexity"` // 0..1, by the question's length and kind
	Secrets    bool    `expr:"secrets"`    // the text had secrets in it, which were masked
}

// Rule sends turns for which a condition holds to a model.
type Rule struct {
	When string
	Use  string
	prog *vm.Program
}

// Policy is a route: the first rule that holds decides, else Default.
type Policy struct {
	Name    string
	Rules   []Rule
	Default string
}

// Check says what is wrong with the condition of a rule, if anything.
func Check(when string) error {
	_, err := expr.Compile(when, expr.Env(Env{}), expr.AsBool())
	return err
}

// Compile prepares the rules.
func (p *Policy) Compile() error {
	for i := range p.Rules {
		prog, err := expr.Compile(p.Rules[i].When, expr.Env(Env{}), expr.AsBool())
		if err != nil {
			return fmt.Errorf("route %s, rule %d: %w", p.Name, i+1, err)
		}
		p.Rules[i].prog = prog
	}
	return nil
}

// Router knows the models and the policies. It is immutable.
type Router struct {
	Models    map[string][]Model // configured names, each with its models in order
	Known     []Model            // all models that are listed; any other name at a known provider is passed on as it is
	Providers map[string]Model   // of each provider, a model without a name: what all its models have in common
	Policies  map[string]*Policy
	Default   string // a model or a route; "" takes the extractive answer
	LocalOnly bool
}

// Decision is what the router chose. An empty list of models means the extractive answer.
type Decision struct {
	Models  []Model
	Reasons []string // why, and what was passed over
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
	return fmt.Sprintf("there is no model %q; `dragoman doctor` lists those there are", e.Name)
}

// Choose picks the models for a turn. name is a model, a route or "" for the default.
func (r *Router) Choose(name string, env Env) (Decision, error) {
	var d Decision
	if name == "" {
		name = r.Default
		if name != "" {
			d.note("%s is the default", name)
		}
	}
	for range 8 { // rules may name routes
		p, ok := r.Policies[name]
		if !ok {
			break
		}
		next, why, err := p.decide(env)
		if err != nil {
			return d, err
		}
		d.note("route %s: %s", name, why)
		if name = next; name == "" {
			break
		}
	}
	if name == "" || name == Extractive {
		d.note("no model: the best passages are quoted")
		return d, nil
	}
	models, err := r.resolve(name)
	if err != nil {
		return d, err
	}
	for _, m := range models {
		switch {
		case r.LocalOnly && !m.Local:
			d.note("%s passed over: it is not on this machine, and nothing may leave it", m.ID())
		case env.Privacy == "internal" && !m.Internal && !m.Local:
			d.note("%s passed over: the request must stay in the house", m.ID())
		default:
			d.Models = append(d.Models, m)
		}
	}
	if len(d.Models) > 0 {
		d.note("%s answers", d.Models[0].ID())
		for _, m := range d.Models[1:] {
			d.note("%s if that fails", m.ID())
		}
	}
	return d, nil
}

func (d *Decision) note(format string, args ...any) {
	d.Reasons = append(d.Reasons, fmt.Sprintf(format, args...))
}

func (p *Policy) decide(env Env) (use, why string, err error) {
	for i, rule := range p.Rules {
		v, err := expr.Run(rule.prog, env)
		if err != nil {
			return "", "", fmt.Errorf("route %s, rule %d: %w", p.Name, i+1, err)
		}
		if v.(bool) {
			return rule.Use, fmt.Sprintf("rule %d holds (%s), use %s", i+1, rule.When, rule.Use), nil
		}
	}
	return p.Default, "no rule holds, use " + p.Default, nil
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
