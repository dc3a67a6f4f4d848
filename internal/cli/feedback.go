package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/dragoman/dragoman/internal/app"
	"github.com/dragoman/dragoman/internal/feedback"
)

func feedbackCommand(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:   "feedback",
		Short: "Read what people say of answers, and tune thresholds by it",
		Long: `People say "up" or "down" of answers that they got, with a reason and what would have been right: POST /api/feedback, or dragoman feedback give.
It is kept with what the trace said of the answer.`,
		Example: `  dragoman feedback list --rating down
  dragoman feedback export > cases.jsonl
  dragoman feedback tune support`,
	}
	c.AddCommand(feedbackGiveCommand(e), feedbackListCommand(e), feedbackExportCommand(e), feedbackTuneCommand(e))
	return c
}

// withApp runs a command with the data opened.
func (e *env) withApp(run func(c *cobra.Command, ap *app.App, args []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		ap, err := e.open(c.Context(), &answering{}, nil)
		if err != nil {
			return err
		}
		defer ap.Close()
		return run(c, ap, args)
	}
}

func feedbackGiveCommand(e *env) *cobra.Command {
	var g feedback.Given
	c := &cobra.Command{
		Use: "give TRACE up|down", Short: "Say what an answer of the command line was worth", Args: cobra.ExactArgs(2),
		Example: `  dragoman feedback give tr_01a2b3c4 down --reason "the limit is 30 s" --answer "It waits 30 seconds."`,
		RunE: e.withApp(func(c *cobra.Command, ap *app.App, args []string) error {
			g.Trace, g.Rating = args[0], args[1]
			_, err := ap.Feedback.Give(c.Context(), commandLine, g)
			return err
		}),
	}
	c.Flags().StringVar(&g.Reason, "reason", "", "why, in `words`")
	c.Flags().StringVar(&g.Answer, "answer", "", "the `text` that would have been right")
	return c
}

func feedbackFlags(c *cobra.Command, q *feedback.Query) {
	c.Flags().StringVar(&q.Assistant, "assistant", "", "only of answers of the assistant of this `name`")
	c.Flags().StringVar(&q.Rating, "rating", "", "only `up` or down")
	c.Flags().IntVar(&q.Limit, "limit", 1000, "how many, at most")
}

func feedbackListCommand(e *env) *cobra.Command {
	var q feedback.Query
	var asJSON bool
	c := &cobra.Command{
		Use: "list", Short: "List feedback, the latest first", Args: cobra.NoArgs, Example: "  dragoman feedback list --assistant support --rating down",
		RunE: e.withApp(func(c *cobra.Command, ap *app.App, _ []string) error {
			list, err := ap.Feedback.List(c.Context(), q)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSONTo(e, list)
			}
			t := newTerminal(e.out, e.getenv)
			for _, x := range list {
				sure := ""
				if x.Turn.Judged != nil {
					sure = fmt.Sprintf(", confidence %.2f", x.Turn.Judged.Confidence)
				}
				fmt.Fprintf(t.w, "%s  %s  %s%s\n", x.Created.Local().Format(time.DateTime), t.style(x.Rating, bold), safe(x.Trace), sure)
				fmt.Fprintf(t.w, "  %s\n", safe(x.Turn.Question))
				if x.Reason != "" {
					fmt.Fprintf(t.w, "  because: %s\n", safe(x.Reason))
				}
				if x.Answer != "" {
					fmt.Fprintf(t.w, "  instead: %s\n", safe(x.Answer))
				}
			}
			return nil
		}),
	}
	feedbackFlags(c, &q)
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func feedbackExportCommand(e *env) *cobra.Command {
	var q feedback.Query
	c := &cobra.Command{
		Use: "export", Short: "Write feedback as a data set, a case in each line of JSON", Args: cobra.NoArgs,
		Long: `A case has the question, the answer that was said to be right, the rating, the reason, and the passages that the answer was made from. Who
gave it is left out.`,
		Example: "  dragoman feedback export --rating down > cases.jsonl",
		RunE: e.withApp(func(c *cobra.Command, ap *app.App, _ []string) error {
			list, err := ap.Feedback.List(c.Context(), q)
			if err != nil {
				return err
			}
			enc := json.NewEncoder(e.out)
			enc.SetEscapeHTML(false)
			for i := range list {
				if err := enc.Encode(list[i].Example()); err != nil {
					return err
				}
			}
			return nil
		}),
	}
	feedbackFlags(c, &q)
	return c
}

func feedbackTuneCommand(e *env) *cobra.Command {
	var apply, asJSON bool
	var key string
	c := &cobra.Command{
		Use: "tune ASSISTANT", Short: "Report how a threshold on confidence does by feedback, and put a better one in place", Args: cobra.ExactArgs(1),
		Long: `The table shows, for each threshold, which share of the answers that people found bad lies below it (caught), and which share of those that
they found good (blamed). The best is where the difference is greatest. --apply saves the assistant's definition with it as a new version and
publishes that, where at least 20 good and 20 bad answers speak for it; dragoman assistant publish goes back.`,
		Example: `  dragoman feedback tune support
  dragoman feedback tune support --threshold abstain_below --apply`,
		RunE: e.withApp(func(c *cobra.Command, ap *app.App, args []string) error {
			saved, err := ap.Definitions().Get(c.Context(), args[0])
			if err != nil {
				return err
			}
			d := saved.Definition
			thresholds := map[string]*float64{"disclaim_below": &d.Judge.Disclaim, "confirm_below": &d.Judge.Confirm, "abstain_below": &d.Judge.Abstain}
			at, ok := thresholds[key]
			if !ok {
				return fmt.Errorf("%q is no threshold; disclaim_below, confirm_below and abstain_below are", key)
			}
			list, err := ap.Feedback.List(c.Context(), feedback.Query{Assistant: args[0], Limit: 1000})
			if err != nil {
				return err
			}
			r := feedback.Tune(list, *at)
			if asJSON {
				if err := printJSONTo(e, r); err != nil {
					return err
				}
			} else {
				e.printTuning(key, r)
			}
			if !apply {
				return nil
			}
			if !r.Enough {
				return errors.New("too few answers were rated for a threshold to rest on: 20 good and 20 bad ones are needed")
			}
			if r.Best.Threshold == *at {
				return nil
			}
			*at = r.Best.Threshold
			next, err := ap.SaveTuned(c.Context(), commandLine, args[0], d, fmt.Sprintf("%s %.2f, by the feedback on %d answers", key, *at, r.Up+r.Down))
			if err != nil {
				return err
			}
			fmt.Fprintf(e.err, "%s is in place with %s: %.2f\n", next, key, *at)
			return nil
		}),
	}
	c.Flags().StringVar(&key, "threshold", "disclaim_below", "which `key` of judge")
	c.Flags().BoolVar(&apply, "apply", false, "put the best one in place")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
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
