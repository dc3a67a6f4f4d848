package chunk

import "strings"

// smallSection is the size below which neighbouring sections under one heading are kept together: alone they say too
// little to be found or to answer.
const smallSection = 300

// splitProse cuts Markdown, reStructuredText and AsciiDoc at their headings. A chunk's symbol is the path of headings above
// it ("Usage > Flags"), its context the title of the document.
func splitProse(s *source) ([]Chunk, bool) {
	sections := s.sections()
	if len(sections) == 0 {
		return nil, false
	}
	title := sections[0].title
	for _, sec := range sections {
		if sec.title != "" {
			title = sec.title
			break
		}
	}
	var out []Chunk
	var path []heading
	for i := 0; i < len(sections); i++ {
		sec := sections[i]
		if sec.title != "" {
			for len(path) > 0 && path[len(path)-1].level >= sec.level {
				path = path[:len(path)-1]
			}
			path = append(path, sec.heading)
		}
		c := Chunk{Kind: Section, Symbol: join(path), Defines: sec.title, Context: of(title)}
		if sec.goesOn {
			c.Defines = ""
		}
		to := sec.to
		// A small section takes in those after it that are not above it, while all of them together stay small.
		for i+1 < len(sections) && !sections[i+1].page && sections[i+1].level >= sec.level && sec.title != "" && s.bytes(sec.from, sections[i+1].to) < smallSection {
			i++
			to = sections[i].to
			c.Defines += " " + sections[i].title
			for len(path) > 1 && path[len(path)-1].level >= sections[i].level {
				path = path[:len(path)-1]
			}
		}
		out = s.add(out, c, sec.from, to)
	}
	return out, true
}

// of is the line of a header that names a document.
func of(title string) string {
	if title == "" {
		return ""
	}
	return "of " + title
}

// Entitle adds the title that a document has at its source to its sections, where its text does not say it.
func Entitle(chunks []Chunk, title string) {
	if title = strings.Join(strings.Fields(title), " "); title == "" {
		return
	}
	said := of(title)
	for i := range chunks {
		c := &chunks[i]
		if c.Kind != Section || strings.HasPrefix(c.Symbol, title) {
			continue
		}
		if first, _, _ := strings.Cut(c.Context, "\n"); first != said {
			c.Context = line(said, c.Context)
		}
		if i == 0 && c.Defines == "" {
			c.Defines = title
		}
	}
}

type heading struct {
	title string
	level int // from 1; 0 for what stands before the first heading
}

type section struct {
	heading
	from, to int  // lines [from, to), the heading included
	page     bool // a page begins with it
	goesOn   bool // its heading stands on a page before
}

func join(path []heading) string {
	var b strings.Builder
	for i, h := range path {
		if i > 0 {
			b.WriteString(" > ")
		}
		b.WriteString(h.title)
	}
	return b.String()
}

func (s *source) bytes(from, to int) int {
	n := 0
	for _, l := range s.lines[from:to] {
		n += len(l) + 1
	}
	return n
}

// sections finds the headings outside fenced code, front matter and comments.
func (s *source) sections() []section {
	var out []section
	start := section{}
	i, front := 0, 0
	if len(s.lines) > 0 && strings.TrimRight(s.lines[0], " ") == "---" { // front matter stays with the first section
		for j := 1; j < min(len(s.lines), 100); j++ {
			if t := strings.TrimRight(s.lines[j], " "); t == "---" || t == "..." {
				i = j + 1
				front = i
				break
			}
		}
	}
	underlines := map[byte]int{} // reStructuredText: levels in order of appearance
	fence := ""
	open := func(h heading, at int) {
		if start.title == "" && front > 0 && !s.hasText(front, at) {
			start.heading = h
			return
		}
		if start.to = at; start.from < at && (start.title != "" || s.hasText(start.from, at)) {
			out = append(out, start)
			start = section{from: at}
		}
		start.heading, start.goesOn = h, false
	}
	pages := s.pages
	for ; i < len(s.lines); i++ {
		if len(pages) > 0 && i+1 >= pages[0] {
			pages = pages[1:]
			if start.from < i && s.hasText(start.from, i) {
				start.to = i
				out = append(out, start)
				start = section{heading: start.heading, from: i, goesOn: true}
			}
			start.page = true
		}
		t := strings.TrimSpace(s.lines[i])
		if f := fenceOf(t); f != "" {
			switch {
			case fence == "":
				fence = f
			case strings.HasPrefix(f, fence) && strings.Trim(t, fence[:1]) == "":
				fence = ""
			}
			continue
		}
		if fence != "" || t == "" {
			continue
		}
		if h, ok := atxHeading(t); ok && s.lang.Name != "text" && indent(s.lines[i]) < 4 { // in other text # begins a comment
			open(h, i)
			continue
		}
		if i+1 < len(s.lines) {
			if level, ok := s.underline(i, underlines); ok {
				at := i
				if i > 0 && i-1 >= start.from && isRule(s.lines[i-1]) && s.lines[i-1][0] == s.lines[i+1][0] {
					at = i - 1 // an overline
				}
				open(heading{t, level}, at)
				i++
			}
		}
	}
	start.to = len(s.lines)
	if s.hasText(start.from, start.to) {
		out = append(out, start)
	}
	return out
}

func (s *source) hasText(from, to int) bool {
	from, to = s.trim(from, to)
	return from < to
}

func fenceOf(t string) string {
	for _, c := range []string{"`", "~"} {
		n := len(t) - len(strings.TrimLeft(t, c))
		if n >= 3 && (c == "~" || !strings.Contains(t[n:], "`")) {
			return t[:n]
		}
	}
	return ""
}

// atxHeading reads "## Title ##", and "== Title" as AsciiDoc has it.
func atxHeading(t string) (heading, bool) {
	mark := t[0]
	if mark != '#' && mark != '=' {
		return heading{}, false
	}
	n := len(t) - len(strings.TrimLeft(t, string(mark)))
	if n > 6 || n == len(t) || t[n] != ' ' {
		return heading{}, false
	}
	title := strings.TrimSpace(strings.TrimRight(strings.TrimSpace(t[n:]), string(mark)))
	return heading{plainTitle(title), n}, title != ""
}

// underline says whether line i is a title underlined by line i+1, and its level.
func (s *source) underline(i int, levels map[byte]int) (int, bool) {
	title, rule := strings.TrimRight(s.lines[i], " "), strings.TrimRight(s.lines[i+1], " ")
	if !isRule(rule) || isRule(title) || strings.HasPrefix(strings.TrimSpace(title), "|") {
		return 0, false
	}
	mark := rule[0]
	if s.lang.Name == "markdown" {
		if mark == '=' {
			return 1, true
		}
		// "---" below a paragraph of several lines, a list or a table is no heading.
		return 2, mark == '-' && len(rule) >= 3 && (i == 0 || s.blank(i-1)) && !strings.HasPrefix(title, "- ")
	}
	if len(rule) < len(strings.TrimSpace(title)) {
		return 0, false
	}
	if levels[mark] == 0 {
		levels[mark] = len(levels) + 1
	}
	return levels[mark], true
}

// isRule says whether a line is a run of one punctuation mark.
func isRule(l string) bool {
	l = strings.TrimRight(l, " ")
	return len(l) >= 3 && strings.IndexByte(`=-~^"'*+#:._`+"`", l[0]) >= 0 && strings.Trim(l, l[:1]) == ""
}

// plainTitle takes markup out of a title.
func plainTitle(t string) string {
	t = strings.NewReplacer("`", "", "**", "", "__", "").Replace(t)
	for {
		open := strings.Index(t, "](")
		if open < 0 {
			return strings.TrimSpace(t)
		}
		end := strings.IndexByte(t[open:], ')')
		from := strings.LastIndexByte(t[:open], '[')
		if end < 0 || from < 0 {
			return strings.TrimSpace(t)
		}
		t = t[:from] + t[from+1:open] + t[open+end+1:]
	}
}
