package assistant

import (
	"math"
	"strings"

	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/knowledge/analysis"
)

// supporter tells which of a turn's sources bears out a sentence, by the words that they share: a rarer word, by the
// sources, weighs more, and a number or identifier that a source lacks speaks against it. It is a lexical judge: it notices
// what was made up, not what was turned around.
type supporter struct {
	sources []map[string]bool // terms of each source
	df      map[string]int
	known   map[string]bool // terms of the question, which an answer may repeat
}

// supported is the score from which a source is taken to bear out a sentence, and weakly the one from which it is said to
// be about the same thing.
const (
	supported = 0.55
	weakly    = 0.3
)

func newSupporter(sources []Source, question string) *supporter {
	s := &supporter{df: map[string]int{}, known: map[string]bool{}}
	for i := range sources {
		terms := map[string]bool{}
		collect := func(_ string, t analysis.Terms) {
			for _, p := range t.Parts {
				terms[p] = true
			}
			if t.Whole != "" {
				terms[t.Whole] = true
			}
		}
		analysis.Each(sources[i].Text, collect)
		analysis.Each(sources[i].Symbol, collect)
		analysis.Each(sources[i].Path, collect)
		for t := range terms {
			s.df[t]++
		}
		s.sources = append(s.sources, terms)
	}
	analysis.Each(question, func(word string, t analysis.Terms) {
		s.known[strings.ToLower(word)] = true
		for _, p := range t.Parts {
			s.known[p] = true
		}
	})
	return s
}

// claim is what a sentence says, as terms.
type claim struct {
	terms []claimTerm
	hard  []claimTerm // numbers and identifiers
}

type claimTerm struct {
	parts []string
	whole string
}

func newClaim(sentence string) claim {
	var c claim
	for i := 0; ; {
		start, end := analysis.NextWord(sentence, i)
		if start == len(sentence) {
			return c
		}
		i = end
		word := sentence[start:end]
		lower := strings.ToLower(word)
		if inBrackets(sentence, start, end) {
			continue // a citation
		}
		t := analysis.Of(word)
		ct := claimTerm{t.Parts, t.Whole}
		switch {
		case knowledge.LooksLikeCode(sentence, start, end) || isNumber(word):
			c.hard = append(c.hard, ct)
		case analysis.IsStopword(lower) || knowledge.IsQuestionWord(lower) || len(word) < 2:
			continue
		}
		c.terms = append(c.terms, ct)
	}
}

func inBrackets(s string, start, end int) bool {
	return isNumber(s[start:end]) && start > 0 && s[start-1] == '[' && end < len(s) && s[end] == ']'
}

func isNumber(w string) bool {
	for i := range len(w) {
		if w[i] < '0' || w[i] > '9' {
			return false
		}
	}
	return w != ""
}

func (ct claimTerm) in(terms map[string]bool) bool {
	if ct.whole != "" && terms[ct.whole] {
		return true
	}
	for _, p := range ct.parts {
		if !terms[p] {
			return false
		}
	}
	return len(ct.parts) > 0
}

// best returns the source that bears out the claim best, from 0, and how well (0..1); -1 when there is nothing to compare.
func (s *supporter) best(c claim) (source int, score float64) {
	source = -1
	for i := range s.sources {
		if v := s.score(c, i); v > score {
			source, score = i, v
		}
	}
	return source, score
}

func (s *supporter) score(c claim, i int) float64 {
	total, found := 0.0, 0.0
	for _, ct := range c.terms {
		w := s.weight(ct)
		total += w
		if ct.in(s.sources[i]) {
			found += w
		}
	}
	if total == 0 {
		return 0
	}
	score := found / total
	for _, ct := range c.hard {
		if !ct.in(s.sources[i]) && !ct.in(s.known) {
			score *= 0.6
		}
	}
	return score
}

func (s *supporter) weight(ct claimTerm) float64 {
	df := 0
	for _, p := range ct.parts {
		df = max(df, s.df[p])
	}
	return math.Log(1 + float64(len(s.sources)+1)/(float64(df)+0.5))
}

// unfounded returns the first number or identifier of a claim that stands in no source and not in the question.
func (s *supporter) unfounded(c claim) (string, bool) {
	for _, ct := range c.hard {
		ok := ct.in(s.known)
		for i := range s.sources {
			ok = ok || ct.in(s.sources[i])
		}
		if !ok {
			if ct.whole != "" {
				return ct.whole, true
			}
			return strings.Join(ct.parts, ""), true
		}
	}
	return "", false
}
