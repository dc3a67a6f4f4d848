package cli

import (
	"strings"
	"testing"
	"unicode"

	"pgregory.net/rapid"
)

func TestSafe(t *testing.T) {
	for in, want := range map[string]string{
		"plain\ttext\n":         "plain\ttext\n",
		"\x1b[31mred\x1b[0m":    "␛[31mred␛[0m",
		"bell\a, delete\x7f":    "bell␇, delete\uFFFD",
		"over\rwritten":         "overwritten",
		"\u202Eright to left":   "\uFFFDright to left",
		"\u009b2J, \xff, 日本語 ü": "\uFFFD2J, \uFFFD, 日本語 ü",
	} {
		if got := safe(in); got != want {
			t.Errorf("%q became %q, want %q", in, got, want)
		}
	}
}

// written is what a terminal gets when the text comes in the given pieces.
func written(color bool, pieces []string) string {
	var b strings.Builder
	a := &answerWriter{t: &terminal{w: &b, color: color}}
	for _, p := range pieces {
		a.write(p)
	}
	a.finish()
	return b.String()
}

func TestAnswerWriterDoesNotMindPieces(t *testing.T) {
	part := rapid.SampledFrom([]string{"**[1] a.go:1-2** · F", "\n", "```go", "▶ 12 │ x := 1", "  13 │ y", "text ", "ü", "日本", "# title", "a `code` b", " ", "\x1b[2J"})
	rapid.Check(t, func(rt *rapid.T) {
		text := strings.Join(rapid.SliceOf(part).Draw(rt, "text"), "")
		var pieces []string
		for rest := text; rest != ""; {
			n := rapid.IntRange(1, min(len(rest), 9)).Draw(rt, "piece")
			pieces = append(pieces, rest[:n])
			rest = rest[n:]
		}
		for _, color := range []bool{false, true} {
			whole, cut := written(color, []string{text}), written(color, pieces)
			if whole != cut {
				rt.Fatalf("colour %v: in pieces %q, whole %q", color, cut, whole)
			}
		}
		plain := written(false, []string{text})
		if strings.TrimRight(plain, "\n") != strings.TrimRight(safe(text), "\n") || !strings.HasSuffix(plain, "\n\n") && strings.Trim(plain, "\n") != "" {
			rt.Fatalf("%q was written for %q", plain, text)
		}
		for _, r := range plain {
			if unicode.IsControl(r) && r != '\n' && r != '\t' {
				rt.Fatalf("%q holds a control character", plain)
			}
		}
	})
}
