package judge

import (
	"strings"

	"github.com/dragoman/dragoman/internal/facts"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/knowledge/analysis"
)

// Claim is what a sentence says.
type Claim struct {
	text  string
	terms []term
	hard  []term // numbers and identifiers
	names []name
	dates []date
	facts *facts.Facts
}

// term is a word that carries meaning, as the index knows it.
type term struct {
	word   string // as written
	parts  []string
	whole  string
	clause int // of the claim
}

// NewClaim reads a sentence. Citations such as [2] are no part of what it says.
func NewClaim(sentence string) *Claim {
	c := &Claim{text: withoutCitations(sentence)}
	c.facts, c.names, c.dates = facts.Of(c.text), namesIn(c.text), datesIn(c.text)
	clause := 0
	for i := 0; ; {
		start, end := analysis.NextWord(c.text, i)
		if start == len(c.text) {
			return c
		}
		word := c.text[start:end]
		lower := strings.ToLower(word)
		if strings.ContainsAny(c.text[i:start], ",;:()") || lower == "and" || lower == "but" || lower == "while" {
			clause++
		}
		i = end
		tm := analysis.Of(word)
		t := term{word, tm.Parts, tm.Whole, clause}
		switch {
		case knowledge.LooksLikeCode(c.text, start, end) || isNumber(word):
			c.hard = append(c.hard, t)
		case analysis.IsStopword(lower) || knowledge.IsQuestionWord(lower) || len(word) < 2:
			continue
		}
		c.terms = append(c.terms, t)
	}
}

// Words is how many words of the claim carry meaning. A sentence of fewer than two is a heading, or a "yes".
func (c *Claim) Words() int { return len(c.terms) }

// is says whether a term is of a word in lower case.
func (t term) is(word string) bool {
	return t.whole == word || len(t.parts) == 1 && t.parts[0] == analysis.Stem(word)
}

// in says whether a term stands in a set of terms.
func (t term) in(terms map[string]bool) bool {
	if t.whole != "" && terms[t.whole] {
		return true
	}
	for _, p := range t.parts {
		if !terms[p] {
			return false
		}
	}
	return len(t.parts) > 0
}

// withoutCitations drops numbers of up to three digits in brackets.
func withoutCitations(s string) string {
	if !strings.Contains(s, "[") {
		return s
	}
	var b strings.Builder
	for i := 0; i < len(s); {
		if s[i] == '[' {
			if end := strings.IndexByte(s[i:], ']'); end > 1 && end < 5 && isNumber(s[i+1:i+end]) {
				i += end + 1
				continue
			}
		}
		b.WriteByte(s[i])
		i++
	}
	return b.String()
}

func isNumber(w string) bool {
	for i := range len(w) {
		if w[i] < '0' || w[i] > '9' {
			return false
		}
	}
	return w != ""
}
