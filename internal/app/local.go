package app

import (
	"context"
	"time"

	"github.com/dragoman/dragoman/internal/config"
	"github.com/dragoman/dragoman/internal/dialect/completions"
	"github.com/dragoman/dragoman/internal/provider"
	"github.com/dragoman/dragoman/internal/provider/local"
	"github.com/dragoman/dragoman/internal/weights"
)

// completes says how local servers complete texts.
var completes = map[string]completions.FIM{"ollama": completions.FIMSuffix, "llama-server": completions.FIMInfill, "vllm": completions.FIMTokens}

// findLocal looks for models on this machine: those that are served, else those that were pulled.
func (m *Models) findLocal(ctx context.Context, o Options) error {
	served, err := m.findServed(ctx, o)
	if err != nil {
		return err
	}
	if served {
		return nil
	}
	found := local.Detect(ctx, o.Client, local.Candidates(o.Getenv))
	if len(found) == 0 {
		return m.findPulled(o)
	}
	m.Router.Known = m.Router.Known[:0]
	for _, f := range found {
		if _, taken := m.upstreams[f.Name]; taken {
			continue
		}
		pc := provider.Config{Name: f.Name, Dialect: "openai", BaseURL: f.BaseURL, APIKey: f.Key, Completions: completes[f.Name], Prefills: f.Name == "llama-server"}
		as := speakAs(&pc, config.Provider{Server: f.Name})
		if err := m.add(pc, o, Found{Source: foundHere, Default: f.Models[0], Server: as}, true); err != nil {
			return err
		}
		common := m.Router.Known[len(m.Router.Known)-1]
		for _, name := range f.Models[1:] {
			common.Name, common.Small = name, local.Small(name)
			m.Router.Known = append(m.Router.Known, common)
		}
	}
	return nil
}

// findServed adds the model that `dragoman model serve` serves.
func (m *Models) findServed(ctx context.Context, o Options) (bool, error) {
	a, ok := local.Announced(ctx, ServingFile(o.DataDir))
	if _, taken := m.upstreams[servedName]; !ok || taken {
		return false, nil
	}
	m.windows[servedName] = a.Context
	pc := provider.Config{Name: servedName, Dialect: "openai", BaseURL: a.URL, APIKey: a.Key, Completions: completions.FIMInfill, Prefills: true}
	as := speakAs(&pc, config.Provider{Server: "llama-server"})
	return true, m.add(pc, o, Found{Source: servedHere, Default: a.Model, Server: as}, true)
}

// findPulled adds the largest model that was pulled, where there is an engine for it. It is loaded when it is asked.
func (m *Models) findPulled(o Options) error {
	var best weights.Model
	for _, w := range weights.Catalogue {
		if here, _ := ModelFolder(o.DataDir).Has(w); here && w.For(weights.Chat) && w.Size() > best.Size() {
			best = w
		}
	}
	if _, taken := m.upstreams[servedName]; best.Name == "" || taken {
		return nil
	}
	if _, err := FindEngine(o.DataDir, o.Getenv); err == nil { // else dragoman doctor says so
		return m.addEngine(provider.Config{Name: servedName, FirstTokenTimeout: engineFirstToken}, o, config.Engine{Model: best.Name, Wait: engineWait}, Found{Source: "dragoman model pull"})
	}
	return nil
}

const (
	servedName = "local"                // of a provider that nobody configured
	servedHere = "dragoman model serve" // and its source

	// How long a question waits that nobody configured anything for: a command line has nothing better to do, and a long prompt
	// takes a small machine minutes.
	engineWait       = 2 * time.Minute
	engineFirstToken = 5 * time.Minute
)
