package cli

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dragoman/dragoman/assistants"
	"github.com/dragoman/dragoman/internal/config"
)

func assistantNewCommand(e *env) *cobra.Command {
	var from, folder string
	c := &cobra.Command{
		Use:   "new NAME",
		Short: "Write a ready-made assistant to a folder, to make it your own",
		Long: `Writes the definition, the prompt template, some sample knowledge and an eval set of a ready-made assistant to assistants/NAME, and says
how to go on. Ready-made are ` + strings.Join(assistants.Names(), ", ") + `.`,
		Example: `  dragoman assistant new helpdesk --from support
  dragoman assistant test helpdesk`,
		Args: cobra.ExactArgs(1),
		RunE: func(_ *cobra.Command, args []string) error {
			name := args[0]
			if !config.ValidName(name) {
				return &usageError{fmt.Errorf(`%q is no name: it is made of letters, digits, ".", "_" and "-", and begins with a letter or digit`, name)}
			}
			dir, err := os.Getwd()
			if err != nil {
				return fmt.Errorf("find the current folder: %w", err)
			}
			path := e.configPath
			if path == "" {
				if found, ok := config.Find(dir); ok {
					path = found
				} else {
					path = filepath.Join(dir, config.FileName)
				}
			}
			if folder == "" {
				folder = filepath.Join(filepath.Dir(path), "assistants", name)
			}
			if from == "" && slices.Contains(assistants.Names(), name) {
				from = name
			}
			if from == "" {
				return &usageError{fmt.Errorf("which one? give --from %s", strings.Join(assistants.Names(), ", or "))}
			}
			written, err := assistants.Copy(from, folder)
			if err != nil {
				return err
			}
			for _, w := range written {
				fmt.Fprintf(e.out, "wrote %s\n", safe(shortPath(dir, filepath.Join(folder, w))))
			}
			entry := fmt.Sprintf("assistants:\n  %s: {file: %s}\n", name, filepath.ToSlash(shortPath(filepath.Dir(path), filepath.Join(folder, assistants.Definition))))
			if _, err := os.Stat(path); errors.Is(err, fs.ErrNotExist) {
				if err := os.WriteFile(path, []byte(entry), 0o644); err != nil {
					return err
				}
				fmt.Fprintf(e.out, "wrote %s\n", safe(shortPath(dir, path)))
			} else {
				fmt.Fprintf(e.out, "\nAdd to %s:\n\n%s", safe(shortPath(dir, path)), entry)
			}
			fmt.Fprintf(e.out, `
Replace the sample knowledge by your own documents, or name collections in %s. Then:
  dragoman assistant test %[2]s          asks the questions of its eval set
  dragoman ask -a %[2]s "..."            asks it
  dragoman prompt render %[2]s "..."     shows what its model gets
  dragoman serve                       offers it as the model assistant/%[2]s
`, safe(shortPath(dir, filepath.Join(folder, assistants.Definition))), name)
			return nil
		},
	}
	c.Flags().StringVar(&from, "from", "", "the ready-made `assistant` to begin with; it may be left out where NAME is one")
	c.Flags().StringVar(&folder, "folder", "", "where it is written (default: assistants/NAME beside dragoman.yaml)")
	return c
}

// shortPath is a path relative to a folder where it is below it.
func shortPath(dir, path string) string {
	if rel, err := filepath.Rel(dir, path); err == nil && filepath.IsLocal(rel) {
		return rel
	}
	return path
}
