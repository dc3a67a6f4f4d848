package knowledge

import (
	"path"
	"slices"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/chunk"
	"github.com/dragoman/dragoman/internal/knowledge/index"
	"github.com/dragoman/dragoman/internal/knowledge/source"
)

// Filter says which passages may be found. It is applied inside the index: a search for ten passages finds ten where there
// are ten that pass. Values of one list are alternatives, lists must all hold; nil lists and zero times hold for everything.
// Names are compared without regard to case.
type Filter struct {
	Paths     []string  `json:"paths,omitempty"`     // patterns ("internal/**", "*.go"), or folders and files by name
	Languages []string  `json:"languages,omitempty"` // of programs ("go"), or of people where the source says so
	Types     []string  `json:"types,omitempty"`     // "code", "doc", "config", "test", what a source calls it ("issue"), or a kind of passage ("function")
	Teams     []string  `json:"teams,omitempty"`
	Authors   []string  `json:"authors,omitempty"`    // parts of the name of who changed it last
	After     time.Time `json:"after,omitzero"`       // last changed at or after
	Before    time.Time `json:"before,omitzero"`      // last changed before
	NotPaths  []string  `json:"not_paths,omitempty"`  // as Paths, and none of these
	NotTypes  []string  `json:"not_types,omitempty"`  // as Types, and none of these
	NotLangs  []string  `json:"not_langs,omitempty"`  // as Languages, and none of these
	NotTeams  []string  `json:"not_teams,omitempty"`  // as Teams, and none of these
	NotAuthor []string  `json:"not_author,omitempty"` // as Authors, and none of these
}

// Empty says that everything passes.
func (f *Filter) Empty() bool {
	return len(f.Paths)+len(f.Languages)+len(f.Types)+len(f.Teams)+len(f.Authors)+len(f.NotPaths)+len(f.NotTypes)+len(f.NotLangs)+len(f.NotTeams)+len(f.NotAuthor) == 0 &&
		f.After.IsZero() && f.Before.IsZero()
}

// kinds are the kinds of passages that Types names, and Types without them.
func (f *Filter) kinds() (kinds []chunk.Kind, types []string) {
	for _, t := range f.Types {
		k := chunk.Kind(strings.ToLower(t))
		switch k {
		case chunk.Function, chunk.Type, chunk.Value, chunk.Head, chunk.Section, chunk.Data:
			kinds = append(kinds, k)
		default:
			types = append(types, t)
		}
	}
	return kinds, types
}

// documents returns what decides about documents, nil where all pass. only are patterns of which one must hold as well.
func (f *Filter) documents(only []string) func(*index.Document) bool {
	if f.Empty() && len(only) == 0 {
		return nil
	}
	_, types := f.kinds()
	return func(d *index.Document) bool {
		switch {
		case !some(only, d, byPath) || !some(f.Paths, d, byPath), !some(f.Languages, d, byLanguage), !some(types, d, byType), !some(f.Teams, d, byTeam), !some(f.Authors, d, byAuthor):
			return false
		case none(f.NotPaths, d, byPath), none(f.NotLangs, d, byLanguage), none(f.NotTypes, d, byType), none(f.NotTeams, d, byTeam), none(f.NotAuthor, d, byAuthor):
			return false
		}
		return (f.After.IsZero() || !d.Updated.Before(f.After)) && (f.Before.IsZero() || d.Updated.Before(f.Before))
	}
}

// some says whether one of the values holds for a document; no values hold for all.
func some(values []string, d *index.Document, holds func(string, *index.Document) bool) bool {
	return len(values) == 0 || slices.ContainsFunc(values, func(v string) bool { return holds(v, d) })
}

// none says whether one of the values that must not hold does.
func none(values []string, d *index.Document, holds func(string, *index.Document) bool) bool {
	return slices.ContainsFunc(values, func(v string) bool { return holds(v, d) })
}

// byPath takes a pattern as it is, and a word without wildcards for any part of a path.
func byPath(pattern string, d *index.Document) bool {
	if !strings.ContainsAny(pattern, "*?[") && strings.Contains(strings.ToLower(d.Path), strings.ToLower(pattern)) {
		return true
	}
	return matchPath(pattern, d.Path)
}

func byLanguage(name string, d *index.Document) bool {
	if strings.EqualFold(d.Language, name) {
		return true
	}
	lang := chunk.LanguageOf("x."+strings.ToLower(name), "") // "py", "ts"
	return lang.Name != "text" && strings.EqualFold(d.Language, lang.Name)
}

func byType(name string, d *index.Document) bool {
	flags := source.Flags(d.Flags)
	switch strings.ToLower(name) {
	case "test":
		return flags&source.Test != 0
	case "example":
		return flags&source.Example != 0
	}
	return strings.EqualFold(d.Type, name)
}

func byTeam(name string, d *index.Document) bool { return strings.EqualFold(d.Team, name) }

func byAuthor(name string, d *index.Document) bool {
	return strings.Contains(strings.ToLower(d.Author), strings.ToLower(name))
}

// matchPath says whether a path matches a pattern or lies below the folder that it names: "internal/**", "*.go", "docs".
func matchPath(pattern, name string) bool {
	pattern = strings.TrimSuffix(strings.TrimSuffix(strings.TrimPrefix(pattern, "./"), "/**"), "/")
	if pattern == "." || name == pattern || strings.HasPrefix(name, pattern+"/") {
		return true
	}
	if !strings.Contains(pattern, "/") {
		name = path.Base(name)
	}
	ok, err := path.Match(pattern, name)
	return err == nil && ok
}

// both holds where two filters hold, and says which kinds of passages both allow: nil for all, and an empty list for none.
func both(a, b *Filter, only []string) (allow func(*index.Document) bool, kinds []chunk.Kind) {
	x, y := a.documents(nil), b.documents(only)
	switch {
	case x == nil:
		allow = y
	case y == nil:
		allow = x
	default:
		allow = func(d *index.Document) bool { return x(d) && y(d) }
	}
	one, _ := a.kinds()
	other, _ := b.kinds()
	if one == nil || other == nil {
		return allow, append(one, other...)
	}
	kinds = []chunk.Kind{}
	for _, k := range one {
		if slices.Contains(other, k) {
			kinds = append(kinds, k)
		}
	}
	return allow, kinds
}
