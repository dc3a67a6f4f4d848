package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/dragoman/dragoman/internal/assistant"
	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/internal/store"
)

func whyCommand(e *env) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "why TRACE",
		Short: "Explain an answer: what was searched, taken, left out, sent and paid",
		Example: `  dragoman why tr_01a2b3c4
  dragoman why --json tr_01a2b3c4 | jq .left_out`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			ap, err := e.open(c.Context(), &answering{}, nil)
			if err != nil {
				return err
			}
			defer ap.Close()
			rec, err := ap.Store.Trace(c.Context(), args[0])
			if errors.Is(err, store.ErrNotFound) {
				return fmt.Errorf("there is no trace %q in %s; the last line of an answer names its trace, and --data the folder", args[0], ap.DataDir)
			}
			if err != nil {
				return err
			}
			if asJSON {
				_, err := fmt.Fprintln(e.out, string(rec.Body))
				return err
			}
			var tr assistant.Trace
			if err := json.Unmarshal(rec.Body, &tr); err != nil {
				return fmt.Errorf("read the trace: %w", err)
			}
			t := newTerminal(e.out, e.getenv)
			fmt.Fprintf(t.w, "%s\n%s, %s", safe(tr.Question), tr.Started.Local().Format(time.DateTime), tr.Mode)
			if tr.Provider != "" {
				fmt.Fprintf(t.w, ", %s/%s", safe(tr.Provider), safe(tr.Model))
			}
			fmt.Fprintf(t.w, ", cost %s\n\n", tr.Cost)
			printSources(t, tr.Sources)
			printTrace(t, &tr)
			return nil
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print the trace as it is stored")
	return c
}

func usageCommand(e *env) *cobra.Command {
	var days int
	var by string
	c := &cobra.Command{
		Use:   "usage",
		Short: "Sum up requests, tokens and cost",
		Example: `  dragoman usage
  dragoman usage --by principal --days 7`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			switch ledger.Grouping(by) {
			case ledger.ByModel, ledger.ByProvider, ledger.ByAssistant, ledger.ByPrincipal, ledger.ByDay:
			default:
				return &usageError{fmt.Errorf("--by %s is not known; it is model, provider, assistant, principal or day", by)}
			}
			ap, err := e.open(c.Context(), &answering{}, nil)
			if err != nil {
				return err
			}
			defer ap.Close()
			totals, err := ap.Ledger.Totals(c.Context(), e.now().AddDate(0, 0, -days), ledger.Grouping(by))
			if err != nil {
				return err
			}
			if len(totals) == 0 {
				fmt.Fprintf(e.out, "No request to a model in the last %s.\n", count(days, "day"))
				return nil
			}
			w := tabwriter.NewWriter(e.out, 0, 4, 2, ' ', tabwriter.AlignRight)
			fmt.Fprintf(w, "%s\trequests\tfailed\tinput\toutput\tcost\tof unknown cost\t\n", by)
			for _, t := range totals {
				fmt.Fprintf(w, "%s\t%d\t%d\t%d\t%d\t%s\t%d\t\n", safe(t.Key), t.Requests, t.Failed+t.Abandoned, t.Usage.Input, t.Usage.Output, t.Cost, t.UnknownCost)
			}
			return w.Flush()
		},
	}
	c.Flags().IntVar(&days, "days", 30, "how many `days` back")
	c.Flags().StringVar(&by, "by", "model", "model, provider, assistant, principal or day")
	return c
}
