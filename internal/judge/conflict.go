package judge

import (
	"slices"
	"strings"

	"github.com/dragoman/dragoman/internal/facts"
	"github.com/dragoman/dragoman/internal/knowledge/analysis"
)

// Conflict is a fact of a sentence that the place where its words stand says otherwise, or not at all.
type Conflict struct {
	Kind string `json:"kind"` // "number", "name", "negation", "opposite"
	What string `json:"what"` // the number, name or word
}

// conflicts compares the facts of a claim with those of the sentences that it was aligned with, and of their neighbours; of a claim
// that no sentence says nearly as it stands, its numbers and names may stand anywhere in the source. What the question says may be
// repeated. far counts the numbers and names that do not stand near, conflict or not.
func (g *Grounds) conflicts(c *Claim, a alignment) (out []Conflict, far int) {
	if len(a.pieces) == 0 {
		return nil, 0 // nothing here speaks of it
	}
	s := g.sources[a.source]
	near, all := s.near(a.pieces), s.all()
	allowed := near
	if a.single < closely {
		allowed = all
	}
	given := said{g.asked, s.called}
	note := func(kind, what string) {
		if x := (Conflict{kind, what}); !slices.Contains(out, x) {
			out = append(out, x)
		}
	}
	for _, n := range c.facts.Numbers() {
		if given.number(n) {
			continue
		}
		if !near.number(n) {
			far++
		}
		if !allowed.number(n) || all.misdated(c, n) || s.elsewhere(c, n.Value, nil, func(p *piece) bool { return said{p}.rivals(n, c.facts) }) {
			note("number", n.String())
		}
	}
	for _, n := range c.names {
		if given.named(n) {
			continue
		}
		if !near.named(n) {
			far++
		}
		if !allowed.named(n) || slices.ContainsFunc(n.words, allowed.has) && slices.ContainsFunc(n.words, func(w string) bool {
			return s.elsewhere(c, w, n.words, func(p *piece) bool { return p.names(c) })
		}) {
			note("name", n.text)
		}
	}
	if what := contradicted(c, a, s); what != "" {
		note("negation", what)
	}
	if a.single >= closely {
		if mine, theirs := c.facts.Opposite(s.pieces[a.pieces[0]].facts); mine != "" && !analysis.IsStopword(mine) {
			note("opposite", mine+", not "+theirs)
		}
	}
	return out, far
}

// Of what a claim says beside a fact, in shares: how much a sentence has that tells another fact, and how much less the sentences have
// in which the fact stands. With less asked for, every fourth true claim of WiCE was suspected, since encyclopedias tell of one thing
// in several sentences.
const (
	told    = 0.75
	apartBy = 0.5
)

// elsewhere says whether a number, or a word of a name, stands in the source in sentences that have little of what the claim says beside it,
// while one that has most of that has a rival in its place. whole are all words of the name.
func (s *Source) elsewhere(c *Claim, fact string, whole []string, rival func(*piece) bool) bool {
	at := slices.IndexFunc(c.terms, func(t term) bool { return t.is(fact) })
	if at < 0 {
		return false
	}
	var beside []term
	for i, t := range c.terms {
		if i != at && t.clause == c.terms[at].clause && !slices.ContainsFunc(whole, t.is) {
			beside = append(beside, t)
		}
	}
	if len(beside) < 2 {
		return false
	}
	with, without := 0.0, 0.0
	for i := range s.pieces {
		p := &s.pieces[i]
		found := 0
		for _, t := range beside {
			if t.in(p.terms) {
				found++
			}
		}
		share := float64(found) / float64(len(beside))
		switch {
		case c.terms[at].in(p.terms):
			with = max(with, share)
		case share > without && share >= told && rival(p):
			without = share
		}
	}
	return without >= told && with <= without-apartBy
}

// contradicted says which negation of a claim its sentences lack, or which of theirs it lacks; "" where there is none.
func contradicted(c *Claim, a alignment, s *Source) string {
	if a.single >= closely {
		if word := denied(c, s.pieces[a.pieces[0]].text); word != "" {
			return word
		}
	}
	mine, theirs := c.facts.Negations(), s.pieces[a.pieces[0]].facts.Negations()
	if slices.ContainsFunc(a.pieces, func(p int) bool { return slices.ContainsFunc(refusals, s.pieces[p].facts.Has) }) {
		return "" // it denies in other words
	}
	switch {
	case mine > 0 && !slices.ContainsFunc(a.pieces, func(p int) bool { return s.pieces[p].facts.Negations() > 0 }):
		return "the source denies nothing here"
	case a.single >= verbatim && mine > theirs:
		return "one more than in the source"
	case a.single >= verbatim && mine < theirs && 10*len(c.terms) >= 9*len(NewClaim(s.pieces[a.pieces[0]].text).terms):
		return "one less than in the source"
	}
	return ""
}

// refuses says whether a word is one of the refusals.
func refuses(word string) bool { f := facts.Of(word); return slices.ContainsFunc(refusals, f.Has) }

// refusals are stems of words that deny what is said with them, as "not" does.
var refusals = strings.Fields("declin refus reject forbid forbidden prohibit ban bann fail deni unknown unidentifi unlike")

// closely is the share of a claim's words that a sentence must have for the two to be compared word by word.
const closely = 0.5

// verbatim is the share from which a claim is taken to repeat a sentence, so that their negations can be counted.
const verbatim = 0.85

// said are pieces of a source.
type said []*piece

// all is the whole source.
func (s *Source) all() said {
	out := make(said, len(s.pieces))
	for i := range s.pieces {
		out[i] = &s.pieces[i]
	}
	return out
}

// near are pieces and those beside them.
func (s *Source) near(pieces []int) (out said) {
	for i := range s.pieces {
		if slices.ContainsFunc(pieces, func(p int) bool { return i >= p-1 && i <= p+1 }) {
			out = append(out, &s.pieces[i])
		}
	}
	return out
}

// hasNumber says whether a number stands in a text. One without a unit is taken for one with any.
func hasNumber(f *facts.Facts, n facts.Number) bool {
	for _, m := range f.Numbers() {
		if m.Value == n.Value && (m.Unit == n.Unit || m.Unit == "" || n.Unit == "") {
			return true
		}
	}
	return false
}

// denied is a word that the claim denies and the sentence affirms, or the other way round; "" where there is none.
func denied(c *Claim, sentence string) string {
	said, heard := polarity(c.text), polarity(sentence)
	for _, t := range c.terms {
		for _, p := range t.parts {
			if a, b := said[p], heard[p]; a != 0 && b != 0 && a&b == 0 {
				return t.word
			}
		}
	}
	return ""
}

const (
	affirmed uint8 = 1 << iota
	negated
)

// reach is how many words that carry meaning a negation is taken to deny.
const reach = 2

// polarity says of the stems of a text whether they are affirmed, denied, or both.
func polarity(text string) map[string]uint8 {
	out := map[string]uint8{}
	left := 0
	for field := range strings.FieldsSeq(text) {
		word := strings.ToLower(strings.Trim(field, "\"'`()[]*_,.;:!?“”‘’"))
		if denies(word) {
			left = reach
			continue
		}
		if word == "but" || word == "and" || word == "although" || word == "while" {
			left = 0
		}
		analysis.Each(field, func(w string, t analysis.Terms) {
			if analysis.IsStopword(strings.ToLower(w)) {
				return
			}
			v := affirmed
			if left > 0 {
				v = negated
			}
			for _, p := range t.Parts {
				out[p] |= v
			}
			if left--; refuses(word) {
				left = reach
			}
		})
		if strings.ContainsAny(field[len(field)-1:], ",.;:!?") {
			left = 0
		}
	}
	return out
}

func denies(word string) bool {
	switch word {
	case "not", "no", "never", "none", "nobody", "nothing", "neither", "nor", "cannot", "without", "hardly", "rarely":
		return true
	}
	return strings.HasSuffix(word, "n't") || strings.HasSuffix(word, "n’t")
}
