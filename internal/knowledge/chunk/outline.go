package chunk

import "strings"

// splitOutline cuts source code of most languages by its layout: a definition is recognised by its first line and reaches
// as far as the lines after it are indented more deeply, plus the bracket or "end" that closes it. Layout survives
// strings, regular expressions and macros that defeat a count of braces, and it serves Python, Ruby and YAML alike.
func splitOutline(s *source) []Chunk {
	o := &outline{source: s, shape: shapes(s)}
	start := s.afterLicence()
	root := block{from: start, to: len(s.lines)}
	o.nest(&root, -1)
	var out []Chunk
	o.emit(&out, &root, "")
	return out
}

type outline struct {
	*source
	shape []lineShape
}

// block is a definition with those inside it.
type block struct {
	from, to int // lines [from, to), doc comment and decorators included
	name     string
	kind     Kind
	children []block
}

// lineShape is what layout needs to know of a line.
type lineShape struct {
	indent  int
	blank   bool // empty, a preprocessor line, or inside a multi-line string: says nothing about nesting
	comment bool // a comment, decorator or attribute: belongs to what follows
}

// maxString is how many lines a multi-line string may have before its opening is taken for a misreading.
const maxString = 200

func shapes(s *source) []lineShape {
	out := make([]lineShape, len(s.lines))
	open, openedAt := "", 0
	for i, line := range s.lines {
		t := strings.TrimSpace(line)
		sh := lineShape{indent: indent(line), blank: t == ""}
		if open != "" && i-openedAt > maxString {
			open = ""
		}
		switch {
		case open != "":
			sh.blank = true
		case t == "":
		case s.lang.preproc && t[0] == '#':
			sh.blank = true
		default:
			sh.comment = isComment(s.lang, t)
		}
		if !sh.comment {
			for _, q := range s.lang.strings {
				if open != "" && open != q {
					continue
				}
				if strings.Count(t, q)%2 == 1 {
					if open == "" {
						open, openedAt = q, i
					} else {
						open = ""
					}
				}
			}
		}
		out[i] = sh
	}
	return out
}

func isComment(l *Language, t string) bool {
	for _, c := range l.comments {
		if strings.HasPrefix(t, c) {
			return true
		}
	}
	return false
}

// nest finds the definitions directly inside parent, whose own first line is at bodyOf, and theirs in turn.
func (o *outline) nest(parent *block, bodyOf int) {
	i := max(parent.from, bodyOf+1)
	floor := i // no child may begin before this line
	for i < parent.to {
		sh := o.shape[i]
		if sh.blank || sh.comment {
			i++
			continue
		}
		// An indented line outside any definition stands in something that was not understood: a macro that makes a class.
		name, kind, ok := o.lang.definition(o.lines[i], bodyOf >= 0 || o.lang.clike && sh.indent > 0)
		if !ok {
			i++
			continue
		}
		b := block{from: o.leading(i, floor), to: o.extent(i, parent.to), name: name, kind: kind}
		if kind == Type && b.to-i > 2 {
			o.nest(&b, i)
		}
		parent.children = append(parent.children, b)
		i, floor = b.to, b.to
	}
}

// leading steps back over comments, decorators and attributes that stand directly above line i.
func (o *outline) leading(i, floor int) int {
	for i > floor && o.shape[i-1].comment && !(o.shape[i-1].blank) {
		i--
	}
	return i
}

// extent finds the line after the last one of the definition that begins at line i.
func (o *outline) extent(i, limit int) int {
	d := o.shape[i].indent
	end := i + 1
	for j := i + 1; j < limit; j++ {
		sh := o.shape[j]
		if sh.blank {
			continue
		}
		if sh.indent > d || o.lang.flat && !o.begins(j) {
			end = j + 1
			continue
		}
		if sh.indent < d {
			break
		}
		t := strings.TrimSpace(o.lines[j])
		switch {
		case t[0] == '{' || strings.HasPrefix(t, "where") || strings.HasPrefix(t, "->"):
			end = j + 1 // the body follows
			continue
		case t[0] == ')' || t[0] == ']':
			end = j + 1
			if last := t[len(t)-1]; last == '{' || last == ':' || last == '(' || strings.HasSuffix(t, "=>") || strings.HasSuffix(t, "=") {
				continue // end of a long parameter list
			}
		case t[0] == '}' || o.lang.closer != "" && (t == o.lang.closer || strings.HasPrefix(t, o.lang.closer+" ") || strings.HasPrefix(t, o.lang.closer+")")):
			end = j + 1
		case o.lang.labels && strings.HasSuffix(t, ":"):
			end = j + 1 // "out:" in C, "public:" in C++
			continue
		}
		break
	}
	// A definition that opened nothing (a declaration) may be followed by deeper lines only by its own continuation.
	return end
}

// begins says whether a definition begins at line i.
func (o *outline) begins(i int) bool {
	_, _, ok := o.lang.definition(o.lines[i], false)
	return ok
}

// emit turns a block into chunks.
func (o *outline) emit(out *[]Chunk, b *block, path string) {
	inner := path
	if b.name != "" {
		if inner != "" {
			inner += "."
		}
		inner += b.name
	}
	proto := Chunk{Kind: b.kind, Symbol: inner, Defines: b.name}
	if b.name == "" {
		proto.Kind = o.lang.loose
	}
	if path != "" {
		proto.Context = "in " + path
	}
	if len(b.children) == 0 || b.name != "" && b.to-b.from <= smallLines {
		for _, c := range b.children {
			proto.Defines += " " + c.name
		}
		if b.name == "" {
			o.loose(out, proto, b.from, b.to)
			return
		}
		*out = o.add(*out, proto, b.from, b.to)
		return
	}
	pos := b.from
	own := proto // the block's own lines between its children
	for i := range b.children {
		c := &b.children[i]
		from, to := o.trim(pos, c.from)
		switch {
		case from == to:
		case to-from <= 2 && b.name != "":
			c.from = from // a bare header, or a stray line or two, goes with the next member
		case b.name == "":
			o.loose(out, own, from, to)
		default:
			*out = o.add(*out, own, from, to)
		}
		o.emit(out, c, inner)
		pos = c.to
	}
	from, to := o.trim(pos, b.to)
	if from == to {
		return
	}
	if last := len(*out) - 1; last >= 0 && to-from <= 2 && (*out)[last].End == from && b.name != "" { // the closing bracket
		c := &(*out)[last]
		c.End, c.Text = to, c.Text+"\n"+o.text(from, to)
		return
	}
	if b.name == "" {
		o.loose(out, own, from, to)
		return
	}
	*out = o.add(*out, own, from, to)
}

// loose adds lines outside any definition. At the top of a file these are its imports and overview.
func (o *outline) loose(out *[]Chunk, c Chunk, from, to int) {
	if len(*out) == 0 && c.Kind == Code {
		c.Kind = Head
	}
	*out = o.add(*out, c, from, to)
}

// afterLicence is the first line after a licence comment at the top of a source file.
func (s *source) afterLicence() int {
	if len(s.lang.comments) == 0 {
		return 0
	}
	i := 0
	for i < len(s.lines) && (s.blank(i) || strings.HasPrefix(s.lines[i], "#!")) {
		i++
	}
	licence, inBlock := false, false
	for ; i < len(s.lines); i++ {
		t := strings.TrimSpace(s.lines[i])
		if strings.HasPrefix(t, "/*") {
			inBlock = true
		}
		if !inBlock && (t == "" || !isComment(s.lang, t)) {
			break
		}
		low := strings.ToLower(t)
		if strings.Contains(low, "copyright") || strings.Contains(low, "spdx-license") || strings.Contains(low, "licensed under") ||
			strings.Contains(low, "permission is hereby granted") || strings.Contains(low, "license that can be found") {
			licence = true
		}
		if inBlock && strings.Contains(t, "*/") {
			inBlock = false
			if !licence {
				break
			}
		}
	}
	if !licence || i >= len(s.lines) {
		return 0
	}
	return i
}
