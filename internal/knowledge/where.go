package knowledge

import (
	"path"
	"strings"
	"unicode"

	"github.com/dragoman/dragoman/internal/knowledge/chunk"
	"github.com/dragoman/dragoman/internal/knowledge/index"
	"github.com/dragoman/dragoman/internal/knowledge/source"
)

// An engine outside of this process cannot call a filter, and so searches by facets: words that say of a document what filters ask for, as
// "language:go". What may change without the document being indexed anew (dates, authors) is none of them, nor are patterns of paths.

// facets are those of a document.
func facets(d *index.Document) []string {
	out := []string{"language:" + fold(d.Language), "team:" + fold(d.Team), "named:" + path.Base(d.Path)}
	flags := source.Flags(d.Flags)
	if flags&source.Test != 0 {
		out = append(out, "type:"+fold("test"))
	}
	if flags&source.Example != 0 {
		out = append(out, "type:"+fold("example"))
	}
	if !strings.EqualFold(d.Type, "test") && !strings.EqualFold(d.Type, "example") { // those are flags
		out = append(out, "type:"+fold(d.Type))
	}
	for folder := d.Path; folder != "." && folder != "/"; folder = path.Dir(folder) {
		out = append(out, "below:"+folder)
	}
	return out
}

// fold makes equal what differs in case alone, as strings.EqualFold does.
func fold(s string) string {
	return strings.Map(func(r rune) rune {
		least := r
		for f := unicode.SimpleFold(r); f != r; f = unicode.SimpleFold(f) {
			least = min(least, f)
		}
		return least
	}, s)
}

// where says of filters what facets can say.
func where(only []string, filters ...*Filter) index.Where {
	w := index.Where{Exact: true}
	some := func(values []string, facet func(string) []string) {
		var all []string
		for _, v := range values {
			f := facet(v)
			if f == nil { // one of the alternatives cannot be said
				w.Exact = false
				return
			}
			all = append(all, f...)
		}
		if len(all) > 0 {
			w.Any = append(w.Any, all)
		}
	}
	none := func(values []string, facet func(string) []string) {
		for _, v := range values {
			f := facet(v)
			w.Exact = w.Exact && f != nil
			w.None = append(w.None, f...)
		}
	}
	some(only, pathFacet)
	for _, f := range filters {
		_, types := f.kinds()
		some(f.Paths, pathFacet)
		some(f.Languages, languageFacet)
		some(types, typeFacet)
		some(f.Teams, teamFacet)
		none(f.NotPaths, pathFacet)
		none(f.NotLangs, languageFacet)
		none(f.NotTypes, typeFacet)
		none(f.NotTeams, teamFacet)
		if len(f.Authors)+len(f.NotAuthor) > 0 || !f.After.IsZero() || !f.Before.IsZero() {
			w.Exact = false
		}
	}
	return w
}

// pathFacet is what lies below a folder; nil for other patterns.
func pathFacet(pattern string) []string {
	folder, ok := strings.CutSuffix(strings.TrimPrefix(pattern, "./"), "/**")
	if !ok || folder == "." || folder != path.Clean(folder) || strings.ContainsAny(folder, `*?[\`) {
		return nil
	}
	if strings.Contains(folder, "/") {
		return []string{"below:" + folder}
	}
	return []string{"below:" + folder, "named:" + folder} // as matchPath takes a pattern without a slash
}

func languageFacet(name string) []string {
	out := []string{"language:" + fold(name)}
	if lang := chunk.LanguageOf("x."+strings.ToLower(name), ""); lang.Name != "text" {
		out = append(out, "language:"+fold(lang.Name))
	}
	return out
}

func typeFacet(name string) []string { return []string{"type:" + fold(name)} }

func teamFacet(name string) []string { return []string{"team:" + fold(name)} }
