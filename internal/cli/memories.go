package cli

import (
	"errors"
	"fmt"
	"os"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/dragoman/dragoman/internal/app"
	"github.com/dragoman/dragoman/internal/audit"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/memory"
)

func memoryCommand(e *env) *cobra.Command {
	var user, team, assistant string
	c := &cobra.Command{
		Use:   "memory",
		Short: "List, add, edit, export and erase what assistants remember of you",
		Long: `Assistants with memory (dragoman.yaml: assistants.NAME.memory) remember facts and preferences of those who ask them. These commands
are about what is remembered of the command line; with --user, and --team, about that of a person who asks with keys.`,
		Example: `  dragoman memory list
  dragoman memory add "I prefer short answers"
  dragoman memory export > memories.json
  dragoman memory erase --all --user ada --team shop`,
	}
	c.PersistentFlags().StringVar(&user, "user", "", "the person of this `name`, who asks with keys")
	c.PersistentFlags().StringVar(&team, "team", "", "their team")
	opened := func(run func(c *cobra.Command, ap *app.App, owner string, args []string) error) func(*cobra.Command, []string) error {
		return func(c *cobra.Command, args []string) error {
			who := commandLine
			if user != "" {
				who = identity.Principal{Grants: &identity.Grants{User: user, Team: team}}
			} else if team != "" {
				return &usageError{errors.New("--team needs --user: memories belong to people")}
			}
			ap, err := e.open(c.Context(), &answering{}, nil)
			if err != nil {
				return err
			}
			defer ap.Close()
			return run(c, ap, memory.Owner(who, ""), args)
		}
	}
	var asJSON, history bool
	list := &cobra.Command{
		Use: "list", Short: "List what is remembered", Args: cobra.NoArgs, Example: "  dragoman memory list --history   # also what was replaced by something newer",
		RunE: opened(func(c *cobra.Command, ap *app.App, owner string, _ []string) error {
			found, err := ap.Memories.List(c.Context(), owner, nil, history)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSONTo(e, found)
			}
			if len(found) == 0 {
				fmt.Fprintln(e.out, "Nothing is remembered.")
				return nil
			}
			w := tabwriter.NewWriter(e.out, 0, 4, 2, ' ', 0)
			fmt.Fprintln(w, "ID\tWHAT\tASSISTANT\tFROM\tSURE\tSINCE\tUNTIL")
			for _, m := range found {
				until, from := "", string(m.Source)
				if !m.Expires.IsZero() {
					until = m.Expires.Local().Format(time.DateOnly)
				}
				if m.Replaced != "" {
					until = "replaced by " + m.Replaced
				}
				if m.Session != "" {
					from += " in " + m.Session
				}
				name := m.Assistant
				if name == "" {
					name = "all that share"
				}
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%.2f\t%s\t%s\n", m.ID, safe(m.Text), safe(name), safe(from), m.Confidence, m.Updated.Local().Format(time.DateOnly), until)
			}
			return w.Flush()
		}),
	}
	list.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	list.Flags().BoolVar(&history, "history", false, "also what was replaced")
	var term string
	add := &cobra.Command{
		Use: "add TEXT", Short: "Remember something", Args: cobra.ExactArgs(1), Example: `  dragoman memory add "I prefer short answers"
  dragoman memory add "The demo is on 3 May" --assistant support --expires 30d`,
		RunE: opened(func(c *cobra.Command, ap *app.App, owner string, args []string) error {
			if _, ok := ap.Assistants[assistant]; assistant != "" && !ok {
				return &usageError{fmt.Errorf("there is no assistant %q; `dragoman assistant list` lists those there are", assistant)}
			}
			m := memory.Memory{Text: args[0], Assistant: assistant, Source: memory.Written}
			if term != "" {
				at, err := after(e.now(), term)
				if err != nil {
					return &usageError{err}
				}
				m.Expires = at
			}
			change, err := ap.Memories.Remember(c.Context(), owner, m)
			if err != nil {
				return err
			}
			fmt.Fprintln(e.out, change.Memory.ID)
			for _, old := range change.Replaced {
				fmt.Fprintf(e.err, "It takes the place of %s.\n", old)
			}
			return nil
		}),
	}
	add.Flags().StringVar(&assistant, "assistant", "", "for this `one` alone (default: for all whose scope is user)")
	add.Flags().StringVar(&term, "expires", "", "after this `term` it is forgotten, for example 90d (default: never)")
	edit := &cobra.Command{
		Use: "edit ID TEXT", Short: "Put other words to a memory", Args: cobra.ExactArgs(2), Example: `  dragoman memory edit MEMORY_ID "I live in Porto"`,
		RunE: opened(func(c *cobra.Command, ap *app.App, owner string, args []string) error {
			_, err := ap.Memories.Edit(c.Context(), owner, args[0], &args[1], nil)
			return err
		}),
	}
	export := &cobra.Command{
		Use: "export [FILE]", Short: "Write everything that is remembered as JSON, the history included", Args: cobra.MaximumNArgs(1), Example: "  dragoman memory export memories.json",
		RunE: opened(func(c *cobra.Command, ap *app.App, owner string, args []string) error {
			all, err := ap.Memories.List(c.Context(), owner, nil, true)
			if err != nil {
				return err
			}
			if err := ap.Audit.Record(c.Context(), audit.DataExported, "memories", fmt.Sprintf("%d of %s", len(all), owner)); err != nil {
				return err
			}
			if len(args) == 0 {
				return printJSONTo(e, all)
			}
			f, err := os.OpenFile(args[0], os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600)
			if err != nil {
				return fmt.Errorf("write the export: %w", err)
			}
			to := *e
			to.out = f
			return errors.Join(printJSONTo(&to, all), f.Close())
		}),
	}
	var everything bool
	erase := &cobra.Command{
		Use: "erase [ID...]", Short: "Erase memories for good, with what they had replaced", Args: cobra.ArbitraryArgs, Example: "  dragoman memory erase MEMORY_ID\n  dragoman memory erase --all",
		RunE: opened(func(c *cobra.Command, ap *app.App, owner string, args []string) error {
			if everything == (len(args) > 0) {
				return &usageError{errors.New("name the memories to erase, or say --all")}
			}
			n := 0
			if everything {
				var err error
				if n, err = ap.Memories.EraseAll(c.Context(), owner); err != nil {
					return err
				}
			}
			for _, id := range args {
				one, err := ap.Memories.Erase(c.Context(), owner, id)
				if err != nil {
					return err
				}
				n += one
			}
			fmt.Fprintf(e.out, "%d erased.\n", n)
			return nil
		}),
	}
	erase.Flags().BoolVar(&everything, "all", false, "everything")
	c.AddCommand(list, add, edit, export, erase)
	return c
}
