package cli

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/dragoman/dragoman/internal/app"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/knowledge/source"
)

func collectionCommand(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:   "collection",
		Short: "List and show collections, bring them up to date, and see what is in them and what could not be read",
		Long: `A collection is what can be searched: the folder that the command runs in ("folder"), and those of dragoman.yaml, from a
folder, a git repository, a web site or another source, or pushed by programs. "dragoman serve" keeps them up to date by itself.
Where it runs, it takes over at once what these commands change.`,
		Example: `  dragoman collection list
  dragoman collection show wiki
  dragoman collection sync wiki
  dragoman collection errors wiki`,
	}
	c.AddCommand(collectionList(e), collectionShow(e), collectionSync(e), collectionRuns(e), collectionDocuments(e), collectionChunks(e), collectionErrors(e), collectionCompact(e), collectionLeftovers(e), collectionPut(e), collectionDelete(e))
	return c
}

// operator is who sits at the command line: there everything may be seen.
var operator = identity.Principal{}

// withLibrary opens the collections for a command.
func (e *env) withLibrary(progress func(knowledge.Progress), run func(c *cobra.Command, l app.Library, args []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		ap, err := e.open(c.Context(), &answering{}, progress)
		if err != nil {
			return err
		}
		defer ap.Close()
		return run(c, ap.Library(), args)
	}
}

func jsonFlag(c *cobra.Command, to *bool) *cobra.Command {
	c.Flags().BoolVar(to, "json", false, "print JSON")
	return c
}

func (e *env) encode(v any) error { return json.NewEncoder(e.out).Encode(v) }

// table writes rows under a heading.
func table(w io.Writer, heading string, rows func(row func(cells ...any))) error {
	t := tabwriter.NewWriter(w, 0, 4, 2, ' ', 0)
	fmt.Fprintln(t, strings.ReplaceAll(heading, " | ", "\t"))
	rows(func(cells ...any) {
		for i, c := range cells {
			if i > 0 {
				fmt.Fprint(t, "\t")
			}
			fmt.Fprint(t, c)
		}
		fmt.Fprintln(t)
	})
	return t.Flush()
}

func collectionList(e *env) *cobra.Command {
	var asJSON bool
	return jsonFlag(&cobra.Command{
		Use: "list", Short: "List the collections", Args: cobra.NoArgs, Example: "  dragoman collection list\n  dragoman collection list --json",
		RunE: e.withLibrary(nil, func(c *cobra.Command, l app.Library, _ []string) error {
			list, err := l.List(c.Context(), operator)
			if err != nil || asJSON {
				return firstOf(err, func() error { return e.encode(list) })
			}
			return table(e.out, "NAME | SOURCE | DOCUMENTS | PASSAGES", func(row func(...any)) {
				for _, x := range list {
					from := x.Source
					if from == "" {
						from = "folder"
					}
					row(safe(x.Name), from, x.Documents, x.Passages)
				}
			})
		}),
	}, &asJSON)
}

func firstOf(err error, then func() error) error {
	if err != nil {
		return err
	}
	return then()
}

func collectionShow(e *env) *cobra.Command {
	var asJSON bool
	return jsonFlag(&cobra.Command{
		Use: "show NAME", Short: "Show how a collection does: its size, its last sync, what could not be read", Args: cobra.ExactArgs(1), Example: "  dragoman collection show wiki\n  dragoman collection show wiki --json",
		RunE: e.withLibrary(nil, func(c *cobra.Command, l app.Library, args []string) error {
			m, err := l.Manage(c.Context(), operator, args[0])
			if err != nil || asJSON {
				return firstOf(err, func() error { return e.encode(m) })
			}
			from := m.Source
			if from == "" {
				from = "folder"
			}
			fmt.Fprintf(e.out, "%s, from %s\n", safe(m.Name), from)
			fmt.Fprintf(e.out, "  %s in %s, of %s; %s could not be read\n", count(m.Passages, "passage"), count(m.Documents, "document"), size(m.Bytes), count(m.Skipped, "document"))
			fmt.Fprintf(e.out, "  index: %s, of which %s hold nothing; %s of documents that are gone\n", size(m.IndexBytes), size(m.FreeBytes), count(m.Dead, "passage"))
			printVectors(e, m.Vectors)
			if t := m.Threshold; t.Value > 0 || t.Tuned != nil {
				fmt.Fprintf(e.out, "  threshold: %.2f %s\n", t.Value, safe(t.Note))
			}
			if r := m.Last; r != nil {
				fmt.Fprintf(e.out, "  last sync: %s\n", runText(r))
			}
			if m.Next != "" {
				fmt.Fprintf(e.out, "  next: %s\n", m.Next)
			}
			return nil
		}),
	}, &asJSON)
}

// printVectors says how far the vectors of a collection are.
func printVectors(e *env, v *app.VectorStatus) {
	if v == nil {
		fmt.Fprintln(e.out, "  vectors: none, it has no embedder")
		return
	}
	searched := "none are searched yet"
	if v.Model != "" {
		searched = fmt.Sprintf("those of %s are searched (generation %d)", safe(v.Model), v.Generation)
	}
	fmt.Fprintf(e.out, "  vectors: %s; %s have one", searched, count(v.Embedded, "passage"))
	if v.Next != "" {
		fmt.Fprintf(e.out, " of %s, %d wait (%.1f %% are there)", safe(v.Next), v.Queue, 100*v.Share)
	}
	fmt.Fprintln(e.out)
	if v.Error != "" {
		fmt.Fprintf(e.out, "  the last ones could not be made: %s\n", safe(v.Error))
	}
}

// runText says in a line how a run went.
func runText(r *app.SyncRun) string {
	s := r.Started.Local().Format(time.DateTime) + ", " + r.Reason + ", " + r.Status
	switch {
	case r.Status == "running" && r.Total > 0:
		return fmt.Sprintf("%s: %d of %d", s, r.Done, r.Total)
	case r.Status == "running" || r.Status == "interrupted" && r.Ended == nil:
		return s
	}
	s += fmt.Sprintf(": %d added, %d changed, %d removed, %d failed in %s", r.Added, r.Changed, r.Removed, r.Failed, r.Ended.Sub(r.Started).Round(time.Millisecond))
	if r.Error != "" {
		s += " (" + safe(r.Error) + ")"
	}
	return s
}

func collectionSync(e *env) *cobra.Command {
	var rebuild, asJSON bool
	bar := &progressBar{t: newTerminal(e.err, e.getenv)}
	c := jsonFlag(&cobra.Command{
		Use: "sync NAME", Short: "Bring a collection up to date now", Args: cobra.ExactArgs(1), Example: "  dragoman collection sync wiki\n  dragoman collection sync wiki --rebuild",
		Long: `Asks the source of a collection for what is new, or looks into its folder. With --rebuild everything is read anew; what is
searchable stays so meanwhile, and a rebuild that is interrupted is gone on with by the next sync.`,
		RunE: e.withLibrary(bar.update, func(c *cobra.Command, l app.Library, args []string) error {
			r, err := l.Sync(c.Context(), args[0], rebuild)
			bar.clear()
			if err != nil {
				return err
			}
			if asJSON {
				return e.encode(map[string]any{
					"collection": args[0], "added": r.Added, "changed": r.Changed, "removed": r.Removed, "unchanged": r.Unchanged, "bytes": r.Bytes, "seconds": r.Elapsed.Seconds(), "skipped": r.Skipped,
				})
			}
			fmt.Fprintf(e.out, "%d added, %d changed, %d removed, %d unchanged; %s read in %s\n", r.Added, r.Changed, r.Removed, r.Unchanged, size(r.Bytes), r.Elapsed.Round(time.Millisecond))
			if len(r.Skipped) > 0 {
				fmt.Fprintf(e.out, "%d skipped (`dragoman collection errors %s` lists those that could not be read)\n", len(r.Skipped), args[0])
			}
			return nil
		}),
	}, &asJSON)
	c.Flags().BoolVar(&rebuild, "rebuild", false, "read everything anew")
	return c
}

func collectionRuns(e *env) *cobra.Command {
	var asJSON bool
	var limit int
	c := jsonFlag(&cobra.Command{
		Use: "runs NAME", Short: "List how a collection was brought up to date, the last run first", Args: cobra.ExactArgs(1), Example: "  dragoman collection runs wiki\n  dragoman collection runs wiki --limit 3 --json",
		RunE: e.withLibrary(nil, func(c *cobra.Command, l app.Library, args []string) error {
			runs, err := l.ManagedRuns(c.Context(), operator, args[0], limit)
			if err != nil || asJSON {
				return firstOf(err, func() error { return e.encode(runs) })
			}
			for i := range runs {
				fmt.Fprintln(e.out, runText(&runs[i]))
			}
			return nil
		}),
	}, &asJSON)
	c.Flags().IntVar(&limit, "limit", 20, "list at most this `number`")
	return c
}

func collectionDocuments(e *env) *cobra.Command {
	var asJSON bool
	var q knowledge.Listing
	var as viewer
	c := jsonFlag(&cobra.Command{
		Use: "documents NAME", Short: "List the documents of a collection", Args: cobra.ExactArgs(1), Example: "  dragoman collection documents wiki\n  dragoman collection documents wiki --under ops/ --limit 1000 --json\n  dragoman collection documents wiki --as-user ann --as-team hr    # what she may see",
		RunE: e.withLibrary(nil, func(c *cobra.Command, l app.Library, args []string) error {
			list, next, err := l.Documents(c.Context(), as.or(operator), args[0], q)
			if err != nil || asJSON {
				return firstOf(err, func() error { return e.encode(map[string]any{"documents": list, "next": next}) })
			}
			head := "DOCUMENT | TYPE | PASSAGES | SIZE | UPDATED"
			if !as.set() {
				head += " | FOR"
			}
			err = table(e.out, head, func(row func(...any)) {
				for _, d := range list {
					cells := []any{source.Display(d.Path), safe(d.Type), d.Passages, size(d.Bytes), d.Updated.Local().Format(time.DateTime)}
					if !as.set() {
						cells = append(cells, safe(readersText(d.Readers)))
					}
					row(cells...)
				}
			})
			if next != "" {
				fmt.Fprintf(e.err, "There are more: --after %q goes on, --limit lists more at a time.\n", next)
			}
			return err
		}),
	}, &asJSON)
	f := c.Flags()
	as.flags(f)
	f.StringVar(&q.Prefix, "under", "", "only documents whose path begins with this `text`")
	f.StringVar(&q.After, "after", "", "only documents after this `path`")
	f.IntVar(&q.Limit, "limit", 100, "list at most this `number`")
	return c
}

func collectionChunks(e *env) *cobra.Command {
	var asJSON bool
	return jsonFlag(&cobra.Command{
		Use: "chunks NAME DOCUMENT", Short: "Show how a document was cut into passages", Args: cobra.ExactArgs(2), Example: "  dragoman collection chunks wiki ops/Backups\n  dragoman collection chunks folder README.md --json",
		RunE: e.withLibrary(nil, func(c *cobra.Command, l app.Library, args []string) error {
			list, err := l.Passages(c.Context(), operator, args[0], args[1])
			if err != nil {
				return err
			}
			if asJSON {
				type chunk struct {
					Start  int    `json:"start"`
					End    int    `json:"end"`
					Page   int    `json:"page,omitempty"`
					Kind   string `json:"kind"`
					Symbol string `json:"symbol,omitempty"`
					Header string `json:"header,omitempty"`
					Text   string `json:"text"`

					Author  string `json:"author,omitempty"`
					Updated string `json:"updated"`
					Blamed  bool   `json:"blamed,omitempty"`
				}
				out := []chunk{}
				for _, p := range list {
					out = append(out, chunk{p.Start, p.End, p.Page, string(p.Kind), p.Symbol, p.Context, p.Text, p.Author, day(p.Updated), p.Blamed})
				}
				return e.encode(map[string]any{"document": args[1], "chunks": out})
			}
			for _, p := range list {
				place := fmt.Sprintf("%s:%d-%d", source.Display(p.Path), p.Start, p.End)
				if p.Page > 0 {
					place += fmt.Sprintf(", page %d", p.Page)
				}
				fmt.Fprintf(e.out, "%s  %s %s%s\n", place, p.Kind, safe(p.Symbol), lastChange(&p))
				for line := range strings.Lines(p.Text) {
					fmt.Fprintf(e.out, "    %s\n", safe(strings.TrimRight(line, "\r\n")))
				}
			}
			return nil
		}),
	}, &asJSON)
}

func collectionErrors(e *env) *cobra.Command {
	var asJSON bool
	return jsonFlag(&cobra.Command{
		Use: "errors NAME", Short: "List the documents of a collection that could not be read, and why", Args: cobra.ExactArgs(1), Example: "  dragoman collection errors wiki\n  dragoman collection errors wiki --json",
		RunE: e.withLibrary(nil, func(c *cobra.Command, l app.Library, args []string) error {
			list, err := l.Errors(c.Context(), operator, args[0])
			if err != nil || asJSON {
				return firstOf(err, func() error { return e.encode(map[string]any{"errors": list}) })
			}
			for _, x := range list {
				fmt.Fprintf(e.out, "%s (%s)\n", source.Display(x.Document), safe(x.Reason))
			}
			return nil
		}),
	}, &asJSON)
}

func collectionCompact(e *env) *cobra.Command {
	return &cobra.Command{
		Use: "compact NAME", Short: "Give back the room of what is gone", Args: cobra.ExactArgs(1), Example: "  dragoman collection compact wiki",
		Long: `Writes the index of a collection anew, without what is gone, in one piece. Searches go on meanwhile. It happens by itself where
more than half of a large file is free.`,
		RunE: e.withLibrary(nil, func(c *cobra.Command, l app.Library, args []string) error {
			before, after, err := l.Compact(c.Context(), operator, args[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(e.out, "%s before, %s after\n", size(before), size(after))
			return nil
		}),
	}
}
