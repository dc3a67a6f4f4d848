package cli

import (
	"fmt"

	"github.com/spf13/cobra"

	"github.com/dragoman/dragoman/internal/app"
)

func collectionLeftovers(e *env) *cobra.Command {
	var asJSON bool
	var drop []string
	c := jsonFlag(&cobra.Command{
		Use: "leftovers", Short: "List what the server that searches vectors has and no collection uses, and delete it", Args: cobra.NoArgs,
		Example: "  dragoman collection leftovers\n  dragoman collection leftovers --delete wiki-k3v7q2m4x5a6b7c8-1",
		Long: `Lists the tenants at the Weaviate server (store.weaviate) that no configured collection uses. Those of which an index here is named were made
for a collection that left the configuration; those of which none is may be of an index that was thrown away with its data folder, or of another
installation on the same server. Which of both only you can know, so nothing is deleted that is not named. What was deleted by mistake is
filled again by its owner, which takes time and loses nothing.`,
		RunE: func(c *cobra.Command, _ []string) error {
			ap, err := e.open(c.Context(), &answering{}, nil)
			if err != nil {
				return err
			}
			defer ap.Close()
			if len(drop) > 0 {
				if err := ap.DropLeftovers(c.Context(), drop); err != nil {
					return err
				}
				fmt.Fprintf(e.out, "%d deleted\n", len(drop))
				return nil
			}
			left, err := ap.Leftovers(c.Context())
			if err != nil {
				return err
			}
			if asJSON {
				return e.encode(left)
			}
			return e.leftovers(left)
		},
	}, &asJSON)
	c.Flags().StringSliceVar(&drop, "delete", nil, "delete these tenants")
	return c
}

func (e *env) leftovers(left []app.Leftover) error {
	if len(left) == 0 {
		fmt.Fprintln(e.out, "nothing is left over")
		return nil
	}
	return table(e.out, "TENANT | INDEX", func(row func(cells ...any)) {
		for _, l := range left {
			of := "none here: another installation's, or of one that was thrown away"
			if l.Index != "" {
				of = l.Index + ", of no configured collection"
			}
			row(l.Tenant, of)
		}
	})
}
