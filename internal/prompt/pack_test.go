package prompt

import (
	"strings"
	"testing"

	"pgregory.net/rapid"
)

func TestPack(t *testing.T) {
	long, short := strings.Repeat("words and more ", 100), "words"
	other, third := strings.Repeat("something else ", 100), strings.Repeat("the third text ", 100)
	for name, c := range map[string]struct {
		items  []Item
		budget int
		want   string // f full, s short, p another part, = the same as another, - left out
	}{
		"room for all":                {[]Item{{Full: long, Short: short}, {Full: other, Short: short}}, 5000, "ff"},
		"trimmed":                     {[]Item{{Full: long, Short: short}, {Full: other, Short: short}}, 100, "ss"},
		"the first is whole":          {[]Item{{Full: long, Short: short}, {Full: other, Short: short}, {Full: third, Short: short}}, 450, "fss"},
		"a gap is filled":             {[]Item{{Full: "small"}, {Full: long}, {Full: "tiny"}}, 90, "f-f"},
		"no room at all":              {[]Item{{Full: long, Short: short}}, 0, "-"},
		"the best is cut, not lost":   {[]Item{{Full: strings.Repeat("a line of it\n", 100)}, {Full: "tiny"}}, 150, "p-"},
		"more relevance per token":    {[]Item{{Full: "best", Value: 9}, {Full: long, Value: 2}, {Full: other[:450], Value: 2}, {Full: third[:450], Value: 2}}, 420, "f-ff"},
		"pinned comes first":          {[]Item{{Full: long, Value: 9}, {Full: other, Value: 1, Pinned: true}}, 340, "-f"},
		"said twice":                  {[]Item{{Full: "a  b\nc d"}, {Full: "c d"}, {Full: "a b c d"}, {Full: "c d e"}}, 500, "f==f"},
		"what is pinned is kept":      {[]Item{{Full: "a b"}, {Full: "a b", Pinned: true}}, 500, "ff"},
		"nothing at all to be merged": {[]Item{{Full: ""}, {Full: ""}}, 500, "--"},
	} {
		packed, used := Pack(c.items, c.budget)
		got := ""
		for i, p := range packed {
			switch {
			case p.Same > 0:
				got += "="
			case p.Text == "":
				got += "-"
			case p.Text == c.items[i].Full:
				got += "f"
			case p.Text == c.items[i].Short:
				got += "s"
			default:
				got += "p"
			}
		}
		if got != c.want || used > c.budget {
			t.Errorf("%s: %s with %d of %d, want %s", name, got, used, c.budget, c.want)
		}
	}
}

func TestPackNeverExceeds(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		items := rapid.SliceOf(rapid.Custom(func(rt *rapid.T) Item {
			full := rapid.StringN(0, 400, -1).Draw(rt, "full")
			return Item{Full: full, Short: full[:rapid.IntRange(0, len(full)).Draw(rt, "cut")], Value: rapid.Float64Range(-1, 30).Draw(rt, "value"), Pinned: rapid.Bool().Draw(rt, "pinned"), Code: rapid.Bool().Draw(rt, "code")}
		})).Draw(rt, "items")
		budget := rapid.IntRange(0, 2000).Draw(rt, "budget")
		packed, used := Pack(items, budget)
		sum := 0
		for i, p := range packed {
			sum += p.Tokens
			if p.Same > i {
				rt.Fatalf("%d says the same as %d, which comes later", i+1, p.Same)
			}
			if p.Text != "" && p.Tokens < Tokens(p.Text) {
				rt.Fatalf("%q counted as %d tokens", p.Text, p.Tokens)
			}
		}
		if used > budget || used != sum || len(packed) != len(items) {
			rt.Fatalf("used %d (%d) of %d", used, sum, budget)
		}
	})
}

func TestCut(t *testing.T) {
	code := "func a() {\n\tone()\n\ttwo()\n}\nfunc b() {\n\tthree()\n\tfour()\n}\nfunc c() {\n\tfive()\n}\n"
	for _, c := range []struct {
		name, text string
		tokens     int
		code       bool
		want       string
	}{
		{"all of it", code, 200, true, code},
		{"at a function's end", code, 38, true, "func a() {\n\tone()\n\ttwo()\n}\nfunc b() {\n\tthree()\n\tfour()\n}\n[...]"},
		{"at a paragraph's end", "One two three.\n\nFour five six.\nSeven eight.\n\nNine ten eleven twelve.\nThirteen.\n", 17, false, "One two three.\n\nFour five six.\nSeven eight.\n[...]"},
		{"at a sentence's end", "One two three. Four five six. Seven eight nine ten eleven twelve thirteen fourteen.", 14, false, "One two three. Four five six. [...]"},
		{"nothing fits", code, 3, true, ""},
	} {
		if got := Cut(c.text, c.tokens, c.code); got != c.want {
			t.Errorf("%s: %q, want %q", c.name, got, c.want)
		}
	}
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.StringMatching(`([a-z]{1,9}[ .\n{}\t]{1,2}){0,80}`).Draw(rt, "text")
		n := rapid.IntRange(0, 100).Draw(rt, "tokens")
		for _, isCode := range []bool{false, true} {
			if got := Cut(text, n, isCode); Tokens(got) > n {
				rt.Fatalf("%q has %d tokens, not %d", got, Tokens(got), n)
			}
		}
		if got := cutMiddle(text, n); Tokens(text) > n && Tokens(got) > n {
			rt.Fatalf("%q has %d tokens, not %d", got, Tokens(got), n)
		}
	})
}
