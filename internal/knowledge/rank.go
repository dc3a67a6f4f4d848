package knowledge

import (
	"math"
	"path"
	"slices"
	"strings"

	"github.com/dragoman/dragoman/internal/knowledge/analysis"
	"github.com/dragoman/dragoman/internal/knowledge/chunk"
	"github.com/dragoman/dragoman/internal/knowledge/index"
	"github.com/dragoman/dragoman/internal/knowledge/source"
)

// The weights of the ranking rules, found by coordinate search over the tuning sets named in bench/README.md.
type weights struct {
	coverage   float64 // how much of the question a passage speaks of, beyond what BM25 gives for it
	names      float64 // what it defines is what the question names
	exact      float64 // it defines the very identifier asked for
	run        float64 // consecutive words of the question stand in it as they are (error messages)
	near       float64 // the question's words stand near each other
	file       float64 // other passages of its file match as well
	again      float64 // per passage of the same file ranked above
	window     float64 // per window of the same definition ranked above
	test       float64
	example    float64
	history    float64
	data       float64
	head       float64
	loose      float64
	section    float64
	asked      float64 // code that holds the question itself
	definition float64
}

var ranking = weights{
	coverage: 1, names: 0.3, exact: 0.85, run: 0.35, near: 0.1, file: 0.5, again: 0.93, window: 0.8,
	test: 0.4, example: 0.7, history: 0.5, data: 0.6, head: 0.8, loose: 0.9, section: 1, asked: 0.5, definition: 1,
}

// candidate is a chunk while it is ranked.
type candidate struct {
	index.Chunk
	hit      index.Hit
	score    float64
	coverage float64 // share of the question's weight that occurs, 0..1
	rules    []string
	marks    []mark
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
	w     *weights
}

func newRanker(q *question, res *index.Result, w *weights) *ranker {
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
				cands[m].score *= 1 + r.w.file*support
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
		cands[i].score *= math.Pow(r.w.again, float64(seen[file]))
		seen[file]++
		if cands[i].Symbol == "" {
			continue
		}
		file.symbol = cands[i].Symbol
		cands[i].score *= math.Pow(r.w.window, float64(seen[file]))
		seen[file]++
	}
	slices.SortStableFunc(cands, func(a, b candidate) int { return cmpDesc(a.score, b.score) })
}

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
	s := float64(c.hit.Score) * (1 + r.w.coverage*c.coverage)
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
		s *= 1 + r.w.names*f
		c.note(f > 0.25, "its name matches")
	}
	if exact > 0 {
		s *= 1 + r.w.exact*exact
		c.note(true, "defines what is asked for")
	}
	if run := r.longestRun(c); r.q.asked != "" && c.Kind != chunk.Section && strings.Contains(c.Text, r.q.asked) {
		s *= r.w.asked // code that holds the very question is an example of asking, not an answer
		c.note(true, "holds the question itself")
	} else if run > 0 {
		s *= 1 + r.w.run*run
		c.note(run > 0.3, "contains words of the question in sequence")
	}
	s *= 1 + r.w.near*r.nearness(c)
	c.score = s * r.prior(c)
}

func (c *candidate) note(when bool, rule string) {
	if when {
		c.rules = append(c.rules, rule)
	}
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
			case q.weight >= 0.5 && q.word == word && word != strings.ToLower(word):
				e = 0.6 // "Check" in a question about Check
			case q.weight >= 0.5 && len(r.q.concepts) <= 3:
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

// prior is what speaks for or against a chunk whatever the question, unless the question asks for that very thing.
func (r *ranker) prior(c *candidate) float64 {
	p := 1.0
	flags := source.Flags(c.Doc.Flags)
	if flags&source.Test != 0 && !r.q.asks.tests {
		p *= r.w.test
		c.note(true, "a test")
	}
	if flags&source.Example != 0 && !r.q.asks.examples {
		p *= r.w.example
		c.note(true, "an example")
	}
	if flags&source.Changelog != 0 && !r.q.asks.history {
		p *= r.w.history
		c.note(true, "a change log")
	}
	switch c.Kind {
	case chunk.Data:
		if !r.q.asks.data {
			p *= r.w.data
		}
	case chunk.Head:
		p *= r.w.head
	case chunk.Code:
		p *= r.w.loose
	case chunk.Section:
		p *= r.w.section
	default:
		p *= r.w.definition
	}
	return p
}
