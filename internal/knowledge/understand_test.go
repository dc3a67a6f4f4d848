package knowledge

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestUnderstand(t *testing.T) {
	now := time.Date(2025, 11, 25, 15, 0, 0, 0, time.UTC)
	day := time.Date(2025, 11, 25, 0, 0, 0, 0, time.UTC)
	for text, want := range map[string]Understood{
		"why is it slow?": {Text: "why is it slow?"},
		"path:internal lang:go -type:test why is it slow?": {Text: "why is it slow?", Filter: Filter{Paths: []string{"internal"}, Languages: []string{"go"}, NotTypes: []string{"test"}}},
		"why is it slow? team:billing author:ann,bob":      {Text: "why is it slow?", Filter: Filter{Teams: []string{"billing"}, Authors: []string{"ann", "bob"}}},
		`retries path:"my docs/x"`:                         {Text: "retries", Filter: Filter{Paths: []string{"my docs/x"}}},
		`path:"my docs/x" retries`:                         {Text: "retries", Filter: Filter{Paths: []string{"my docs/x"}}},
		"after:7d before:today what changed":               {Text: "what changed", Filter: Filter{After: day.AddDate(0, 0, -7), Before: day}},
		"what changed after:2025-03":                       {Text: "what changed", Filter: Filter{After: time.Date(2025, 3, 1, 0, 0, 0, 0, time.UTC)}},
		"after:lunch it fails":                             {Text: "after:lunch it fails", Odd: []string{"after:lunch"}},
		"what does type:function mean here":                {Text: "what does type:function mean here"},
		"path://x y":                                       {Text: "path://x y"},
		"lang:go\nlevel=info path:/x":                      {Text: "lang:go\nlevel=info path:/x"},
		`why "permission denied" on start?`:                {Text: `why "permission denied" on start?`, Phrases: []string{"permission denied"}},
		`what says “no such file”?`:                        {Text: "what says “no such file”?", Phrases: []string{"no such file"}},
		`fmt.Println("hello world") prints "x"`:            {Text: `fmt.Println("hello world") prints "x"`},
		"lang:go":                                          {Filter: Filter{Languages: []string{"go"}}},
		"":                                                 {},
	} {
		if d := cmp.Diff(want, Understand(text, now)); d != "" {
			t.Errorf("%q:\n%s", text, d)
		}
	}
}

func TestParseWhen(t *testing.T) {
	now := time.Date(2025, 3, 31, 15, 30, 0, 0, time.UTC)
	for s, want := range map[string]string{
		"2025-11-25": "2025-11-25T00:00:00Z", "2024": "2024-01-01T00:00:00Z", "2025-11-25T10:00:00Z": "2025-11-25T10:00:00Z", "12h": "2025-03-31T03:30:00Z",
		"2w": "2025-03-17T00:00:00Z", "1m": "2025-03-03T00:00:00Z", "1y": "2024-03-31T00:00:00Z", "yesterday": "2025-03-30T00:00:00Z",
	} {
		if at, ok := ParseWhen(s, now); !ok || at.Format(time.RFC3339) != want {
			t.Errorf("%s is %v, want %s", s, at, want)
		}
	}
	for _, s := range []string{"x", "7", "d", "-7d", "99999999d", "7x", "lunch"} {
		if at, ok := ParseWhen(s, now); ok {
			t.Errorf("%s was taken for %v", s, at)
		}
	}
}

func TestContainsPhrase(t *testing.T) {
	for _, c := range []struct {
		text, phrase string
		want         bool
	}{
		{"a Permission\n\tdenied b", "permission denied", true}, {"permission is denied", "permission denied", false}, {"a a a b", "a a b", true},
		{"", "a b", false}, {"err := os.Open", "os open", true},
	} {
		if got := containsPhrase(c.text, wordsOf(c.phrase)); got != c.want {
			t.Errorf("%q in %q: %v", c.phrase, c.text, got)
		}
	}
}

func TestFocus(t *testing.T) {
	for name, c := range map[string]struct{ text, want string }{
		"no trace": {"two\nlines", "two\nlines"},
		"go": {"why?\npanic: assignment to entry in nil map\n\ngoroutine 1 [running]:\nexample.com/app/store.(*Cache).Put(0xc000, {0x1, 0x2})\n\t/src/app/store/cache.go:42 +0x1d\nmain.main()\n\t/src/app/main.go:9 +0x20\nexit status 2\n",
			"why?\npanic: assignment to entry in nil map\n\nCache.Put main"},
		"python": {"Traceback (most recent call last):\n  File \"/app/run.py\", line 9, in main\n    load(path)\n  File \"/app/load.py\", line 31, in load\n    raise ValueError(x)\nValueError: no header in file",
			"ValueError: no header in file\nmain load"},
		"java": {"java.lang.IllegalStateException: pool is closed\n\tat com.x.Pool.take(Pool.java:31)\n\tat com.x.Server$Worker.run(Server.java:12)\n\t... 3 more",
			"java.lang.IllegalStateException: pool is closed\nPool.take Server$Worker.run"},
		"node": {"TypeError: x is not a function\n    at Object.send (/app/lib/reply.js:10:5)\n    at async handle (/app/lib/server.js:3:1)", "TypeError: x is not a function\nObject.send handle"},
	} {
		if got := focus(c.text); got != c.want {
			t.Errorf("%s:\n%q, want\n%q", name, got, c.want)
		}
	}
}

func FuzzUnderstand(f *testing.F) {
	f.Add(`path:"a b" x lang:go "c d"`)
	f.Add("-type:\" after:1d \"")
	f.Fuzz(func(t *testing.T, text string) {
		u := Understand(text, time.Unix(1e9, 0))
		if len(u.Text) > len(text) {
			t.Fatalf("%q became longer: %q", text, u.Text)
		}
		focus(text)
	})
}
