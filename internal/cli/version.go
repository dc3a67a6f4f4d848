package cli

import (
	"cmp"
	"fmt"
	"runtime"
	"runtime/debug"

	"github.com/spf13/cobra"
)

// Version is set by release builds (-ldflags "-X .../internal/cli.Version=v1.2.3").
var Version = ""

func versionCommand(e *env) *cobra.Command {
	return &cobra.Command{
		Use: "version", Short: "Print version and build", Args: cobra.NoArgs, Example: "  dragoman version",
		RunE: func(*cobra.Command, []string) error {
			_, err := fmt.Fprintln(e.out, "dragoman", buildInfo())
			return err
		},
	}
}

// buildInfo tells version, commit, Go version and platform, as far as the build knows them.
func buildInfo() string {
	version, commit := Version, ""
	if bi, ok := debug.ReadBuildInfo(); ok {
		if version == "" {
			version = bi.Main.Version
		}
		dirty := ""
		for _, s := range bi.Settings {
			switch s.Key {
			case "vcs.revision":
				commit = s.Value[:min(12, len(s.Value))]
			case "vcs.modified":
				if s.Value == "true" {
					dirty = "+changes"
				}
			}
		}
		if commit != "" {
			commit = " " + commit + dirty
		}
	}
	if version == "" || version == "(devel)" {
		version = "development"
	}
	return fmt.Sprintf("%s%s, %s, %s/%s", version, commit, runtime.Version(), runtime.GOOS, runtime.GOARCH)
}

// shortVersion is what programs are told.
func shortVersion() string { return cmp.Or(Version, "devel") }
