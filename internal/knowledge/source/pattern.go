package source

import (
	"fmt"
	"path"
	"slices"
	"strings"
)

// Pattern is a pattern of .gitignore that stands by itself: it matches files, and all that lies below a folder that it matches.
type Pattern struct{ rule rule }

// NewPattern reads a pattern. It returns an error for one that could match nothing, and for one that takes back ("!").
func NewPattern(text string) (Pattern, error) {
	r, ok := parseRule(text)
	switch {
	case !ok:
		return Pattern{}, fmt.Errorf("%q is no pattern of .gitignore", text)
	case r.takesBack:
		return Pattern{}, fmt.Errorf("%q takes back, and there is nothing before it; write what is meant", text)
	}
	return Pattern{r}, nil
}

// Matches says whether the pattern matches the file at a slash-separated path, or a folder above it.
func (p *Pattern) Matches(name string) bool {
	for isDir := false; name != "." && name != "/" && name != ""; isDir = true {
		if p.rule.matches(name, path.Base(name), isDir) {
			return true
		}
		name = strings.TrimSuffix(path.Dir(name), "/")
	}
	return false
}

// Patterns are several, of which one has to match.
type Patterns []Pattern

// NewPatterns reads patterns. It returns the error of the first that is none.
func NewPatterns(texts []string) (Patterns, error) {
	out := make(Patterns, len(texts))
	for i, t := range texts {
		p, err := NewPattern(t)
		if err != nil {
			return nil, err
		}
		out[i] = p
	}
	return out, nil
}

// Match says whether one of the patterns matches the file at a slash-separated path, or a folder above it.
func (ps Patterns) Match(name string) bool {
	return slices.ContainsFunc(ps, func(p Pattern) bool { return p.Matches(name) })
}
