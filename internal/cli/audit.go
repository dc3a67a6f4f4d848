package cli

import (
	"errors"
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/dragoman/dragoman/internal/app"
	"github.com/dragoman/dragoman/internal/audit"
)

func auditCommand(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:   "audit",
		Short: "Read and verify the log of what was changed, and by whom",
		Long: `Keys, definitions of assistants, templates, limits, permissions, and data that was erased or exported: who changed what, and when. What was
said is not in it. Entries are only ever added, and each has the hash of the one before, so that one that was changed or removed is found.`,
		Example: `  dragoman audit list --limit 20
  dragoman audit verify`,
	}
	var limit int
	var before int64
	var asJSON bool
	list := &cobra.Command{
		Use: "list", Short: "List the log, the last entry first", Args: cobra.NoArgs, Example: "  dragoman audit list --limit 20\n  dragoman audit list --before 120 --json",
		RunE: e.withApp(func(c *cobra.Command, ap *app.App, _ []string) error {
			entries, err := ap.Audit.Store.LastAuditEntries(c.Context(), before, limit)
			if err != nil {
				return err
			}
			if asJSON {
				if entries == nil {
					entries = []audit.Entry{}
				}
				return e.asJSON(entries)
			}
			w := tabwriter.NewWriter(e.out, 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "NUMBER\tWHEN\tWHO\tWHAT\tOF\tDETAIL")
			for _, x := range entries {
				fmt.Fprintf(w, "%d\t%s\t%s\t%s\t%s\t%s\n", x.Number, x.At.Local().Format(time.DateTime), safe(x.Who), safe(string(x.Action)), safe(x.Object), safe(x.Detail))
			}
			return w.Flush()
		}),
	}
	list.Flags().IntVar(&limit, "limit", 100, "how many, at most")
	list.Flags().Int64Var(&before, "before", 0, "only entries before that of this `number`")
	list.Flags().BoolVar(&asJSON, "json", false, "print JSON, with the hashes")
	var known string
	verify := &cobra.Command{
		Use: "verify", Short: "Check that no entry was changed, removed or put in", Args: cobra.NoArgs,
		Long: `Reads the whole log and checks the number and the hashes of each entry. That its end was cut off can be seen only by who knows an entry
that was there: keep what verify prints in another place, and give it back by --known. Exit code 1 where something is wrong.`,
		Example: "  dragoman audit verify\n  dragoman audit verify --known 41:9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08",
		RunE: e.withApp(func(c *cobra.Command, ap *app.App, _ []string) error {
			v, err := audit.Verify(c.Context(), ap.Audit.Store, known)
			if err != nil {
				return err
			}
			fmt.Fprintf(e.out, "%d:%s\n", v.Entries, v.Last)
			if v.Broken != "" {
				return errors.New("the audit log is not as it was written: " + v.Broken)
			}
			return nil
		}),
	}
	verify.Flags().StringVar(&known, "known", "", "`NUMBER:HASH` of an entry, as verify printed it before")
	c.AddCommand(list, verify)
	return c
}
