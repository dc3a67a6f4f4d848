package cli

import (
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"text/tabwriter"

	"github.com/spf13/cobra"

	"github.com/dragoman/dragoman/internal/app"
	"github.com/dragoman/dragoman/internal/config"
	"github.com/dragoman/dragoman/internal/route"
)

func initCommand(e *env) *cobra.Command {
	return &cobra.Command{
		Use:     "init",
		Short:   "Write a dragoman.yaml to begin with into this folder",
		Example: "  dragoman init && dragoman config check",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			f, err := os.OpenFile(config.FileName, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o644)
			if errors.Is(err, os.ErrExist) {
				return fmt.Errorf("%s is there already; `dragoman config check` says whether it is right", config.FileName)
			}
			if err != nil {
				return err
			}
			_, err = f.Write(config.Example())
			if err := errors.Join(err, f.Close()); err != nil {
				return err
			}
			fmt.Fprintf(e.out, "Wrote %s. Everything in it has a default: keep what you want to change.\n", config.FileName)
			return nil
		},
	}
}

func configCommand(e *env) *cobra.Command {
	var markdown bool
	schema := &cobra.Command{
		Use:     "schema",
		Short:   "Print the JSON Schema of dragoman.yaml, for editors, or what it says for people",
		Example: "  dragoman config schema > dragoman.schema.json\n  dragoman config schema --markdown",
		Args:    cobra.NoArgs,
		RunE: func(*cobra.Command, []string) error {
			if markdown {
				_, err := e.out.Write(config.Markdown())
				return err
			}
			schema, err := config.Schema()
			if err != nil {
				return err
			}
			_, err = fmt.Fprintln(e.out, string(schema))
			return err
		},
	}
	schema.Flags().BoolVar(&markdown, "markdown", false, "print tables in Markdown")
	c := &cobra.Command{
		Use:     "config",
		Short:   "Check dragoman.yaml, explain what holds, or print its schema",
		Example: "  dragoman config check\n  dragoman config explain\n  dragoman config schema > dragoman.schema.json",
	}
	c.AddCommand(&cobra.Command{
		Use:     "check [FILE]",
		Short:   "Say what is wrong with the configuration, and where",
		Example: "  dragoman config check\n  dragoman config check deploy/dragoman.yaml",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			path := e.configPath
			if len(args) == 1 {
				path = args[0]
			}
			if path == "" {
				found, ok := config.Find(".")
				if !ok {
					fmt.Fprintln(e.out, "There is no dragoman.yaml here, and none is needed. `dragoman init` writes one.")
					return nil
				}
				path = found
			}
			cfg, err := config.Load(path, config.Options{Getenv: e.lookupEnv, Rule: route.Check})
			if err != nil {
				return err
			}
			fmt.Fprintf(e.out, "%s is right: %s, %s, %s, %s.\n", path, count(len(cfg.Providers), "provider"), count(len(cfg.Models), "model name"), count(len(cfg.Collections), "collection"), count(len(cfg.Assistants), "assistant"))
			for _, n := range cfg.Notes() {
				fmt.Fprintln(e.out, "Note:", n)
			}
			return nil
		},
	}, e.configExplain(), schema)
	return c
}

func (e *env) configExplain() *cobra.Command {
	var asJSON bool
	c := &cobra.Command{
		Use:   "explain [FILE]",
		Short: "Show the configuration that holds, and where each value comes from",
		Long: `Shows every value that holds: what the file sets, with its line and the variables of the environment that it is made of, and what has a
default. Then what comes from elsewhere: the data folder, and providers whose key is in the environment. Secrets are never shown.`,
		Example: "  dragoman config explain\n  dragoman config explain | grep ^providers\n  dragoman config explain --json | jq '.values[] | select(.file == null)'",
		Args:    cobra.MaximumNArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			path := e.configPath
			if len(args) == 1 {
				path = args[0]
			}
			if path == "" {
				path, _ = config.Find(".")
			}
			values, err := config.Explain(path, config.Options{Getenv: e.lookupEnv, Rule: route.Check})
			if err != nil {
				return err
			}
			dir, err := os.Getwd()
			if err != nil {
				return err
			}
			around, err := app.Around(app.Options{Dir: dir, ConfigPath: path, DataDir: e.dataDir, Getenv: e.getenv})
			if err != nil {
				return err
			}
			if asJSON {
				enc := json.NewEncoder(e.out)
				enc.SetIndent("", "  ")
				enc.SetEscapeHTML(false)
				return enc.Encode(struct {
					Values []config.Value    `json:"values"`
					Around []app.Surrounding `json:"around"`
				}{values, around})
			}
			w := tabwriter.NewWriter(e.out, 0, 8, 2, ' ', 0)
			for _, v := range values {
				fmt.Fprintf(w, "%s\t%s\t# %s\n", safe(v.Path), safe(v.Value), safe(v.Source()))
			}
			for _, s := range around {
				fmt.Fprintf(w, "(%s)\t%s\t# %s\n", safe(s.What), safe(s.Value), safe(s.Source))
			}
			return w.Flush()
		},
	}
	c.Flags().BoolVar(&asJSON, "json", false, "print JSON")
	return c
}

func (e *env) lookupEnv(name string) (string, bool) {
	v := e.getenv(name)
	return v, v != ""
}
