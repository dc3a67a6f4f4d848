package knowledge

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/index"
	"github.com/dragoman/dragoman/internal/knowledge/source"
)

// TestWhere: what filters let through has the facets that it is searched by; where these say all, what has them is let through.
func TestWhere(t *testing.T) {
	r := rand.New(rand.NewPCG(8, 8))
	one := func(list ...string) string { return list[r.IntN(len(list))] }
	some := func(list ...string) (out []string) {
		for r.IntN(4) == 0 {
			out = append(out, one(list...))
		}
		return out
	}
	filter := func() *Filter {
		paths := []string{"docs/**", "src/Docs/**", "./docs/**", "docs", "*.go", "a", "a/**", "docs/**/", ".", "./**", "/**", "src/*/**", "b/a/**"}
		languages, types, teams := []string{"go", "Go", "py", "german", "text", ""}, []string{"code", "TEST", "example", "issue", "function", ""}, []string{"shop", "STRASSE", "ſhop", "Straße", ""}
		f := &Filter{Paths: some(paths...), Languages: some(languages...), Types: some(types...), Teams: some(teams...), Authors: some("ann", "B")}
		f.NotPaths, f.NotLangs, f.NotTypes, f.NotTeams, f.NotAuthor = some(paths...), some(languages...), some(types...), some(teams...), some("bo")
		if r.IntN(4) == 0 {
			f.After = time.Unix(40, 0)
		}
		return f
	}
	exact, passed := 0, 0
	for range 50_000 {
		d := &index.Document{
			Path: one("a", "b/a", "docs/a.md", "docs/x/b.go", "src/Docs/c.py", "x/docs", "src/*/d.go"), Language: one("", "go", "python", "German"), Type: one("", "code", "doc", "Issue", "test"),
			Team: one("", "Shop", "straße", "legal"), Author: one("Ann", "bob"), Updated: time.Unix(int64(r.IntN(100)), 0),
			Flags: uint32([]source.Flags{0, source.Test, source.Example, source.Test | source.Example}[r.IntN(4)]),
		}
		f, g, only := filter(), filter(), some("docs/**", "*.md")
		var q index.Query
		narrow(&q, f, g, only)
		lets := q.Allow == nil || q.Allow(d)
		w, has := where(only, f, g), facets(d)
		is := func(facet string) bool { return slices.Contains(has, facet) }
		holds := !slices.ContainsFunc(w.None, is)
		for _, any := range w.Any {
			holds = holds && slices.ContainsFunc(any, is)
		}
		switch {
		case lets && !holds:
			t.Fatalf("%+v is let through by\n%+v and\n%+v and %v, and not found by %+v among %q", d, f, g, only, w, has)
		case w.Exact && holds && !lets:
			t.Fatalf("%+v is not let through by\n%+v and\n%+v and %v, and found by %+v, which is to be all", d, f, g, only, w)
		}
		if w.Exact {
			exact++
		}
		if lets {
			passed++
		}
	}
	if exact < 1000 || passed < 1000 {
		t.Errorf("%d exact, %d let through", exact, passed)
	}
}
