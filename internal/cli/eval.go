package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"

	"github.com/spf13/cobra"

	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/lab"
)

func evalCommand(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:   "eval",
		Short: "Measure how well questions are answered",
		Example: `  dragoman eval run evals/zap.yaml evals/viper.yaml
  dragoman eval retrieval beir/scifact beir/nfcorpus
  dragoman eval generate /tmp/sets`,
	}
	c.AddCommand(evalRunCommand(e), evalRetrievalCommand(e), evalGenerateCommand(e), evalCacheCommand(e), evalGroundingCommand(e))
	return c
}

func evalRunCommand(e *env) *cobra.Command {
	var asJSON, misses bool
	var least float64
	var root string
	c := &cobra.Command{
		Use:   "run SET...",
		Short: "Ask the questions of eval sets and count the answers among the first three citations",
		Long: `An eval set is a YAML file: questions over a Go module or a folder, each with the lines that answer it. A citation
counts when the lines that it shows hold one of them.`,
		Example: `  dragoman eval run evals/zap.yaml evals/viper.yaml
  dragoman eval run --min 0.8 --misses evals/*.yaml`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			failed := false
			all := lab.Score{}
			for _, path := range args {
				rep, err := e.evalSet(c.Context(), path, root)
				if err != nil {
					return err
				}
				n, m := float64(all.Cases), float64(rep.Total.Cases)
				all.Hit1 = (all.Hit1*n + rep.Total.Hit1*m) / (n + m)
				all.Hit3 = (all.Hit3*n + rep.Total.Hit3*m) / (n + m)
				all.MRR = (all.MRR*n + rep.Total.MRR*m) / (n + m)
				all.Cases += rep.Total.Cases
				if asJSON {
					if err := json.NewEncoder(e.out).Encode(rep); err != nil {
						return err
					}
				} else {
					printEval(e, rep, misses)
				}
				failed = failed || rep.Total.Hit3 < least
			}
			if len(args) > 1 && !asJSON {
				printScore(e, "all", all)
			}
			if failed {
				return fmt.Errorf("the answer is among the first three citations for fewer than %.0f %% of a set's questions", 100*least)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object for each set")
	c.Flags().StringVar(&root, "root", "", "`folder` that the sets are about, in place of the source that they name")
	c.Flags().BoolVar(&misses, "misses", false, "list the questions that were not answered")
	c.Flags().Float64Var(&least, "min", 0, "fail below this `share`, 0 to 1, of answers among the first three")
	return c
}

func (e *env) evalSet(ctx context.Context, path, root string) (*lab.EvalReport, error) {
	set, err := lab.LoadEvalSet(path)
	if err != nil {
		return nil, err
	}
	if root == "" {
		if root, err = set.Root(ctx); err != nil {
			return nil, err
		}
	}
	dir, err := os.MkdirTemp("", "dragoman-eval-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(dir)
	col, err := knowledge.Open(ctx, knowledge.Options{Name: set.Name, Root: root, DataDir: dir})
	if err != nil {
		return nil, err
	}
	defer col.Close()
	if _, err := col.Sync(ctx, e.now, nil); err != nil {
		return nil, err
	}
	return set.Run(ctx, root, col, e.now, func(int, int) {})
}

func printEval(e *env, rep *lab.EvalReport, misses bool) {
	printScore(e, rep.Name, rep.Total)
	kinds := make([]string, 0, len(rep.Kinds))
	for k := range rep.Kinds {
		kinds = append(kinds, k)
	}
	slices.Sort(kinds)
	for _, k := range kinds {
		printScore(e, "  "+k, rep.Kinds[k])
	}
	if !misses {
		return
	}
	for _, o := range rep.Outcomes {
		if o.Rank == 0 || o.Rank > 3 {
			fmt.Fprintf(e.out, "  %s at rank %d\n    wanted %s\n", o.Case, o.Rank, o.Wanted)
			for _, c := range o.Cited {
				fmt.Fprintf(e.out, "    cited  %s\n", c)
			}
		}
	}
}

func printScore(e *env, name string, s lab.Score) {
	fmt.Fprintf(e.out, "%-14s %3d questions   first citation %5.1f %%   first three %5.1f %%   MRR@10 %.3f\n", name, s.Cases, 100*s.Hit1, 100*s.Hit3, s.MRR)
}
