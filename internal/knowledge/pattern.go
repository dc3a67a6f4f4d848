package knowledge

import (
	"path"
	"slices"
	"strings"

	"github.com/dragoman/dragoman/internal/knowledge/source"
)

// pattern says which paths are meant: those of a pattern of .gitignore, and those that are it, lie below the folder that it names, or have a name
// like it: "internal/**", "*.go", "docs", "docs/guide".
type pattern struct {
	folder string // without what only says that all below is meant
	git    source.Pattern
	valid  bool // git is one
}

func newPattern(text string) pattern {
	git, err := source.NewPattern(strings.TrimPrefix(text, "./"))
	return pattern{strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(text, "./"), "/**"), "/"), git, err == nil}
}

func newPatterns(texts []string) []pattern {
	out := make([]pattern, len(texts))
	for i, t := range texts {
		out[i] = newPattern(t)
	}
	return out
}

func (p *pattern) matches(name string) bool {
	if p.folder == "." || name == p.folder || strings.HasPrefix(name, p.folder+"/") {
		return true
	}
	last := name
	if !strings.Contains(p.folder, "/") {
		last = path.Base(name)
	}
	if ok, err := path.Match(p.folder, last); err == nil && ok {
		return true
	}
	return p.valid && p.git.Matches(name)
}

// anyMatches says whether one of the patterns matches a path.
func anyMatches(patterns []pattern, name string) bool {
	return slices.ContainsFunc(patterns, func(p pattern) bool { return p.matches(name) })
}
