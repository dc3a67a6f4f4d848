package judge

import (
	"strings"
	"testing"
)

func TestSentences(t *testing.T) {
	text := "It waits 1.5 s, e.g. for DNS. Then [1] it goes on [2]. Use `a. b` here!\nA line\n```go\nx. y\n```\nEnd"
	var got []string
	for rest := text; rest != ""; {
		n := NextSentence(rest, true)
		got = append(got, strings.TrimSpace(rest[:n]))
		rest = rest[n:]
	}
	want := []string{"It waits 1.5 s, e.g. for DNS.", "Then [1] it goes on [2].", "Use `a. b` here!", "A line", "```go\nx. y\n```", "End"}
	if strings.Join(got, "|") != strings.Join(want, "|") {
		t.Errorf("got  %q\nwant %q", got, want)
	}
}

func FuzzSentences(f *testing.F) {
	f.Add("A. b ```x``` c? [1] d\n\n```\n")
	f.Fuzz(func(t *testing.T, text string) {
		for rest := text; rest != ""; {
			n := NextSentence(rest, true)
			if n <= 0 || n > len(rest) {
				t.Fatalf("%q gives %d", rest, n)
			}
			NewClaim(rest[:n])
			rest = rest[n:]
		}
	})
}
