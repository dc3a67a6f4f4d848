package assistant

import (
	"context"

	"github.com/dragoman/dragoman/internal/guard"
)

// outputGuard masks secrets that a model writes, while it streams, and puts back those that the caller sent himself.
type outputGuard struct {
	mask    *guard.StreamMask
	restore *guard.Restorer
	turn    *Turn
}

func newOutputGuard(t *Turn) filter {
	t.output = &outputGuard{turn: t}
	return t.output
}

// prepare runs at the first delta: the vault is filled by then.
func (g *outputGuard) prepare() {
	if g.restore != nil {
		return
	}
	if g.turn.Definition.Policy.Output == guard.Mask {
		g.mask = guard.NewStreamMask()
	}
	g.restore = guard.NewRestorer(g.turn.vault)
}

func (g *outputGuard) Write(delta string) string {
	g.prepare()
	if g.mask != nil {
		delta = g.mask.Write(delta)
	}
	return g.restore.Write(delta)
}

func (g *outputGuard) Flush() string {
	g.prepare()
	rest := ""
	if g.mask != nil {
		rest = g.mask.Flush()
	}
	return g.restore.Write(rest) + g.restore.Flush()
}

// guardOutput notes what the stream mask found.
func (e *Engine) guardOutput(_ context.Context, t *Turn) error {
	if t.output.mask == nil {
		return nil
	}
	for _, f := range t.output.mask.Findings() {
		t.find("output", "secret: "+f.Rule, guard.Mask, 0)
	}
	return nil
}
