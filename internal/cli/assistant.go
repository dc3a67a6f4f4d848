package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"text/tabwriter"
	"time"

	"github.com/spf13/cobra"

	"github.com/dragoman/dragoman/internal/app"
	"github.com/dragoman/dragoman/internal/store"
)

func assistantCommand(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:   "assistant",
		Short: "Make assistants, test them, compare their versions, publish one, go back",
		Long: `An assistant is a definition: what it is told, what it knows, which model answers. It stands in dragoman.yaml or in a file that
dragoman.yaml names, and each change of it makes a version, which never changes. Callers name an assistant as the model assistant/NAME, or
exactly one version of it as assistant/NAME@VERSION.`,
		Example: `  dragoman assistant new helpdesk --from support
  dragoman assistant test helpdesk
  dragoman assistant list
  dragoman assistant show support
  dragoman assistant diff support@1f0c support
  dragoman assistant publish support@1f0c --note "the new wording was too short"`,
	}
	c.AddCommand(assistantNewCommand(e), assistantTestCommand(e), assistantListCommand(e), assistantShowCommand(e), assistantDiffCommand(e), assistantPublishCommand(e))
	return c
}

// withDefinitions runs a command over the assistants that there are.
func (e *env) withDefinitions(run func(ctx context.Context, ds *app.Definitions, args []string) error) func(*cobra.Command, []string) error {
	return func(c *cobra.Command, args []string) error {
		ap, err := e.open(c.Context(), &answering{}, nil)
		if err != nil {
			return err
		}
		defer ap.Close()
		return run(c.Context(), ap.Definitions(), args)
	}
}

func assistantListCommand(e *env) *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use: "list [NAME]", Short: "List the assistants, or the versions of one", Args: cobra.MaximumNArgs(1),
		Example: "  dragoman assistant list\n  dragoman assistant list support",
		RunE: e.withDefinitions(func(ctx context.Context, ds *app.Definitions, args []string) error {
			w := tabwriter.NewWriter(e.out, 0, 4, 2, ' ', 0)
			if len(args) == 0 {
				list, err := ds.List(ctx)
				if err != nil {
					return err
				}
				if asJSON {
					return e.asJSON(list)
				}
				fmt.Fprintln(w, "NAME\tVERSION\tVERSIONS\tFROM\tWHAT IT IS FOR")
				for _, i := range list {
					fmt.Fprintf(w, "%s\t%s\t%d\t%s\t%s\n", i.Name, i.Version, i.Versions, i.Origin, safe(i.Description))
				}
				return w.Flush()
			}
			versions, published, err := ds.History(ctx, args[0])
			if err != nil {
				return err
			}
			if asJSON {
				return e.asJSON(map[string]any{"versions": versions, "published": published})
			}
			fmt.Fprintln(w, "VERSION\tSAVED\tFROM\tBY\tNOTE")
			for _, v := range versions {
				mark := ""
				if v.Holds {
					mark = " (holds)"
				}
				fmt.Fprintf(w, "%s%s\t%s\t%s\t%s\t%s\n", app.Short(v.Version), mark, v.Created, v.Origin, safe(v.Author), safe(v.Note))
			}
			if len(published) > 0 {
				fmt.Fprintln(w, "\nPUBLISHED\tWHEN\tFROM\tBY\tNOTE")
			}
			for _, p := range published {
				fmt.Fprintf(w, "%s\t%s\t%s\t%s\t%s\n", app.Short(p.Version), p.At.Format(time.RFC3339), p.Origin, safe(p.Author), safe(p.Note))
			}
			return w.Flush()
		}),
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func assistantShowCommand(e *env) *cobra.Command {
	return &cobra.Command{
		Use: "show NAME[@VERSION]", Short: "Show the definition that holds, or any version, as JSON", Args: cobra.ExactArgs(1),
		Example: "  dragoman assistant show support\n  dragoman assistant show support@1f0c",
		RunE: e.withDefinitions(func(ctx context.Context, ds *app.Definitions, args []string) error {
			s, err := ds.Get(ctx, args[0])
			if err != nil {
				return err
			}
			fmt.Fprintf(e.err, "%s@%s\n", s.Name, app.Short(s.Version))
			_, err = fmt.Fprint(e.out, s.Body)
			return err
		}),
	}
}

func assistantDiffCommand(e *env) *cobra.Command {
	return &cobra.Command{
		Use: "diff NAME@VERSION [NAME[@VERSION]]", Short: "Show what differs between two versions; the second one is that which holds unless another is named", Args: cobra.RangeArgs(1, 2),
		Example: "  dragoman assistant diff support@1f0c\n  dragoman assistant diff support@1f0c support@77ab",
		RunE: e.withDefinitions(func(ctx context.Context, ds *app.Definitions, args []string) error {
			name, _, _ := strings.Cut(args[0], "@")
			diff, err := ds.Diff(ctx, args[0], append(args, name)[1])
			if err != nil {
				return err
			}
			if diff == "" {
				fmt.Fprintln(e.err, "They are the same.")
			}
			_, err = fmt.Fprint(e.out, safe(diff))
			return err
		}),
	}
}

func assistantPublishCommand(e *env) *cobra.Command {
	var note, file string
	var draft, back bool
	c := &cobra.Command{
		Use:   "publish NAME[@VERSION]",
		Short: "Put a version in place, save one from a file, or go back to the one before",
		Long: `Puts a saved version in place: whoever calls assistant/NAME gets it from then on, at servers that run within seconds. With --file a
definition is read and saved first, and with --draft only that: it is called as assistant/NAME@VERSION until it is published. --back puts
the version in place that was there before. What dragoman.yaml defines is published by itself when it changes.`,
		Example: `  dragoman assistant publish support@1f0c
  dragoman assistant publish support --back --note "answers were too short"
  dragoman assistant publish support --file support.yaml --draft`,
		Args: cobra.ExactArgs(1),
		RunE: e.withDefinitions(func(ctx context.Context, ds *app.Definitions, args []string) error {
			name, version, _ := strings.Cut(args[0], "@")
			switch {
			case draft && file == "":
				return &usageError{errors.New("--draft saves what --file names; give both")}
			case version != "" && (file != "" || back), file != "" && back:
				return &usageError{errors.New("name a version, or --file, or --back, and only one of them")}
			case version == "" && file == "" && !back:
				return &usageError{errors.New("which version? name it (`dragoman assistant list " + name + "` lists them), or give --file or --back")}
			}
			var s app.Saved
			var err error
			if file != "" {
				body, err := os.ReadFile(file)
				if err != nil {
					return err
				}
				if s, err = ds.SaveFile(ctx, commandLine, name, file, body, note); err != nil {
					return err
				}
				version = s.Version
			}
			if draft {
				fmt.Fprintf(e.out, "saved %s@%s\n", name, app.Short(s.Version))
				return nil
			}
			if s, err = ds.Publish(ctx, commandLine, name, version, note); err != nil {
				return err
			}
			fmt.Fprintf(e.out, "%s@%s is in place\n", name, app.Short(s.Version))
			if s.Origin == store.FromConfig {
				fmt.Fprintln(e.err, "A changed definition in dragoman.yaml takes its place.")
			}
			return nil
		}),
	}
	c.Flags().StringVar(&note, "note", "", "why, for the history")
	c.Flags().StringVar(&file, "file", "", "a definition, YAML or JSON, to save as a version")
	c.Flags().BoolVar(&draft, "draft", false, "save the version of --file, and leave the one in place that is")
	c.Flags().BoolVar(&back, "back", false, "go back to the version before")
	return c
}

// asJSON prints a value.
func (e *env) asJSON(v any) error {
	enc := json.NewEncoder(e.out)
	enc.SetIndent("", "  ")
	return enc.Encode(v)
}
