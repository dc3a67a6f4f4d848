package ledger

import (
	"fmt"
	"strings"
)

// Abilities are what a model takes and does.
type Abilities struct {
	Known     bool // the rest says so; what is false then it can't
	Tools     bool
	Images    bool
	Documents bool // PDFs
	Audio     bool
	Schema    bool // it keeps to a JSON Schema
	Reasoning bool // it thinks, or can be told to
}

// AbilityNames are the names of abilities, in the price list and in the configuration.
func AbilityNames() []string {
	return []string{"tools", "images", "documents", "audio", "json_schema", "reasoning"}
}

// NewAbilities are those of a model that can do what is named, and nothing else.
func NewAbilities(names ...string) (Abilities, error) {
	a := Abilities{Known: true}
	for _, name := range names {
		switch name {
		case "tools":
			a.Tools = true
		case "images":
			a.Images = true
		case "documents":
			a.Documents = true
		case "audio":
			a.Audio = true
		case "json_schema":
			a.Schema = true
		case "reasoning":
			a.Reasoning = true
		default:
			return a, fmt.Errorf("%q is no ability; there are %s", name, strings.Join(AbilityNames(), ", "))
		}
	}
	return a, nil
}
