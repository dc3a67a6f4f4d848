package ledger

import (
	"slices"
	"testing"
	"time"
)

func day(s string) time.Time {
	t, err := time.Parse(time.DateOnly, s)
	if err != nil {
		panic(err)
	}
	return t
}

func catalogue(t testing.TB, own ...Entry) *Catalogue {
	t.Helper()
	c, err := NewCatalogue(own...)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestLookup(t *testing.T) {
	c := catalogue(t)
	tests := []struct {
		provider, model, at string
		input               string // "" where unknown
	}{
		{"openai", "gpt-4.1", "2026-01-01", "$2.00"},
		{"openai", "gpt-4.1-2025-04-14", "2026-01-01", "$2.00"},
		{"openai", "gpt-4.1-mini-2025-04-14", "2026-01-01", "$0.40"},
		{"openai", "gpt-4.1-huge", "2026-01-01", ""}, // a sibling nobody has priced
		{"openai", "gpt-4.1", "2025-04-13", ""},      // before it was sold
		{"openai", "o3", "2025-06-09", "$10.00"},
		{"openai", "o3", "2025-06-10", "$2.00"},
		{"openai", "o3-mini", "2025-07-01", "$1.10"},
		{"anthropic", "claude-opus-4-20250514", "2026-01-01", "$15.00"},
		{"anthropic", "claude-opus-4-5-20251101", "2026-01-01", "$5.00"},
		{"anthropic", "claude-sonnet-5-20260101", "2026-11-01", "$2.00"},
		{"gemini", "gemini-2.5-flash-lite", "2026-01-01", "$0.10"},
		{"rack", "gpt-4.1", "2026-01-01", ""}, // somebody else's server
		{"local", "anything", "2026-01-01", "$0.00"},
		{"extractive", "", "2026-01-01", "$0.00"},
	}
	for _, tt := range tests {
		p, known := c.Lookup(tt.provider, tt.model, day(tt.at))
		got := ""
		if known {
			got = p.Input.String()
		}
		if got != tt.input {
			t.Errorf("Lookup(%s, %s, %s): input %q, want %q", tt.provider, tt.model, tt.at, got, tt.input)
		}
	}
}

func TestOwnPricesWin(t *testing.T) {
	own := Entry{Provider: "openai", Models: []string{"gpt-4.1*"}, Price: Price{Rates: Rates{Input: 7}}}
	c := catalogue(t, own, Free("ollama"))
	if p, _ := c.Lookup("openai", "gpt-4.1", day("2026-01-01")); p.Input != 7 {
		t.Errorf("input = %v, want the operator's own price", p.Input)
	}
	if p, known := c.Lookup("ollama", "qwen", day("2026-01-01")); !known || p != (Price{}) {
		t.Errorf("Free: %v, known %v", p, known)
	}
	// What is said to be free, because it seems to be on this machine, is not where a price is known.
	c = catalogue(t, Free("openai"))
	if p, _ := c.Lookup("openai", "gpt-4.1", day("2026-01-01")); p.Input != 2*USD {
		t.Errorf("input = %v, want the list's", p.Input)
	}
	if p, known := c.Lookup("openai", "mine", day("2026-01-01")); !known || p != (Price{}) {
		t.Errorf("Free: %v, known %v", p, known)
	}
}

// TestEntriesComplete: what one entry does not say is taken from the next, and a model may be priced as another.
func TestEntriesComplete(t *testing.T) {
	blind, err := NewAbilities("tools")
	if err != nil {
		t.Fatal(err)
	}
	c := catalogue(t,
		Entry{Provider: "openai", Models: []string{"gpt-4.1"}, Unpriced: true, Price: Price{Can: blind}},
		Entry{Provider: "azure", Models: []string{"our-mini"}, Unpriced: true, As: "openai/gpt-4.1-mini"},
		Entry{Provider: "azure", Models: []string{"our-big"}, As: "openai/gpt-4.1", Price: Price{Rates: Rates{Input: 1}, Context: 5}},
		Entry{Provider: "eu", Models: []string{"*"}, Unpriced: true, As: "anthropic/*"},
		Entry{Provider: "rack", Models: []string{"*"}, Unpriced: true, Price: Price{Context: 32_000}},
	)
	for _, tt := range []struct {
		provider, model, input string
		context, most          int64
		can                    Abilities
	}{
		{"openai", "gpt-4.1", "$2.00", 1047576, 32768, blind},
		{"azure", "our-mini", "$0.40", 1047576, 32768, Abilities{Known: true, Tools: true, Images: true, Documents: true, Schema: true}},
		{"azure", "our-big", "$0.000000001", 5, 32768, Abilities{Known: true, Tools: true, Images: true, Documents: true, Schema: true}},
		{"azure", "another", "", 0, 0, Abilities{}},
		{"eu", "claude-haiku-4-5", "$1.00", 200000, 64000, Abilities{Known: true, Tools: true, Images: true, Documents: true, Schema: true, Reasoning: true}},
		{"rack", "qwen", "", 32000, 0, Abilities{}}, // its window is known, its price is not
	} {
		p, known := c.Lookup(tt.provider, tt.model, day("2026-01-01"))
		got := ""
		if known {
			got = p.Input.String()
		}
		if got != tt.input || p.Context != tt.context || p.MaxOutput != tt.most || p.Can != tt.can {
			t.Errorf("%s/%s: input %q, %+v", tt.provider, tt.model, got, p)
		}
	}
	for name, want := range map[string]bool{"openai/gpt-4.1": true, "openai/gpt-4.1-2025-04-14": true, "openai/*": true, "openai/nothing": false, "nobody/*": false} {
		if c.Listed(name) != want {
			t.Errorf("%s: listed %v", name, !want)
		}
	}
}

// A missing cache price falls back to the input price and not to nothing.
func TestMissingCachePrices(t *testing.T) {
	entries, err := parsePrices([]byte(`{"prices": [{"provider": "x", "models": ["m"], "from": "2026-01-01", "input": "3", "output": "9"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	if r := entries[0].Price.Rates; r.CachedInput != 3*USD || r.CacheWrite != 3*USD || r.CacheHour != 3*USD {
		t.Errorf("rates = %+v", r)
	}
	for _, bad := range []string{
		`{"provider": "x", "models": ["m"], "from": "2026-01-01", "input": "3"}`,
		`{"provider": "x", "models": ["m"], "from": "tomorrow", "input": "3", "output": "1"}`,
		`{"provider": "x", "models": ["m"], "from": "2026-01-01", "input": "-3", "output": "1"}`,
		`{"provider": "x", "models": ["m"], "from": "2026-01-01", "input": "3", "output": "1", "long": {"over": 5, "input": "1"}}`,
		`{"provider": "x", "models": ["m"], "from": "2026-01-01", "input": "3", "output": "1", "image": "-1"}`,
		`{"provider": "x", "models": ["m"], "from": "2026-01-01", "input": "3", "output": "1", "reasoning": "-1"}`,
		`{"provider": "x", "models": ["m"], "from": "2026-01-01", "input": "3", "output": "1", "can": ["fly"]}`,
		`{"provider": "x", "modles": ["m"], "from": "2026-01-01", "input": "3", "output": "1"}`,
	} {
		if _, err := parsePrices([]byte(`{"prices": [` + bad + `]}`)); err == nil {
			t.Errorf("%s: no error", bad)
		}
	}
}

func TestBuiltInListIsSane(t *testing.T) {
	c := catalogue(t)
	if len(c.list) < 40 {
		t.Fatalf("only %d entries", len(c.list))
	}
	type key struct {
		provider, model string
		from            time.Time
	}
	seen := map[key]bool{}
	for _, e := range c.list {
		for _, m := range e.Models {
			k := key{e.Provider, m, e.From}
			if seen[k] {
				t.Errorf("%v is listed twice", k)
			}
			seen[k] = true
		}
		p := e.Price
		if p.CachedInput > p.Input {
			t.Errorf("%v: cached input dearer than input", e.Models)
		}
		if p.LongOver > 0 && (p.Long.Input < p.Input || p.Long.Output < p.Output) {
			t.Errorf("%v: long prompts cheaper than short ones", e.Models)
		}
		if p.CacheHour < p.CacheWrite {
			t.Errorf("%v: an hour in the cache costs less than five minutes", e.Models)
		}
		free := slices.Contains([]string{"local", "extractive"}, e.Provider) || e.Models[0] == "omni-moderation-latest"
		if !free && (p.Input == 0 || p.Context == 0) {
			t.Errorf("%v: no price or no context window", e.Models)
		}
	}
}

func BenchmarkNewCatalogue(b *testing.B) {
	for b.Loop() {
		catalogue(b)
	}
}
