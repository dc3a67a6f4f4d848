package app

import (
	"context"
	"net/http"

	"github.com/dragoman/dragoman/internal/knowledge/index"
	"github.com/dragoman/dragoman/internal/knowledge/weaviate"
)

// weaviateOf is the server that searches vectors, nil where the configuration has none. It outlasts a Reload: what it knows of a server that
// does not answer holds for all collections.
func (a *App) weaviateOf() *weaviate.Engine {
	if a.Config.Store.Vectors != "weaviate" {
		return nil
	}
	w := a.Config.Store.Weaviate
	return weaviate.New(weaviate.Options{URL: w.URL, Key: w.APIKey.Reveal(), Within: w.Within, Rate: int(w.Rate), Client: &http.Client{Transport: a.options.Client.Transport}, Now: a.options.Now})
}

// vectorEngine is what searches the vectors of configured collections, nil for what has no server of its own.
func (a *App) vectorEngine() index.Engine {
	if a.weaviate == nil {
		return nil
	}
	return a.weaviate
}

// VectorServer is the server that searches vectors, as doctor tells of it.
type VectorServer struct {
	Address string // empty: there is none
	Version string
	Err     error
}

// VectorServer asks the server that searches vectors whether it can be used.
func (a *App) VectorServer(ctx context.Context) VectorServer {
	if a.weaviate == nil {
		return VectorServer{}
	}
	version, err := a.weaviate.Check(ctx)
	return VectorServer{a.Config.Store.Weaviate.URL, version, err}
}
