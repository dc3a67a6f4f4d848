package app

import (
	"github.com/dragoman/dragoman/internal/engine"
	"github.com/dragoman/dragoman/internal/provider/gate"
)

// observeGates shows in the metrics how busy and how healthy the providers are, and the engines that run here.
func (a *App) observeGates() {
	each := func(f func(name string, g *gate.Gate)) {
		for name, g := range *a.gates.Load() {
			f(name, g)
		}
	}
	a.Metrics.Gauges("provider_active", "Requests under way at a provider that takes a bounded number at a time.", []string{"provider"}, func(emit func(float64, ...string)) {
		each(func(name string, g *gate.Gate) {
			active, _ := g.Load()
			emit(float64(active), name)
		})
	})
	a.Metrics.Gauges("provider_waiting", "Requests that wait for such a provider.", []string{"provider"}, func(emit func(float64, ...string)) {
		each(func(name string, g *gate.Gate) {
			_, waiting := g.Load()
			emit(float64(waiting), name)
		})
	})
	a.Metrics.Gauges("engines", "Engines of local models, by state: loading, ready, failed.", []string{"provider", "state"}, func(emit func(float64, ...string)) {
		for name, p := range *a.engines.Load() {
			states := map[engine.State]int{engine.Loading: 0, engine.Ready: 0, engine.Failed: 0}
			for _, s := range p.Engines() {
				states[s.State]++
			}
			for state, n := range states {
				emit(float64(n), name, string(state))
			}
		}
	})
	a.Metrics.Gauges("breaker_open", "1 for each model that is left alone, because it failed too often.", []string{"provider", "model"}, func(emit func(float64, ...string)) {
		each(func(name string, g *gate.Gate) {
			seen := map[string]bool{}
			for _, model := range g.Open() {
				if label := a.Metrics.ModelLabel(model); !seen[label] { // callers choose names of models
					seen[label] = true
					emit(1, name, label)
				}
			}
		})
	})
}

// observeCache shows in the metrics how full the cache of answers is.
func (a *App) observeCache() {
	if a.cache == nil {
		return
	}
	meant := func() (answers, bytes int) {
		if a.semantic == nil {
			return 0, 0
		}
		return a.semantic.Size()
	}
	a.Metrics.Gauge("semantic_cache_answers", "Answers in the cache by meaning.", nil, func() float64 { n, _ := meant(); return float64(n) })
	a.Metrics.Gauge("semantic_cache_bytes", "Bytes of the answers in the cache by meaning, with their vectors.", nil, func() float64 { _, bytes := meant(); return float64(bytes) })
	a.Metrics.Gauge("cache_answers", "Answers in the cache.", nil, func() float64 { n, _ := a.cache.Size(); return float64(n) })
	a.Metrics.Gauge("cache_bytes", "Bytes of the answers in the cache.", nil, func() float64 { _, bytes := a.cache.Size(); return float64(bytes) })
}
