package cache

import (
	"math"
	"testing"
	"time"
)

// TestDiffer: what must never share an answer, and what may.
func TestDiffer(t *testing.T) {
	for _, c := range [][3]string{
		{"How many days of leave do I have after 2 years?", "How many days of leave do I have after 3 years?", "number"},
		{"Wait 5 minutes before the retry.", "Wait 5 hours before the retry.", "number"},
		{"What changed in version 2.10.0?", "What changed in version 2.10.1?", "number"},
		{"Is it allowed in Germany?", "Is it allowed in France?", "name"},
		{"How do I use PyTorch here?", "How do I use TensorFlow here?", "name"},
		{"What does `rename_column` do?", "What does `cast_column` do?", "name"},
		{"What does Dataset.map() do?", "What does Dataset.filter() do?", "name"},
		{"Can I carry over unused days?", "Can I not carry over unused days?", "negation"},
		{"Streaming is supported.", "Streaming isn't supported.", "negation"},
		{"How do I enable caching?", "How do I disable caching?", "opposite: enable and disable"},
		{"What happens before the deploy?", "What happens after the deploy?", "opposite: before and after"},
		{"Who approves invoices over $1,000?", "Who approves invoices over $10,000?", "number"},
	} {
		for range 2 {
			if got := FactsOf(c[0]).Differ(FactsOf(c[1])); got != c[2] && !(c[2][:3] == "opp" && got != "" && got[:3] == "opp") {
				t.Errorf("%q and %q differ by %q", c[0], c[1], got)
			}
			c[0], c[1] = c[1], c[0]
		}
	}
	for _, c := range [][2]string{
		{"How many days of leave do I have after two years?", "After 2 years, how much leave do I get?"},
		{"It doesn't mention any alternative.", "No alternative is mentioned."},
		{"You can rename the `intent_class` column with rename_column().", "The `rename_column()` function renames the intent_class column."},
		{"The Datasets library can be used with TensorFlow, PyTorch, and JAX.", "TensorFlow, PyTorch, and JAX are compatible with the Datasets library."},
		{"What is Ann's number?", "Which number does Ann have?"},
		{"Wait 5 min.", "wait 5 minutes"},
		{"Costs 1,000 USD", "It costs $1000"},
		{"", ""},
	} {
		if got := FactsOf(c[0]).Differ(FactsOf(c[1])); got != "" {
			t.Errorf("%q and %q differ by %s", c[0], c[1], got)
		}
	}
}

func at(angle float64) []float32 {
	return []float32{float32(math.Cos(angle)), float32(math.Sin(angle))}
}

func TestSemantic(t *testing.T) {
	now := time.Unix(0, 0)
	c := NewSemantic[string](0.9, 10_000, time.Hour, func() time.Time { return now })
	a, b := KeyOf("a"), KeyOf("b")
	plain := FactsOf("how do I round prices")
	c.Put(a, at(0), plain, "zero", 0)
	c.Put(a, at(0.3), plain, "third", 0)
	c.Put(a, at(0.2), FactsOf("how do I round 7 prices"), "seven", 0)
	get := func(scope Key, angle float64) string {
		m, ok, near := c.Get(scope, at(angle), plain, 0)
		if !ok {
			return "none " + near
		}
		return m.Value
	}
	for _, q := range []struct {
		scope Key
		angle float64
		want  string
	}{{a, 0.05, "zero"}, {a, 0.2, "third"}, {a, 1.5, "none "}, {b, 0, "none "}} {
		if got := get(q.scope, q.angle); got != q.want {
			t.Errorf("at %v: %s", q.angle, got)
		}
	}
	if _, ok, near := c.Get(a, at(0.2), FactsOf("how do I round 8 prices"), 0); ok || near != "number" {
		t.Errorf("another number is answered, %q", near)
	}
	if _, ok, _ := c.Get(a, []float32{1, 0, 0}, plain, 0); ok {
		t.Error("a vector of another model is answered")
	}
	now = now.Add(30 * time.Minute)
	if _, ok, _ := c.Get(a, at(0), plain, time.Minute); ok {
		t.Error("older than was asked for")
	}
	for i := range 100 {
		c.Put(b, at(float64(i)), plain, "filler", 0)
	}
	if n := c.Len(); n > 20 || get(a, 0) != "none " {
		t.Errorf("%d answers in 10 KB, and the oldest is still there", n)
	}
	now = now.Add(time.Hour)
	if get(b, 99) != "none " || c.Len() != 0 || len(c.scopes) != 0 {
		t.Errorf("%d answers outlive their time", c.Len())
	}
	c.Put(a, at(0), plain, "huge", 20_000)
	if c.Len() != 0 {
		t.Error("larger than the cache")
	}
}

func FuzzFacts(f *testing.F) {
	f.Add("How do I enable `x_y()` after 2.5 days?", "not \"quoted")
	f.Fuzz(func(t *testing.T, a, b string) {
		x, y := FactsOf(a), FactsOf(b)
		if (x.Differ(y) == "") != (y.Differ(x) == "") {
			t.Errorf("%q and %q: one way only", a, b)
		}
		if why := x.Differ(x); why != "" {
			t.Errorf("%q differs from itself by %s", a, why)
		}
	})
}
