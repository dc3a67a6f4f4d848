package route

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// TestInternalStays: whatever the configuration, the health of the providers and the rules: what is labelled internal goes to no
// other provider than internal ones and those on this machine, also as a fallback; and where there is none, it goes nowhere.
func TestInternalStays(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		r := &Router{Models: map[string][]Model{}, Prefer: map[string]Prefer{}, Providers: map[string]Model{}, Policies: map[string]*Policy{}}
		var all []Model
		for i := range rapid.IntRange(1, 5).Draw(t, "providers") {
			m := Model{Provider: fmt.Sprintf("p%d", i), Local: rapid.Bool().Draw(t, "local"), Internal: rapid.Bool().Draw(t, "internal")}
			r.Providers[m.Provider] = m
			for j := range rapid.IntRange(0, 2).Draw(t, "models") {
				m.Name = fmt.Sprintf("m%d", j)
				all = append(all, m)
				if rapid.Bool().Draw(t, "known") {
					r.Known = append(r.Known, m)
				}
			}
		}
		asked := []string{"", "m0", "m1", "nowhere/m0"}
		for p := range r.Providers {
			asked = append(asked, p+"/m0", p+"/any")
		}
		for i := range rapid.IntRange(0, 3).Draw(t, "names") {
			name := fmt.Sprintf("n%d", i)
			if len(all) > 0 {
				r.Models[name] = rapid.SliceOfN(rapid.SampledFrom(all), 0, 4).Draw(t, "use")
			}
			r.Prefer[name] = rapid.SampledFrom([]Prefer{InOrder, Price, Latency}).Draw(t, "prefer")
			asked = append(asked, name)
		}
		for i := range rapid.IntRange(0, 3).Draw(t, "routes") {
			p := &Policy{Name: fmt.Sprintf("r%d", i), Default: rapid.SampledFrom(asked).Draw(t, "default")}
			for range rapid.IntRange(0, 2).Draw(t, "rules") {
				p.Rules = append(p.Rules, Rule{When: rapid.SampledFrom([]string{"true", "false", "tools", `privacy == "public"`, `privacy == "internal"`, "complexity > 0.5"}).Draw(t, "when"), Use: rapid.SampledFrom(asked).Draw(t, "use"), Within: time.Millisecond})
			}
			if rapid.Bool().Draw(t, "split") {
				p.Split = []Share{{rapid.SampledFrom(asked).Draw(t, "use"), 1}, {rapid.SampledFrom(asked).Draw(t, "use"), 2}}
			}
			if err := p.Compile(); err != nil {
				t.Fatal(err)
			}
			r.Policies[p.Name] = p
			asked = append(asked, p.Name)
		}
		r.Default = rapid.SampledFrom(asked).Draw(t, "default")
		health := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) Live {
			return Live{FirstToken: time.Duration(rapid.IntRange(0, 5).Draw(t, "ms")) * time.Millisecond, ErrorRate: rapid.Float64Range(0, 1).Draw(t, "errors"), Open: rapid.Bool().Draw(t, "open")}
		}), 5, 5).Draw(t, "health")
		r.Live = func(m Model) Live { return health[int(m.Provider[1]-'0')] }
		r.Can = func(m Model) Abilities {
			return Abilities{Known: len(m.Name)%2 == 0, Images: m.Local, Tools: m.Internal, Window: 100}
		}
		env := Env{
			Privacy: string(Internal), Tools: rapid.Bool().Draw(t, "tools"), Complexity: rapid.Float64Range(0, 1).Draw(t, "complexity"), Tokens: rapid.IntRange(0, 1000).Draw(t, "tokens"),
			Sticky: rapid.SampledFrom([]string{"", "s"}).Draw(t, "sticky"), Random: rapid.Float64Range(0, 0.99).Draw(t, "random"), Needs: Needs{Images: rapid.Bool().Draw(t, "images")},
		}
		for _, name := range asked {
			d, err := r.Choose(name, env)
			if err != nil {
				continue // the name means nothing
			}
			for _, m := range d.Models {
				if !m.Internal && !m.Local {
					t.Fatalf("%q sends it to %s: %q", name, m.ID(), d.Reasons)
				}
			}
			if len(d.Models) == 0 && len(d.Candidates) > 0 && (!d.Refused || d.Why() == "") {
				t.Fatalf("%q: nobody may answer, and nobody says so", name)
			}
		}
	})
}

func TestPrivacyLabels(t *testing.T) {
	for _, bad := range []string{"Internal", "private", "INTERNAL ", "secret"} {
		if _, err := ParsePrivacy(bad); err == nil {
			t.Errorf("%q is taken for a label", bad)
		}
	}
	for _, c := range []struct{ p, q, want Privacy }{{"", "", ""}, {"", Public, Public}, {Public, "", Public}, {Public, Internal, Internal}, {Internal, Public, Internal}, {Internal, "", Internal}} {
		if got := c.p.Stricter(c.q); got != c.want {
			t.Errorf("%q and %q: %q", c.p, c.q, got)
		}
	}
}
