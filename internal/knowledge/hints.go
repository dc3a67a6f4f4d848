package knowledge

import (
	"context"
	"fmt"
	"slices"
	"strings"

	"github.com/dragoman/dragoman/internal/knowledge/index"
)

// hints say why nothing passes the filters of a question, as far as its asker may know: they speak of what one may see alone.
func (c *Collection) hints(ctx context.Context, see *sight, u *Understood, other *Filter) ([]string, error) {
	var out []string
	for _, o := range u.Odd {
		out = append(out, fmt.Sprintf("%s was searched for as it stands: after: and before: take 2025-03-01, or how long ago, as 12h, 7d, 2w", o))
	}
	if u.Filter.Empty() && other.Empty() {
		return out, nil
	}
	docs, err := c.index.Documents(ctx)
	if err != nil {
		return nil, err
	}
	var seen []*index.Document
	for _, d := range docs {
		if d.Skip == "" && see.sees(d) {
			seen = append(seen, d)
		}
	}
	for _, f := range []*Filter{&u.Filter, other} {
		for _, one := range f.single() {
			if slices.ContainsFunc(seen, one.filter.documents(nil)) {
				continue
			}
			hint := "nothing here has " + one.name + ":" + strings.Join(one.values, ",")
			if one.of != nil {
				if there := valuesOf(seen, one.of); len(there) > 0 {
					hint += "; there is " + strings.Join(there, ", ")
				}
			}
			out = append(out, hint)
		}
	}
	return out, nil
}

// part is a filter by one thing.
type part struct {
	name   string
	values []string
	filter *Filter
	of     func(*index.Document) string // what documents have of it, where these are few
}

// single takes a filter apart: by document, so that authors and days are left out, which passages have of their own.
func (f *Filter) single() []part {
	_, types := f.kinds()
	var out []part
	for _, p := range []part{
		{"path", f.Paths, &Filter{Paths: f.Paths}, nil},
		{"lang", f.Languages, &Filter{Languages: f.Languages}, func(d *index.Document) string { return d.Language }},
		{"type", types, &Filter{Types: types}, func(d *index.Document) string { return d.Type }},
		{"team", f.Teams, &Filter{Teams: f.Teams}, func(d *index.Document) string { return d.Team }},
	} {
		if len(p.values) > 0 {
			out = append(out, p)
		}
	}
	return out
}

// mostValues is how many values of a kind a hint names.
const mostValues = 12

// valuesOf are what documents have of something, the commonest first.
func valuesOf(docs []*index.Document, of func(*index.Document) string) []string {
	counts := map[string]int{}
	for _, d := range docs {
		if v := of(d); v != "" {
			counts[v]++
		}
	}
	out := make([]string, 0, len(counts))
	for v := range counts {
		out = append(out, v)
	}
	slices.SortFunc(out, func(a, b string) int {
		if counts[a] != counts[b] {
			return counts[b] - counts[a]
		}
		return strings.Compare(a, b)
	})
	return out[:min(len(out), mostValues)]
}
