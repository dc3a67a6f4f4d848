package knowledge

import (
	"slices"
	"strings"

	"github.com/dragoman/dragoman/internal/knowledge/analysis"
)

// lexicon tells what the words of texts have to do with a question. Nearly all words have nothing, and are passed over
// by how they begin.
type lexicon struct {
	q      *question
	begins [256][]string // how words begin that may be or contain a term: by their first byte, in lower case
	words  map[string][]termUse
}

func newLexicon(q *question) *lexicon {
	l := &lexicon{q: q, words: map[string][]termUse{}}
	for term := range q.byTerm {
		// Of 650,000 words of code and documents three have a stem that differs from them before its last letter.
		switch term {
		case "die", "lie", "tie": // dying
			term = term[:1]
		default:
			if len(term) > 1 && term[0] < 0x80 {
				term = term[:len(term)-1]
			}
		}
		if list := &l.begins[term[0]]; !slices.Contains(*list, term) {
			*list = append(*list, term)
		}
	}
	return l
}

// uses returns the concepts for which a word as written speaks.
func (l *lexicon) uses(word string) []termUse {
	if !l.concerns(word) {
		return nil
	}
	uses, known := l.words[word]
	if !known {
		uses = l.lookUp(word)
		l.words[word] = uses
	}
	return uses
}

// concerns says whether a word may be or contain a term of the question.
func (l *lexicon) concerns(word string) bool {
	if l.begin(word) {
		return true
	}
	for i := range len(word) {
		if c := word[i]; i == 0 && c >= 'A' && c <= 'Z' || c >= 'a' && c <= 'z' || c >= '0' && c <= '9' {
			continue
		} else if c >= 0x80 {
			return true // lower case may have other bytes
		}
		return l.partsConcern(word) // there are capitals or underscores in it
	}
	return false
}

// partsConcern is concerns for an identifier of several parts. Its parts joined begin as the first one does.
func (l *lexicon) partsConcern(word string) bool {
	var buf [8]string
	parts := analysis.Parts(buf[:0], word)
	if len(parts) == 0 {
		return false
	}
	for _, p := range parts {
		if l.begin(p) || p[0] >= 0x80 {
			return true
		}
	}
	first := parts[0]
	for _, b := range l.begins[lower(first[0])] {
		if len(b) > len(first) && strings.EqualFold(b[:len(first)], first) {
			return true
		}
	}
	return false
}

// begin says whether a word begins as a term does.
func (l *lexicon) begin(word string) bool {
	for _, b := range l.begins[lower(word[0])] {
		if len(word) >= len(b) && equalFold(word[:len(b)], b) {
			return true
		}
	}
	return false
}

func lower(c byte) byte {
	if c >= 'A' && c <= 'Z' {
		return c + 'a' - 'A'
	}
	return c
}

// equalFold compares with a text in lower case; of letters beyond ASCII the bytes.
func equalFold(s, low string) bool {
	for i := range len(low) {
		if lower(s[i]) != low[i] {
			return false
		}
	}
	return true
}

// lookUp returns the concepts for which a word as written speaks, each at its best.
func (l *lexicon) lookUp(word string) []termUse {
	t := analysis.Of(word)
	var out []termUse
	add := func(term string) {
		for _, u := range l.q.byTerm[term] {
			known := false
			for i := range out {
				if out[i].concept == u.concept {
					if term != t.Whole {
						out[i].share = min(1, out[i].share+u.share)
					} else {
						out[i].share = max(out[i].share, u.share)
					}
					known = true
				}
			}
			if !known {
				out = append(out, u)
			}
		}
	}
	for i, p := range t.Parts {
		if !slices.Contains(t.Parts[:i], p) {
			add(p)
		}
	}
	if t.Whole != "" {
		add(t.Whole)
	}
	return out
}
