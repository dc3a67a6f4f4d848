package app

import (
	"fmt"
	"os"
	"path/filepath"
	"sync"

	"github.com/dragoman/dragoman/internal/config"
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

// get opens an embedding model with what is set before texts: one of the catalogue by its name, another by its folder. One that is not
// here is looked for again the next time: it may be pulled while a server runs.
func (x *encoders) get(local, query, passage string) (*encoder.Encoder, error) {
	key := local + "\x00" + query + "\x00" + passage
	x.mu.Lock()
	defer x.mu.Unlock()
	if e, ok := x.open[key]; ok {
		return e, nil
	}
	dir, o := local, encoder.Options{QueryPrefix: query, PassagePrefix: passage}
	if !config.IsFolder(local) {
		m, err := weights.Find(weights.Catalogue, local)
		if err != nil {
			return nil, err
		}
		if _, err := x.folder.Paths(m); err != nil {
			return nil, err
		}
		dir, o.Name, o.MaxTokens = x.folder.Dir(m), m.Name, m.Context
	}
	e, err := encoder.Open(dir, o)
	if err != nil {
		return nil, err
	}
	if len(e.Labels()) > 0 {
		return nil, fmt.Errorf("the model in %s has a classification head: it is a cross-encoder (see rerankers) or a classifier, and its vectors were not made to be compared", dir)
	}
	x.open[key] = e
	return e, nil
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

// has says whether a model is here: one of the catalogue, or a folder that has one.
func (x *encoders) has(local string) bool {
	if config.IsFolder(local) {
		_, err := os.Stat(filepath.Join(local, "config.json"))
		return err == nil
	}
	m, err := weights.Find(weights.Catalogue, local)
	if err != nil {
		return false
	}
	here, _ := x.folder.Has(m)
	return here
}

// OpenEncoder opens an embedding model as an embedder of the configuration does: see config.Embedder. The error says what to do where it
// is not here.
func OpenEncoder(folder weights.Folder, e config.Embedder) (*encoder.Encoder, error) {
	return newEncoders(folder).get(e.Local, e.QueryPrefix, e.PassagePrefix)
}
