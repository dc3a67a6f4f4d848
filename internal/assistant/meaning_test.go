package assistant

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/dragoman/dragoman/internal/embed"
)

// compass makes vectors of what a text speaks of, and keeps the texts.
type compass struct {
	name  string
	err   error
	texts []string
}

func (c *compass) Model() string { return c.name }
func (c *compass) Batch() int    { return 8 }

func (c *compass) Embed(_ context.Context, _ embed.Kind, texts []string) (out [][]float32, _ error) {
	c.texts = append(c.texts, texts...)
	for _, t := range texts {
		v := []float32{1, 0}
		if strings.Contains(t, "pool") {
			v = []float32{0, 1}
		}
		out = append(out, v)
	}
	return out, c.err
}

// meant runs a turn, and asks for its vector in a step of it.
func meant(t *testing.T, b *bundle, turn *Turn, times int) (v []float32, model string) {
	t.Helper()
	old := steps
	steps = slices.Insert(slices.Clone(steps), 4, step{name: "mean", run: func(_ *Engine, ctx context.Context, t *Turn) error {
		for range times {
			v, model = t.vector(ctx)
		}
		return nil
	}})
	defer func() { steps = old }()
	b.run(t, turn)
	return v, model
}

func TestVectorOfATurn(t *testing.T) {
	b := setup(t, false)
	c := &compass{name: "needle@1"}
	b.engine.Embedder = func(string) (*Embedder, error) { return &Embedder{Local: c}, nil }
	secret := "sk-" + "ant-" + strings.Repeat("Zx8Kq2Lw9Vb3", 3)
	v, model := meant(t, b, b.turn("how big is the pool of "+secret+"?", ""), 3)
	if len(c.texts) != 1 || strings.Contains(c.texts[0], secret) {
		t.Errorf("it is made once, of the masked question, and was made of %q", c.texts)
	}
	if model != "needle@1" || !slices.Equal(v, []float32{0, 1}) {
		t.Errorf("%v of %s", v, model)
	}
}

func TestTurnWithoutAVector(t *testing.T) {
	b := setup(t, false)
	if v, model := meant(t, b, b.turn("how long?", ""), 1); v != nil || model != "" {
		t.Errorf("%v of %s", v, model)
	}
	b = setup(t, false)
	c := &compass{name: "needle@1", err: errors.New("it is broken")}
	b.engine.Embedder = func(string) (*Embedder, error) { return &Embedder{Local: c}, nil }
	turn := b.turn("how long?", "")
	if v, model := meant(t, b, turn, 2); v != nil || model != "needle@1" || len(c.texts) != 1 {
		t.Errorf("%v of %s, after %d tries", v, model, len(c.texts))
	}
	if !strings.Contains(notes(turn.Trace), "it is broken") {
		t.Errorf("the trace does not say why: %s", notes(turn.Trace))
	}
	b.engine.Embedder = func(string) (*Embedder, error) { return nil, errors.New("no weights") }
	turn = b.turn("how long?", "")
	b.page.text.Reset()
	if v, _ := meant(t, b, turn, 2); v != nil || strings.Count(notes(turn.Trace), "no weights") != 1 {
		t.Errorf("%v: %s", v, notes(turn.Trace))
	}
}

func notes(tr *Trace) string {
	var all []string
	for _, s := range tr.Steps {
		all = append(all, s.Notes...)
	}
	return strings.Join(all, "\n")
}
