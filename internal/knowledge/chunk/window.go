package chunk

import "strings"

type window struct {
	from, to int // lines, [from, to), from 0
	text     string
}

// windows cuts lines [from, to) into pieces within the limits, at the best border near the end of each piece: a blank line
// before the least indented line. Neighbouring pieces share up to overlap lines.
func (s *source) windows(from, to, overlap int) []window {
	var out []window
	for from < to {
		end, size := from, 0
		for end < to && end-from < maxLines && (size == 0 || size+len(s.lines[end]) < maxBytes) {
			size += len(s.lines[end]) + 1
			end++
		}
		if size > 2*maxBytes { // a single endless line
			for _, piece := range cutLine(s.lines[from]) {
				out = append(out, window{from, from + 1, piece})
			}
			from++
			continue
		}
		if rest := to - end; rest > 0 {
			if rest <= 3 { // don't leave a stub behind
				end = to
			} else {
				end = s.border(from+(end-from)/2, end)
			}
		}
		a, b := s.trim(from, end)
		if a < b {
			out = append(out, window{a, b, s.text(a, b)})
		}
		if end == to {
			break
		}
		from = max(end-overlap, from+1)
	}
	return out
}

// border finds the best line to begin a new piece with, in (lo, hi].
func (s *source) border(lo, hi int) int {
	best, bestCost := hi, 1<<30
	for i := hi; i > lo; i-- {
		if i >= len(s.lines) || s.blank(i) {
			continue
		}
		cost := indent(s.lines[i])*4 + (hi - i)
		if !s.blank(i - 1) {
			cost += 40
		}
		if cost < bestCost {
			best, bestCost = i, cost
		}
	}
	return best
}

// indent is the width of the white space that a line begins with; a tab counts four.
func indent(line string) int {
	n := 0
	for i := range len(line) {
		switch line[i] {
		case ' ':
			n++
		case '\t':
			n += 4
		default:
			return n
		}
	}
	return n
}

// cutLine cuts one long line into pieces at blanks where it has some. Pieces end at rune borders.
func cutLine(line string) []string {
	var out []string
	for len(line) > maxBytes {
		cut := strings.LastIndexByte(line[:maxBytes], ' ')
		if cut < maxBytes/2 {
			cut = maxBytes
			for cut > maxBytes-4 && line[cut]&0xC0 == 0x80 {
				cut--
			}
		}
		out = append(out, line[:cut])
		line = line[cut:]
	}
	return append(out, line)
}
