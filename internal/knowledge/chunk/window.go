package chunk

import (
	"strings"

	"github.com/dragoman/dragoman/internal/token"
)

type window struct {
	from, to int // lines, [from, to), from 0
	text     string
}

// windows cuts lines [from, to) into pieces within the limits, at the best border near the end of each piece: a blank line
// before the least indented line. Neighbouring pieces share up to overlap lines.
func (s *source) windows(from, to, overlap int) []window {
	var out []window
	for from < to {
		end, size := s.fit(from, to)
		if size > 2*maxBytes { // a single endless line
			for _, piece := range cutLine(s.lines[from]) {
				out = append(out, window{from, from + 1, piece})
			}
			from++
			continue
		}
		if rest := to - end; rest > 0 {
			if rest <= 3 && s.bytes(end, to) < maxBytes/4 { // don't leave a stub behind
				end = to
			} else {
				end = s.border(s.third(from, end, size), end)
			}
		}
		a, b := s.trim(from, end)
		if a < b {
			out = append(out, window{a, b, s.text(a, b)})
		}
		if end == to {
			break
		}
		from = max(end-s.shared(from, end, overlap), from+1)
	}
	return out
}

// third is the line by which a third of [from, end), which has size bytes, has passed: a window is not to be shorter.
func (s *source) third(from, end, size int) int {
	sum := 0
	for i := from; i < end; i++ {
		if sum += len(s.lines[i]) + 1; sum*3 >= size {
			return i
		}
	}
	return end - 1
}

// fit is how many lines from from on, at least one, are within the limits, and their size in bytes.
func (s *source) fit(from, to int) (end, size int) {
	end = from
	for end < to && end-from < maxLines && (size == 0 || size+len(s.lines[end]) < maxBytes) {
		size += len(s.lines[end]) + 1
		end++
	}
	if size <= maxTokens || !s.dense(from, end) { // a token has a byte or more
		return end, size
	}
	for end > from+1 && token.Estimate(s.text(from, end)) > maxTokens {
		end -= max(1, (end-from)/8)
	}
	return end, size
}

// dense says whether lines may have more tokens than a chunk should. Letters and blanks make a token of four or more, all else
// one of each byte at the most.
func (s *source) dense(from, to int) bool {
	letters, others := 0, 0
	for _, l := range s.lines[from:to] {
		for i := range len(l) {
			if c := l[i]; c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c == ' ' || c == '\t' {
				letters++
			} else {
				others++
			}
		}
	}
	return letters/4+others > maxTokens
}

// shared is how many of the last lines of [from, end) the next window begins with: few, and none of a table or a list in which one
// entry tells nothing of the next.
func (s *source) shared(from, end, overlap int) int {
	n, size := 0, 0
	for n < overlap && end-n-1 > from {
		line := s.lines[end-n-1]
		if size += len(line); size > overlapBytes || isTableRow(line) {
			break
		}
		n++
	}
	for n > 0 && s.blank(end-n) { // a window that begins with nothing
		n--
	}
	return n
}

// border finds the best line to begin a new piece with, in (lo, hi]: the least indented one, after a blank line, and
// not inside a table or a block of code.
func (s *source) border(lo, hi int) int {
	best, bestCost := hi, 1<<30
	fenced := s.fences(lo, hi)
	for i := hi; i > lo; i-- {
		if i >= len(s.lines) || s.blank(i) {
			continue
		}
		cost := indent(s.lines[i])*4 + (hi - i)
		if !s.blank(i - 1) {
			cost += 40
		}
		if isTableRow(s.lines[i]) && isTableRow(s.lines[i-1]) || fenced[i-lo] {
			cost += 80
		}
		if cost < bestCost {
			best, bestCost = i, cost
		}
	}
	return best
}

// fences says of each line of prose in [lo, hi] whether it stands inside a block of code, as far as can be told from lo on.
func (s *source) fences(lo, hi int) []bool {
	out := make([]bool, hi-lo+1)
	if s.lang.loose != Section {
		return out
	}
	inside := false
	for i := lo; i <= hi && i < len(s.lines); i++ {
		if fenceOf(strings.TrimSpace(s.lines[i])) != "" {
			out[i-lo] = inside // what closes belongs to the block
			inside = !inside
			continue
		}
		out[i-lo] = inside
	}
	return out
}

// isTableRow tells a row of a table in Markdown.
func isTableRow(l string) bool {
	t := strings.TrimSpace(l)
	return len(t) > 2 && t[0] == '|' && t[len(t)-1] == '|'
}

// tableHead are the names of the columns of the table in which line i stands, "" if it begins there or stands in none. It looks no
// further back than to floor.
func (s *source) tableHead(i, floor int) string {
	if s.lang.loose != Section || i <= floor || !isTableRow(s.lines[i]) || !isTableRow(s.lines[i-1]) {
		return ""
	}
	for i > floor && isTableRow(s.lines[i-1]) {
		i--
	}
	return strings.Join(strings.Fields(strings.ReplaceAll(s.lines[i], "|", " ")), " ")
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
	for len(line) > maxBytes || token.Estimate(line) > maxTokens {
		most := min(maxBytes, len(line))
		if n := token.Estimate(line[:most]); n > maxTokens {
			most = most * maxTokens / n
		}
		cut := strings.LastIndexByte(line[:most], ' ')
		if cut < most/2 {
			cut = most
			for cut > most-4 && line[cut]&0xC0 == 0x80 {
				cut--
			}
		}
		out = append(out, line[:cut])
		line = line[cut:]
	}
	return append(out, line)
}
