package cli

import (
	"context"
	"fmt"
	"os/exec"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dragoman/dragoman/internal/app"
	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/knowledge/source"
)

func doctorCommand(e *env) *cobra.Command {
	var a answering
	c := &cobra.Command{
		Use:     "doctor",
		Short:   "Say what was found, what is missing, and what to do",
		Example: "  dragoman doctor\n  dragoman doctor --local",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			t := newTerminal(e.out, e.getenv)
			d := &doctor{t: t}
			d.ok("dragoman", buildInfo())
			ap, err := e.open(c.Context(), &a, nil)
			if err != nil {
				d.bad("start", err.Error(), "")
				return errSilent
			}
			defer ap.Close()
			d.look(c.Context(), ap, e)
			if d.failed {
				return errSilent
			}
			return nil
		},
	}
	a.flags(c)
	return c
}

type doctor struct {
	t      *terminal
	failed bool
}

func (d *doctor) line(mark, style, what, found, advice string) {
	fmt.Fprintf(d.t.w, "%s %-14s %s\n", d.t.style(mark, style), what, safe(found))
	if advice != "" {
		fmt.Fprintf(d.t.w, "  %-14s %s\n", "", d.t.style("→ "+advice, dim))
	}
}

func (d *doctor) ok(what, found string)           { d.line("✓", green, what, found, "") }
func (d *doctor) note(what, found, advice string) { d.line("–", yellow, what, found, advice) }
func (d *doctor) bad(what, found, advice string) {
	d.failed = true
	d.line("✗", red, what, found, advice)
}

func (d *doctor) look(ctx context.Context, ap *app.App, e *env) {
	if ap.ConfigPath == "" {
		d.note("configuration", "none, and none is needed", "`dragoman init` writes one to begin with")
	} else {
		d.ok("configuration", ap.ConfigPath)
	}
	d.ok("data", ap.DataDir)
	if out, err := exec.CommandContext(ctx, "git", "--version").Output(); err != nil {
		d.note("git", "not found", "install git to see when passages last changed")
	} else {
		d.ok("git", strings.TrimSpace(strings.TrimPrefix(string(out), "git version")))
	}
	d.knowledge(ctx, ap)
	d.models(ctx, ap)
	d.localModels(ctx, ap, e)
	keys, err := ap.Keys.List(ctx)
	switch {
	case err != nil:
		d.bad("API keys", err.Error(), "")
	case len(keys) == 0:
		d.note("API keys", "none yet", "`dragoman serve` makes the first one and shows it once")
	default:
		d.ok("API keys", count(len(keys), "key"))
	}
}

func (d *doctor) knowledge(ctx context.Context, ap *app.App) {
	for _, name := range ap.Collections() {
		c, err := ap.Collection(ctx, name)
		if err != nil {
			d.bad("collection", name+": "+err.Error(), "")
			continue
		}
		st, err := c.Stats(ctx)
		if err != nil {
			d.bad("collection", name+": "+err.Error(), "")
			continue
		}
		found := fmt.Sprintf("%s: %s, %s in %s", name, source.Display(c.Root), count(st.Chunks, "passage"), count(st.Documents, "document"))
		if st.Documents == 0 {
			d.note("collection", found, "it is indexed with the first question, or by `dragoman index`")
			continue
		}
		d.ok("collection", found)
	}
}

func (d *doctor) models(ctx context.Context, ap *app.App) {
	if len(ap.Models.Providers) == 0 {
		d.note("models", "none: answers are quotes", "set OPENAI_API_KEY, ANTHROPIC_API_KEY or GEMINI_API_KEY, start Ollama, llama-server or vLLM, pull a model (`dragoman model list`), or name a provider in dragoman.yaml")
		return
	}
	listed := map[string]int{}
	for _, name := range ap.Models.List(ctx) {
		p, _, _ := strings.Cut(name, "/")
		listed[p]++
	}
	for _, p := range ap.Models.Providers {
		where := p.Host
		if p.Local {
			where += ", on this machine"
		}
		if p.Region != "" {
			where += ", region " + p.Region
		}
		if p.Retains != "" {
			where += ", keeps what it is sent: " + p.Retains
		}
		found := fmt.Sprintf("%s (%s; from %s)", p.Name, where, p.Source)
		if err := ap.Models.Missing(p.Name); err != nil {
			d.bad("provider", found+": "+err.Error(), "")
			continue
		}
		switch err := ap.Models.Check(ctx, p.Name); {
		case err == nil:
			d.ok("provider", fmt.Sprintf("%s, %s", found, count(listed[p.Name], "model")))
		case chat.AsError(err).Code == chat.CodeLoading:
			d.note("provider", found+": it loads its model", "ask again in a few seconds")
		default:
			d.bad("provider", found+": "+err.Error(), "check its key and address; answers fall back to quotes only with --model extractive")
		}
	}
	if def := ap.Models.Router.Default; def != "" {
		d.ok("default model", def)
	}
}
