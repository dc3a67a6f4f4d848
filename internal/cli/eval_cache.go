package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"maps"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/dragoman/dragoman/internal/app"
	"github.com/dragoman/dragoman/internal/assistant"
	"github.com/dragoman/dragoman/internal/config"
	"github.com/dragoman/dragoman/internal/encoder"
	"github.com/dragoman/dragoman/internal/lab"
)

func evalCacheCommand(e *env) *cobra.Command {
	var model, prefix string
	var asJSON bool
	var seed uint64
	c := &cobra.Command{
		Use:   "cache FILE",
		Short: "Measure the cache by meaning: which paraphrases it answers, and which near misses it must not",
		Long: `FILE has a JSON object in each line: origin, and similar, which means the same, or different, which does not, however alike it is written;
kind names what differs. The cache holds the answers to all originals. Asked are the paraphrases, the near misses of the file, and others that
are made of the paraphrases: one number, name or negation is changed. The table shows, for each threshold of
likeness, how many paraphrases find their answer, and how many near misses find one that is false. What a turn does not compare by meaning, since it is long or may not be in
English, is not answered here either. Needs the model minilm, or another one that --model names.`,
		Example: `  dragoman model pull minilm
  dragoman eval cache paraphrases.jsonl
  dragoman eval cache --model ./e5-small-v2 --query-prefix "query: " paraphrases.jsonl`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			f, err := os.Open(args[0])
			if err != nil {
				return err
			}
			defer f.Close()
			pairs, misses, err := lab.ReadPairs(f)
			if err != nil {
				return fmt.Errorf("%s: %w", args[0], err)
			}
			here, err := e.place()
			if err != nil {
				return err
			}
			enc, err := app.OpenEncoder(here.folder, config.Embedder{Local: model, PassagePrefix: prefix}) // all texts are questions
			if err != nil {
				return err
			}
			thresholds := []float64{0.70, 0.75, 0.80, 0.825, 0.85, 0.875, 0.90, 0.925, 0.95}
			misses = append(misses, lab.NearMisses(pairs, rand.New(rand.NewPCG(seed, seed)))...)
			points, err := lab.SemanticCache(c.Context(), pairs, misses, thresholds, encodeAll(enc), assistant.Comparable)
			if err != nil {
				return err
			}
			if asJSON {
				return json.NewEncoder(e.out).Encode(points)
			}
			w := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', tabwriter.AlignRight)
			kinds := slices.Sorted(maps.Keys(points[0].Kinds))
			fmt.Fprintf(w, "threshold\thits\t95 %%\twrong\tfalse hits\t95 %%\t%s\twithout veto\t\n", strings.Join(kinds, "\t"))
			percent := func(x float64) string { return fmt.Sprintf("%.1f %%", 100*x) }
			for _, p := range points {
				fmt.Fprintf(w, "%.3f\t%s\t%s-%s\t%s\t%s\t%s-%s\t", p.Threshold, percent(p.Hits.Value), percent(p.Hits.Low), percent(p.Hits.High), percent(p.Wrong.Value),
					fmt.Sprintf("%.2f %%", 100*p.False.Value), fmt.Sprintf("%.2f", 100*p.False.Low), fmt.Sprintf("%.2f %%", 100*p.False.High))
				for _, kind := range kinds {
					fmt.Fprintf(w, "%s\t", percent(p.Kinds[kind].Value))
				}
				fmt.Fprintf(w, "%s\t\n", percent(p.Unguarded))
			}
			fmt.Fprintf(w, "\n")
			if err := w.Flush(); err != nil {
				return err
			}
			fmt.Fprintf(e.out, "%d paraphrases, %d near misses (seed %d); %s, %s\n", points[0].Hits.N, points[0].False.N, seed, enc.Name(), enc.Kernel())
			return nil
		},
	}
	c.Flags().StringVar(&model, "model", app.EmbeddingModel, "embedding `model`: one of the catalogue, or a folder (./bge)")
	c.Flags().StringVar(&prefix, "query-prefix", "", "`text` to set before each question, as the embedder does that is to serve the cache")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().Uint64Var(&seed, "seed", 1, "of the near misses")
	return c
}

func encodeAll(enc *encoder.Encoder) lab.Encode {
	return func(ctx context.Context, texts []string) ([][]float32, error) {
		out := make([][]float32, len(texts))
		flat := make([]float32, len(texts)*enc.Dimensions())
		for i := range out {
			out[i] = flat[i*enc.Dimensions() : (i+1)*enc.Dimensions()]
		}
		return out, enc.Encode(ctx, texts, out)
	}
}
