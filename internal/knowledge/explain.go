package knowledge

import (
	"cmp"
	"slices"
)

// Explanation says where a score comes from: what each term of the question gave, and what the ranking rules made of it.
type Explanation struct {
	BM25    float64     `json:"bm25"`
	Terms   []TermScore `json:"terms"`   // what they gave adds up to BM25; the greatest first
	Factors []Factor    `json:"factors"` // by which BM25 was multiplied, in this order
	Meaning *Meaning    `json:"meaning,omitempty"`
}

// Meaning is what the similarity of vectors did.
type Meaning struct {
	Similarity *float64 `json:"similarity"` // cosine of the passage's vector with the question's; null where it has none yet
	Words      float64  `json:"words"`      // the score before both were fused
}

// TermScore is what a term gave.
type TermScore struct {
	Term  string  `json:"term"` // as it is indexed: "retri"
	Word  string  `json:"word"` // of the question
	Score float64 `json:"score"`
	Here  bool    `json:"here"` // it occurs in the passage or its header; else in the passages around it
}

// explain tells where a candidate's score comes from.
func (r *ranker) explain(c *candidate) *Explanation {
	e := &Explanation{BM25: float64(c.hit.Score), Factors: c.factors}
	for i, score := range c.hit.Parts {
		if score <= 0 {
			continue
		}
		t := TermScore{Term: r.q.terms[i].Text, Score: float64(score), Here: c.hit.Matched>>i&1 == 1}
		best := termUse{concept: -1}
		for _, u := range r.q.byTerm[t.Term] {
			if u.share > best.share {
				best = u
			}
		}
		if best.concept >= 0 {
			t.Word = r.q.concepts[best.concept].word
		}
		e.Terms = append(e.Terms, t)
	}
	if r.near != nil {
		e.Meaning = &Meaning{c.similarity, c.lexical}
	}
	slices.SortStableFunc(e.Terms, func(a, b TermScore) int { return cmp.Compare(b.Score, a.Score) })
	return e
}
