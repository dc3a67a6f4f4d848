package cli

import (
	"encoding/json"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/dragoman/dragoman/internal/app"
	"github.com/dragoman/dragoman/internal/audit"
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
  dragoman feedback precision
  dragoman feedback tune support
  dragoman feedback tune --collection wiki`,
	}
	c.AddCommand(feedbackGiveCommand(e), feedbackListCommand(e), feedbackExportCommand(e), feedbackPrecisionCommand(e), feedbackTuneCommand(e))
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
			if err := ap.Audit.Record(c.Context(), audit.DataExported, "feedback", count(len(list), "answer")); err != nil {
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
