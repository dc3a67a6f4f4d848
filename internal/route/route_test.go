package route

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"
)

func newRouter() *Router {
	hosted := Model{Provider: "openai", Host: "api.openai.com"}
	local := Model{Provider: "ollama", Host: "127.0.0.1:11434", Local: true, Internal: true}
	named := func(m Model, name string) Model { m.Name = name; return m }
	policy := &Policy{Name: "auto", Rules: []Rule{{When: `privacy == "internal"`, Use: "private"}, {When: "complexity > 0.7 && !tools", Use: "deep"}}, Default: "fast"}
	if err := policy.Compile(); err != nil {
		panic(err)
	}
	return &Router{
		Models:    map[string][]Model{"fast": {named(hosted, "mini"), named(local, "qwen")}, "deep": {named(hosted, "big")}, "private": {named(local, "qwen")}, "empty": nil},
		Known:     []Model{named(hosted, "mini"), named(local, "qwen")},
		Providers: map[string]Model{"openai": hosted, "ollama": local},
		Policies:  map[string]*Policy{"auto": policy},
	}
}

func ids(d Decision) string {
	var out []string
	for _, m := range d.Models {
		out = append(out, m.ID())
	}
	return strings.Join(out, " ")
}

func TestChoose(t *testing.T) {
	for name, c := range map[string]struct {
		ask   string
		env   Env
		local bool
		want  string
	}{
		"nothing configured":    {"", Env{}, false, ""},
		"extractive":            {Extractive, Env{}, false, ""},
		"a name with fallbacks": {"fast", Env{}, false, "openai/mini ollama/qwen"},
		"a model by its id":     {"openai/gpt-x/y", Env{}, false, "openai/gpt-x/y"},
		"a known model":         {"qwen", Env{}, false, "ollama/qwen"},
		"nothing leaves":        {"fast", Env{}, true, "ollama/qwen"},
		"nothing is left":       {"deep", Env{}, true, ""},
		"in the house":          {"fast", Env{Privacy: "internal"}, false, "ollama/qwen"},
		"route, default":        {"auto", Env{Complexity: 0.2}, false, "openai/mini ollama/qwen"},
		"route, a rule":         {"auto", Env{Complexity: 0.9}, false, "openai/big"},
		"route, not for tools":  {"auto", Env{Complexity: 0.9, Tools: true}, false, "openai/mini ollama/qwen"},
		"route, first rule":     {"auto", Env{Complexity: 0.9, Privacy: "internal"}, false, "ollama/qwen"},
		"a name without models": {"empty", Env{}, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRouter()
			r.LocalOnly = c.local
			d, err := r.Choose(c.ask, c.env)
			if err != nil || ids(d) != c.want {
				t.Errorf("chose %q (%v), want %q; %q", ids(d), err, c.want, d.Reasons)
			}
			if len(d.Models)+len(d.Reasons) == 0 && c.ask != "empty" {
				t.Error("no reason is given")
			}
		})
	}
}

func TestUnknownModel(t *testing.T) {
	_, err := newRouter().Choose("qwe", Env{})
	if u, ok := errors.AsType[*UnknownModelError](err); !ok || u.Similar != "ollama/qwen" {
		t.Errorf("%v", err)
	}
}

func TestRoutesInACircleEnd(t *testing.T) {
	r := newRouter()
	a, b := &Policy{Name: "a", Default: "b"}, &Policy{Name: "b", Default: "a"}
	r.Policies = map[string]*Policy{"a": a, "b": b}
	if _, err := r.Choose("a", Env{}); err == nil {
		t.Error("a circle chose a model")
	}
}

func TestCheck(t *testing.T) {
	for when, ok := range map[string]bool{"complexity > 0.7": true, `class == "autocomplete"`: true, "complexity": false, "colour > 1": false, "1 +": false} {
		if err := Check(when); (err == nil) != ok {
			t.Errorf("%s: %v", when, err)
		}
	}
}

func TestSplit(t *testing.T) {
	p := &Policy{Name: "ab", Split: []Share{{"a", 70}, {"b", 0}, {"c", 30}}, Default: "z"}
	count := map[string]int{}
	for i := range 10_000 {
		s, _, err := p.decide(Env{Random: float64(i) / 10_000})
		if err != nil {
			t.Fatal(err)
		}
		count[s.Use]++
	}
	if count["a"] != 7000 || count["c"] != 3000 {
		t.Errorf("by chance: %v", count)
	}
	clear(count)
	for i := range 10_000 {
		env := Env{Sticky: fmt.Sprintf("session-%d", i), Random: 0.99}
		s, _, err := p.decide(env)
		if err != nil {
			t.Fatal(err)
		}
		env.Random = 0
		if again, _, _ := p.decide(env); again.Use != s.Use {
			t.Fatalf("%s goes to %s, then to %s", env.Sticky, s.Use, again.Use)
		}
		count[s.Use]++
	}
	if count["a"] < 6700 || count["a"] > 7300 || count["b"] > 0 || count["a"]+count["c"] != 10_000 {
		t.Errorf("by session: %v", count)
	}
}

func TestOrderAmongEquals(t *testing.T) {
	live := map[string]Live{"openai/mini": {FirstToken: 900 * time.Millisecond}, "ollama/qwen": {FirstToken: 100 * time.Millisecond}}
	cost := map[string]float64{"openai/mini": 0.2, "ollama/qwen": 0.5}
	for name, c := range map[string]struct {
		prefer Prefer
		within time.Duration
		change func()
		want   string
	}{
		"as listed":           {InOrder, 0, nil, "openai/mini ollama/qwen"},
		"the fastest":         {Latency, 0, nil, "ollama/qwen openai/mini"},
		"the cheapest":        {Price, 0, nil, "openai/mini ollama/qwen"},
		"cheap, but too slow": {Price, 500 * time.Millisecond, nil, "ollama/qwen openai/mini"},
		"cheap, but failing":  {Price, 0, func() { live["openai/mini"] = Live{ErrorRate: 0.5} }, "ollama/qwen openai/mini"},
		"listed, but out":     {InOrder, 0, func() { live["openai/mini"] = Live{Open: true} }, "ollama/qwen openai/mini"},
		"an unknown price":    {Price, 0, func() { delete(cost, "openai/mini"); live["openai/mini"] = Live{} }, "ollama/qwen openai/mini"},
	} {
		t.Run(name, func(t *testing.T) {
			if c.change != nil {
				old, oldCost := maps.Clone(live), maps.Clone(cost)
				defer func() { live, cost = old, oldCost }()
				c.change()
			}
			r := newRouter()
			r.Live = func(m Model) Live { return live[m.ID()] }
			r.Cost = func(m Model, _, _ int) (float64, bool) { v, ok := cost[m.ID()]; return v, ok }
			r.Prefer = map[string]Prefer{"fast": c.prefer}
			p := &Policy{Name: "r", Rules: []Rule{{When: "true", Use: "fast", Within: c.within}}}
			if err := p.Compile(); err != nil {
				t.Fatal(err)
			}
			r.Policies["r"] = p
			d, err := r.Choose("r", Env{})
			if err != nil || ids(d) != c.want {
				t.Errorf("%q, %v: %q", ids(d), err, d.Reasons)
			}
			if len(d.Candidates) != 2 || d.Candidates[0].Chosen+d.Candidates[1].Chosen != 3 {
				t.Errorf("candidates %+v", d.Candidates)
			}
		})
	}
}

func TestWhoMayUseWhat(t *testing.T) {
	only := func(names ...string) func(string, Model) bool {
		return func(name string, m Model) bool { return slices.Contains(names, name) || slices.Contains(names, m.ID()) }
	}
	for name, c := range map[string]struct {
		ask     string
		allowed func(string, Model) bool
		want    string
	}{
		"by the name asked for": {"fast", only("fast"), "openai/mini ollama/qwen"},
		"by the route":          {"auto", only("auto"), "openai/mini ollama/qwen"},
		"one of them":           {"fast", only("ollama/qwen"), "ollama/qwen"},
		"none":                  {"deep", only("fast"), ""},
	} {
		d, err := newRouter().Choose(c.ask, Env{Allowed: c.allowed})
		if err != nil || ids(d) != c.want || d.Refused != (c.want == "") {
			t.Errorf("%s: %q %v %+v", name, ids(d), err, d)
		}
	}
}
