package cli

import (
	"encoding/json"
	"fmt"
	"strconv"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/google/uuid"
	"github.com/spf13/cobra"

	"github.com/dragoman/dragoman/internal/app"
	"github.com/dragoman/dragoman/internal/conversation"
)

func sessionCommand(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:   "session",
		Short: "List, search, show, fork and delete conversations of the command line",
		Long: `A session is a conversation that is kept: dragoman chat --session NAME begins one, or goes on with it. These commands see the
sessions of the command line. Those of a key are that key's own: GET /api/sessions.`,
		Example: `  dragoman session list
  dragoman session search "retry delay"
  dragoman session show release-notes`,
	}
	opened := func(run func(c *cobra.Command, ap *app.App, args []string) error) func(*cobra.Command, []string) error {
		return func(c *cobra.Command, args []string) error {
			ap, err := e.open(c.Context(), &answering{}, nil)
			if err != nil {
				return err
			}
			defer ap.Close()
			return run(c, ap, args)
		}
	}
	var asJSON bool
	var limit int
	find := func(c *cobra.Command, ap *app.App, text string) error {
		found, _, err := ap.Sessions.List(c.Context(), commandLine.Owner(), conversation.Query{Text: text, Limit: limit})
		if err != nil {
			return err
		}
		return e.printSessions(found, asJSON)
	}
	list := &cobra.Command{
		Use: "list", Short: "List the sessions, the last used first", Args: cobra.NoArgs, Example: "  dragoman session list --limit 5",
		RunE: opened(func(c *cobra.Command, ap *app.App, _ []string) error { return find(c, ap, "") }),
	}
	search := &cobra.Command{
		Use: "search WORDS...", Short: "List the sessions in whose title or messages all of the words occur", Args: cobra.MinimumNArgs(1), Example: `  dragoman session search retry delay`,
		RunE: opened(func(c *cobra.Command, ap *app.App, args []string) error { return find(c, ap, strings.Join(args, " ")) }),
	}
	for _, c := range []*cobra.Command{list, search} {
		c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
		c.Flags().IntVar(&limit, "limit", 20, "how many, at most")
	}
	var all bool
	show := &cobra.Command{
		Use: "show ID", Short: "Print a session", Args: cobra.ExactArgs(1), Example: "  dragoman session show release-notes\n  dragoman session show release-notes --all    # also what was edited or answered anew",
		RunE: opened(func(c *cobra.Command, ap *app.App, args []string) error {
			info, turns, err := ap.Sessions.Get(c.Context(), commandLine.Owner(), args[0], all)
			if err != nil {
				return err
			}
			if asJSON {
				return printJSONTo(e, struct {
					conversation.Info
					Turns []conversation.Turn `json:"turns"`
				}{info, turns})
			}
			t := newTerminal(e.out, e.getenv)
			fmt.Fprintf(t.w, "%s\n%s\n", t.style(safe(info.Title), bold), t.style(fmt.Sprintf("%s, %s, last used %s", safe(info.ID), count(info.Messages, "message"), info.Updated.Local().Format(time.DateTime)), dim))
			for _, m := range turns {
				fmt.Fprintf(t.w, "\n%s\n%s\n", t.style(fmt.Sprintf("%d, after %d, %s", m.Number, m.Parent, m.Role), cyan), strings.TrimRight(safe(m.Text), "\n"))
			}
			return nil
		}),
	}
	show.Flags().BoolVar(&all, "all", false, "all branches")
	show.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	rename := &cobra.Command{
		Use: "rename ID TITLE", Short: "Give a session another title", Args: cobra.ExactArgs(2), Example: `  dragoman session rename s1 "Release notes"`,
		RunE: opened(func(c *cobra.Command, ap *app.App, args []string) error {
			_, err := ap.Sessions.Rename(c.Context(), commandLine.Owner(), args[0], args[1])
			return err
		}),
	}
	var at int
	fork := &cobra.Command{
		Use: "fork ID [NEW]", Short: "Make a session of its own of another, up to a message; both go on by themselves", Args: cobra.RangeArgs(1, 2),
		Example: "  dragoman session fork release-notes other-notes --at 4",
		RunE: opened(func(c *cobra.Command, ap *app.App, args []string) error {
			to := uuid.NewString()
			if len(args) > 1 {
				to = args[1]
			}
			info, err := ap.Sessions.Fork(c.Context(), commandLine.Owner(), args[0], at, conversation.Info{ID: to})
			if err != nil {
				return err
			}
			fmt.Fprintf(e.out, "%s has %s. Go on with it: dragoman chat --session %s\n", safe(info.ID), count(info.Messages, "message"), strconv.Quote(info.ID))
			return nil
		}),
	}
	fork.Flags().IntVar(&at, "at", 0, "the `number` of the last message to take along (default: the last one)")
	remove := &cobra.Command{
		Use: "delete ID...", Short: "Delete sessions, with the traces of their turns; what was booked stays", Args: cobra.MinimumNArgs(1), Example: "  dragoman session delete release-notes",
		RunE: opened(func(c *cobra.Command, ap *app.App, args []string) error {
			for _, id := range args {
				if err := ap.Sessions.Delete(c.Context(), commandLine.Owner(), id); err != nil {
					return err
				}
				fmt.Fprintf(e.out, "%s is deleted.\n", safe(id))
			}
			return nil
		}),
	}
	c.AddCommand(list, search, show, rename, fork, remove)
	return c
}

func (e *env) printSessions(list []conversation.Info, asJSON bool) error {
	if asJSON {
		return printJSONTo(e, list)
	}
	if len(list) == 0 {
		fmt.Fprintln(e.out, "There are none; `dragoman chat --session NAME` begins one.")
		return nil
	}
	w := tabwriter.NewWriter(e.out, 0, 4, 2, ' ', 0)
	fmt.Fprintln(w, "ID\tTITLE\tMESSAGES\tLAST USED")
	for _, s := range list {
		fmt.Fprintf(w, "%s\t%s\t%d\t%s\n", safe(s.ID), safe(s.Title), s.Messages, s.Updated.Local().Format(time.DateTime))
	}
	return w.Flush()
}

func printJSONTo(e *env, v any) error {
	enc := json.NewEncoder(e.out)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
