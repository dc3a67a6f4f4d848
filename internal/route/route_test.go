package route

import (
	"errors"
	"strings"
	"testing"
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
