package app

import (
	"github.com/dragoman/dragoman/internal/encoder"
	"github.com/dragoman/dragoman/internal/weights"
)

// EmbeddingModel is the model of the catalogue that is used where none is named.
const EmbeddingModel = "minilm"

// OpenEncoder opens an embedding model of the catalogue. The error says what to do where it is not here.
func OpenEncoder(folder weights.Folder, name string) (*encoder.Encoder, error) {
	m, err := weights.Find(weights.Catalogue, name)
	if err != nil {
		return nil, err
	}
	if _, err := folder.Paths(m); err != nil {
		return nil, err
	}
	return encoder.Open(folder.Dir(m), encoder.Options{Name: m.Name, MaxTokens: m.Context})
}
