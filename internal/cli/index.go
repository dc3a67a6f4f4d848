package cli

import (
	"context"
	"encoding/json"
	"fmt"
	"os"
	"slices"
	"time"

	"github.com/spf13/cobra"

	"github.com/dragoman/dragoman/internal/app"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/knowledge/source"
)

func indexCommand(e *env) *cobra.Command {
	var a answering
	var rebuild, skipped, asJSON, wordsOnly bool
	c := &cobra.Command{
		Use:   "index",
		Short: "Bring the index up to date, and say what is in it and what is not",
		Long: `"dragoman ask" and "dragoman serve" index by themselves; this command does it ahead of them, and lists what was
skipped and why. Git is asked who changed which lines last. Where there is an embedder it makes the vectors of passages, too, which takes a while in a large folder; what was made
stays when it is stopped, and the next run goes on. The index is a cache: it can be deleted and is built again.`,
		Example: `  dragoman index
  dragoman index --skipped
  dragoman index --words-only
  dragoman index --rebuild --path ~/src/zap`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			bar := &progressBar{t: newTerminal(e.err, e.getenv)}
			ap, err := e.open(c.Context(), &a, bar.update)
			if err != nil {
				return err
			}
			defer ap.Close()
			if err := ap.CountSpent(c.Context()); err != nil {
				return err
			}
			if rebuild {
				for _, name := range ap.Assistants[ap.Default].Knowledge {
					if err := ap.Forget(c.Context(), name); err != nil {
						return err
					}
				}
			}
			reports, err := ap.Sync(c.Context(), ap.Default)
			bar.clear()
			if err != nil {
				return err
			}
			for _, name := range ap.Assistants[ap.Default].Knowledge {
				err := ap.Blame(c.Context(), name, bar.blaming)
				bar.clear()
				if err != nil {
					return err
				}
				var vectors vectorReport
				if !wordsOnly {
					vectors = makeVectors(c.Context(), ap, name, bar)
				}
				col, err := ap.Collection(c.Context(), name)
				if err != nil {
					return err
				}
				st, err := col.Stats(c.Context())
				if err != nil {
					return err
				}
				dated, err := col.Dated(c.Context())
				if err != nil {
					return err
				}
				r := reports[name]
				if asJSON {
					if err := json.NewEncoder(e.out).Encode(map[string]any{
						"collection": name, "root": col.Root, "index": col.IndexPath(), "documents": st.Documents, "passages": st.Chunks, "bytes": st.Bytes,
						"added": r.Added, "changed": r.Changed, "removed": r.Removed, "unchanged": r.Unchanged, "read_bytes": r.Bytes,
						"seconds": r.Elapsed.Seconds(), "skipped": r.Skipped, "ignored": r.Ignored, "dated_by_git": dated, "vectors": vectors,
					}); err != nil {
						return err
					}
					continue
				}
				fmt.Fprintf(e.out, "%s\n", source.Display(ap.Origin(name)))
				fmt.Fprintf(e.out, "  %s in %s, from %s\n", count(st.Chunks, "passage"), count(st.Documents, "document"), size(st.Bytes))
				speed := ""
				if s := r.Elapsed.Seconds(); s > 0 && r.Bytes > 1<<20 {
					speed = fmt.Sprintf(" (%.1f MB/s)", float64(r.Bytes)/(1<<20)/s)
				}
				fmt.Fprintf(e.out, "  %d added, %d changed, %d removed, %d unchanged; %s read in %s%s\n", r.Added, r.Changed, r.Removed, r.Unchanged, size(r.Bytes), r.Elapsed.Round(time.Millisecond), speed)
				fmt.Fprintf(e.out, "  %d ignored by .gitignore or .dragomanignore, %d skipped\n", r.Ignored, len(r.Skipped))
				if dated > 0 {
					fmt.Fprintf(e.out, "  git knows who last changed the lines of %s\n", count(dated, "passage"))
				}
				if st, err := os.Stat(col.IndexPath()); err == nil {
					fmt.Fprintf(e.out, "  index: %s, %s\n", source.Display(col.IndexPath()), size(st.Size()))
				}
				vectors.print(e)
				printSkipped(e, r, skipped)
			}
			return nil
		},
	}
	a.flags(c)
	c.Flags().BoolVar(&rebuild, "rebuild", false, "throw the index away first")
	c.Flags().BoolVar(&wordsOnly, "words-only", false, "make no vectors now")
	c.Flags().BoolVar(&skipped, "skipped", false, "list every skipped file")
	c.Flags().BoolVar(&asJSON, "json", false, "print one JSON object for each collection")
	return c
}

// vectorReport is how the vectors of a collection are after a run.
type vectorReport struct {
	Model    string `json:"model,omitempty"` // empty: there is no embedder
	Passages int    `json:"passages"`        // that have one
	Missing  int    `json:"missing"`
	Embedded int    `json:"embedded"` // of these, in this run
	Reused   int    `json:"reused"`   // the same text was embedded before
	Trouble  string `json:"trouble,omitempty"`
}

// makeVectors makes the vectors that are missing. Trouble with that leaves searching by words as it is.
func makeVectors(ctx context.Context, ap *app.App, name string, bar *progressBar) (out vectorReport) {
	report, err := ap.Embed(ctx, name, bar.embedding)
	bar.clear()
	out.Embedded, out.Reused, out.Trouble = report.Embedded, report.Reused, report.Why
	if err != nil {
		out.Trouble = err.Error()
	}
	state, err := ap.VectorState(ctx, name)
	if err != nil {
		out.Trouble = err.Error()
	}
	if out.Model = state.Next; out.Model == "" {
		out.Model = state.Model
	}
	out.Passages, out.Missing = state.Passages-state.Missing, state.Missing
	return out
}

func (v vectorReport) print(e *env) {
	if v.Model != "" {
		fmt.Fprintf(e.out, "  vectors: %s by %s, %d new, %d known from before, %d missing\n", count(v.Passages, "passage"), safe(v.Model), v.Embedded, v.Reused, v.Missing)
	}
	if v.Trouble != "" {
		fmt.Fprintf(e.out, "  vectors could not be made of all: %s; `dragoman index` tries again\n", safe(v.Trouble))
	}
}

// printSkipped lists what was skipped: all of it, or how many for which reason.
func printSkipped(e *env, r knowledge.Report, all bool) {
	byReason := map[source.Reason]int{}
	for _, s := range r.Skipped {
		byReason[s.Reason]++
		if all {
			detail := ""
			if s.Detail != "" {
				detail = ": " + safe(s.Detail)
			}
			fmt.Fprintf(e.out, "    %s (%s%s)\n", source.Display(s.Path), s.Reason, detail)
		}
	}
	if all || len(byReason) == 0 {
		return
	}
	reasons := make([]source.Reason, 0, len(byReason))
	for reason := range byReason {
		reasons = append(reasons, reason)
	}
	slices.Sort(reasons)
	for _, reason := range reasons {
		fmt.Fprintf(e.out, "    %s: %d\n", reason, byReason[reason])
	}
	fmt.Fprintln(e.out, "    (--skipped lists them)")
}
