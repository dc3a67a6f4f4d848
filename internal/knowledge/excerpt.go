package knowledge

import (
	"cmp"
	"slices"
	"strings"

	"github.com/dragoman/dragoman/internal/knowledge/chunk"
)

// Span is a range of lines of a document, from 1, both inclusive.
type Span struct {
	Start int `json:"start"`
	End   int `json:"end"`
}

// Lines of a passage that are shown: a long one is trimmed to what answers. The first passage gets more room, since a
// reader who must scroll back for the second has lost the first.
const (
	firstLines = 30
	otherLines = 20
)

// excerpt chooses the lines of a candidate to show: at most limit, in one or two spans, and among them the key lines.
func (r *ranker) excerpt(c *candidate, limit int) (spans []Span, key []int) {
	lines := strings.Split(c.Text, "\n")
	value := r.lineValues(c, len(lines))
	n := len(lines)
	if c.End-c.Start+1 != n { // a piece of one endless line
		return []Span{{c.Start, c.End}}, []int{c.Start}
	}
	if n <= limit+limit/5 {
		spans = []Span{{c.Start, c.End}}
	} else {
		spans = r.window(c, lines, value, limit)
	}
	return spans, keyLines(c.Start, lines, value, spans)
}

// lineValues is how much of the question each line of the chunk speaks of.
func (r *ranker) lineValues(c *candidate, n int) []float64 {
	value := make([]float64, n)
	line, seen := -1, map[int32]float64{}
	for _, m := range c.marks {
		if int(m.line) >= n {
			break
		}
		if int(m.line) != line {
			line = int(m.line)
			clear(seen)
		}
		if s := float64(m.share); s > seen[m.concept] {
			value[line] += r.idf[m.concept] * (s - seen[m.concept])
			seen[m.concept] = s
		}
	}
	return value
}

// window finds the stretch of limit lines that tells most of the question. A concept told twice counts little more than
// one told once. Where the stretch misses the definition's first lines, they are shown before it.
func (r *ranker) window(c *candidate, lines []string, value []float64, limit int) []Span {
	sign := signature(lines)
	head := 0 // lines to show from the definition's beginning, when the window begins after them
	if c.Kind == chunk.Function || c.Kind == chunk.Type {
		head = 1
	}
	width := limit - head
	byLine := make([][]mark, len(lines))
	for _, m := range c.marks {
		if int(m.line) < len(lines) {
			byLine[m.line] = append(byLine[m.line], m)
		}
	}
	best, bestValue := 0, -1.0
	for from := 0; from+width <= len(lines); from++ {
		seen := map[int32]float64{}
		v := 0.0
		for i := from; i < from+width; i++ {
			for _, m := range byLine[i] {
				s := float64(m.share)
				if old := seen[m.concept]; s > old {
					v += r.idf[m.concept] * (s - old)
					seen[m.concept] = s
				}
				v += 0.08 * r.idf[m.concept] * s
			}
		}
		if from <= sign && sign < from+width {
			v *= 1.15
		}
		if v > bestValue*1.0001 {
			best, bestValue = from, v
		}
	}
	// Begin at a line that begins something, if one is near.
	for back := range 4 {
		i := best - back
		if i <= 0 || strings.TrimSpace(lines[i-1]) == "" {
			best = max(i, 0)
			break
		}
	}
	end := min(best+width, len(lines))
	for end > best+1 && strings.TrimSpace(lines[end-1]) == "" {
		end--
	}
	if len(lines)-end <= 2 {
		end = len(lines)
	}
	out := Span{c.Start + best, c.Start + end - 1}
	if head > 0 && best > sign {
		if best-sign <= 3 {
			out.Start = c.Start + sign
			return []Span{out}
		}
		return []Span{{c.Start + sign, c.Start + sign + head - 1}, out}
	}
	return []Span{out}
}

// signature is the first line that is no comment: of a function, the one that names it.
func signature(lines []string) int {
	for i, l := range lines {
		t := strings.TrimSpace(l)
		if t == "" || strings.HasPrefix(t, "//") || strings.HasPrefix(t, "/*") || strings.HasPrefix(t, "*") || strings.HasPrefix(t, "#") || strings.HasPrefix(t, "@") {
			continue
		}
		return i
	}
	return 0
}

// keyLines are the up to three shown lines that tell most.
func keyLines(start int, lines []string, value []float64, spans []Span) []int {
	var shown []int
	for _, s := range spans {
		for l := s.Start; l <= s.End; l++ {
			if value[l-start] > 0 && len(strings.TrimSpace(lines[l-start])) > 2 {
				shown = append(shown, l)
			}
		}
	}
	slices.SortStableFunc(shown, func(a, b int) int { return cmp.Compare(value[b-start], value[a-start]) })
	var key []int
	for _, l := range shown {
		if len(key) < 3 && value[l-start] >= 0.6*value[shown[0]-start] {
			key = append(key, l)
		}
	}
	slices.Sort(key)
	return key
}
