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

// Model is an entry of the catalogue: one file, or several that belong together.
type Model struct {
	Name     string   `json:"name"`
	Title    string   `json:"title"`
	Licence  string   `json:"licence"`
	Purposes []string `json:"purposes"` // Chat, FillIn, Embedding
	Context  int      `json:"context"`  // tokens
	Files    []File   `json:"files"`    // the weights first
}

// File is one file of a model. Its name is one within the model's folder, without a path.
type File struct {
	Name   string `json:"name"`
	Size   int64  `json:"size"`   // bytes
	SHA256 string `json:"sha256"` // hexadecimal, lower case
	URL    string `json:"url"`    // at its publisher, at a fixed revision
}

// What models are for.
const (
	Chat      = "chat"
	FillIn    = "fill-in-the-middle"
	Embedding = "embedding"
)

// For says whether the model serves a purpose.
func (m Model) For(purpose string) bool { return slices.Contains(m.Purposes, purpose) }

// Size is that of all files together, in bytes.
func (m Model) Size() (n int64) {
	for _, f := range m.Files {
		n += f.Size
	}
	return n
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
