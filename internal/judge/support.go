package judge

import (
	"context"
	"math"
)

// Support is how well the sources bear out a claim.
type Support struct {
	Source    int        // the one that does it best, from 0; -1: none has anything of it
	Score     float64    // how probable it is that the source says all of it, 0..1
	Conflicts []Conflict // facts of the claim that the source has otherwise, or not at all
	Same      bool       // one sentence of the source has half of the claim's words, and speaks of the same
}

// Support finds the source that bears out a claim best: of those that have nearly as many of its words as any, the one with the greatest
// score. So a source that has a fact otherwise is not passed over for one that hardly speaks of it.
func (g *Grounds) Support(ctx context.Context, c *Claim) (Support, error) {
	best := Support{Source: -1}
	for _, a := range g.places(c) {
		s, err := g.supportAt(ctx, c, a)
		if err != nil {
			return best, err
		}
		if best.Source < 0 || s.Score > best.Score {
			best = s
		}
	}
	return best, nil
}

// places are where a claim's words stand in those sources that have nearly as many of them as any.
func (g *Grounds) places(c *Claim) (out []alignment) {
	most := 0.0
	all := make([]alignment, len(g.sources))
	for i := range g.sources {
		all[i] = g.align(c, i)
		most = max(most, all[i].has())
	}
	for _, a := range all {
		if a.whole > 0 && a.has() >= most-0.15 {
			out = append(out, a)
		}
	}
	return out
}

// has is how much of a claim stands in a place.
func (a *alignment) has() float64 { return (a.single + a.union) / 2 }

// SupportBy is how well source i bears out a claim.
func (g *Grounds) SupportBy(ctx context.Context, c *Claim, i int) (Support, error) {
	a := g.align(c, i)
	if a.whole == 0 {
		return Support{Source: -1}, nil
	}
	return g.supportAt(ctx, c, a)
}

func (g *Grounds) supportAt(ctx context.Context, c *Claim, a alignment) (Support, error) {
	f, conflicts := g.supportFeatures(c, a)
	m := Fitted.Support
	if g.encode != nil {
		if err := g.meaningOf(ctx, c, a, f); err != nil {
			return Support{Source: -1}, err
		}
		m = Fitted.SupportMeaning
	}
	return Support{Source: a.source, Score: m.Probability(f), Conflicts: conflicts, Same: a.single >= closely}, nil
}

// nearly is the share of a claim's words from which a sentence says the same, but for a fact.
const nearly = 0.7

// supportFeatures are, of a claim and where its words stand in a source:
//
//   - union: the share of its words, weighted by rarity, that the best three sentences have together
//   - far: how many of its numbers and names do not stand there or beside; at most 4
//   - conflicts: 1 where a number, a name, a negation or a direction is another than there
//   - turned: 1 where, beside a conflict, one sentence has nearly all of its words: it says the same, but for that
//   - length: the logarithm of its number of words, since the more is said, the more may be missing
func (g *Grounds) supportFeatures(c *Claim, a alignment) (Features, []Conflict) {
	conflicts, far := g.conflicts(c, a)
	f := Features{"union": a.union, "far": float64(min(far, 4)), "length": math.Log(1 + float64(len(c.terms)))}
	if len(conflicts) > 0 {
		f["conflicts"] = 1
		if a.single >= nearly {
			f["turned"] = 1
		}
	}
	return f, conflicts
}

// meaningOf adds meaning: the cosine of the claim with the sentences where its words stand, each and together.
func (g *Grounds) meaningOf(ctx context.Context, c *Claim, a alignment, f Features) (err error) {
	s := g.sources[a.source]
	if len(a.pieces) == 0 {
		return nil
	}
	texts := []string{s.text(a.pieces)}
	if len(a.pieces) > 1 {
		texts = append(texts, s.pieces[a.pieces[0]].text)
	}
	f["meaning"], err = g.likeness(ctx, c.text, texts)
	return err
}

// SupportFeatures are what the score of a claim by the first source is made of, for those who fit and measure models.
func (g *Grounds) SupportFeatures(ctx context.Context, c *Claim) (Features, error) {
	a := g.align(c, 0)
	f, _ := g.supportFeatures(c, a)
	if g.encode == nil {
		return f, nil
	}
	return f, g.meaningOf(ctx, c, a, f)
}

// SupportChoices are, for those who fit models, the features of a claim by each source that Support chooses from by their scores.
func (g *Grounds) SupportChoices(ctx context.Context, c *Claim) (out []Features, err error) {
	for _, a := range g.places(c) {
		f, _ := g.supportFeatures(c, a)
		if g.encode != nil {
			if err := g.meaningOf(ctx, c, a, f); err != nil {
				return nil, err
			}
		}
		out = append(out, f)
	}
	return out, nil
}

// Unfounded is the first number or identifier of a claim that stands in no source and not in the question; "" where there is
// none.
func (g *Grounds) Unfounded(c *Claim) string {
	for _, t := range c.hard {
		found := t.in(g.known)
		for _, s := range g.sources {
			found = found || s.has(t)
		}
		if !found {
			return t.word
		}
	}
	return ""
}
