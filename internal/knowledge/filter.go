package knowledge

import (
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
	Authors   []string  `json:"authors,omitempty"`    // parts of the name of who changed the lines last
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
	among, paths, notPaths := wantedOf(only), wantedOf(f.Paths), wantedOf(f.NotPaths)
	return func(d *index.Document) bool {
		switch {
		case !some(among, d, byPath) || !some(paths, d, byPath), !some(f.Languages, d, byLanguage), !some(types, d, byType), !some(f.Teams, d, byTeam):
			return false
		case none(notPaths, d, byPath), none(f.NotLangs, d, byLanguage), none(f.NotTypes, d, byType), none(f.NotTeams, d, byTeam):
			return false
		}
		return d.Blame.Known() || f.changed(index.LastChange{At: d.Updated, Author: d.Author}) // passages have changes of their own
	}
}

// passages returns what decides about the passages of documents, by who changed them and when; nil where all pass. It is for one goroutine.
func (f *Filter) passages() func(d *index.Document, number int) bool {
	if len(f.Authors)+len(f.NotAuthor) == 0 && f.After.IsZero() && f.Before.IsZero() {
		return nil
	}
	// Vectors of a hundred thousand passages may be passed over, of few authors.
	authors, wanted := len(f.Authors)+len(f.NotAuthor) > 0, map[string]bool{}
	return func(d *index.Document, number int) bool {
		if !d.Blame.Known() {
			return true // the document was asked
		}
		if !f.within(d.ChangedAt(number)) {
			return false
		}
		if !authors {
			return true
		}
		last, _ := d.Changed(number)
		is, known := wanted[last.Author]
		if !known {
			is = f.by(last.Author)
			wanted[last.Author] = is
		}
		return is
	}
}

// changed says whether what was last changed so may be found.
func (f *Filter) changed(last index.LastChange) bool { return f.within(last.At) && f.by(last.Author) }

func (f *Filter) within(at time.Time) bool {
	return (f.After.IsZero() || !at.Before(f.After)) && (f.Before.IsZero() || at.Before(f.Before))
}

func (f *Filter) by(author string) bool {
	return some(f.Authors, author, byAuthor) && !none(f.NotAuthor, author, byAuthor)
}

// some says whether one of the values holds for x; no values hold for all.
func some[V, T any](values []V, x T, holds func(V, T) bool) bool {
	return len(values) == 0 || slices.ContainsFunc(values, func(v V) bool { return holds(v, x) })
}

// none says whether one of the values that must not hold does.
func none[V, T any](values []V, x T, holds func(V, T) bool) bool {
	return slices.ContainsFunc(values, func(v V) bool { return holds(v, x) })
}

// wanted is a pattern of a filter: as it is, and a word without wildcards for any part of a path.
type wanted struct {
	pattern
	part string // lower case; empty where there are wildcards
}

func wantedOf(patterns []string) []wanted {
	out := make([]wanted, len(patterns))
	for i, p := range patterns {
		out[i].pattern = newPattern(p)
		if !strings.ContainsAny(p, "*?[") {
			out[i].part = strings.ToLower(p)
		}
	}
	return out
}

func byPath(w wanted, d *index.Document) bool {
	return w.part != "" && strings.Contains(strings.ToLower(d.Path), w.part) || w.matches(d.Path)
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

func byAuthor(part, name string) bool {
	return strings.Contains(strings.ToLower(name), strings.ToLower(part))
}

// narrow has a query find only what passes two filters, and lies at one of the paths.
func narrow(q *index.Query, a, b *Filter, only []string) {
	q.Allow, q.Passage = a.documents(nil), a.passages()
	if allow := b.documents(only); q.Allow == nil {
		q.Allow = allow
	} else if x := q.Allow; allow != nil {
		q.Allow = func(d *index.Document) bool { return x(d) && allow(d) }
	}
	if passage := b.passages(); q.Passage == nil {
		q.Passage = passage
	} else if x := q.Passage; passage != nil {
		q.Passage = func(d *index.Document, n int) bool { return x(d, n) && passage(d, n) }
	}
	one, _ := a.kinds()
	other, _ := b.kinds()
	if one == nil || other == nil {
		q.Kinds = append(one, other...)
		return
	}
	q.Kinds = []chunk.Kind{} // and not nil, which would stand for all
	for _, k := range one {
		if slices.Contains(other, k) {
			q.Kinds = append(q.Kinds, k)
		}
	}
}
