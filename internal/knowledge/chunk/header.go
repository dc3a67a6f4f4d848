package chunk

import (
	"path"
	"strings"

	"github.com/dragoman/dragoman/internal/knowledge/analysis"
)

// The contextual header of a chunk tells what its text alone does not: where it stands. It is made without a model, from the
// path, the symbols around it, the file's imports, the document's title, and the headings or symbols beside it. Context holds
// all of it but the path, which a chunk does not know: one thing a line, each after a function word, which is not indexed.

// Embedded is a chunk's text as encoders take it: after its symbol and what surrounds it, each on a line of its own. The path is not in it, so
// that a document that moves keeps its vectors.
func Embedded(c *Chunk) string {
	return line(line(c.Symbol, c.Context), c.Text)
}

// Bounds of a header: beyond a few words it would say the same of every chunk.
const (
	maxImports   = 8  // words of imports
	maxNeighbour = 60 // bytes of a heading or symbol beside it
)

// annotate completes the contexts of a document's chunks.
func annotate(s *source, chunks []Chunk) []Chunk {
	imports := strings.Join(s.imports(), " ")
	for i := range chunks {
		c := &chunks[i]
		if c.Kind != Head && c.Kind != Section && imports != "" {
			c.Context = line(c.Context, "with "+imports)
		}
		if i > 0 {
			if name := beside(c, &chunks[i-1]); name != "" {
				c.Context = line(c.Context, "after "+name)
			}
		}
		if i+1 < len(chunks) {
			if name := beside(c, &chunks[i+1]); name != "" {
				c.Context = line(c.Context, "before "+name)
			}
		}
	}
	return chunks
}

// line adds a line to a header.
func line(text, next string) string {
	if text == "" || next == "" {
		return text + next
	}
	return text + "\n" + next
}

// beside is the name of a neighbour, unless it is a part of the same unit.
func beside(c, neighbour *Chunk) string {
	name := neighbour.Symbol
	if neighbour.Kind == Section {
		name = name[strings.LastIndexByte(name, '>')+1:]
	}
	if name = strings.TrimSpace(name); neighbour.Kind == Head || neighbour.Symbol == c.Symbol || len(name) > maxNeighbour {
		return ""
	}
	return name
}

// imports are the words of what a source file imports, each once: of a path the last part, of a list all of it.
func (s *source) imports() []string {
	if s.lang.imports == nil {
		return nil
	}
	var out []string
	seen := map[string]bool{}
	add := func(word string) {
		low := strings.ToLower(word)
		if len(out) < maxImports && len(word) > 1 && !seen[low] && !importWords[low] && !analysis.IsStopword(low) {
			seen[low] = true
			out = append(out, word)
		}
	}
	open := false // inside Go's import ( ... )
	for i, l := range s.lines {
		if i == 400 || len(out) == maxImports {
			break
		}
		t := strings.TrimSpace(l)
		switch {
		case open && strings.HasPrefix(t, ")"):
			open = false
		case s.lang.like(golang) && t == "import (":
			open = true
		case open || s.imported(t):
			importedWords(t, add)
		}
	}
	return out
}

func (s *source) imported(t string) bool {
	for _, p := range s.lang.imports {
		if strings.HasPrefix(t, p) {
			return true
		}
	}
	return s.lang.like(javascript) && strings.Contains(t, " = require(")
}

// importWords are no names of what is imported.
var importWords = words("import from use using require include as static type const let var pub crate self super mod local dynamic std java javax org com io github www golang")

// importedWords finds the names in an import: where a quoted path is given its last part and the names before it.
func importedWords(t string, add func(string)) {
	for _, q := range []string{`"`, "'", "<"} {
		from := strings.Index(t, q)
		if from < 0 {
			continue
		}
		closing := q
		if q == "<" {
			closing = ">"
		}
		to := strings.Index(t[from+1:], closing)
		if to < 0 {
			continue
		}
		name := path.Base(t[from+1 : from+1+to])
		if dot := strings.IndexByte(name, '.'); dot > 0 {
			name = name[:dot]
		}
		t = t[:from] + " " + name
		break
	}
	for i := 0; ; {
		start, end := analysis.NextWord(t, i)
		if start == len(t) {
			return
		}
		add(t[start:end])
		i = end
	}
}
