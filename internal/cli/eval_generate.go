package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"github.com/dragoman/dragoman/internal/lab"
)

// generateEval are the flags of "eval generate".
type generateEval struct {
	answering
	kinds  []string
	limit  int
	seed   uint64
	asJSON bool
}

func evalGenerateCommand(e *env) *cobra.Command {
	var g generateEval
	c := &cobra.Command{
		Use:   "generate FOLDER",
		Short: "Make retrieval sets of a collection: its own headings, comments, commits and messages ask",
		Long: `Writes retrieval sets in BEIR's layout, one folder below FOLDER for each kind, for "dragoman eval retrieval" to
measure how well a collection's own questions are answered:

  headings    a heading asks for the section below it
  docstrings  the first sentence of a comment asks for the function or type below it
  commits     the subject of a commit asks for the passages whose lines it wrote
  diffs       the subject of a commit asks for what it changed, file by file, among what all commits did
  messages    an error message, as its reader sees it, asks for the code that reports it

A heading or comment is taken out of the passage that answers, and lines that say what a commit's subject says out of all. Merges, reverts, commits
that changed white space alone, and those of more than five files do not ask. A kind of which the collection has nothing is left out.`,
		Example: `  dragoman eval generate /tmp/sets
  dragoman eval generate --path ~/src/zap --kinds docstrings --limit 500 /tmp/sets
  dragoman eval retrieval /tmp/sets/*`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return g.run(c.Context(), e, args[0]) },
	}
	f := c.Flags()
	f.StringVarP(&g.path, "path", "C", "", "make them of this `folder` (default: the git root of the current one)")
	f.StringVar(&g.collection, "collection", "", "make them of this configured collection")
	f.StringSliceVar(&g.kinds, "kinds", lab.GeneratorKinds(), "which sets to make")
	f.IntVar(&g.limit, "limit", 200, "queries at most in each set")
	f.Uint64Var(&g.seed, "seed", 1, "what queries are drawn by")
	f.BoolVar(&g.asJSON, "json", false, "print one JSON object for each set")
	return c
}

func (g *generateEval) run(ctx context.Context, e *env, out string) error {
	for _, k := range g.kinds {
		if !slices.Contains(lab.GeneratorKinds(), k) {
			return &usageError{fmt.Errorf("there are no sets of %q; kinds are %v", k, lab.GeneratorKinds())}
		}
	}
	if g.limit < 1 {
		return &usageError{fmt.Errorf("--limit %d makes no queries", g.limit)}
	}
	ap, err := e.open(ctx, &g.answering, nil)
	if err != nil {
		return err
	}
	defer ap.Close()
	name := ap.Assistants[ap.Default].Knowledge[0]
	col, err := ap.Collection(ctx, name)
	if err != nil {
		return err
	}
	folder, err := lab.ReadFolder(ctx, col.Root)
	if err != nil {
		return err
	}
	made := 0
	var last error
	for _, kind := range g.kinds {
		set, err := folder.Generate(ctx, kind, g.limit, rand.New(rand.NewPCG(g.seed, 0)))
		if err != nil {
			if ctx.Err() != nil {
				return err
			}
			fmt.Fprintf(e.err, "no %s: %s\n", kind, safe(err.Error()))
			last = err
			continue
		}
		dir := filepath.Join(out, filepath.Base(col.Root)+"-"+kind)
		if err := set.Write(dir); err != nil {
			return err
		}
		made++
		if g.asJSON {
			if err := json.NewEncoder(e.out).Encode(map[string]any{"set": dir, "kind": kind, "passages": len(set.Passages), "queries": len(set.Queries)}); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(e.out, "%s: %s over %s\n", dir, queries(len(set.Queries)), count(len(set.Passages), "passage"))
	}
	if made == 0 {
		return last
	}
	return nil
}
