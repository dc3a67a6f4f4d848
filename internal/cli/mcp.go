package cli

import (
	"context"
	"errors"
	"io"

	"github.com/spf13/cobra"
)

func mcpCommand(e *env) *cobra.Command {
	var a answering
	c := &cobra.Command{
		Use:   "mcp",
		Short: "Serve this folder to an editor or agent, by the Model Context Protocol on standard input and output",
		Long: `Serves the tools search, read and ask over standard input and output, for Claude Code, Codex, VS Code, Cursor and any other client of
the Model Context Protocol. It answers from what "dragoman ask" answers from: the git repository of the folder that it is started in, or
--path, or --collection, and needs no configuration.

The client starts it; nothing else is written to standard output. A server ("dragoman serve") has the same at /mcp, with keys.`,
		Example: `  claude mcp add dragoman -- dragoman mcp
  codex mcp add dragoman -- dragoman mcp --path ~/src/shop
  dragoman mcp --collection wiki`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			if len(a.only) > 0 {
				return &usageError{errors.New("--only is not for mcp: clients search with path:PATTERN in the query")}
			}
			ap, err := e.open(c.Context(), &a, nil)
			if err != nil {
				return err
			}
			defer ap.Close()
			if err := ap.CountSpent(c.Context()); err != nil {
				return err
			}
			// Clients give up on a call after a minute; a large folder is indexed while nobody waits for it yet.
			ctx, stop := context.WithCancel(c.Context())
			warm, sync := make(chan struct{}), ap.Syncing(ap.Default)
			go func() {
				defer close(warm)
				if _, err := sync(ctx); err != nil && ctx.Err() == nil {
					e.log().Warn("indexing failed", "err", err)
				}
			}()
			defer func() { stop(); <-warm }()
			within := ap.Assistants[ap.Default].Knowledge
			err = ap.MCP(shortVersion(), within, e.log()).Run(c.Context(), commandLine, e.in, e.out)
			if errors.Is(err, io.EOF) || errors.Is(err, context.Canceled) {
				err = nil // the client has gone, which is how it ends
			}
			return errors.Join(err, ap.Housekeeping(context.WithoutCancel(c.Context())))
		},
	}
	a.flags(c)
	return c
}
