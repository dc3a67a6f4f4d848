// Package weights keeps the files of local models: a catalogue of pinned ones, and a folder with those that are here. A file is
// used only after its size and its SHA-256 were found right.
package weights

import (
	_ "embed"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
)

// Model is an entry of the catalogue.
type Model struct {
	Name     string   `json:"name"`
	Title    string   `json:"title"`
	File     string   `json:"file"`
	Size     int64    `json:"size"`   // bytes
	SHA256   string   `json:"sha256"` // hexadecimal
	Licence  string   `json:"licence"`
	Purposes []string `json:"purposes"` // "chat", "fill-in-the-middle", "embedding"
	Context  int      `json:"context"`  // tokens
	URL      string   `json:"url"`      // at its publisher
}

//go:embed catalogue.json
var shipped []byte

// Catalogue is the models that are known, and AsOf the day on which that was written.
var Catalogue, AsOf = mustRead(shipped)

func mustRead(data []byte) ([]Model, string) {
	var list struct {
		AsOf   string  `json:"as_of"`
		Models []Model `json:"models"`
	}
	if err := json.Unmarshal(data, &list); err != nil {
		panic(err) // it is part of the program
	}
	return list.Models, list.AsOf
}

// Find returns the model of a name. The error lists those there are.
func Find(catalogue []Model, name string) (Model, error) {
	i := slices.IndexFunc(catalogue, func(m Model) bool { return m.Name == name })
	if i < 0 {
		names := make([]string, len(catalogue))
		for i, m := range catalogue {
			names[i] = m.Name
		}
		return Model{}, fmt.Errorf("there is no model %q in the catalogue; there are %s", name, strings.Join(names, ", "))
	}
	return catalogue[i], nil
}
