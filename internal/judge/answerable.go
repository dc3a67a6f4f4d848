package judge

import (
	"context"
	"math"
)

// Answerable is how probable it is that the sources answer a question, 0..1, and which of them does best, from 0; -1 where there are
// none.
func (g *Grounds) Answerable(ctx context.Context, question string) (score float64, best int, err error) {
	c := NewClaim(question)
	best = -1
	for i := range g.sources {
		f, err := g.answerFeatures(ctx, c, i)
		if err != nil {
			return 0, -1, err
		}
		if p := g.answerModel().Probability(f); p > score {
			score, best = p, i
		}
	}
	return score, best, nil
}

func (g *Grounds) answerModel() *Model {
	if g.encode != nil {
		return Fitted.AnswerableMeaning
	}
	return Fitted.Answerable
}

// answerFeatures are, of a question and a source:
//
//   - single: the share of the question's words, weighted by rarity, that one sentence has
//   - body: the share of its words that stand in the text, of those that are not in the title already
//   - dense: how many of them a sentence has, on average
//   - length: the logarithm of how many terms the source has, since a longer one may say more
//   - meaning, sentence, title: with an encoder, the cosine of the question with the whole source, with its closest sentence, and
//     with its title: what is about the title's subject need not answer what is asked of it
func (g *Grounds) answerFeatures(ctx context.Context, c *Claim, i int) (Features, error) {
	s := g.sources[i]
	a := g.align(c, i)
	total, there, hits, size := 0.0, 0.0, 0, 0
	for p := range s.pieces {
		size += len(s.pieces[p].terms)
	}
	for _, t := range c.terms {
		if t.in(s.titleTerms) {
			continue
		}
		total += g.weight(t)
		n := 0
		for p := range s.pieces {
			if t.in(s.pieces[p].terms) {
				n++
			}
		}
		if n > 0 {
			there += g.weight(t)
		}
		hits += n
	}
	f := Features{"single": a.single, "body": 1, "dense": float64(hits) / float64(max(1, len(s.pieces))), "length": math.Log(1 + float64(size))}
	if total > 0 {
		f["body"] = there / total
	}
	if g.encode == nil || len(s.pieces) == 0 {
		return f, nil
	}
	return f, g.answerMeaning(ctx, c, s, f)
}

// mostRead is how many sentences of a source an encoder reads for a question: the first ones.
const mostRead = 40

func (g *Grounds) answerMeaning(ctx context.Context, c *Claim, s *Source, f Features) (err error) {
	prefix := ""
	if s.title != "" {
		prefix = s.title + ": "
	}
	var sentences, all []string
	for p := range s.pieces {
		if p < mostRead {
			sentences = append(sentences, prefix+s.pieces[p].text)
		}
	}
	if f["sentence"], err = g.likeness(ctx, c.text, sentences); err != nil {
		return err
	}
	all = append(all, prefix+s.text(nil))
	if f["meaning"], err = g.likeness(ctx, c.text, all); err != nil {
		return err
	}
	if s.title == "" {
		f["title"] = untitled
		return nil
	}
	f["title"], err = g.likeness(ctx, c.text, []string{s.title})
	return err
}

// untitled is what stands for the likeness of a title where there is none: about the mean over CLAPNQ.
const untitled = 0.5

// AnswerFeatures are what answerability by the first source is made of, for those who fit and measure models.
func (g *Grounds) AnswerFeatures(ctx context.Context, question string) (Features, error) {
	return g.answerFeatures(ctx, NewClaim(question), 0)
}
