package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/dragoman/dragoman/internal/app"
	"github.com/dragoman/dragoman/internal/config"
	"github.com/dragoman/dragoman/internal/judge"
	"github.com/dragoman/dragoman/internal/lab"
)

func evalGroundingCommand(e *env) *cobra.Command {
	var words, asJSON bool
	var model, made, fit string
	var seed uint64
	c := &cobra.Command{
		Use:   "grounding SET...",
		Short: "Measure how well it is known what sources bear out, and what they answer",
		Long: `A set is a file of JSON lines: of claims with label (supported, partially_supported, not_supported), claim and evidence, as WiCE has them;
or of questions with input, passages and answerable, as CLAPNQ has them. The table shows the area under the ROC curve and the error of
calibration, with 95 % intervals: of the share of words that the source has (the plain baseline), of the model that is built in, and of
models that were fitted to nine tenths of the set and judge the last tenth.

True claims are made false by one number, name or negation: the share of these of which a conflict with the source is named is shown by kind, and, as
"nothing", the share of those that were left alone and are suspected. The second table shows both where claims of low scores are suspected, too, whose
scores are of models that did not see them. With --made, further claims are made of the running text in a folder.

--fit writes the models anew, fitted to all that was named; what nothing was named for stays as it is built in. It is how the built-in ones were
made.`,
		Example: `  dragoman eval grounding wice-dev.jsonl clapnq-dev.jsonl
  dragoman eval grounding --words wice-dev.jsonl --made docs`,
		Args: cobra.ArbitraryArgs,
		RunE: func(c *cobra.Command, args []string) error {
			if len(args) == 0 && made == "" {
				return fmt.Errorf("name a set, or --made FOLDER")
			}
			g := grounding{env: e, seed: seed}
			if err := g.read(args, made); err != nil {
				return err
			}
			encodes := []judge.Encode{nil}
			if !words {
				here, err := e.place()
				if err != nil {
					return err
				}
				enc, err := app.OpenEncoder(here.folder, config.Embedder{Local: model})
				if err != nil {
					return fmt.Errorf("%w; --words measures without it", err)
				}
				encodes = append(encodes, judge.Encode(encodeAll(enc)))
			}
			return g.run(c.Context(), encodes, args, asJSON, fit)
		},
	}
	c.Flags().BoolVar(&words, "words", false, "without the encoder")
	c.Flags().StringVar(&model, "model", app.EmbeddingModel, "embedding `model`: one of the catalogue, or a folder (./bge)")
	c.Flags().StringVar(&made, "made", "", "`folder` of .md and .txt files to make claims of")
	c.Flags().StringVar(&fit, "fit", "", "write fitted models to this `file`")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	c.Flags().Uint64Var(&seed, "seed", 1, "of what is drawn")
	return c
}

// grounding is a measurement.
type grounding struct {
	env   *env
	seed  uint64
	cases []lab.GroundingCase
}

func (g *grounding) read(sets []string, made string) error {
	for _, path := range sets {
		f, err := os.Open(path)
		if err != nil {
			return err
		}
		cases, err := lab.ReadGrounding(f, path)
		f.Close()
		if err != nil {
			return fmt.Errorf("%s: %w", path, err)
		}
		g.cases = append(g.cases, cases...)
	}
	if made == "" {
		return nil
	}
	var texts []string
	err := filepath.WalkDir(made, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || !strings.HasSuffix(path, ".md") && !strings.HasSuffix(path, ".txt") {
			return err
		}
		text, err := os.ReadFile(path)
		texts = append(texts, string(text))
		return err
	})
	if err != nil {
		return err
	}
	cases := lab.MakeGrounding(texts, rand.New(rand.NewPCG(g.seed, g.seed)))
	if len(cases) == 0 {
		return fmt.Errorf("%s has no .md or .txt file with running text of a dozen sentences", made)
	}
	g.cases = append(g.cases, cases...)
	return nil
}

func (g *grounding) run(ctx context.Context, encodes []judge.Encode, sets []string, asJSON bool, fit string) error {
	var reports []lab.GroundingReport
	models := judge.Fitted
	w := tabwriter.NewWriter(g.env.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "set\tjudged\tby\tcases\tAUROC\t95 %\tcalibration error\t95 %")
	for _, encode := range encodes {
		var claims, questions []lab.GroundingCase
		for _, c := range g.cases {
			if c.Question {
				questions = append(questions, c)
			} else {
				claims = append(claims, c)
			}
		}
		for _, cases := range [][]lab.GroundingCase{claims, questions} {
			if len(cases) == 0 {
				continue
			}
			examples, err := lab.GroundingExamples(ctx, cases, encode)
			if err != nil {
				return err
			}
			m := lab.FitLogistic(examples)
			m.Origin = origin(cases)
			switch {
			case cases[0].Question && encode == nil:
				models.Answerable = m
			case cases[0].Question:
				models.AnswerableMeaning = m
			case encode == nil:
				models.Support = m
			default:
				models.SupportMeaning = m
			}
			for _, set := range append(sets[:len(sets):len(sets)], "made") {
				if !has(cases, set) {
					continue
				}
				r := lab.MeasureGrounding(cases, examples, set, encode != nil, g.seed)
				reports = append(reports, r)
				printGrounding(w, filepath.Base(set), r)
			}
		}
	}
	if asJSON {
		if err := json.NewEncoder(g.env.out).Encode(reports); err != nil {
			return err
		}
	} else if err := w.Flush(); err != nil {
		return err
	}
	if err := g.changed(ctx, sets, asJSON); err != nil {
		return err
	}
	answers := lab.ComposeAnswers(g.cases, rand.New(rand.NewPCG(g.seed, g.seed)))
	if err := g.confidence(ctx, answers, asJSON); err != nil || fit == "" {
		return err
	}
	if len(answers) > 0 {
		m, err := lab.FitConfidence(ctx, answers, models.Support, models.Answerable)
		if err != nil {
			return err
		}
		m.Origin = fmt.Sprintf("logistic regression with a ridge penalty, fitted by dragoman eval grounding --fit to %d answers that were put together", len(answers))
		models.Answer = m
	}
	b, err := json.MarshalIndent(models, "", "  ")
	if err != nil {
		return err
	}
	return os.WriteFile(fit, append(b, '\n'), 0o644)
}

// origin says what a model was fitted to.
func origin(cases []lab.GroundingCase) string {
	var parts []string
	count := map[string]int{}
	for _, c := range cases {
		count[c.Group]++
	}
	for group, n := range count {
		parts = append(parts, fmt.Sprintf("%s (%d cases)", filepath.Base(group), n))
	}
	slices.Sort(parts)
	return "logistic regression with a ridge penalty, fitted by dragoman eval grounding --fit to " + strings.Join(parts, " and ") + "; what was made counts a third of what was written"
}

func has(cases []lab.GroundingCase, group string) bool {
	for _, c := range cases {
		if c.Group == group {
			return true
		}
	}
	return false
}

func printGrounding(w *tabwriter.Writer, set string, r lab.GroundingReport) {
	by := "words"
	if r.Encoder {
		by = "encoder"
	}
	row := func(name string, j lab.Judged) {
		fmt.Fprintf(w, "%s\t%s\t%s\t%d\t%.3f\t%.3f-%.3f\t%.3f\t%.3f-%.3f\n", set, r.What, name, j.N, j.AUROC.Mean, j.AUROC.Low, j.AUROC.High, j.ECE.Mean, j.ECE.Low, j.ECE.High)
	}
	if !r.Encoder {
		row("word overlap", r.Baseline)
	}
	row(by+", built in", r.Fitted)
	row(by+", ten folds", r.Folds)
}

// changed prints, for each set of claims, how many changed facts are found.
func (g *grounding) changed(ctx context.Context, sets []string, asJSON bool) error {
	w := tabwriter.NewWriter(g.env.out, 0, 0, 2, ' ', 0)
	for _, set := range append(sets[:len(sets):len(sets)], "made") {
		var cases []lab.GroundingCase
		for _, c := range g.cases {
			if c.Group == set && !c.Question {
				cases = append(cases, c)
			}
		}
		if set != "made" {
			cases = lab.ChangeClaims(cases, rand.New(rand.NewPCG(g.seed, g.seed)))
		}
		found, err := lab.FindChanged(ctx, cases)
		if err != nil {
			return err
		}
		if len(found) == 0 {
			continue
		}
		if asJSON {
			if err := json.NewEncoder(g.env.out).Encode(map[string]any{"set": filepath.Base(set), "changed": found}); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(w, "\nchanged in %s\tfound\t95 %%\tcases\n", filepath.Base(set))
		for _, k := range []string{"number", "name", "negation", "all", "nothing"} {
			if s, ok := found[k]; ok {
				fmt.Fprintf(w, "%s\t%.1f %%\t%.1f-%.1f\t%d\n", k, 100*s.Value, 100*s.Low, 100*s.High, s.N)
			}
		}
	}
	if err := w.Flush(); err != nil {
		return err
	}
	return g.suspicion(ctx, sets, asJSON)
}

// confidence prints how well it is known which answers are right.
func (g *grounding) confidence(ctx context.Context, answers []lab.AnswerCase, asJSON bool) error {
	if len(answers) == 0 {
		return nil
	}
	reports, err := lab.MeasureConfidence(ctx, g.cases, answers, g.seed)
	if err != nil {
		return err
	}
	if asJSON {
		return json.NewEncoder(g.env.out).Encode(map[string]any{"confidence": reports})
	}
	w := tabwriter.NewWriter(g.env.out, 0, 0, 2, ' ', 0)
	fmt.Fprintln(w, "\nanswers of\tjudged by\tcases\tright\tAUROC\t95 %\tcalibration error\t95 %")
	for _, r := range reports {
		set := "all"
		if r.Set != "" {
			set = filepath.Base(r.Set)
		}
		row := func(by string, j lab.Judged) {
			fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%.3f\t%.3f-%.3f\t%.3f\t%.3f-%.3f\n", set, by, j.N, j.Holds, j.AUROC.Mean, j.AUROC.Low, j.AUROC.High, j.ECE.Mean, j.ECE.Low, j.ECE.High)
		}
		row("mean of sentences", r.Mean)
		row("worst sentence", r.Sentence)
		row("built in", r.Fitted)
		row("ten folds", r.Folds)
	}
	return w.Flush()
}

// suspicion prints, for each set of claims, what is found and what is suspected wrongly where scores are looked at, too.
func (g *grounding) suspicion(ctx context.Context, sets []string, asJSON bool) error {
	var claims []lab.GroundingCase
	for _, c := range g.cases {
		if !c.Question {
			claims = append(claims, c)
		}
	}
	w := tabwriter.NewWriter(g.env.out, 0, 0, 2, ' ', 0)
	for _, set := range sets {
		if !has(claims, set) {
			continue
		}
		curve, err := lab.SuspicionCurve(ctx, claims, set, rand.New(rand.NewPCG(g.seed, g.seed)))
		if err != nil {
			return err
		}
		if asJSON {
			if err := json.NewEncoder(g.env.out).Encode(map[string]any{"set": filepath.Base(set), "suspicion": curve}); err != nil {
				return err
			}
			continue
		}
		fmt.Fprintf(w, "\nsuspected in %s\tfound\t95 %%\twrongly\t95 %%\n", filepath.Base(set))
		for _, p := range curve {
			what := "conflicts"
			if p.Below > 0 {
				what = fmt.Sprintf("or a score below %.1f", p.Below)
			}
			fmt.Fprintf(w, "%s\t%.1f %%\t%.1f-%.1f\t%.1f %%\t%.1f-%.1f\n", what, 100*p.Found.Value, 100*p.Found.Low, 100*p.Found.High, 100*p.Wrongly.Value, 100*p.Wrongly.Low, 100*p.Wrongly.High)
		}
	}
	return w.Flush()
}
