package knowledge

import (
	"slices"
	"strings"
	"unicode/utf8"

	"github.com/dragoman/dragoman/internal/knowledge/analysis"
	"github.com/dragoman/dragoman/internal/knowledge/index"
)

// question is a query after analysis: which concepts it asks for, and by which index terms each of them may be found.
type question struct {
	concepts []concept
	terms    []index.Term
	byTerm   map[string][]termUse // term -> the concepts that it speaks for
	asked    string               // the question as it is put, without its mark; empty for names and messages
	words    []int                // the question's words in order: index into concepts, or -1
	lower    []string             // the same, lower-cased
	phrases  [][]string           // words that are wanted as they stand
	asks     intent
	rules    *QuestionRules
}

// concept is one thing the question names: usually one of its words.
type concept struct {
	word       string   // as written
	weight     float32  // in code: 1 for a content word, less for words that questions are made of
	prose      float32  // the same in prose
	asking     bool     // belongs to how people ask
	identifier bool     // looks like code: camelCase, snake_case, call(), --flag, CONSTANT, in backticks
	whole      string   // the joined lower-cased identifier, for comparison with names
	own        []string // the terms of the word itself, the most telling last
}

// termUse says how well the occurrence of a term stands for a concept.
type termUse struct {
	concept int
	share   float32 // 1 for the word itself, 1/n for one of n parts of an identifier, less for related words
}

// intent is what kind of document the question asks for in so many words.
type intent struct{ tests, examples, history, data, latest, report bool }

// maxConcepts bounds a question: further words of a long text add noise, not aim.
const maxConcepts = 24

// require returns the places of the terms of some words, as far as they are terms of the question.
func (q *question) require(words []string) []int {
	var out []int
	for _, w := range words {
		for _, part := range analysis.Of(w).Parts {
			if i := slices.IndexFunc(q.terms, func(t index.Term) bool { return t.Text == part }); i >= 0 && !slices.Contains(out, i) {
				out = append(out, i)
			}
		}
	}
	return out
}

// parseQuestion analyses text. Words of earlier (a conversation's previous question) count for less.
func parseQuestion(text, earlier string, rules *QuestionRules) *question {
	q := &question{byTerm: map[string][]termUse{}, rules: rules}
	if asked, ok := strings.CutSuffix(strings.TrimSpace(text), "?"); ok && strings.Count(asked, " ") >= 4 {
		q.asked = asked
	}
	q.add(text, 1)
	if earlier != "" {
		n, lower := q.words, q.lower
		q.add(earlier, 0.4)
		q.words, q.lower = n, lower
	}
	return q
}

func (q *question) add(text string, weight float32) {
	prev, prevWord := -1, ""
	seen := map[string]int{}
	for i := range q.concepts {
		seen[strings.ToLower(q.concepts[i].word)] = i
	}
	for i := 0; ; {
		start, end := analysis.NextWord(text, i)
		if start == len(text) {
			return
		}
		i = end
		code, words := LooksLikeCode(text, start, end), []string{text[start:end]}
		if r, _ := utf8.DecodeRuneInString(words[0]); analysis.IsCJK(r) {
			words = cutCJK(words[0])
		}
		for _, word := range words {
			lower := strings.ToLower(word)
			q.lower = append(q.lower, lower)
			q.asks.note(lower)
			if !code && (analysis.IsStopword(lower) || len(word) == 1) {
				q.words = append(q.words, -1)
				continue
			}
			id, known := seen[lower]
			if !known {
				if len(q.concepts) == maxConcepts {
					q.words = append(q.words, -1)
					continue
				}
				id = len(q.concepts)
				c := concept{word: word, weight: weight, prose: weight, identifier: code}
				if c.asking = !code && questionWords[lower]; c.asking {
					c.weight *= q.rules.Asking
					c.prose *= q.rules.AskingText
				}
				q.concepts = append(q.concepts, c)
				seen[lower] = id
				q.expand(id, lower)
			} else if q.rules.Repeated > 0 {
				q.repeat(id)
			}
			q.words = append(q.words, id)
			if prev >= 0 && prev == len(q.words)-2 && !known && isPlain(prevWord) && isPlain(lower) {
				q.use(prevWord+lower, q.rules.Joined*weight, q.rules.JoinedProse*weight, id, 1)
				q.use(prevWord+lower, 0, 0, q.words[prev], 1)
			}
			prev, prevWord = len(q.words)-1, lower
		}
	}
}

// expand adds the terms under which concept id may be found.
func (q *question) expand(id int, lower string) {
	c := &q.concepts[id]
	t := analysis.Of(c.word)
	n := float32(len(t.Parts))
	if n == 1 {
		q.use(t.Parts[0], c.weight, c.prose, id, 1)
		c.whole = lower
		c.own = t.Parts
	} else {
		for _, p := range t.Parts {
			q.use(p, q.rules.Part*c.weight, q.rules.Part*c.prose, id, 0.9/n)
		}
		if t.Whole != "" {
			q.use(t.Whole, q.rules.Whole*c.weight, q.rules.Whole*c.prose, id, 1)
			c.whole = t.Whole
		}
		c.own = append(slices.Clone(t.Parts), c.whole)
	}
	if c.weight < 0.3 {
		return
	}
	for _, r := range related[lower] {
		q.use(analysis.Stem(r), q.rules.Related*c.weight, q.rules.RelatedText*c.prose, id, 0.6)
	}
	if n == 1 {
		for _, r := range related[t.Parts[0]] {
			q.use(analysis.Stem(r), q.rules.Related*c.weight, q.rules.RelatedText*c.prose, id, 0.6)
		}
	}
}

// repeat raises the weight of a word that occurs again.
func (q *question) repeat(id int) {
	c := &q.concepts[id]
	for i := range q.terms {
		if slices.Contains(c.own, q.terms[i].Text) {
			q.terms[i].Prose += q.rules.Repeated * c.prose
		}
	}
}

// use notes that term speaks for a concept. The greater weight wins where a term speaks for several.
func (q *question) use(term string, code, prose float32, id int, share float32) {
	uses, known := q.byTerm[term]
	for i := range uses {
		if uses[i].concept == id {
			return
		}
	}
	if !known {
		if len(q.terms) == index.MaxTerms {
			return
		}
		q.terms = append(q.terms, index.Term{Text: term, Code: code, Prose: prose})
	} else {
		for i := range q.terms {
			if q.terms[i].Text == term {
				q.terms[i].Code, q.terms[i].Prose = max(q.terms[i].Code, code), max(q.terms[i].Prose, prose)
			}
		}
	}
	q.byTerm[term] = append(uses, termUse{id, share})
}

// LooksLikeCode says whether the word at [start, end) of text is written like an identifier: camelCase, snake_case, a call,
// a flag, a selector, or in backticks.
func LooksLikeCode(text string, start, end int) bool {
	word := text[start:end]
	if strings.ContainsRune(word, '_') {
		return true
	}
	if end < len(text) && text[end] == '(' || start > 0 && text[start-1] == '`' && end < len(text) {
		return true
	}
	if start > 1 && text[start-2:start] == "--" {
		return true
	}
	if start > 1 && text[start-1] == '.' && isWordByte(text[start-2]) || end+1 < len(text) && text[end] == '.' && isWordByte(text[end+1]) {
		return true // a.b
	}
	lower, upper, upperInside, digit := false, false, false, false
	for i := range len(word) {
		switch c := word[i]; {
		case c >= 'a' && c <= 'z':
			lower = true
		case c >= 'A' && c <= 'Z':
			upper, upperInside = true, upperInside || i > 0
		case c >= '0' && c <= '9':
			digit = true
		}
	}
	return upperInside && lower || digit && (lower || upper) && len(word) > 2 // maxConns, sha256, E0308
}

func isWordByte(c byte) bool {
	return c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c >= 0x80
}

// isPlain says whether a lower-cased word consists of ASCII letters.
func isPlain(w string) bool {
	for i := range len(w) {
		if w[i] < 'a' || w[i] > 'z' {
			return false
		}
	}
	return true
}

func (a *intent) note(word string) {
	switch word {
	case "test", "tests", "tested", "testing", "unittest", "benchmark", "benchmarks", "fuzz", "mock", "fixture":
		a.tests = true
	case "error", "errors", "panic", "panics", "exception", "traceback", "fatal", "failed", "fails", "failure", "warning", "unexpected", "invalid", "cannot", "undefined",
		"unknown", "denied", "refused":
		a.report = true
	case "latest", "newest", "recent", "recently", "lately", "yesterday":
		a.latest = true
	case "example", "examples", "sample", "demo", "tutorial":
		a.examples = true
	case "changelog", "release", "released", "releases", "version", "versions", "changed", "upgrade", "migrate", "deprecated", "history", "since":
		a.history = true
	case "yaml", "yml", "json", "toml", "ci", "workflow", "makefile", "dockerfile", "config", "configuration", "lint", "linter", "dependency", "dependencies", "package":
		a.data = true
	}
}
