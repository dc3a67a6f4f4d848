package extract

import (
	"fmt"
	"math"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"unicode"
	"unicode/utf8"
)

// pdfLine is a line of a page.
type pdfLine struct {
	y, size float64
	text    string
	level   int  // of a heading; 0 for none
	apart   bool // a paragraph begins with it
}

// pdfLines puts pieces together, in the order in which they are shown: writers show one column after the other, and a table row by row.
func pdfLines(pieces []pdfPiece) []pdfLine {
	var out []pdfLine
	var b strings.Builder
	var line pdfLine
	var end float64
	var last pdfPiece
	flush := func() {
		if line.text = leaders.ReplaceAllString(strings.Join(strings.Fields(b.String()), " "), " ... "); line.text != "" {
			out = append(out, line)
		}
		b.Reset()
	}
	for _, p := range pieces {
		if p.text == "" || p.text == last.text && math.Abs(p.x-last.x) < p.size/3 && math.Abs(p.y-last.y) < p.size/3 { // letters shown twice are bold
			continue
		}
		last = p
		blank := strings.TrimSpace(p.text) == ""
		if b.Len() > 0 && (math.Abs(p.y-line.y) > max(line.size, p.size)/2 || p.x < end-2*p.size) {
			flush()
		}
		if b.Len() == 0 {
			if blank {
				continue
			}
			line, end = pdfLine{y: p.y, size: p.size}, p.x
		}
		if p.x-end > 0.15*p.size {
			b.WriteByte(' ')
		}
		b.WriteString(p.text)
		if end = max(end, p.end); !blank && p.size > line.size { // what stands lower or higher is smaller
			line.size, line.y = p.size, p.y
		}
	}
	flush()
	usual := usualGap(out)
	for i := 1; i < len(out); i++ {
		gap := out[i-1].y - out[i].y
		out[i].apart = gap < 0 || gap > 1.5*usual
	}
	return joinWords(out)
}

// leaders are the dots that lead from an entry of a table of contents to its page.
var leaders = regexp.MustCompile(`\s?(?:[.:·] ?){4,}`)

// usualGap is the median distance of neighbouring lines: that of the lines of a paragraph.
func usualGap(lines []pdfLine) float64 {
	var gaps []float64
	for i := 1; i < len(lines); i++ {
		if gap := lines[i-1].y - lines[i].y; gap > 0 {
			gaps = append(gaps, gap)
		}
	}
	if len(gaps) == 0 {
		return 0
	}
	slices.Sort(gaps)
	return gaps[(len(gaps)-1)/2]
}

// joinWords puts words together that are parted at the end of a line.
func joinWords(lines []pdfLine) []pdfLine {
	for i := 1; i < len(lines); i++ {
		before, ok := strings.CutSuffix(lines[i-1].text, "-")
		at := &lines[i]
		first, _ := utf8.DecodeRuneInString(at.text)
		end, _ := utf8.DecodeLastRuneInString(before)
		if !ok || at.apart || !unicode.IsLower(first) || !unicode.IsLower(end) {
			continue
		}
		word, rest, _ := strings.Cut(at.text, " ")
		lines[i-1].text, at.text = before+word, rest
	}
	return slices.DeleteFunc(lines, func(l pdfLine) bool { return l.text == "" })
}

// Headings are lines that are this much larger than most letters, and this short in bytes; they hold at most this share of all text.
const (
	largerThanText  = 1.15
	longestHeading  = 120
	mostInHeadings  = 0.25
	deepestHeadings = 4
)

// markHeadings finds the lines that are headings: larger ones stand above smaller ones.
func markHeadings(pages [][]pdfLine) {
	letters, all := map[float64]int{}, 0
	for _, page := range pages {
		for _, l := range page {
			letters[rounded(l.size)] += len(l.text)
			all += len(l.text)
		}
	}
	text, most := 0.0, 0
	for size, n := range letters {
		if n > most || n == most && size < text {
			text, most = size, n
		}
	}
	var sizes []float64
	large := 0
	for size, n := range letters {
		if size >= text*largerThanText {
			sizes = append(sizes, size)
			large += n
		}
	}
	if float64(large) > mostInHeadings*float64(all) {
		return
	}
	slices.SortFunc(sizes, func(a, b float64) int { return int(math.Copysign(1, b-a)) })
	for _, page := range pages {
		for i := range page {
			l := &page[i]
			if at := slices.Index(sizes, rounded(l.size)); at >= 0 && len(l.text) <= longestHeading && !strings.Contains(l.text, " ... ") && strings.IndexFunc(l.text, unicode.IsLetter) >= 0 && utf8.RuneCountInString(l.text) > 1 {
				l.level = min(at+1, deepestHeadings)
			}
		}
	}
}

func rounded(size float64) float64 { return math.Round(size*2) / 2 }

// dropRunning takes out the lines that stand at the top and at the bottom of most pages: the same on all, or with the number of the page.
func dropRunning(pages [][]pdfLine) {
	const least = 4
	if len(pages) < least {
		return
	}
	seen := map[string]int{}
	for p, page := range pages {
		for _, i := range edges(page) {
			for _, form := range forms(page[i].text, p) {
				seen[form]++
			}
		}
	}
	for p, page := range pages {
		drop := map[int]bool{}
		for _, i := range edges(page) {
			drop[i] = slices.ContainsFunc(forms(page[i].text, p), func(form string) bool { return 2*seen[form] > len(pages) })
		}
		kept := page[:0:0]
		for i, l := range page {
			if !drop[i] {
				kept = append(kept, l)
			}
		}
		pages[p] = kept
	}
}

// edges are the lines of a page that may be those of every page.
func edges(page []pdfLine) []int {
	if n := len(page); n > 4 {
		return []int{0, 1, n - 2, n - 1}
	}
	return nil
}

var numbers = regexp.MustCompile(`\d+`)

// forms are what a line has in common with those of other pages: all of it, or all but a number that counts with the pages.
func forms(line string, page int) []string {
	out := []string{line}
	for _, at := range numbers.FindAllStringIndex(line, 4) {
		if n, err := strconv.Atoi(line[at[0]:at[1]]); err == nil {
			out = append(out, fmt.Sprintf("%s\x00%d\x00%s", line[:at[0]], n-page, line[at[1]:]))
		}
	}
	return out
}

// writePDFPage writes the lines of a page as Markdown.
func (r *reading) writePDFPage(lines []pdfLine) {
	for i, l := range lines {
		before := pdfLine{}
		if i > 0 {
			before = lines[i-1]
		}
		switch {
		case l.level > 0 && rounded(l.size) == rounded(before.size) && before.y-l.y < 2*l.size && before.y > l.y: // it goes on
			r.b.WriteString(" " + l.text)
			continue
		case i > 0 && before.level > 0:
			r.b.WriteString("\n\n")
		case i > 0 && (l.apart || l.level > 0):
			r.b.WriteString("\n\n")
		case i > 0:
			r.b.WriteByte('\n')
		}
		if l.level > 0 {
			r.b.WriteString(strings.Repeat("#", l.level) + " ")
		}
		r.b.WriteString(l.text)
	}
	r.b.WriteString("\n\n")
}
