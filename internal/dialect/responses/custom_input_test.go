package responses

import "testing"

func FuzzInputReader(f *testing.F) {
	f.Add(`{"input":"a\n\ud83d\ude00b\u00e4"}`, 5)
	f.Add(`{ "inp`, 1)
	f.Add(`{"input":"\\u\\u0000\\d"x`, 1)
	f.Fuzz(func(t *testing.T, s string, n int) {
		var one inputReader
		got := one.add(s)
		whole, rest := one.finish()
		if got+rest != whole {
			t.Fatalf("%q + %q is not %q", got, rest, whole)
		}
		var r inputReader
		got = ""
		for n = max(1, n); len(s) > 0; {
			k := min(n, len(s))
			got += r.add(s[:k])
			s = s[k:]
		}
		again, rest := r.finish()
		if got+rest != again || again != whole {
			t.Fatalf("in pieces %q + %q, whole %q", got, rest, whole)
		}
	})
}

// Models make mistakes in long strings.
func TestCustomInput(t *testing.T) {
	for arguments, want := range map[string]string{
		customArguments("a\"\n\\\u2028😀"): "a\"\n\\\u2028😀",
		"{\"input\":\"\\d+ \n\\u12\"}":    "\\d+ \n\\u12",
		`{"input":"cut \ud83d`:            "cut ",
		`"alone"`:                         "alone",
		`*** Begin`:                       "*** Begin",
		`{"patch":"x"}`:                   `{"patch":"x"}`,
		`{"why":"y","input":"x"}`:         "x",
		``:                                "",
	} {
		if got := customInput(arguments); got != want {
			t.Errorf("%s: %q, want %q", arguments, got, want)
		}
	}
}
