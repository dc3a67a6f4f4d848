package knowledge

import (
	"cmp"
	"math"
	"slices"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/index"
)

// ranker ranks the candidates of one question. It is used by one goroutine.
type ranker struct {
	q     *question
	w     *Rules
	idf   []float64 // of each concept, its weight included
	total float64
	lex   *lexicon

	newest     time.Time                                // when the youngest candidate was changed
	near       *nearest                                 // what vectors say; nil: nothing
	only       func(d *index.Document, number int) bool // as in index.Query.Passage
	unsearched string                                   // why vectors say nothing, where they could

	// Scratch memory, used anew for each candidate.
	found  []float64
	counts []int
	runs   []run
	places [][]int // of each concept: where it stands in the question
	marks  []mark
}

func newRanker(q *question, res *index.Result, w *Rules) *ranker {
	n := len(q.concepts)
	r := &ranker{q: q, w: w, lex: newLexicon(q), idf: make([]float64, n), found: make([]float64, n), counts: make([]int, n),
		runs: make([]run, len(q.words)), places: make([][]int, n)}
	for i, id := range q.words {
		if id >= 0 {
			r.places[id] = append(r.places[id], i)
		}
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
		r.idf[i] *= float64(q.concepts[i].weight)
		r.total += r.idf[i]
	}
	if r.total == 0 {
		r.total = 1
	}
	return r
}

// likely orders candidates by the most that the rules could make of them once their texts are known, the best first.
func (r *ranker) likely(cands []*candidate) {
	for _, c := range cands {
		r.score(c)
		c.score *= (1 + max(r.w.Run, r.w.RunProse)*c.coverage) * (1 + r.w.Near)
	}
	slices.SortStableFunc(cands, byScore)
}

// rank scores and sorts candidates.
func (r *ranker) rank(cands []*candidate) {
	for _, c := range cands {
		if at := c.last.At; at.After(r.newest) {
			r.newest = at
		}
	}
	best := 0.0
	for _, c := range cands {
		r.score(c)
		best = max(best, c.score)
	}
	if best > 0 {
		r.support(cands, best)
	}
	slices.SortStableFunc(cands, byScore)
	r.decay(cands)
	slices.SortStableFunc(cands, byScore)
}

func byScore(a, b *candidate) int { return cmp.Compare(b.score, a.score) }

// support raises candidates whose documents have others: a document that is about the question is so in several places.
func (r *ranker) support(cands []*candidate, best float64) {
	byDoc := map[int64][]*candidate{}
	for _, c := range cands {
		byDoc[c.Doc.ID] = append(byDoc[c.Doc.ID], c)
	}
	for _, members := range byDoc {
		if len(members) < 2 {
			continue
		}
		slices.SortFunc(members, byScore)
		support := 0.0
		for _, c := range members[1:min(len(members), 4)] {
			support += c.score / best / 3
		}
		for _, c := range members {
			c.apply("other passages of its document match", 1+r.w.File*support, false)
		}
	}
}

// maxDecay is how many passages of the same document, or windows of the same definition, hold one back: beyond it the rule
// would decide for small documents and against large ones.
const maxDecay = 3

// decay holds back what comes after others of the same document, so that more documents are seen.
func (r *ranker) decay(cands []*candidate) {
	type unit struct {
		doc    int64
		symbol string
	}
	seen := map[unit]int{}
	for _, c := range cands {
		of := unit{doc: c.Doc.ID}
		if n := min(seen[of], maxDecay); n > 0 {
			c.apply("its document was found before", math.Pow(r.w.Again, float64(n)), false)
		}
		seen[of]++
		if c.Symbol == "" {
			continue
		}
		of.symbol = c.Symbol
		if n := min(seen[of], maxDecay); n > 0 {
			c.apply("another part of it was found before", math.Pow(r.w.Window, float64(n)), false)
		}
		seen[of]++
	}
}
