package cli

import (
	"fmt"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/dragoman/dragoman/internal/app"
)

func keyCommand(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:   "key",
		Short: "Make, list and revoke the API keys of `dragoman serve`",
		Example: `  dragoman key create "build server"
  dragoman key list
  dragoman key revoke KEY_ID`,
	}
	withKeys := func(run func(c *cobra.Command, ap *app.App, args []string) error) func(*cobra.Command, []string) error {
		return func(c *cobra.Command, args []string) error {
			ap, err := e.open(c.Context(), &answering{}, nil)
			if err != nil {
				return err
			}
			defer ap.Close()
			return run(c, ap, args)
		}
	}
	c.AddCommand(&cobra.Command{
		Use: "create NAME", Short: "Make a key; it is shown once", Args: cobra.ExactArgs(1),
		Example: `  dragoman key create "build server"`,
		RunE: withKeys(func(c *cobra.Command, ap *app.App, args []string) error {
			plain, _, err := ap.Keys.Create(c.Context(), args[0])
			if err != nil {
				return err
			}
			fmt.Fprintln(e.out, plain)
			fmt.Fprintln(e.err, "Keep it safe: it is not shown again.")
			return nil
		}),
	}, &cobra.Command{
		Use: "list", Short: "List the keys", Args: cobra.NoArgs, Example: "  dragoman key list",
		RunE: withKeys(func(c *cobra.Command, ap *app.App, _ []string) error {
			keys, err := ap.Keys.List(c.Context())
			if err != nil {
				return err
			}
			w := tabwriter.NewWriter(e.out, 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "ID\tNAME\tBEGINS WITH\tMADE\tREVOKED")
			for _, k := range keys {
				revoked := ""
				if !k.Revoked.IsZero() {
					revoked = k.Revoked.Format(time.DateTime)
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", k.ID, safe(k.Name), k.Prefix, k.Created.Format(time.DateTime), revoked)
			}
			return w.Flush()
		}),
	}, &cobra.Command{
		Use: "revoke ID", Short: "Make a key useless, at once", Args: cobra.ExactArgs(1), Example: "  dragoman key revoke KEY_ID",
		RunE: withKeys(func(c *cobra.Command, ap *app.App, args []string) error {
			if err := ap.Keys.Revoke(c.Context(), args[0]); err != nil {
				return err
			}
			fmt.Fprintln(e.out, "revoked", args[0])
			return nil
		}),
	})
	return c
}
