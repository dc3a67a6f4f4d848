package knowledge

import (
	"math/bits"
	"path"
	"strings"

	"github.com/dragoman/dragoman/internal/knowledge/analysis"
	"github.com/dragoman/dragoman/internal/knowledge/chunk"
	"github.com/dragoman/dragoman/internal/knowledge/source"
)

// score applies the rules to one candidate. Without its text the index says which terms occur.
func (r *ranker) score(c *candidate) {
	c.coverage, c.rules, c.factors = 0, c.rules[:0], c.factors[:0]
	found := r.found
	clear(found)
	if c.Text != "" {
		r.mark(c)
		for _, m := range c.marks {
			found[m.concept] = max(found[m.concept], float64(m.share))
		}
	} else {
		r.matched(c, found)
	}
	if c.named == nil {
		c.named = r.named(c)
	}
	names := c.named.found
	for i, v := range names {
		found[i] = max(found[i], v)
	}
	for i, v := range found {
		c.coverage += r.idf[i] * v / r.total
	}
	c.score = float64(c.hit.Score)
	c.apply("speaks of more of the question", 1+r.w.Coverage*c.coverage, false)
	nameCoverage, namePrecision := 0.0, 0.0
	for i, v := range names {
		nameCoverage += r.idf[i] * v / r.total
	}
	if c.named.words > 0 {
		n := 0.0
		for _, v := range names {
			n += v
		}
		namePrecision = min(1, n/float64(c.named.words))
	}
	if f := nameCoverage * (0.3 + 0.7*namePrecision); f > 0.05 {
		c.apply("its name matches", 1+r.w.Names*f, f > 0.25)
	}
	if exact := c.named.exact; exact > 0 {
		c.apply("defines what is asked for", 1+r.w.Exact*exact, true)
	}
	if run := r.longestRun(c); r.q.asked != "" && c.Kind != chunk.Section && strings.Contains(c.Text, r.q.asked) {
		c.apply("holds the question itself", r.w.Asked, true) // code that holds the very question is an example of asking, not an answer
	} else if run > 0 {
		weight := r.w.Run
		if c.Kind == chunk.Section {
			weight = r.w.RunProse
		}
		c.apply("contains words of the question in sequence", 1+weight*run, run > 0.3)
	}
	if near := r.nearness(c); near > 0 {
		c.apply("words of the question stand near each other", 1+r.w.Near*near, false)
	}
	for _, p := range r.q.phrases {
		if containsPhrase(c.Text, p) {
			c.apply(`holds "`+strings.Join(p, " ")+`"`, 1+r.w.Phrase, true)
		}
	}
	r.prior(c)
}

// joins says whether parts of an identifier make up one in lower case.
func joins(whole string, parts []string) bool {
	for _, p := range parts {
		if len(p) > len(whole) || !strings.EqualFold(whole[:len(p)], p) {
			return false
		}
		whole = whole[len(p):]
	}
	return whole == ""
}

// matched notes the concepts whose terms occur, by the index.
func (r *ranker) matched(c *candidate, found []float64) {
	for m := c.hit.Matched; m != 0; m &= m - 1 {
		for _, u := range r.q.byTerm[r.q.terms[bits.TrailingZeros64(m)].Text] {
			found[u.concept] = max(found[u.concept], float64(u.share))
		}
	}
}

// named is what the names of a chunk have to do with the question.
type named struct {
	found []float64 // how well each concept is named
	words int       // number of words in the names
	exact float64   // how exactly, 0..1, an identifier of the question is defined here
}

// named compares what the chunk defines, and its file's name, with the question.
func (r *ranker) named(c *candidate) *named {
	found := make([]float64, len(r.q.concepts))
	words, exact := 0, 0.0
	label := c.Defines
	if c.Kind == chunk.Section {
		label = c.Symbol[strings.LastIndexByte(c.Symbol, '>')+1:]
	}
	several := strings.Count(label, " ") > 2 && c.Kind != chunk.Section // a block of constants names many things
	var buf [8]string
	eachWord(label, func(word string) {
		parts := analysis.Parts(buf[:0], word)
		words += len(parts)
		for _, u := range r.lex.uses(word) {
			found[u.concept] = max(found[u.concept], float64(u.share))
		}
		if c.Kind == chunk.Section {
			return
		}
		for i := range r.q.concepts {
			q := &r.q.concepts[i]
			if q.whole == "" || !joins(q.whole, parts) {
				continue
			}
			e := 0.0
			switch {
			case q.identifier && q.word == word:
				e = 1
			case q.identifier:
				e = 0.8
			case !q.asking && q.weight >= 0.5 && q.word == word && word != strings.ToLower(word):
				e = 0.6 // "Check" in a question about Check
			case !q.asking && q.weight >= 0.5 && len(r.q.concepts) <= 3:
				e = 0.4
			}
			exact = max(exact, e*min(1, 1.5*r.idf[i]/r.total+0.3))
		}
	})
	if several {
		words = min(words, 4)
	}
	// "Logger.Check" asked for: the method of that very type.
	if dot := strings.LastIndexByte(c.Symbol, '.'); dot > 0 && exact > 0 {
		owner := strings.ToLower(c.Symbol[:dot])
		for i := range r.q.concepts {
			if r.q.concepts[i].whole == owner {
				exact = min(1.4, exact*1.4)
			}
		}
	}
	stem := path.Base(c.Doc.Path)
	if dot := strings.IndexByte(stem, '.'); dot > 0 {
		stem = stem[:dot]
	}
	eachWord(stem, func(word string) {
		for _, u := range r.lex.uses(word) {
			found[u.concept] = max(found[u.concept], 0.5*float64(u.share))
		}
	})
	return &named{found, words, exact}
}

// prior applies what speaks for or against a chunk whatever the question, unless the question asks for that very thing.
func (r *ranker) prior(c *candidate) {
	flags := source.Flags(c.Doc.Flags)
	if flags&source.Test != 0 && !r.q.asks.tests {
		c.apply("a test", r.w.Test, true)
	}
	if flags&source.Example != 0 && !r.q.asks.examples {
		c.apply("an example", r.w.Example, true)
	}
	if flags&source.Changelog != 0 && !r.q.asks.history {
		c.apply("a change log", r.w.History, true)
	}
	switch c.Kind {
	case chunk.Data:
		if !r.q.asks.data {
			c.apply("data", r.w.Data, false)
		}
	case chunk.Head:
		c.apply("the head of a file", r.w.Head, false)
	case chunk.Code:
		c.apply("code outside definitions", r.w.Loose, false)
	case chunk.Section:
		c.apply("a section", r.w.Section, false)
		if r.q.asks.report {
			c.apply("a section, where an error is asked for", r.w.Report, false) // code says what makes it
		}
	default:
		c.apply("a definition", r.w.Definition, false)
	}
	if r.q.asks.latest && !r.newest.IsZero() {
		age := r.newest.Sub(c.last.At).Hours() / 24
		c.apply("changed lately", 1+r.w.Recency/(1+age/recentDays), age < recentDays)
	}
}

// recentDays is the age at which what is recent counts half.
const recentDays = 30
