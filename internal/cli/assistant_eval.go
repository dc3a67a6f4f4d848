package cli

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dragoman/dragoman/assistants"
	"github.com/dragoman/dragoman/internal/app"
	"github.com/dragoman/dragoman/internal/assistant"
	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/lab"
)

func assistantTestCommand(e *env) *cobra.Command {
	var a answering
	var asJSON, misses bool
	var least float64
	var file string
	var limit int
	c := &cobra.Command{
		Use:   "test NAME",
		Short: "Ask the questions of an assistant's eval set, and check the answers",
		Long: `Asks each question of eval.yaml, which lies beside the definition (--file names another), and checks what it expects: a source, words of the
answer, that it is not answered, that it is handed over to a person. NAME may be a ready-made assistant (` + strings.Join(assistants.Names(), ", ") + `),
which is tested as it is. Exit code 1 where the share of right answers is below --min.`,
		Example: `  dragoman assistant test support
  dragoman assistant test helpdesk --misses -m openai/gpt-4.1-mini`,
		Args: cobra.ExactArgs(1),
		RunE: func(c *cobra.Command, args []string) error {
			ap, set, done, err := e.openToTest(c.Context(), args[0], file, &a)
			if err != nil {
				return err
			}
			defer done()
			def, err := ap.Definitions().Find(c.Context(), args[0])
			if err != nil {
				return err
			}
			set.Thin(limit)
			outcomes, err := set.Run(c.Context(), func(ctx context.Context, question string) (lab.Asked, error) {
				return askToTest(ctx, ap, def, question, a.variables)
			})
			if err != nil {
				return err
			}
			right := 0
			for _, o := range outcomes {
				if len(o.Wrong) == 0 {
					right++
				}
			}
			share := float64(right) / float64(len(outcomes))
			if asJSON {
				if err := e.asJSON(map[string]any{"assistant": def.Ref(), "right": right, "questions": len(outcomes), "outcomes": outcomes}); err != nil {
					return err
				}
			} else {
				printTested(e, &def, outcomes, right, misses)
			}
			if share < least {
				return fmt.Errorf("%.0f %% of the answers are right, and --min asks for %.0f %%", 100*share, 100*least)
			}
			return nil
		},
	}
	a.flags(c)
	c.Flags().StringVar(&file, "file", "", "the eval `set` (default: eval.yaml beside the definition)")
	c.Flags().IntVar(&limit, "limit", 0, "ask so many of the questions, evenly chosen, for slow models (default: all)")
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON, with the answers")
	c.Flags().BoolVar(&misses, "misses", false, "print the answers that are wrong")
	c.Flags().Float64Var(&least, "min", 0, "fail below this `share`, 0 to 1, of right answers")
	return c
}

// openToTest opens the configuration that has the assistant, or a copy of the ready-made one, and its eval set.
func (e *env) openToTest(ctx context.Context, name, file string, a *answering) (_ *app.App, _ *lab.AssistantSet, done func(), err error) {
	name, _, _ = strings.Cut(name, "@")
	ap, err := e.open(ctx, a, nil)
	if err != nil {
		return nil, nil, nil, err
	}
	remove := func() {}
	_, configured := ap.Config.Assistants[name]
	if !configured && assistants.Has(name) {
		ap.Close()
		dir, err := os.MkdirTemp("", "dragoman-assistant-*")
		if err != nil {
			return nil, nil, nil, err
		}
		remove = func() { os.RemoveAll(dir) }
		if ap, err = e.openReadyMade(ctx, name, dir, a); err != nil {
			remove()
			return nil, nil, nil, err
		}
	}
	done = func() { ap.Close(); remove() }
	if file == "" {
		from := ap.Config.Assistants[name].Dir
		if from == "" {
			done()
			return nil, nil, nil, fmt.Errorf("%s has no definition in a file of its own, beside which its eval set would lie; name the set by --file", name)
		}
		file = filepath.Join(from, assistants.Eval)
	}
	set, err := lab.LoadAssistantSet(file)
	if err != nil {
		done()
		return nil, nil, nil, err
	}
	return ap, set, done, nil
}

// openReadyMade opens a copy of a ready-made assistant in a folder. The models are those that are found on this machine.
func (e *env) openReadyMade(ctx context.Context, name, dir string, a *answering) (*app.App, error) {
	if _, err := assistants.Copy(name, filepath.Join(dir, name)); err != nil {
		return nil, err
	}
	path := filepath.Join(dir, "dragoman.yaml")
	if err := os.WriteFile(path, []byte("assistants: {"+name+": {file: "+name+"/"+assistants.Definition+"}}\n"), 0o600); err != nil {
		return nil, err
	}
	return app.Open(ctx, app.Options{
		Dir: dir, ConfigPath: path, DataDir: filepath.Join(dir, "data"), Path: filepath.Join(dir, name, "knowledge"), Model: a.model, Local: a.local, Getenv: e.getenv, Client: (*http.Client)(nil), Now: e.now, Log: e.log(),
	})
}

// askToTest asks one question.
func askToTest(ctx context.Context, ap *app.App, def assistant.Definition, question string, variables []string) (lab.Asked, error) {
	turn := newTurn(ap, question, &answering{variables: variables})
	turn.Definition, turn.Out = &def, nobody{}
	ans, err := ap.Engine.Run(ctx, turn)
	if err != nil {
		if ce, ok := errors.AsType[*chat.Error](err); ok && ce.Code == chat.CodeContentFiltered {
			return lab.Asked{Answer: "(refused) " + ce.Message}, nil
		}
		return lab.Asked{}, err
	}
	out := lab.Asked{Answer: ans.Message.Text(), Handover: ans.Trace.Handover}
	for _, s := range turn.Sources() {
		out.Sources = append(out.Sources, s.Path)
	}
	return out, nil
}

// nobody takes an answer that is read when it is whole.
type nobody struct{}

func (nobody) Begin(*assistant.Turn) error   { return nil }
func (nobody) Event(*chat.Event, bool) error { return nil }
func (nobody) Flush() error                  { return nil }

func printTested(e *env, def *assistant.Definition, outcomes []lab.AssistantOutcome, right int, misses bool) {
	kinds := map[string][2]int{}
	for _, o := range outcomes {
		n := kinds[o.Kind]
		n[1]++
		if len(o.Wrong) == 0 {
			n[0]++
		}
		kinds[o.Kind] = n
	}
	fmt.Fprintf(e.out, "%s: %d of %d right", def.Ref(), right, len(outcomes))
	for _, k := range []string{"answer", "abstain", "handover"} {
		if n, ok := kinds[k]; ok {
			fmt.Fprintf(e.out, ", %s %d/%d", k, n[0], n[1])
		}
	}
	fmt.Fprintln(e.out)
	for _, o := range outcomes {
		if len(o.Wrong) == 0 {
			continue
		}
		line, _, _ := strings.Cut(o.Ask, "\n")
		fmt.Fprintf(e.out, "  %s\n", safe(line))
		for _, w := range o.Wrong {
			fmt.Fprintf(e.out, "    %s\n", safe(w))
		}
		if misses {
			for l := range strings.Lines(o.Answer) {
				fmt.Fprintf(e.out, "    | %s\n", safe(strings.TrimRight(l, "\n")))
			}
		}
	}
}
