package knowledge

import "github.com/dragoman/dragoman/internal/knowledge/index"

// candidate is a chunk while it is ranked. Its text is read only where it has a chance to be shown.
type candidate struct {
	index.Chunk
	hit      *index.Hit
	score    float64
	coverage float64 // share of the question's weight that occurs, 0..1
	rules    []string
	factors  []Factor // what the rules did, for an explanation
	marks    []mark

	last   index.LastChange // of its lines
	blamed bool             // last is of them, and not of the document

	similarity *float64 // of its vector to the question's, where it has one
	lexical    float64  // its score by words and rules, before both were fused

	named *named // what its names have to do with the question, once it is known
}

func newCandidate(c index.Chunk, hit *index.Hit) candidate {
	last, blamed := c.Changed()
	return candidate{Chunk: c, hit: hit, last: last, blamed: blamed}
}

// mark is a word of a chunk that speaks for a concept.
type mark struct {
	line    int32 // within the chunk, from 0
	pos     int32 // word number in the chunk
	concept int32
	share   float32
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
	if factor != 1 && c.hit.Parts != nil {
		c.factors = append(c.factors, Factor{rule, factor})
	}
}
