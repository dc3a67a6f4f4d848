package prompt

import (
	"fmt"
	"maps"
	"slices"
)

// Lint says what is odd about a template that Parse takes: it works, and may not be what was meant.
func (t *Template) Lint() (odd []string) {
	used := map[string]bool{}
	sources, stable := false, true
	total := 0
	for i := range t.Blocks {
		b := &t.Blocks[i]
		for _, text := range b.texts {
			for _, name := range fieldsOf(text) {
				used[name] = true
			}
		}
		sources = sources || b.Content == "sources"
		if b.Role == User {
			stable = false
		} else if !stable {
			odd = append(odd, fmt.Sprintf("block %s is of role system and comes after one of role user; it stands before that all the same", b.Name))
		}
		n := Tokens(b.Text)
		if b.Role == System && (b.Shrink == "" || b.Shrink == Never) {
			total += n
		}
		if b.Budget > 0 && b.Content == "" && (b.Shrink == "" || b.Shrink == Never) {
			odd = append(odd, fmt.Sprintf("block %s has a budget, and no way to keep to it: set shrink", b.Name))
		}
	}
	if !sources {
		odd = append(odd, "no block has the sources: what was found is not shown to the model; add {name: sources, role: user, content: sources}")
	}
	if total > 1500 {
		odd = append(odd, fmt.Sprintf("blocks of role system that never shrink have about %d tokens: small models have little room for more", total))
	}
	for _, name := range slices.Sorted(maps.Keys(t.Variables)) {
		if !used[name] {
			odd = append(odd, fmt.Sprintf("variable %s is not used", name))
		}
	}
	for _, name := range slices.Sorted(maps.Keys(t.Partials)) {
		if !slices.ContainsFunc(t.Blocks, func(b Block) bool {
			for _, text := range b.texts {
				if slices.Contains(partialsOf(text.Tree.Root, nil), name) {
					return true
				}
			}
			return false
		}) {
			odd = append(odd, fmt.Sprintf("partial %s is used by no block itself", name))
		}
	}
	return odd
}
