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

// Grounds are the sources of an answer. They belong to one goroutine.
type Grounds struct {
	sources []*Source
	pieces  int             // of all sources
	known   map[string]bool // terms of the question, which an answer may repeat
	asked   *piece          // the question
	encode  Encode          // nil: words alone decide
	vectors map[string][]float32
}

// Source is a text as it was read. It never changes, and may be used by several goroutines.
type Source struct {
	title      string
	titleTerms map[string]bool
	called     *piece // the title
	pieces     []piece
	df         map[string]int // in how many pieces a term stands
}

// piece is a sentence, or a line of code.
type piece struct {
	text  string
	terms map[string]bool
	facts *facts.Facts
}

// mostPieces bounds how much of one source is read: a prompt has room for far less.
const mostPieces = 4000

// Read reads a source.
func Read(t Text) *Source {
	s := &Source{title: t.Title, called: &piece{text: t.Title, facts: facts.Of(t.Title)}, titleTerms: termsOf(t.Title), df: map[string]int{}}
	for body := t.Body; body != "" && len(s.pieces) < mostPieces; {
		n := NextSentence(body, true)
		p := piece{text: strings.TrimSpace(body[:n])}
		body = body[n:]
		if p.terms = termsOf(p.text); len(p.terms) == 0 {
			continue
		}
		p.facts = facts.Of(p.text)
		for term := range p.terms {
			s.df[term]++
		}
		s.pieces = append(s.pieces, p)
	}
	return s
}

// Size is how many bytes a source takes in memory, about.
func (s *Source) Size() int {
	n := 500 + 48*len(s.df)
	for i := range s.pieces {
		n += len(s.pieces[i].text) + 24*len(s.pieces[i].terms) + s.pieces[i].facts.Size()
	}
	return n
}

// has says whether a term stands in the title or the text.
func (s *Source) has(t term) bool {
	if t.whole != "" && (s.df[t.whole] > 0 || s.titleTerms[t.whole]) {
		return true
	}
	for _, p := range t.parts {
		if s.df[p] == 0 && !s.titleTerms[p] {
			return false
		}
	}
	return len(t.parts) > 0
}

// NewGrounds reads sources. question is what was asked; it may be empty. encode may be nil: then words alone decide.
func NewGrounds(texts []Text, question string, encode Encode) *Grounds {
	sources := make([]*Source, len(texts))
	for i, t := range texts {
		sources[i] = Read(t)
	}
	return GroundsOf(sources, question, encode)
}

// GroundsOf is NewGrounds of sources that were read before.
func GroundsOf(sources []*Source, question string, encode Encode) *Grounds {
	g := &Grounds{sources: sources, asked: &piece{text: question, facts: facts.Of(question)}, encode: encode, vectors: map[string][]float32{}}
	for _, s := range sources {
		g.pieces += len(s.pieces)
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
		n := 0
		for _, s := range g.sources {
			n += s.df[p]
		}
		df = max(df, n)
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
	s := g.sources[k]
	a := alignment{source: k}
	total := 0.0
	weights := make([]float64, len(c.terms))
	left := make([]int, 0, len(c.terms))
	for i, t := range c.terms {
		weights[i] = g.weight(t)
		total += weights[i]
		if s.has(t) {
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
func (s *Source) text(pieces []int) string {
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
