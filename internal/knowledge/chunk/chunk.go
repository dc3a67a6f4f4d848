// Package chunk cuts a document into the passages that are indexed, found and cited: functions, types, sections, each
// with the names it defines and the context that a reader of the passage alone would miss.
//
// Every line with content belongs to a chunk, in order, except a licence header at the top of a source file, which would
// otherwise match in every file alike. Chunks overlap only where one unit (a long function) was too large and had to be cut.
package chunk

import (
	"sort"
	"strings"
)

// Kind is what a chunk holds.
type Kind string

const (
	Function Kind = "function" // a function or method with its doc comment
	Type     Kind = "type"     // a class, struct, interface or enum; without its methods where those are chunks of their own
	Value    Kind = "value"    // constants and variables
	Head     Kind = "head"     // a file's package clause, imports and overview comment
	Code     Kind = "code"     // statements outside any definition
	Section  Kind = "section"  // prose under a heading
	Data     Kind = "data"     // configuration or data
)

// Chunk is one passage of a document.
type Chunk struct {
	Start, End int    // lines, from 1, both inclusive
	Page       int    // where it begins, from 1; 0 in a document without pages
	Kind       Kind   //
	Symbol     string // qualified name of what is defined here ("Logger.Check"), or the heading path ("Usage > Flags")
	Defines    string // all names defined here, separated by blanks
	Context    string // what surrounds it: package, enclosing type, document title, imports, neighbours; see Header
	Text       string // the lines as they are, without the last line break
}

// Limits of one chunk. A unit above them is cut at blank lines into windows; about 600 tokens is what rankers, small
// models and readers can take in at once, and long functions are rare. Tokens are estimated; only what is denser than code
// usually is, such as numbers and Chinese, meets that limit before the others.
const (
	maxBytes     = 2600
	maxTokens    = 900
	maxLines     = 70
	smallLines   = 24  // a type of up to this size, methods included, stays in one piece
	overlapLines = 4   // that neighbouring windows share, at most
	overlapBytes = 300 // and how long these lines may be
)

// Split cuts text, the decoded content of the file at path (slash-separated), into chunks.
func Split(path, text string) []Chunk {
	return splitAs(newSource(path, text, LanguageOf(path, text)))
}

// SplitPages is Split for a document whose pages begin at these lines, from 1, in ascending order. No chunk is of two pages, so that each
// knows its own.
func SplitPages(path, text string, pages []int) []Chunk {
	src := newSource(path, text, LanguageOf(path, text))
	src.pages = pages
	chunks := splitAs(src)
	for i := range chunks {
		chunks[i].Page = sort.SearchInts(pages, chunks[i].Start+1)
	}
	return chunks
}

// splitAs cuts a document by the rules of its language.
func splitAs(src *source) []Chunk {
	if len(src.lines) == 0 {
		return nil
	}
	if src.lang.split != nil {
		if chunks, ok := src.lang.split(src); ok {
			return annotate(src, chunks)
		}
	}
	return annotate(src, splitOutline(src))
}

// source is a document while it is being cut.
type source struct {
	path  string
	lang  *Language
	lines []string // without line breaks
	pages []int    // lines, from 1, at which pages begin; see SplitPages
}

func newSource(path, text string, lang *Language) *source {
	text = strings.TrimSuffix(text, "\n")
	if text == "" {
		return &source{path: path, lang: lang}
	}
	lines := strings.Split(text, "\n")
	for i, l := range lines {
		if n := len(l); n > 0 && l[n-1] == '\r' {
			lines[i] = l[:n-1]
		}
	}
	return &source{path: path, lang: lang, lines: lines}
}

// text joins lines [from, to), counted from 0.
func (s *source) text(from, to int) string { return strings.Join(s.lines[from:to], "\n") }

func (s *source) blank(i int) bool { return strings.TrimSpace(s.lines[i]) == "" }

// trim narrows [from, to) to lines with content.
func (s *source) trim(from, to int) (int, int) {
	for from < to && s.blank(from) {
		from++
	}
	for to > from && s.blank(to-1) {
		to--
	}
	return from, to
}

// add appends lines [from, to) as one chunk like proto, or as several where they are too many.
func (s *source) add(dst []Chunk, proto Chunk, from, to int) []Chunk {
	from, to = s.trim(from, to)
	if from == to {
		return dst
	}
	overlap := 0
	if proto.Kind == Function || proto.Kind == Type || proto.Kind == Section {
		overlap = overlapLines
	}
	for _, w := range s.windows(from, to, overlap) {
		c := proto
		c.Start, c.End, c.Text = w.from+1, w.to, w.text
		if head := s.tableHead(w.from, from); head != "" {
			c.Context = line(c.Context, "under "+head) // the columns of a table that was cut
		}
		dst = append(dst, c)
	}
	return dst
}
