package knowledge

import (
	"slices"
	"strings"

	"github.com/dragoman/dragoman/internal/knowledge/analysis"
)

// mark finds the words of the chunk that speak for concepts of the question.
func (r *ranker) mark(c *candidate) {
	text := c.Text
	line, pos, from := 0, 0, 0
	for i := 0; ; pos++ {
		start, end := analysis.NextWord(text, i)
		if start == len(text) {
			return
		}
		line += strings.Count(text[from:start], "\n")
		from, i = start, end
		for _, u := range r.uses(text[start:end]) {
			c.marks = append(c.marks, mark{line: line, pos: pos, concept: u.concept, share: u.share})
		}
	}
}

// uses returns the concepts for which a word as written speaks.
func (r *ranker) uses(word string) []termUse {
	uses, known := r.words[word]
	if !known {
		uses = r.lookUp(word)
		r.words[word] = uses
	}
	return uses
}

// eachWord calls f with each word of a text.
func eachWord(text string, f func(word string)) {
	for i := 0; ; {
		start, end := analysis.NextWord(text, i)
		if start == len(text) {
			return
		}
		f(text[start:end])
		i = end
	}
}

// beginning is a word's first two bytes in lower case. Stemming changes no more than what follows them.
func beginning(w string) [2]byte {
	var b [2]byte
	copy(b[:], w)
	for i, c := range b {
		if c >= 'A' && c <= 'Z' {
			b[i] = c + 'a' - 'A'
		}
	}
	return b
}

// concerns says whether a word may be or contain a term of the question.
func (r *ranker) concerns(word string) bool {
	if word[0] >= 0x80 {
		return true // lower case may have other bytes
	}
	var buf [8]string
	for _, part := range analysis.Parts(buf[:0], word) {
		if r.begin[beginning(part)] || part[0] >= 0x80 {
			return true
		}
	}
	return false
}

// lookUp returns the concepts for which a word as written speaks, each at its best.
func (r *ranker) lookUp(word string) []termUse {
	if !r.concerns(word) {
		return nil
	}
	t := analysis.Of(word)
	var out []termUse
	add := func(term string) {
		for _, u := range r.q.byTerm[term] {
			known := false
			for i := range out {
				if out[i].concept == u.concept {
					if term != t.Whole {
						out[i].share = min(1, out[i].share+u.share)
					} else {
						out[i].share = max(out[i].share, u.share)
					}
					known = true
				}
			}
			if !known {
				out = append(out, u)
			}
		}
	}
	for i, p := range t.Parts {
		if !slices.Contains(t.Parts[:i], p) {
			add(p)
		}
	}
	if t.Whole != "" {
		add(t.Whole)
	}
	return out
}

// longestRun is the weight, relative to the whole question, of the longest sequence of the question's words that stands in the
// chunk as it stands in the question. Two words in a row are chance, each further one makes it less so: of three words half
// the weight counts, of six four fifths. Function words count as steps but not as weight.
func (r *ranker) longestRun(c *candidate) float64 {
	words := r.q.words
	if len(words) < 2 {
		return 0
	}
	at := map[int][]int{} // concept -> positions in the question
	for i, id := range words {
		if id >= 0 {
			at[id] = append(at[id], i)
		}
	}
	// runs ending at the last marked word: position in the question -> length and weight
	type run struct {
		pos, n int
		weight float64
	}
	last := map[int]run{}
	best := 0.0
	for _, m := range c.marks {
		if m.share < 0.9 {
			continue
		}
		for _, i := range at[m.concept] {
			cur := run{m.pos, 1, r.idf[m.concept]}
			for back := 1; back <= 3 && i-back >= 0; back++ {
				// Function words between two marked ones must be as many in the chunk, give or take one.
				if prev, ok := last[i-back]; ok && m.pos-prev.pos >= 1 && m.pos-prev.pos <= back+1 {
					cur.n, cur.weight = prev.n+1, prev.weight+r.idf[m.concept]
					break
				}
				if words[i-back] >= 0 {
					break
				}
			}
			if old, ok := last[i]; !ok || old.pos != m.pos || old.weight < cur.weight {
				last[i] = cur
			}
			if cur.n > 2 {
				best = max(best, cur.weight*float64(cur.n-2)/float64(cur.n-1))
			}
		}
	}
	return best / r.total
}

// nearness says how much of the question stands within some twelve lines of the chunk, relative to all that it has.
func (r *ranker) nearness(c *candidate) float64 {
	const span = 40 // words
	best := 0.0
	count := make([]int, len(r.q.concepts))
	weight, from := 0.0, 0
	for _, m := range c.marks {
		if m.share >= 0.5 {
			if count[m.concept] == 0 {
				weight += r.idf[m.concept]
			}
			count[m.concept]++
		}
		for c.marks[from].pos < m.pos-span {
			if f := c.marks[from]; f.share >= 0.5 {
				if count[f.concept]--; count[f.concept] == 0 {
					weight -= r.idf[f.concept]
				}
			}
			from++
		}
		best = max(best, weight)
	}
	return best / r.total
}
