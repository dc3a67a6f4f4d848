// Package judge weighs what an answer says against the sources that it was made from: how well they bear out a sentence, whether
// a fact of it was turned around, and whether they answer a question at all. It computes, and asks no model but a small encoder, where
// there is one.
package judge

import (
	"context"
	"math"
	"slices"
	"strings"

	"github.com/dragoman/dragoman/internal/facts"
	"github.com/dragoman/dragoman/internal/knowledge/analysis"
)

// Text is a source: what it says, and what it is called.
type Text struct {
	Title string // a path, a heading or a symbol; may be empty
	Body  string
}

// Encode makes vectors of length 1 of texts.
type Encode func(ctx context.Context, texts []string) ([][]float32, error)

// Grounds are the sources of an answer, read once. They belong to one goroutine.
type Grounds struct {
	sources []source
	pieces  int             // of all sources
	df      map[string]int  // in how many pieces a term stands
	known   map[string]bool // terms of the question, which an answer may repeat
	asked   *facts.Facts    // of the question
	encode  Encode          // nil: words alone decide
	vectors map[string][]float32
}

// source is one of the texts. Its pieces are sentences, or lines of code.
type source struct {
	title      string
	titleFacts *facts.Facts
	pieces     []piece
	terms      map[string]bool // of title and pieces
	facts      *facts.Facts    // of the pieces; nil until somebody asks
}

type piece struct {
	text  string
	terms map[string]bool
}

// mostPieces bounds how much of one source is read: a prompt has room for far less.
const mostPieces = 4000

// NewGrounds reads sources. question is what was asked; it may be empty. encode may be nil: then words alone decide.
func NewGrounds(texts []Text, question string, encode Encode) *Grounds {
	g := &Grounds{df: map[string]int{}, known: map[string]bool{}, asked: facts.Of(question), encode: encode, vectors: map[string][]float32{}}
	for _, t := range texts {
		s := source{title: t.Title, titleFacts: facts.Of(t.Title), terms: termsOf(t.Title)}
		for body := t.Body; body != "" && len(s.pieces) < mostPieces; {
			n := NextSentence(body, true)
			p := piece{text: strings.TrimSpace(body[:n])}
			body = body[n:]
			if p.terms = termsOf(p.text); len(p.terms) == 0 {
				continue
			}
			for term := range p.terms {
				g.df[term]++
				s.terms[term] = true
			}
			s.pieces = append(s.pieces, p)
		}
		g.pieces += len(s.pieces)
		g.sources = append(g.sources, s)
	}
	g.known = termsOf(question)
	analysis.Each(question, func(word string, _ analysis.Terms) { g.known[strings.ToLower(word)] = true })
	return g
}

func termsOf(text string) map[string]bool {
	terms := map[string]bool{}
	analysis.Each(text, func(_ string, t analysis.Terms) {
		for _, p := range t.Parts {
			terms[p] = true
		}
		if t.Whole != "" {
			terms[t.Whole] = true
		}
	})
	return terms
}

// weight is how much a term tells: the rarer in the sources, the more.
func (g *Grounds) weight(t term) float64 {
	df := 0
	for _, p := range t.parts {
		df = max(df, g.df[p])
	}
	return math.Log(1 + float64(g.pieces+1)/(float64(df)+0.5))
}

// alignment is where in a source a claim's words stand. Shares are of the claim's words, weighted by how much each tells.
type alignment struct {
	source int
	pieces []int   // of the source, the one that has most of the claim first
	single float64 // the share that the first piece has
	union  float64 // the share that all of them have together
	whole  float64 // the share that the source has anywhere
}

// mostAligned is how many sentences may bear out one together. one claim in ten of WiCE needs more.
const mostAligned = 3

// align finds the sentences of a source that together hold most of a claim's words, greedily.
func (g *Grounds) align(c *Claim, k int) alignment {
	s := &g.sources[k]
	a := alignment{source: k}
	total := 0.0
	weights := make([]float64, len(c.terms))
	left := make([]int, 0, len(c.terms))
	for i, t := range c.terms {
		weights[i] = g.weight(t)
		total += weights[i]
		if t.in(s.terms) {
			a.whole += weights[i] // divided below
			left = append(left, i)
		}
	}
	if total == 0 {
		return a
	}
	a.whole /= total
	for len(a.pieces) < mostAligned && len(left) > 0 {
		best, gain := -1, 0.0
		for p := range s.pieces {
			sum := 0.0
			for _, i := range left {
				if c.terms[i].in(s.pieces[p].terms) {
					sum += weights[i]
				}
			}
			if sum > gain+1e-9 {
				best, gain = p, sum
			}
		}
		if best < 0 {
			break // the rest stands in the title
		}
		if len(a.pieces) == 0 {
			a.single = gain / total
		}
		a.union += gain / total
		a.pieces = append(a.pieces, best)
		left = slices.DeleteFunc(left, func(i int) bool { return c.terms[i].in(s.pieces[best].terms) })
	}
	return a
}

// text joins pieces of a source in their order; all of them where none is named.
func (s *source) text(pieces []int) string {
	var b strings.Builder
	for p := range s.pieces {
		if pieces == nil || slices.Contains(pieces, p) {
			b.WriteString(s.pieces[p].text)
			b.WriteByte(' ')
		}
	}
	return strings.TrimSuffix(b.String(), " ")
}

// likeness is the cosine of a text with the closest of others, -1 where there are none. Vectors are made once for each text.
func (g *Grounds) likeness(ctx context.Context, text string, others []string) (float64, error) {
	var missing []string
	for _, t := range append([]string{text}, others...) {
		if _, ok := g.vectors[t]; !ok && !slices.Contains(missing, t) {
			missing = append(missing, t)
		}
	}
	if len(missing) > 0 {
		vectors, err := g.encode(ctx, missing)
		if err != nil {
			return 0, err
		}
		for i, t := range missing {
			g.vectors[t] = vectors[i]
		}
	}
	best := -1.0
	for _, t := range others {
		sum := 0.0
		for i, x := range g.vectors[t] {
			sum += float64(x) * float64(g.vectors[text][i])
		}
		best = max(best, sum)
	}
	return best, nil
}
