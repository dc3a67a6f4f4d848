package cli

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dragoman/dragoman/internal/app"
	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/prompt"
)

func promptCommand(e *env) *cobra.Command {
	c := &cobra.Command{
		Use:   "prompt",
		Short: "Show the prompt that a model would get, check templates, compare their versions",
		Long: `A prompt template is a YAML file of blocks: what stands in system position, what was found, the question. Assistants name one by
prompt.template; without it they have the built-in one, "answer". Callers' words and what was found never stand in system position.`,
		Example: `  dragoman prompt render code "where is the retry delay computed?"
  dragoman prompt lint assistants/support/template.yaml
  dragoman prompt diff answer assistants/support/template.yaml`,
	}
	c.AddCommand(promptRenderCommand(e), promptLintCommand(e), promptDiffCommand(e))
	return c
}

func promptRenderCommand(e *env) *cobra.Command {
	var a answering
	var asJSON bool
	c := &cobra.Command{
		Use:   "render ASSISTANT[@VERSION] QUESTION",
		Short: "Search, and show the messages that a model would get; none is asked",
		Example: `  dragoman prompt render code "where is the retry delay computed?"
  dragoman prompt render support@1f0c "How do I return a parcel?" --model openai/gpt-4.1`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			ap, err := e.open(c.Context(), &a, nil)
			if err != nil {
				return err
			}
			defer ap.Close()
			def, err := ap.Definitions().Find(c.Context(), args[0])
			if err != nil {
				return err
			}
			turn := newTurn(ap, args[1], &a)
			turn.Definition = &def
			req, trace, err := ap.Engine.Preview(c.Context(), turn)
			if err != nil {
				return err
			}
			if asJSON {
				return e.asJSON(map[string]any{"request": req, "trace": trace})
			}
			t := newTerminal(e.out, e.getenv)
			if req == nil {
				fmt.Fprintf(t.w, "No model would be asked: the answer is %s.\n", trace.Mode)
				return nil
			}
			for _, m := range req.Messages {
				fmt.Fprintf(t.w, "%s\n%s\n\n", t.style("--- "+string(m.Role)+marked(&m), bold, cyan), safe(m.Text()))
			}
			fmt.Fprintf(e.err, "%s for %s/%s\n", trace.Template, trace.Provider, trace.Model)
			for _, n := range trace.Steps[len(trace.Steps)-1].Notes {
				fmt.Fprintln(e.err, safe(n))
			}
			for _, l := range trace.LeftOut {
				fmt.Fprintf(e.err, "left out: %s (%s)\n", safe(l.Place), l.Reason)
			}
			return nil
		},
	}
	a.flags(c)
	c.Flags().BoolVar(&asJSON, "json", false, "print the request and the trace as JSON")
	return c
}

// marked says that a provider is asked to cache what ends with a message.
func marked(m *chat.Message) string {
	for _, p := range m.Parts {
		if p.Cache != nil {
			return " (worth caching up to here)"
		}
	}
	return ""
}

func promptLintCommand(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "lint TEMPLATE...",
		Short: "Check templates: files, or names of built-in ones",
		Long: `Says what is wrong with a template: what callers wrote in system position, variables that are not declared, unknown partials,
blocks that nothing can shorten. Exit code 1 where something is wrong; what is only odd is said and passes.`,
		Example: "  dragoman prompt lint answer\n  dragoman prompt lint assistants/*/template.yaml",
		Args:    cobra.MinimumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			faulty := false
			for _, name := range args {
				t, err := loadTemplate(name)
				if err != nil {
					faulty = true
					fmt.Fprintf(e.out, "%s: %s\n", safe(name), safe(err.Error()))
					continue
				}
				fmt.Fprintf(e.out, "%s: %s is right\n", safe(name), t.Ref())
				for _, odd := range t.Lint() {
					fmt.Fprintf(e.out, "  %s\n", safe(odd))
				}
			}
			if faulty {
				return errSilent
			}
			return nil
		},
	}
}

func promptDiffCommand(e *env) *cobra.Command {
	return &cobra.Command{
		Use:   "diff FROM TO",
		Short: "Show what differs between two templates: files, built-in ones, or those of versions of assistants",
		Example: `  dragoman prompt diff answer assistants/support/template.yaml
  dragoman prompt diff support@1f0c support`,
		Args: cobra.ExactArgs(2),
		RunE: func(c *cobra.Command, args []string) error {
			var texts []string
			for _, name := range args {
				t, err := loadTemplate(name)
				if err != nil && !isFile(name) {
					t, err = e.templateOf(c.Context(), name, err)
				}
				if err != nil {
					return err
				}
				fmt.Fprintf(e.err, "%s: %s\n", safe(name), t.Ref())
				texts = append(texts, strings.TrimRight(t.Source, "\n"))
			}
			_, err := fmt.Fprint(e.out, safe(app.Diff(strings.Split(texts[0], "\n"), strings.Split(texts[1], "\n"))))
			return err
		},
	}
}

// templateOf is the template of an assistant. neither is the error where there is no such assistant.
func (e *env) templateOf(ctx context.Context, ref string, neither error) (*prompt.Template, error) {
	ap, err := e.open(ctx, &answering{}, nil)
	if err != nil {
		return nil, err
	}
	defer ap.Close()
	s, err := ap.Definitions().Get(ctx, ref)
	if err != nil {
		return nil, errors.Join(neither, err)
	}
	t, _, err := s.Definition.Prompt.Parse()
	return t, err
}

func isFile(name string) bool {
	ext := filepath.Ext(name)
	return ext == ".yaml" || ext == ".yml"
}

// loadTemplate reads a template by the name of its file, or a built-in one.
func loadTemplate(name string) (*prompt.Template, error) {
	if !isFile(name) {
		return prompt.Load(name)
	}
	text, err := os.ReadFile(name)
	if err != nil {
		return nil, err
	}
	return prompt.Parse(string(text))
}
