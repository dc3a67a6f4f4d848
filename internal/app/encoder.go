package app

import (
	"fmt"
	"sync"

	"github.com/dragoman/dragoman/internal/encoder"
	"github.com/dragoman/dragoman/internal/weights"
)

// EmbeddingModel is the model of the catalogue that is used where none is named.
const EmbeddingModel = "minilm"

// encoders opens the models that run in this process, each once, when it is first needed. They outlast a Reload.
type encoders struct {
	folder weights.Folder
	mu     sync.Mutex
	open   map[string]*encoder.Encoder
}

func newEncoders(folder weights.Folder) *encoders {
	return &encoders{folder: folder, open: map[string]*encoder.Encoder{}}
}

// get opens a model of the catalogue with what is set before texts. One that is not here is looked for again the next time: it may be
// pulled while a server runs.
func (x *encoders) get(name, query, passage string) (*encoder.Encoder, error) {
	key := name + "\x00" + query + "\x00" + passage
	x.mu.Lock()
	defer x.mu.Unlock()
	if e, ok := x.open[key]; ok {
		return e, nil
	}
	m, err := weights.Find(weights.Catalogue, name)
	if err != nil {
		return nil, err
	}
	if _, err := x.folder.Paths(m); err != nil {
		return nil, err
	}
	e, err := encoder.Open(x.folder.Dir(m), encoder.Options{Name: m.Name, MaxTokens: m.Context, QueryPrefix: query, PassagePrefix: passage})
	if err == nil {
		x.open[key] = e
	}
	return e, err
}

// folderOf opens a cross-encoder from a folder of its own, which no catalogue knows.
func (x *encoders) folderOf(dir string) (*encoder.Encoder, error) {
	x.mu.Lock()
	defer x.mu.Unlock()
	if e, ok := x.open[dir]; ok {
		return e, nil
	}
	e, err := encoder.Open(dir, encoder.Options{})
	if err != nil {
		return nil, err
	}
	if len(e.Labels()) != 1 {
		return nil, fmt.Errorf("the model in %s is no cross-encoder: it has no classification head with one output", dir)
	}
	x.open[dir] = e
	return e, nil
}

// has says whether a model of the catalogue is here.
func (x *encoders) has(name string) bool {
	m, err := weights.Find(weights.Catalogue, name)
	if err != nil {
		return false
	}
	here, _ := x.folder.Has(m)
	return here
}

// OpenEncoder opens an embedding model of the catalogue. The error says what to do where it is not here.
func OpenEncoder(folder weights.Folder, name string) (*encoder.Encoder, error) {
	return newEncoders(folder).get(name, "", "")
}
