package prompt

import (
	"testing"
	"unicode/utf8"

	"pgregory.net/rapid"
)

func TestTokens(t *testing.T) {
	// The counts of a real tokenizer (cl100k), and how far from them an estimate may lie: high is harmless, low is not.
	for text, real := range map[string]int{
		"Hello, world!": 4,
		"The delay doubles with each retry, up to thirty seconds.":                          12,
		"func (s *scanner) feed(text string, final bool) {\n\ts.buf += text\n\treturn\n}\n": 22,
		`{"max_tokens": 4096, "temperature": 0.1, "stream": true}`:                          21,
		"2026-11-23T22:05:11.123Z level=info msg=\"request done\" ms=12":                    26,
		"          indented by ten":                                                         5,
	} {
		if got := Tokens(text); float64(got) < 0.75*float64(real) || float64(got) > 1.6*float64(real) {
			t.Errorf("%q: estimated %d, counted %d", text, got, real)
		}
	}
	if Tokens("") != 0 {
		t.Error("nothing has tokens")
	}
}

func TestTokensBounds(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		a, b := rapid.String().Draw(rt, "a"), rapid.String().Draw(rt, "b")
		n := Tokens(a)
		if n < 0 || n > len(a) || a != "" && utf8.ValidString(a) && n == 0 {
			rt.Fatalf("%d tokens in %d bytes", n, len(a))
		}
		if both := Tokens(a + "\n" + b); both < n {
			rt.Fatalf("more text has fewer tokens: %d after %d", both, n)
		}
	})
}
