// Package route chooses the models that may answer a turn, in the order in which they are tried, and says why.
package route

import (
	"cmp"
	"fmt"
	"hash/fnv"
	"slices"
	"strings"
	"time"

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
	Feature    string  `expr:"feature"`    // what the caller books it under
	Tier       string  `expr:"tier"`       // of the caller
	Team       string  `expr:"team"`       // of the caller
	Privacy    string  `expr:"privacy"`    // "internal" where the request must stay in the house, else "public"
	Door       string  `expr:"door"`       // the wire that the caller speaks: "openai.chat", "anthropic.messages", ...
	Language   string  `expr:"language"`   // of the first fenced code in the question: "go", "python", ...; "" where none is named
	Question   int     `expr:"question"`   // characters of the question
	Tokens     int     `expr:"tokens"`     // estimated tokens of the request so far
	Passages   int     `expr:"passages"`   // how many were found
	Turns      int     `expr:"turns"`      // messages before this one
	Tools      bool    `expr:"tools"`      // the caller offers tools
	Images     bool    `expr:"images"`     // the request has images
	Stream     bool    `expr:"stream"`     // the caller wants the answer as it comes
	JSON       bool    `expr:"json"`       // the answer is to be JSON
	Complexity float64 `expr:"complexity"` // 0..1, by the question's length and kind
	Secrets    bool    `expr:"secrets"`    // the text had secrets in it, which were masked
	Hour       int     `expr:"hour"`       // 0..23, UTC
	Weekday    string  `expr:"weekday"`    // "monday", ..., UTC

	// Sticky is what keeps a conversation with the model that a split gave it first: its session or its user. Random, 0..1,
	// decides where it is empty.
	Sticky string  `expr:"-"`
	Random float64 `expr:"-"`
	// Allowed says whether the caller may use a model that it asked for by a name; nil: all.
	Allowed func(name string, m Model) bool `expr:"-"`
}

// Rule sends turns for which a condition holds to a model.
type Rule struct {
	When   string
	Use    string
	Within time.Duration // models whose first token takes longer at the median are passed over while others are there
	prog   *vm.Program
}

// Share is a part of the turns that a split sends to a model.
type Share struct {
	Use    string
	Weight int
}

// Policy is a route: the first rule that holds decides, else the split, else Default.
type Policy struct {
	Name    string
	Rules   []Rule
	Split   []Share
	Default string
}

// Prefer says which of equals comes first.
type Prefer string

const (
	InOrder Prefer = ""        // as configured
	Price   Prefer = "price"   // the cheapest
	Latency Prefer = "latency" // the one whose first token comes soonest
)

// Live is how a model has done of late.
type Live struct {
	FirstToken time.Duration // median; 0: not known
	ErrorRate  float64       // 0..1
	Open       bool          // its breaker is open: it would not be asked
}

// Candidate is a model that was looked at.
type Candidate struct {
	Model  string  `json:"model"`            // "provider/name"
	Chosen int     `json:"chosen,omitempty"` // the place among those that are tried, from 1; 0: passed over
	Why    string  `json:"why,omitempty"`    // why it was passed over, or put where it is
	Price  float64 `json:"price,omitempty"`  // US dollars per million tokens, input and output in equal parts
	P50MS  float64 `json:"p50_ms,omitempty"`
	Errors float64 `json:"error_rate,omitempty"`
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
	Prefer    map[string]Prefer  // of these names
	Known     []Model            // all models that are listed; any other name at a known provider is passed on as it is
	Providers map[string]Model   // of each provider, a model without a name: what all its models have in common
	Policies  map[string]*Policy
	Default   string // a model or a route; "" takes the extractive answer
	LocalOnly bool

	Live func(m Model) Live            // nil: nothing is known
	Cost func(m Model) (float64, bool) // US dollars per million tokens, input and output in equal parts; nil: not known
}

// Decision is what the router chose. An empty list of models means the extractive answer, or that none may answer.
type Decision struct {
	Models     []Model
	Reasons    []string // why, and what was passed over
	Candidates []Candidate
	Refused    bool // models were there, and none may answer
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

// Decides says whether a name stands for a route, whose rules ask for facts.
func (r *Router) Decides(name string) bool {
	if name == "" {
		name = r.Default
	}
	_, ok := r.Policies[name]
	return ok
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
	asked := name
	var within time.Duration
	for range 8 { // rules may name routes
		p, ok := r.Policies[name]
		if !ok {
			break
		}
		next, limit, why, err := p.decide(env)
		if err != nil {
			return d, err
		}
		if limit > 0 {
			within = limit
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
	d.choose(r, models, env, asked, name, within)
	return d, nil
}

// choose sorts out who may answer, and in which order.
func (d *Decision) choose(r *Router, models []Model, env Env, asked, name string, within time.Duration) {
	for _, m := range models {
		c := r.candidate(m)
		switch {
		case r.LocalOnly && !m.Local:
			c.Why = "it is not on this machine, and nothing may leave it"
		case env.Privacy == "internal" && !m.Internal && !m.Local:
			c.Why = "the request must stay in the house"
		case env.Allowed != nil && !env.Allowed(name, m) && !env.Allowed(asked, m):
			c.Why = "the key may not use it"
		}
		d.Candidates = append(d.Candidates, c)
		if c.Why != "" {
			d.note("%s passed over: %s", m.ID(), c.Why)
			continue
		}
		d.Models = append(d.Models, m)
	}
	d.Refused = len(d.Models) == 0 && len(models) > 0
	if len(d.Models) > 1 {
		d.order(r, r.Prefer[name], within)
	}
	for i, m := range d.Models {
		if i == 0 {
			d.note("%s answers", m.ID())
		} else {
			d.note("%s if that fails", m.ID())
		}
		for j := range d.Candidates {
			if d.Candidates[j].Model == m.ID() && d.Candidates[j].Chosen == 0 && d.Candidates[j].Why == "" {
				d.Candidates[j].Chosen = i + 1
				break
			}
		}
	}
}

// order puts the models in the order in which they are tried. The order of the configuration breaks ties; what fails or is too
// slow goes to the end, and is tried when nothing else works.
func (d *Decision) order(r *Router, prefer Prefer, within time.Duration) {
	live := func(m Model) Live {
		if r.Live == nil {
			return Live{}
		}
		return r.Live(m)
	}
	rank := func(m Model) int {
		l := live(m)
		switch {
		case l.Open:
			return 3
		case prefer != InOrder && l.ErrorRate > 0.2:
			return 2
		case within > 0 && l.FirstToken > within:
			return 1
		}
		return 0
	}
	before := slices.Clone(d.Models)
	slices.SortStableFunc(d.Models, func(a, b Model) int {
		if c := cmp.Compare(rank(a), rank(b)); c != 0 {
			return c
		}
		switch prefer {
		case Price:
			pa, oka := r.price(a)
			pb, okb := r.price(b)
			if oka != okb { // an unknown price is no low one
				return map[bool]int{true: -1, false: 1}[oka]
			}
			return cmp.Compare(pa, pb)
		case Latency:
			return cmp.Compare(live(a).FirstToken, live(b).FirstToken) // one never tried is tried
		}
		return 0
	})
	if !slices.EqualFunc(before, d.Models, func(a, b Model) bool { return a.ID() == b.ID() }) {
		why := map[Prefer]string{InOrder: "what fails or is too slow comes last", Price: "the cheapest first", Latency: "the fastest first"}[prefer]
		d.note("put in order: %s", why)
	}
}

func (r *Router) price(m Model) (float64, bool) {
	if r.Cost == nil {
		return 0, false
	}
	return r.Cost(m)
}

func (r *Router) candidate(m Model) Candidate {
	c := Candidate{Model: m.ID()}
	c.Price, _ = r.price(m)
	if r.Live != nil {
		l := r.Live(m)
		c.P50MS, c.Errors = float64(l.FirstToken.Microseconds())/1000, l.ErrorRate
	}
	return c
}

func (d *Decision) note(format string, args ...any) {
	d.Reasons = append(d.Reasons, fmt.Sprintf(format, args...))
}

func (p *Policy) decide(env Env) (use string, within time.Duration, why string, err error) {
	for i, rule := range p.Rules {
		v, err := expr.Run(rule.prog, env)
		if err != nil {
			return "", 0, "", fmt.Errorf("route %s, rule %d: %w", p.Name, i+1, err)
		}
		if v.(bool) {
			return rule.Use, rule.Within, fmt.Sprintf("rule %d holds (%s), use %s", i+1, rule.When, rule.Use), nil
		}
	}
	if len(p.Split) > 0 {
		use, why := p.share(env)
		return use, 0, "no rule holds; " + why, nil
	}
	return p.Default, 0, "no rule holds, use " + p.Default, nil
}

// share picks a part of the split: by what the turn belongs to, so that a conversation stays with its model, else by chance.
func (p *Policy) share(env Env) (use, why string) {
	total := 0
	for _, s := range p.Split {
		total += s.Weight
	}
	if total <= 0 {
		return p.Default, "the split is empty, use " + p.Default
	}
	at, how := int(env.Random*float64(total)), "by chance"
	if env.Sticky != "" {
		h := fnv.New64a()
		h.Write([]byte(p.Name + "\x00" + env.Sticky))
		at, how = int(mix(h.Sum64())%uint64(total)), "by its session or user"
	}
	for _, s := range p.Split {
		if at -= s.Weight; at < 0 {
			return s.Use, fmt.Sprintf("the split of %d sends it to %s (%d), %s", total, s.Use, s.Weight, how)
		}
	}
	last := p.Split[len(p.Split)-1]
	return last.Use, "the split sends it to " + last.Use
}

// mix spreads a hash over all its bits (the finalizer of splitmix64): FNV's low bits alone are uneven.
func mix(z uint64) uint64 {
	z = (z ^ z>>30) * 0xbf58476d1ce4e5b9
	z = (z ^ z>>27) * 0x94d049bb133111eb
	return z ^ z>>31
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
