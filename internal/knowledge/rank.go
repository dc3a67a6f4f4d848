package knowledge

import (
	"math"
	"path"
	"slices"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/analysis"
	"github.com/dragoman/dragoman/internal/knowledge/chunk"
	"github.com/dragoman/dragoman/internal/knowledge/index"
	"github.com/dragoman/dragoman/internal/knowledge/source"
)

// candidate is a chunk while it is ranked.
type candidate struct {
	index.Chunk
	hit      index.Hit
	score    float64
	coverage float64 // share of the question's weight that occurs, 0..1
	rules    []string
	factors  []Factor // what the rules did, for an explanation
	marks    []mark
}

// Factor is what a ranking rule made of a score.
type Factor struct {
	Rule   string  `json:"rule"`
	Factor float64 `json:"factor"` // by which the score was multiplied
}

// apply multiplies the score by a rule's factor. The trace says so when the rule decided something.
func (c *candidate) apply(rule string, factor float64, decided bool) {
	c.score *= factor
	if decided {
		c.rules = append(c.rules, rule)
	}
	if factor != 1 {
		c.factors = append(c.factors, Factor{rule, factor})
	}
}

// mark is a word of a chunk that speaks for a concept.
type mark struct {
	line    int // within the chunk, from 0
	pos     int // word number in the chunk
	concept int
	share   float32
}

// ranker ranks the candidates of one question.
type ranker struct {
	q     *question
	idf   []float64 // of each concept, its weight included
	total float64
	words map[string][]termUse // surface word -> what it speaks for; nil for nothing
	begin map[[2]byte]bool     // how the question's terms begin: a word whose parts all begin otherwise need not be stemmed
	w     *Rules

	newest time.Time // when the youngest candidate was changed
}

func newRanker(q *question, res *index.Result, w *Rules) *ranker {
	r := &ranker{q: q, idf: make([]float64, len(q.concepts)), words: map[string][]termUse{}, begin: map[[2]byte]bool{}, w: w}
	for term := range q.byTerm {
		r.begin[beginning(term)] = true
	}
	idf := map[string]float64{}
	for i, t := range q.terms[:len(res.IDF)] {
		if res.Counts[i] > 0 {
			idf[t.Text] = float64(res.IDF[i])
		}
	}
	rarest := math.Log(1 + float64(res.Chunks)) // what a word that occurs nowhere would tell
	for i := range q.concepts {
		for _, term := range q.concepts[i].own {
			if v, ok := idf[term]; ok {
				r.idf[i] = max(r.idf[i], v)
			}
		}
		if r.idf[i] == 0 {
			r.idf[i] = rarest
		}
	}
	for i := range r.idf {
		r.idf[i] *= float64(q.concepts[i].weight)
		r.total += r.idf[i]
	}
	if r.total == 0 {
		r.total = 1
	}
	return r
}

// rank scores and sorts candidates.
func (r *ranker) rank(cands []candidate) {
	for i := range cands {
		if at := cands[i].Doc.Updated; at.After(r.newest) {
			r.newest = at
		}
	}
	byFile := map[int64][]int{}
	for i := range cands {
		r.score(&cands[i])
		byFile[cands[i].Doc.ID] = append(byFile[cands[i].Doc.ID], i)
	}
	best := 0.0
	for i := range cands {
		best = max(best, cands[i].score)
	}
	if best > 0 {
		for _, members := range byFile {
			if len(members) < 2 {
				continue
			}
			slices.SortFunc(members, func(a, b int) int { return cmpDesc(cands[a].score, cands[b].score) })
			support := 0.0
			for _, m := range members[1:min(len(members), 4)] {
				support += cands[m].score / best / 3
			}
			for _, m := range members {
				cands[m].apply("other passages of its document match", 1+r.w.File*support, false)
			}
		}
	}
	slices.SortStableFunc(cands, func(a, b candidate) int { return cmpDesc(a.score, b.score) })
	type unit struct {
		doc    int64
		symbol string
	}
	seen := map[unit]int{}
	for i := range cands {
		file := unit{doc: cands[i].Doc.ID}
		if n := min(seen[file], maxDecay); n > 0 {
			cands[i].apply("its document was found before", math.Pow(r.w.Again, float64(n)), false)
		}
		seen[file]++
		if cands[i].Symbol == "" {
			continue
		}
		file.symbol = cands[i].Symbol
		if n := min(seen[file], maxDecay); n > 0 {
			cands[i].apply("another part of it was found before", math.Pow(r.w.Window, float64(n)), false)
		}
		seen[file]++
	}
	slices.SortStableFunc(cands, func(a, b candidate) int { return cmpDesc(a.score, b.score) })
}

// maxDecay is how many passages of the same file, or windows of the same definition, hold one back: beyond it the rule would
// decide for small files and against large ones.
const maxDecay = 3

func cmpDesc(a, b float64) int {
	switch {
	case a > b:
		return -1
	case a < b:
		return 1
	}
	return 0
}

// score applies the rules to one candidate.
func (r *ranker) score(c *candidate) {
	r.mark(c)
	found := make([]float64, len(r.q.concepts))
	for _, m := range c.marks {
		found[m.concept] = max(found[m.concept], float64(m.share))
	}
	names, namesWords, exact := r.named(c)
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
	if namesWords > 0 {
		n := 0.0
		for _, v := range names {
			n += v
		}
		namePrecision = min(1, n/float64(namesWords))
	}
	if f := nameCoverage * (0.3 + 0.7*namePrecision); f > 0.05 {
		c.apply("its name matches", 1+r.w.Names*f, f > 0.25)
	}
	if exact > 0 {
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

// named compares what the chunk defines, and its file's name, with the question. It returns how well each concept is
// named, the number of words in the names, and how exactly (0..1) an identifier of the question is defined here.
func (r *ranker) named(c *candidate) (found []float64, words int, exact float64) {
	found = make([]float64, len(r.q.concepts))
	label := c.Defines
	if c.Kind == chunk.Section {
		label = c.Symbol[strings.LastIndexByte(c.Symbol, '>')+1:]
	}
	several := strings.Count(label, " ") > 2 && c.Kind != chunk.Section // a block of constants names many things
	var buf [8]string
	eachWord(label, func(word string) {
		parts := analysis.Parts(buf[:0], word)
		words += len(parts)
		for _, u := range r.uses(word) {
			found[u.concept] = max(found[u.concept], float64(u.share))
		}
		whole := strings.ToLower(strings.Join(parts, ""))
		for i := range r.q.concepts {
			q := &r.q.concepts[i]
			if q.whole == "" || q.whole != whole || c.Kind == chunk.Section {
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
		for _, u := range r.uses(word) {
			found[u.concept] = max(found[u.concept], 0.5*float64(u.share))
		}
	})
	return found, words, exact
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
		age := r.newest.Sub(c.Doc.Updated).Hours() / 24
		c.apply("changed lately", 1+r.w.Recency/(1+age/recentDays), age < recentDays)
	}
}

// recentDays is the age at which what is recent counts half.
const recentDays = 30
