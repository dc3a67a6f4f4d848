package app

import (
	"context"
	"errors"
	"testing"

	"github.com/dragoman/dragoman/internal/store"
)

// gone is a store of settings that can be away.
type gone struct {
	store.Settings
	text string
	away bool
}

func (g *gone) Setting(context.Context, string) (string, error) {
	if g.away {
		return "", errors.New("connection refused")
	}
	return g.text, nil
}

// Questions are answered while the database is away, by the threshold that held last.
func TestThresholdWithoutStore(t *testing.T) {
	settings := &gone{away: true}
	cs := &collections{settings: settings, thresholds: map[string]float64{"wiki": 0.3}}
	for _, step := range []struct {
		text string
		away bool
		want float64
	}{{"", true, 0.3}, {`{"value": 0.6}`, false, 0.6}, {"", true, 0.6}, {"", false, 0.3}} {
		settings.text, settings.away = step.text, step.away
		if got := cs.bound(t.Context(), "wiki"); got != step.want {
			t.Errorf("%+v: %g", step, got)
		}
	}
}
