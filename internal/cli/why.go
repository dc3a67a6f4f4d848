package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/spf13/cobra"

	"github.com/dragoman/dragoman/internal/assistant"
	"github.com/dragoman/dragoman/internal/store"
)

func whyCommand(e *env) *cobra.Command {
	var asJSON, brief bool
	c := &cobra.Command{
		Use:   "why TRACE",
		Short: "Explain an answer: what was looked at, what was left out, who answered, how sure that is, and the details",
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
			why := tr.Explain(assistant.Reader{})
			fmt.Fprintf(t.w, "%s\n%s, %s", safe(tr.Question), tr.Started.Local().Format(time.DateTime), tr.Mode)
			if tr.Provider != "" {
				fmt.Fprintf(t.w, ", %s/%s", safe(tr.Provider), safe(tr.Model))
			}
			fmt.Fprintf(t.w, ", cost %s\n", tr.Cost)
			for _, p := range why.Sections {
				fmt.Fprintf(t.w, "\n%s\n", t.style(p.Title, bold))
				for _, line := range p.Lines {
					fmt.Fprintf(t.w, "  %s\n", safe(line))
				}
			}
			if !brief {
				fmt.Fprintln(t.w)
				printSources(t, tr.Sources)
				printTrace(t, &tr)
			}
			return nil
		},
	}
	c.Flags().BoolVar(&brief, "brief", false, "without the details")
	c.Flags().BoolVar(&asJSON, "json", false, "print the trace as it is stored")
	return c
}
