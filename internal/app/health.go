package app

import (
	"time"

	"github.com/dragoman/dragoman/internal/route"
)

// Health is how the providers of a server do.
type Health struct {
	Providers map[string]ProviderHealth `json:"providers"`
}

// ProviderHealth is how a provider does.
type ProviderHealth struct {
	Active  int                    `json:"active"` // requests under way and waiting; both 0 where their number is not bounded
	Waiting int                    `json:"waiting"`
	Models  map[string]ModelHealth `json:"models"` // that were asked since the server started
}

// ModelHealth is how a model has done of late.
type ModelHealth struct {
	FirstTokenMS float64 `json:"first_token_ms"` // at the median; 0: not known
	ErrorRate    float64 `json:"error_rate"`     // 0..1, within the last half minute
	Open         bool    `json:"open"`           // it failed too often, and is left alone for a while
}

// Health is how the providers do that this process asks.
func (a *App) Health() Health {
	h := Health{Providers: map[string]ProviderHealth{}}
	for name, g := range *a.gates.Load() {
		p := ProviderHealth{Models: map[string]ModelHealth{}}
		p.Active, p.Waiting = g.Load()
		for model, m := range g.Models() {
			p.Models[model] = ModelHealth{float64(m.FirstToken.Microseconds()) / 1000, m.ErrorRate, m.Open}
		}
		h.Providers[name] = p
	}
	return h
}

// Believe makes the router take a server's word for the health of its models. It is called before the first turn.
func (a *App) Believe(h Health) {
	a.Models.Router.Live = func(m route.Model) route.Live {
		l := h.Providers[m.Provider].Models[m.Name]
		return route.Live{FirstToken: time.Duration(l.FirstTokenMS * float64(time.Millisecond)), ErrorRate: l.ErrorRate, Open: l.Open}
	}
}
