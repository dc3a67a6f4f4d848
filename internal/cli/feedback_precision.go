package cli

import (
	"fmt"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/dragoman/dragoman/internal/app"
	"github.com/dragoman/dragoman/internal/feedback"
	"github.com/dragoman/dragoman/internal/knowledge"
)

func feedbackPrecisionCommand(e *env) *cobra.Command {
	var q feedback.Query
	var since string
	var asJSON bool
	c := &cobra.Command{
		Use: "precision", Short: "Report how good what was found is by feedback, for each collection and assistant", Args: cobra.NoArgs,
		Long: `For each collection and the assistants that answered from it: how many of the answers that people rated were found good and bad, and which share of
the passages belongs to good ones: of those that the answers were offered, and of those that they cite. In brackets the 95 % interval.`,
		Example: `  dragoman feedback precision
  dragoman feedback precision --assistant support --since 30d`,
		RunE: e.withApp(func(c *cobra.Command, ap *app.App, _ []string) error {
			if since != "" {
				at, ok := knowledge.ParseWhen(since, e.now())
				if !ok {
					return &usageError{fmt.Errorf("--since %q is no day; write 2025-03-01, or how long ago: 12h, 7d, 2w", since)}
				}
				q.Since = at
			}
			list, err := ap.Feedback.Rated(c.Context(), q)
			if err != nil {
				return err
			}
			report := feedback.Precisions(list)
			if asJSON {
				return printJSONTo(e, map[string]any{"precision": report})
			}
			if len(report) == 0 {
				fmt.Fprintln(e.out, "no answer from a collection was rated")
				return nil
			}
			w := tabwriter.NewWriter(e.out, 0, 0, 2, ' ', 0)
			fmt.Fprintln(w, "collection\tassistant\tgood\tbad\toffered\tcited")
			for _, p := range report {
				fmt.Fprintf(w, "%s\t%s\t%d\t%d\t%s\t%s\n", safe(p.Collection), safe(p.Assistant), p.Up, p.Down, precise(p.Offered), precise(p.Cited))
			}
			return w.Flush()
		}),
	}
	c.Flags().StringVar(&q.Assistant, "assistant", "", "only of answers of the assistant of this `name`")
	c.Flags().StringVar(&since, "since", "", "only what was said at or after this `day`, or as long ago: 2025-03-01, 30d")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func precise(s feedback.Share) string {
	if s.All == 0 {
		return "none"
	}
	return fmt.Sprintf("%.1f %% of %d [%.1f, %.1f]", 100*s.Value, s.All, 100*s.Low, 100*s.High)
}
