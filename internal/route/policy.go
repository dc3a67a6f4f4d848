package route

import (
	"fmt"
	"hash/fnv"
	"math"
	"reflect"
	"slices"
	"time"

	"github.com/expr-lang/expr"
	"github.com/expr-lang/expr/ast"
	"github.com/expr-lang/expr/vm"
)

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

// Judge is a model that says how complex a question is, in place of the heuristic.
type Judge struct {
	Model  string
	Within time.Duration // after which the heuristic's word counts
}

// Policy is a route: the first rule that holds decides, else the split, else Default.
type Policy struct {
	Name    string
	Rules   []Rule
	Split   []Share
	Default string
	Judge   *Judge // nil: the heuristic

	facts []Fact // that the rules ask for
}

// Step is what a route did with a turn.
type Step struct {
	Route string         `json:"route"`
	Facts map[string]any `json:"facts,omitempty"` // those that its rules ask for
	Rules []Outcome      `json:"rules,omitempty"`
	Use   string         `json:"use"`
	Why   string         `json:"why"`
}

// Outcome is what became of a rule.
type Outcome struct {
	When string `json:"when"`
	Use  string `json:"use"`
	Held *bool  `json:"held,omitempty"` // nil: an earlier rule had decided
}

// Check says what is wrong with the condition of a rule, if anything.
func Check(when string) error {
	_, err := compile(when)
	return err
}

func compile(when string) (*vm.Program, error) {
	return expr.Compile(when, expr.Env(Env{}), expr.AsBool())
}

// Compile prepares the rules.
func (p *Policy) Compile() error {
	asked := names{}
	for i := range p.Rules {
		prog, err := compile(p.Rules[i].When)
		if err != nil {
			return fmt.Errorf("route %s, rule %d: %w", p.Name, i+1, err)
		}
		p.Rules[i].prog = prog
		node := prog.Node()
		ast.Walk(&node, asked)
	}
	p.facts = nil
	for _, f := range Facts() {
		if asked[f.Name] {
			p.facts = append(p.facts, f)
		}
	}
	return nil
}

// names collects the names in an expression.
type names map[string]bool

// Visit implements ast.Visitor.
func (n names) Visit(node *ast.Node) {
	if id, ok := (*node).(*ast.IdentifierNode); ok {
		n[id.Value] = true
	}
}

// Uses are the names that the route may lead to.
func (p *Policy) Uses() []string {
	out := []string{p.Default}
	for _, r := range p.Rules {
		out = append(out, r.Use)
	}
	for _, s := range p.Split {
		out = append(out, s.Use)
	}
	if p.Judge != nil {
		out = append(out, p.Judge.Model)
	}
	return out
}

// Asks says whether a rule asks for a fact.
func (p *Policy) Asks(fact string) bool {
	return slices.ContainsFunc(p.facts, func(f Fact) bool { return f.Name == fact })
}

// decide finds what the route says of a turn, and within which time the first token is to come; 0: whenever.
func (p *Policy) decide(env Env) (s Step, within time.Duration, err error) {
	s = Step{Route: p.Name}
	if len(p.facts) > 0 {
		s.Facts = make(map[string]any, len(p.facts))
	}
	for _, f := range p.facts {
		v := f.Of(&env)
		if f.Kind == reflect.Float64 {
			s.Facts[f.Name] = math.Round(v.Float()*100) / 100
			continue
		}
		s.Facts[f.Name] = v.Interface()
	}
	s.Rules = make([]Outcome, len(p.Rules))
	decided := false
	for i, rule := range p.Rules {
		s.Rules[i] = Outcome{When: rule.When, Use: rule.Use}
		if decided {
			continue
		}
		v, err := expr.Run(rule.prog, env)
		if err != nil {
			return s, 0, fmt.Errorf("route %s, rule %d: %w", p.Name, i+1, err)
		}
		held := v.(bool)
		s.Rules[i].Held = &held
		if held {
			decided, within = true, rule.Within
			s.Use, s.Why = rule.Use, fmt.Sprintf("rule %d holds (%s), use %s", i+1, rule.When, rule.Use)
		}
	}
	switch {
	case decided:
	case len(p.Split) > 0:
		s.Use, s.Why = p.share(env)
		s.Why = "no rule holds; " + s.Why
	default:
		s.Use, s.Why = p.Default, "no rule holds, use "+p.Default
	}
	return s, within, nil
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
