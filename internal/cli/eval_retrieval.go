package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dragoman/dragoman/internal/app"
	"github.com/dragoman/dragoman/internal/config"
	"github.com/dragoman/dragoman/internal/embed"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/lab"
)

// retrievalEval are the flags of "eval retrieval".
type retrievalEval struct {
	metrics        []string
	save, baseline string
	seed           uint64
	asJSON         bool
	compare        []string
	model          config.Embedder
	compression    bool
}

func evalRetrievalCommand(e *env) *cobra.Command {
	var r retrievalEval
	c := &cobra.Command{
		Use:   "retrieval FOLDER...",
		Short: "Measure retrieval on sets in BEIR's layout, with confidence intervals",
		Long: `A set is a folder with corpus.jsonl ({_id, title, text}), queries.jsonl ({_id, text}) and qrels.tsv or qrels/test.tsv.
Figures are means over the queries that have relevant documents, in percent, each with its 95 % confidence interval
(bootstrap over queries). Where two intervals overlap, the sets are too small to tell by them: compare the settings
query by query instead. --save keeps the rankings (TREC run files, one for each set), and --baseline compares
with rankings kept before; --compare compares with other settings, and --model words alone with words and vectors of
an embedding model: the mean difference with its interval (paired bootstrap), and p, how often chance alone
would differ as much (randomisation test).

Metrics: ndcg@K, recall@K (share of the relevant documents among the first K), p@K (share of the first K that is
relevant), mrr@K, hit@K.`,
		Example: `  dragoman eval retrieval beir/scifact beir/nfcorpus
  dragoman eval retrieval --metrics ndcg@10,recall@100 --json beir/scifact
  dragoman eval retrieval --save before beir/*; dragoman eval retrieval --baseline before beir/*
  dragoman eval retrieval --compare "rules.run=0" beir/*
  dragoman eval retrieval --model minilm beir/*
  dragoman eval retrieval --model minilm --compression beir/scifact
  dragoman eval retrieval --model ./e5-small-v2 --query-prefix "query: " --passage-prefix "passage: " beir/scifact`,
		Args: cobra.MinimumNArgs(1),
		RunE: func(c *cobra.Command, args []string) error { return r.run(c.Context(), e, args) },
	}
	f := c.Flags()
	f.StringSliceVar(&r.metrics, "metrics", lab.DefaultMetrics, "what to report")
	f.StringVar(&r.save, "save", "", "write the rankings into this `folder`")
	f.StringVar(&r.baseline, "baseline", "", "compare with the rankings in this `folder`")
	f.StringArrayVar(&r.compare, "compare", nil, "`settings` to compare with those in use, as in \"rules.run=0 index.prose.k1=1.2\"")
	f.StringVar(&r.model.Local, "model", "", "embedding `model` whose vectors are fused with words, and compared with words alone: one of the catalogue, or a folder (./bge)")
	f.StringVar(&r.model.QueryPrefix, "query-prefix", "", "with --model: `text` to set before each query")
	f.StringVar(&r.model.PassagePrefix, "passage-prefix", "", "with --model: `text` to set before each passage")
	f.BoolVar(&r.compression, "compression", false, "with --model: say what it costs that vectors are kept small")
	f.Uint64Var(&r.seed, "seed", 1, "what the bootstrap draws by")
	f.BoolVar(&r.asJSON, "json", false, "print one JSON object for each set")
	return c
}

func (r *retrievalEval) run(ctx context.Context, e *env, dirs []string) error {
	settings := make([]knowledge.Settings, len(r.compare))
	for i, changes := range r.compare {
		s, err := knowledge.DefaultSettings.With(changes)
		if err != nil {
			return &usageError{err}
		}
		settings[i] = s
	}
	metrics := make([]lab.Metric, len(r.metrics))
	for i, name := range r.metrics {
		m, err := lab.ParseMetric(strings.TrimSpace(name))
		if err != nil {
			return &usageError{err}
		}
		metrics[i] = m
	}
	if r.model.Local == "" && (r.compression || r.model != config.Embedder{}) {
		return &usageError{errors.New("--compression and prefixes are about the vectors of a model; name it with --model")}
	}
	var embedder embed.Embedder
	if r.model.Local != "" {
		here, err := e.place()
		if err != nil {
			return err
		}
		enc, err := app.OpenEncoder(here.folder, r.model)
		if err != nil {
			return err
		}
		embedder = embed.NewLocal(enc)
	}
	for _, dir := range dirs {
		set, err := lab.LoadRetrievalSet(dir)
		if err != nil {
			return err
		}
		run, err := e.rank(ctx, set, knowledge.DefaultSettings, nil)
		if err != nil {
			return err
		}
		var baseline *lab.Run
		if r.baseline != "" {
			if baseline, err = lab.ReadRun(runFile(r.baseline, set)); err != nil {
				return err
			}
			if err := set.Covers(baseline); err != nil {
				return err
			}
		}
		if r.save != "" {
			if err := saveRun(runFile(r.save, set), set, run); err != nil {
				return err
			}
		}
		if err := r.report(e, set.Judge(run, baseline, metrics, r.seed), metrics); err != nil {
			return err
		}
		for i, s := range settings {
			other, err := e.rank(ctx, set, s, nil)
			if err != nil {
				return err
			}
			if err := r.against(e, set, run, other, r.compare[i], metrics); err != nil {
				return err
			}
		}
		if embedder == nil {
			continue
		}
		if r.compression {
			if err := r.compressed(ctx, e, set, embedder); err != nil {
				return err
			}
		}
		for i, s := range append([]knowledge.Settings{knowledge.DefaultSettings}, settings...) {
			fused, err := e.rank(ctx, set, s, embedder)
			if err != nil {
				return err
			}
			name := "vectors of " + r.model.Local
			if i > 0 {
				name += " " + r.compare[i-1]
			}
			if err := r.against(e, set, run, fused, name, metrics); err != nil {
				return err
			}
		}
	}
	return nil
}

// compressed reports what keeping vectors small costs.
func (r *retrievalEval) compressed(ctx context.Context, e *env, set *lab.RetrievalSet, embedder embed.Embedder) error {
	c, err := lab.MeasureCompression(ctx, set, embedder)
	if err != nil {
		return err
	}
	if r.asJSON {
		return json.NewEncoder(e.out).Encode(map[string]any{"set": set.Name, "compression": c})
	}
	fmt.Fprintf(e.out, "vectors of %s: %d of %d dimensions, %.0f bytes each (%d as float32); %.1f %% of the 10 closest and %.1f %% of the 100 closest are found\n",
		set.Name, c.Vectors, c.Dimensions, c.Bytes, 4*c.Dimensions, 100*c.Found10, 100*c.Found100)
	fmt.Fprintf(e.out, "  ndcg@10 by vectors alone %.2f, as float32 %.2f\n", 100*c.Small, 100*c.Exact)
	return nil
}

// against reports how another run differs from the first.
func (r *retrievalEval) against(e *env, set *lab.RetrievalSet, run, other *lab.Run, setting string, metrics []lab.Metric) error {
	rep := set.Judge(other, run, metrics, r.seed)
	rep.Setting = setting
	return r.report(e, rep, metrics)
}

func (r *retrievalEval) report(e *env, rep *lab.RetrievalReport, metrics []lab.Metric) error {
	if r.asJSON {
		return json.NewEncoder(e.out).Encode(rep)
	}
	printRetrieval(e, rep, metrics)
	return nil
}

func runFile(folder string, set *lab.RetrievalSet) string {
	return filepath.Join(folder, set.Name+".run")
}

func saveRun(path string, set *lab.RetrievalSet, run *lab.Run) error {
	if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
		return err
	}
	f, err := os.Create(path)
	if err != nil {
		return err
	}
	if err := set.WriteRun(f, run); err != nil {
		f.Close()
		return err
	}
	return f.Close()
}

// rank indexes a set for the time of the evaluation, and asks its queries; by words alone without an embedder.
func (e *env) rank(ctx context.Context, set *lab.RetrievalSet, settings knowledge.Settings, embedder embed.Embedder) (*lab.Run, error) {
	tmp, err := os.MkdirTemp("", "dragoman-eval-*")
	if err != nil {
		return nil, err
	}
	defer os.RemoveAll(tmp)
	col, err := knowledge.Open(ctx, knowledge.Options{Name: set.Name, Root: tmp, DataDir: tmp, Settings: &settings})
	if err != nil {
		return nil, err
	}
	defer col.Close()
	if err := col.Add(ctx, set.Documents); err != nil {
		return nil, err
	}
	if embedder == nil {
		return set.Rank(ctx, lab.ByWords{Collection: col}, e.now)
	}
	here, err := e.place()
	if err != nil {
		return nil, err
	}
	cache, err := embed.OpenCache(ctx, here.data, e.now)
	if err != nil {
		return nil, err
	}
	defer cache.Close()
	both, err := lab.WithVectors(ctx, col, embedder, cache, e.now, nil)
	if err != nil {
		return nil, err
	}
	return set.Rank(ctx, both, e.now)
}

func printRetrieval(e *env, rep *lab.RetrievalReport, metrics []lab.Metric) {
	if rep.Setting != "" {
		fmt.Fprintf(e.out, "with %s\n", rep.Setting)
	}
	fmt.Fprintf(e.out, "%s: %s, %s; a search takes %.1f ms (p50), %.1f ms (p99)\n", rep.Set, count(rep.Documents, "document"), queries(rep.Queries), rep.P50, rep.P99)
	for _, m := range metrics {
		v := rep.Metrics[m.Name]
		fmt.Fprintf(e.out, "  %-10s %5.1f  [%.1f, %.1f]", m.Name, 100*v.Mean, 100*v.Low, 100*v.High)
		if d, ok := rep.Against[m.Name]; ok {
			fmt.Fprintf(e.out, "   against the baseline %+.1f  [%+.1f, %+.1f]  p = %.3f  (%d better, %d worse)", 100*d.Mean, 100*d.Low, 100*d.High, d.P, d.Better, d.Worse)
		}
		fmt.Fprintln(e.out)
	}
}

func queries(n int) string {
	if n == 1 {
		return "1 query"
	}
	return fmt.Sprintf("%d queries", n)
}
