package route

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestSteps: a decision tells which rules held, which did not, which were not reached, and the facts that they asked for.
func TestSteps(t *testing.T) {
	r := newRouter()
	p := &Policy{Name: "auto", Rules: []Rule{{When: "images", Use: "deep"}, {When: `class == "chat" && complexity >= 0.33`, Use: "fast"}, {When: "tools", Use: "private"}}, Default: "deep"}
	if err := p.Compile(); err != nil {
		t.Fatal(err)
	}
	r.Policies["auto"] = p
	d, err := r.Choose("auto", Env{Class: "chat", Complexity: 1.0 / 3, Tools: true, Feature: "not asked for"})
	if err != nil {
		t.Fatal(err)
	}
	yes, no := true, false
	want := []Step{{
		Route: "auto", Facts: map[string]any{"images": false, "class": "chat", "complexity": 0.33, "tools": true},
		Rules: []Outcome{{"images", "deep", &no}, {`class == "chat" && complexity >= 0.33`, "fast", &yes}, {"tools", "private", nil}},
		Use:   "fast", Why: `rule 2 holds (class == "chat" && complexity >= 0.33), use fast`,
	}}
	if diff := cmp.Diff(want, d.Steps); diff != "" {
		t.Error(diff)
	}
	if !p.Asks("complexity") || p.Asks("language") {
		t.Error("the route does not know what its rules ask for")
	}
}

// TestAbilities: what a model is known not to take is not sent to it, and the reason is told.
func TestAbilities(t *testing.T) {
	can := map[string]Abilities{"openai/mini": {Known: true, Tools: true, Window: 1000}, "ollama/qwen": {}}
	for name, c := range map[string]struct {
		ask        string
		needs      Needs
		tokens     int
		want, why  string
		refused    bool
		candidates int
	}{
		"what it takes":       {"fast", Needs{Tools: true}, 10, "openai/mini ollama/qwen", "", false, 2},
		"images":              {"fast", Needs{Images: true}, 10, "ollama/qwen", "it takes no images", false, 2},
		"documents":           {"fast", Needs{Documents: true}, 10, "ollama/qwen", "it takes no documents", false, 2},
		"audio":               {"fast", Needs{Audio: true}, 10, "ollama/qwen", "it takes no audio", false, 2},
		"a schema":            {"fast", Needs{Schema: true}, 10, "ollama/qwen", "it cannot keep to a JSON Schema", false, 2},
		"asked for alone":     {"openai/mini", Needs{Images: true}, 10, "", "it takes no images", true, 1},
		"nothing is known":    {"qwen", Needs{Images: true, Audio: true}, 10, "ollama/qwen", "", false, 1},
		"too long":            {"fast", Needs{}, 1300, "ollama/qwen openai/mini", "too long for its window", false, 2},
		"perhaps too long":    {"fast", Needs{}, 1100, "openai/mini ollama/qwen", "", false, 2},
		"too long, and alone": {"openai/mini", Needs{}, 5000, "openai/mini", "", false, 1},
	} {
		t.Run(name, func(t *testing.T) {
			r := newRouter()
			r.Can = func(m Model) Abilities { return can[m.ID()] }
			d, err := r.Choose(c.ask, Env{Needs: c.needs, Tokens: c.tokens})
			if err != nil || ids(d) != c.want || d.Refused != c.refused || d.Unable != c.refused || len(d.Candidates) != c.candidates {
				t.Fatalf("%q %v %+v", ids(d), err, d)
			}
			if got := d.Candidates[0].Why; !strings.Contains(got, c.why) || c.why == "" && got != "" {
				t.Errorf("why: %q", got)
			}
			if c.refused && !strings.Contains(d.Why(), "openai/mini: it takes no images") {
				t.Error(d.Why())
			}
		})
	}
}

// TestFacts: every fact has a name, a kind and a description, and rules can ask for it.
func TestFacts(t *testing.T) {
	for _, f := range Facts() {
		if f.Doc == "" || f.Name == "" {
			t.Errorf("%+v", f)
		}
		if err := Check(f.Name + " == " + f.Name); err != nil {
			t.Errorf("%s: %v", f.Name, err)
		}
	}
	if len(Facts()) < 20 {
		t.Errorf("only %d facts", len(Facts()))
	}
}
