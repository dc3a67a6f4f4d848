package knowledge

import (
	"strings"

	"github.com/dragoman/dragoman/internal/knowledge/analysis"
)

// mark finds the words of the chunk's text that speak for concepts of the question.
func (r *ranker) mark(c *candidate) {
	text := c.Text
	line, pos, from := 0, 0, 0
	first := len(r.marks)
	for i := 0; ; pos++ {
		start, end := analysis.NextWord(text, i)
		if start == len(text) {
			break
		}
		i = end
		uses := r.lex.uses(text[start:end])
		if len(uses) == 0 {
			continue
		}
		line += strings.Count(text[from:start], "\n")
		from = start
		for _, u := range uses {
			r.marks = append(r.marks, mark{line: int32(line), pos: int32(pos), concept: int32(u.concept), share: u.share})
		}
	}
	c.marks = r.marks[first:len(r.marks):len(r.marks)]
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

// run is a sequence of the question's words that ends with the word of the question where it is kept.
type run struct {
	at     int32 // of the last word, in the chunk
	n      int32
	weight float64
}

// longestRun is the weight, relative to the whole question, of the longest sequence of the question's words that stands in the
// chunk as it stands in the question. Two words in a row are chance, each further one makes it less so: of three words half
// the weight counts, of six four fifths. Function words count as steps but not as weight.
func (r *ranker) longestRun(c *candidate) float64 {
	words := r.q.words
	if len(words) < 2 {
		return 0
	}
	clear(r.runs)
	best := 0.0
	for _, m := range c.marks {
		if m.share < 0.9 {
			continue
		}
		for _, i := range r.places[m.concept] {
			cur := run{m.pos, 1, r.idf[m.concept]}
			for back := 1; back <= 3 && i-back >= 0; back++ {
				// Function words between two marked ones must be as many in the chunk, give or take one.
				if prev := &r.runs[i-back]; prev.n > 0 && m.pos > prev.at && m.pos-prev.at <= int32(back)+1 {
					cur.n, cur.weight = prev.n+1, prev.weight+r.idf[m.concept]
					break
				}
				if words[i-back] >= 0 {
					break
				}
			}
			if old := &r.runs[i]; old.n == 0 || old.at != m.pos || old.weight < cur.weight {
				*old = cur
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
	clear(r.counts)
	weight, from := 0.0, 0
	for _, m := range c.marks {
		if m.share >= 0.5 {
			if r.counts[m.concept] == 0 {
				weight += r.idf[m.concept]
			}
			r.counts[m.concept]++
		}
		for c.marks[from].pos < m.pos-span {
			if f := c.marks[from]; f.share >= 0.5 {
				if r.counts[f.concept]--; r.counts[f.concept] == 0 {
					weight -= r.idf[f.concept]
				}
			}
			from++
		}
		best = max(best, weight)
	}
	return best / r.total
}
