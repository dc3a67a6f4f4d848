package cli

import (
	"context"
	"errors"
	"fmt"

	"github.com/spf13/cobra"

	"github.com/dragoman/dragoman/internal/app"
	"github.com/dragoman/dragoman/internal/assistant"
	"github.com/dragoman/dragoman/internal/feedback"
)

// tuning is a threshold that feedback may move.
type tuning struct {
	key  string // as the report calls it
	of   feedback.Confidence
	now  float64
	from feedback.Query
	put  func(ctx context.Context, value float64, note string) (what string, err error)
}

func feedbackTuneCommand(e *env) *cobra.Command {
	var apply, reset, asJSON bool
	var key, collection string
	c := &cobra.Command{
		Use: "tune [ASSISTANT]", Short: "Report how a threshold does by feedback, and put a better one in place", Args: cobra.MaximumNArgs(1),
		Long: `The table shows, for each threshold, which share of the answers that people found bad lies below it (caught), and which share of those that
they found good (blamed). The best is where the difference is greatest; where it is nowhere above zero, feedback speaks for no threshold.

Of an assistant these are thresholds on how sure its answers are (disclaim_below, confirm_below, abstain_below of judge), and on how well what was found
matches the question (search.threshold). With --collection it is that of a collection, whoever searches it: below it nothing is found there.

--apply puts the best one in place, where at least 20 good and 20 bad answers speak for it: it saves the assistant's definition as a new version and
publishes that (dragoman assistant publish goes back), or notes the collection's threshold, which goes before that of the configuration (--reset goes back).`,
		Example: `  dragoman feedback tune support
  dragoman feedback tune support --threshold abstain_below --apply
  dragoman feedback tune --collection wiki --apply
  dragoman feedback tune --collection wiki --reset`,
		RunE: e.withApp(func(c *cobra.Command, ap *app.App, args []string) error {
			if len(args) == 1 == (collection != "") {
				return &usageError{errors.New("name an assistant, or a collection with --collection")}
			}
			if reset {
				if collection == "" {
					return &usageError{errors.New("--reset is for collections; dragoman assistant publish goes back to an assistant's version")}
				}
				return ap.TuneCollection(c.Context(), commandLine, collection, nil, "")
			}
			var t tuning
			var err error
			if collection != "" {
				t, err = tuneCollection(c.Context(), ap, collection)
			} else {
				t, err = tuneAssistant(c.Context(), ap, args[0], key)
			}
			if err != nil {
				return err
			}
			return e.tune(c.Context(), ap, t, apply, asJSON)
		}),
	}
	c.Flags().StringVar(&key, "threshold", "disclaim_below", "which `key` of judge, or search.threshold")
	c.Flags().StringVar(&collection, "collection", "", "the threshold of the collection of this `name`")
	c.Flags().BoolVar(&apply, "apply", false, "put the best one in place")
	c.Flags().BoolVar(&reset, "reset", false, "with --collection: go back to the threshold of the configuration")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func tuneCollection(ctx context.Context, ap *app.App, name string) (tuning, error) {
	now, err := ap.Threshold(ctx, name)
	return tuning{
		key: "threshold", of: feedback.OfCollection(name), now: now.Value,
		put: func(ctx context.Context, value float64, note string) (string, error) {
			return name, ap.TuneCollection(ctx, commandLine, name, &value, note)
		},
	}, err
}

func tuneAssistant(ctx context.Context, ap *app.App, name, key string) (tuning, error) {
	saved, err := ap.Definitions().Get(ctx, name)
	if err != nil {
		return tuning{}, err
	}
	d := saved.Definition
	t := tuning{key: key, of: feedback.OfAnswer, from: feedback.Query{Assistant: name}}
	var at *float64
	switch key {
	case "disclaim_below":
		at = &d.Judge.Disclaim
	case "confirm_below":
		at = &d.Judge.Confirm
	case "abstain_below":
		at = &d.Judge.Abstain
	case "search.threshold":
		search := assistant.Search{Threshold: d.Search.Threshold}
		least := search.LeastConfidence()
		t.of, at, d.Search.Threshold = feedback.OfRetrieval, &least, &least
	default:
		return tuning{}, &usageError{fmt.Errorf("%q is no threshold; disclaim_below, confirm_below, abstain_below and search.threshold are", key)}
	}
	t.now = *at
	t.put = func(ctx context.Context, value float64, note string) (string, error) {
		*at = value
		return ap.SaveTuned(ctx, commandLine, name, d, note)
	}
	return t, nil
}

// tune reports, and puts the best threshold in place with apply.
func (e *env) tune(ctx context.Context, ap *app.App, t tuning, apply, asJSON bool) error {
	list, err := ap.Feedback.Rated(ctx, t.from)
	if err != nil {
		return err
	}
	r := feedback.Tune(list, t.of, t.now)
	if asJSON {
		if err := printJSONTo(e, r); err != nil {
			return err
		}
	} else {
		e.printTuning(t.key, r)
	}
	switch {
	case !apply:
		return nil
	case !r.Enough:
		return errors.New("too few answers were rated for a threshold to rest on: 20 good and 20 bad ones are needed")
	case r.Best.Benefit <= 0:
		return errors.New("no threshold catches more of the bad answers than of the good ones: feedback speaks for none")
	case r.Best.Threshold == t.now:
		fmt.Fprintf(e.err, "%s %.2f is the best there is; nothing was changed\n", t.key, t.now)
		return nil
	}
	what, err := t.put(ctx, r.Best.Threshold, fmt.Sprintf("%s %.2f, by the feedback on %d answers", t.key, r.Best.Threshold, r.Up+r.Down))
	if err != nil {
		return err
	}
	fmt.Fprintf(e.err, "%s is in place with %s: %.2f\n", what, t.key, r.Best.Threshold)
	return nil
}

func (e *env) printTuning(key string, r feedback.Tuning) {
	fmt.Fprintf(e.out, "%d answers that were found good and %d that were found bad; confidence tells them apart with an AUROC of %.2f\n\n", r.Up, r.Down, r.AUROC)
	fmt.Fprintf(e.out, "%-10s  %7s  %7s\n", key, "caught", "blamed")
	for _, p := range r.Points {
		note := ""
		if p == r.Best {
			note = "  the best"
		}
		fmt.Fprintf(e.out, "%-14.2f  %5.1f %%  %5.1f %%%s\n", p.Threshold, 100*p.Caught, 100*p.Blamed, note)
	}
	fmt.Fprintf(e.out, "\nNow %.2f: %.1f %% caught, %.1f %% blamed.", r.Now.Threshold, 100*r.Now.Caught, 100*r.Now.Blamed)
	if !r.Enough {
		fmt.Fprint(e.out, " Too few answers were rated for a change: 20 good and 20 bad ones are needed.")
	}
	fmt.Fprintln(e.out)
}
