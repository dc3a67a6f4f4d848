package cli

import (
	"context"
	"fmt"
	"os/exec"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dragoman/dragoman/internal/app"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/knowledge/source"
)

func doctorCommand(e *env) *cobra.Command {
	var a answering
	var online bool
	c := &cobra.Command{
		Use:   "doctor",
		Short: "Say what was found, what is missing, and what to do",
		Long: `Says what was found, what is missing, and what to do about it: the configuration, collections, providers and their keys, prices,
budgets, local models and keys. Without --online it asks only what is in the house, and no key leaves the machine otherwise. Exit code 1
says that something does not work.`,
		Example: "  dragoman doctor\n  dragoman doctor --online\n  dragoman doctor --local",
		Args:    cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			t := newTerminal(e.out, e.getenv)
			d := &doctor{t: t, online: online}
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
	c.Flags().BoolVar(&online, "online", false, "ask hosted providers, too, with each of their keys")
	return c
}

type doctor struct {
	t       *terminal
	online  bool
	failed  bool
	unasked bool // a provider was not
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
	if place := ap.StorePlace(); place != "" {
		d.ok("store", place)
	}
	if out, err := exec.CommandContext(ctx, "git", "--version").Output(); err != nil {
		d.note("git", "not found", "install git to see when passages last changed")
	} else {
		d.ok("git", strings.TrimSpace(strings.TrimPrefix(string(out), "git version")))
	}
	d.knowledge(ctx, ap)
	d.meaning(ctx, ap)
	d.vectors(ctx, ap)
	d.rerankers(ap)
	d.providers(ctx, ap)
	d.names(ap)
	d.money(ctx, ap)
	d.localModels(ctx, ap, e)
	keys, err := ap.Keys.List(ctx)
	keys = slices.DeleteFunc(keys, func(k identity.Key) bool { return !k.Good(e.now()) })
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
		v, err := ap.VectorState(ctx, name)
		switch {
		case err != nil || v.Model == "" && v.Next == "": // the embedder is told of below
			d.ok("collection", found)
		case v.Unsettled > 0:
			d.note("collection", fmt.Sprintf("%s; the server that searches its vectors is %d changes behind", found, v.Unsettled), "`dragoman index` or a running server sees to it")
		case v.Next == "":
			d.ok("collection", found+", all with vectors")
		case v.Model != "" && v.Model != v.Next:
			d.note("collection", fmt.Sprintf("%s; of its embedder's model %d have no vector, those of %s are searched", found, v.Missing, v.Model), "`dragoman index` or a running server makes them")
		default:
			d.note("collection", fmt.Sprintf("%s, %d without a vector", found, v.Missing), "they are found by words; `dragoman index` or a running server makes their vectors")
		}
	}
}
