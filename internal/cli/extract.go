package cli

import (
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/dragoman/dragoman/internal/knowledge/extract/apart"
)

// extractCommand reads files for another process of this program: see package apart.
func extractCommand(e *env) *cobra.Command {
	return &cobra.Command{
		Use: "extract", Hidden: true, Args: cobra.NoArgs,
		Short: "Read PDF and office files for another process of this program, bounded in memory and time",
		Long: `Other commands start it where they need it. It reads requests from standard input, each followed by a file, and answers on
standard output.`,
		Example: "  dragoman extract </dev/null",
		RunE:    func(c *cobra.Command, _ []string) error { return apart.Serve(c.Context(), e.in, e.out) },
	}
}

// reader is the command that runs extractCommand: this program. A test's program has no such command.
func reader() []string {
	self, err := os.Executable()
	if err != nil || strings.HasSuffix(self, ".test") {
		return nil
	}
	return []string{self, "extract"}
}
