package analysis

import (
	"strings"
	"unicode/utf8"

	"github.com/blevesearch/snowballstem"
	"github.com/blevesearch/snowballstem/english"
)

// Terms are what one word is indexed under.
type Terms struct {
	// Parts holds the stem of each part, in order. A plain word has one.
	Parts []string
	// Whole is the joined, lower-cased identifier; empty unless the word has several parts.
	Whole string
}

// Of analyses one word as found by NextWord.
func Of(word string) Terms {
	if r, _ := utf8.DecodeRuneInString(word); IsCJK(r) {
		return Terms{Parts: bigrams(word)}
	}
	var buf [8]string
	raw := Parts(buf[:0], word)
	t := Terms{Parts: make([]string, 0, len(raw))}
	for _, p := range raw {
		t.Parts = append(t.Parts, Stem(strings.ToLower(p)))
	}
	if len(raw) > 1 {
		t.Whole = strings.ToLower(strings.Join(raw, ""))
	}
	return t
}

// Stem reduces a lower-case English word to its stem (Porter's second algorithm, "Snowball English"). Words with digits
// or of fewer than four letters stay as they are: they are names or abbreviations more often than inflections.
func Stem(word string) string {
	if len(word) < 4 {
		return word
	}
	for i := range len(word) {
		if c := word[i]; c < 'a' || c > 'z' {
			return word
		}
	}
	env := snowballstem.NewEnv(word)
	english.Stem(env)
	return env.Current()
}

// bigrams yields the overlapping pairs of a run of CJK characters, or the one character that there is.
func bigrams(run string) []string {
	runes := []rune(run)
	if len(runes) == 1 {
		return []string{run}
	}
	out := make([]string, 0, len(runes)-1)
	for i := range len(runes) - 1 {
		out = append(out, string(runes[i:i+2]))
	}
	return out
}

// Each calls emit with the terms of every word of text, in order.
func Each(text string, emit func(word string, t Terms)) {
	for i := 0; ; {
		start, end := NextWord(text, i)
		if start == len(text) {
			return
		}
		emit(text[start:end], Of(text[start:end]))
		i = end
	}
}
