package conversation

import (
	"strings"

	"github.com/dragoman/dragoman/internal/knowledge/analysis"
)

// Lexicon remembers the terms of words while texts are compared, since most words come again and finding stems takes long. It
// belongs to one goroutine.
type Lexicon map[string][]string

// Words are the terms of a text by which it is found: the stems of words and of the parts of identifiers, without the words
// that every text has.
func (l Lexicon) Words(text string) []string {
	out := make([]string, 0, len(text)/6)
	for i := 0; ; {
		start, end := analysis.NextWord(text, i)
		if start == len(text) {
			return out
		}
		word := text[start:end]
		terms, known := l[word]
		if !known {
			if !analysis.IsStopword(strings.ToLower(word)) {
				t := analysis.Of(word)
				if terms = t.Parts; t.Whole != "" {
					terms = append(terms, t.Whole)
				}
			}
			l[word] = terms
		}
		out = append(out, terms...)
		i = end
	}
}
