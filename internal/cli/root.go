// Package cli is the command line: the tree of commands, and what they print.
package cli

import (
	"context"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"github.com/dragoman/dragoman/internal/app"
	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/config"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/observe"
)

// Exit codes.
const (
	exitOK          = 0
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130 // as shells report SIGINT
)

// env is what commands share: where they read and write, and the flags of every command.
type env struct {
	in     io.Reader
	out    io.Writer
	err    io.Writer
	getenv func(string) string
	now    func() time.Time

	metrics *observe.Metrics // of a server
	logger  *slog.Logger     // of a server; nil: see log

	configPath string
	dataDir    string
	verbose    bool
}

// Main runs the command line args and returns the exit code.
func Main(ctx context.Context, args []string, in io.Reader, out, errOut io.Writer, getenv func(string) string) int {
	e := &env{in: in, out: out, err: errOut, getenv: getenv, now: time.Now}
	root := newRoot(e)
	root.SetArgs(args)
	err := root.ExecuteContext(ctx)
	switch {
	case err == nil:
		return exitOK
	case errors.Is(err, errSilent):
		return exitFailed
	case ctx.Err() != nil && (errors.Is(err, context.Canceled) || chat.AsError(err).Code == chat.CodeCancelled):
		fmt.Fprintln(errOut, "interrupted")
		return exitInterrupted
	}
	t := newTerminal(errOut, getenv)
	if ce, ok := errors.AsType[*config.Error](err); ok {
		fmt.Fprintln(errOut, safe(ce.Error()))
		return exitUsage
	}
	fmt.Fprintln(errOut, t.style("error:", red, bold), safe(err.Error()))
	if _, ok := errors.AsType[*usageError](err); ok {
		return exitUsage
	}
	return exitFailed
}

// errSilent ends a command whose output has said already what is wrong.
var errSilent = errors.New("failed")

// usageError is a command line that cannot be understood.
type usageError struct{ error }

func newRoot(e *env) *cobra.Command {
	root := &cobra.Command{
		Use:   "dragoman",
		Short: "Answers from your code and documents, and a gateway to any language model",
		Long: `Dragoman answers questions about a code base or documents and cites file and line for what it says. It works
without any model (it then quotes the best passages), with a model on this machine, or with a hosted one.

"dragoman serve" puts that, and every model that you have, behind the APIs that programs already speak: those of
OpenAI, Anthropic and Google. Any client reaches any model by one key, with failover, limits, budgets and a bill.`,
		Example: `  dragoman ask "where is the retry delay computed?"
  git diff | dragoman ask "what could this break?"
  dragoman chat
  dragoman serve
  ANTHROPIC_BASE_URL=http://127.0.0.1:8017 ANTHROPIC_API_KEY=dgm_... claude`,
		SilenceErrors: true,
		SilenceUsage:  true,
	}
	root.SetIn(e.in)
	root.SetOut(e.out)
	root.SetErr(e.err)
	root.SetFlagErrorFunc(func(c *cobra.Command, err error) error {
		return &usageError{fmt.Errorf("%w; see `%s --help`", err, c.CommandPath())}
	})
	f := root.PersistentFlags()
	f.StringVar(&e.configPath, "config", "", "configuration `file` (default: the nearest dragoman.yaml)")
	f.StringVar(&e.dataDir, "data", "", "`folder` for indexes, usage and traces (default: in the user's cache directory, or $DRAGOMAN_DATA)")
	f.BoolVarP(&e.verbose, "verbose", "v", false, "say more on standard error")
	root.AddGroup(&cobra.Group{ID: "use", Title: "Ask:"}, &cobra.Group{ID: "run", Title: "Run:"}, &cobra.Group{ID: "look", Title: "Look and measure:"})
	for group, commands := range map[string][]*cobra.Command{
		"use":  {askCommand(e), chatCommand(e), searchCommand(e), sessionCommand(e), memoryCommand(e), whyCommand(e), feedbackCommand(e)},
		"run":  {serveCommand(e), mcpCommand(e), assistantCommand(e), promptCommand(e), modelCommand(e), keyCommand(e), initCommand(e), configCommand(e), routeCommand(e)},
		"look": {doctorCommand(e), indexCommand(e), collectionCommand(e), evalCommand(e), usageCommand(e), auditCommand(e)},
	} {
		for _, c := range commands {
			c.GroupID = group
			root.AddCommand(c)
		}
	}
	root.AddCommand(versionCommand(e), extractCommand(e))
	strict(root)
	return root
}

// strict makes every argument that a command cannot take a usageError that says what to do: cobra shows the help of "key"
// for "key revok" and calls that a success.
func strict(c *cobra.Command) {
	if args := c.Args; args != nil {
		c.Args = func(c *cobra.Command, given []string) error {
			if err := args(c, given); err != nil {
				return &usageError{fmt.Errorf("%w; see `%s --help`", err, c.CommandPath())}
			}
			return nil
		}
	}
	if !c.Runnable() {
		c.Args, c.SuggestionsMinimumDistance = cobra.ArbitraryArgs, 2
		c.RunE = func(c *cobra.Command, given []string) error {
			if len(given) == 0 {
				return c.Help()
			}
			err := fmt.Errorf("unknown command %q; see `%s --help`", given[0], c.CommandPath())
			if near := c.SuggestionsFor(given[0]); len(near) > 0 {
				err = fmt.Errorf("unknown command %q; did you mean `%s %s`?", given[0], c.CommandPath(), near[0])
			}
			return &usageError{err}
		}
	}
	for _, sub := range c.Commands() {
		strict(sub)
	}
}

// answering are the flags of the commands that answer questions.
type answering struct {
	path       string
	collection string
	model      string
	assistant  string
	local      bool
	only       []string
	variables  []string
}

func (a *answering) flags(c *cobra.Command) {
	f := c.Flags()
	f.StringVarP(&a.path, "path", "C", "", "answer from this `folder` (default: the git root of the current one)")
	f.StringVar(&a.collection, "collection", "", "answer from this configured collection")
	f.StringVarP(&a.model, "model", "m", "", "model or route: `NAME`, PROVIDER/MODEL, or extractive")
	f.StringVarP(&a.assistant, "assistant", "a", "", "assistant to ask (default: code)")
	f.BoolVar(&a.local, "local", false, "nothing may leave this machine")
	f.StringSliceVar(&a.only, "only", nil, "only documents that match a `pattern`: a folder, a file, *.go")
	f.StringArrayVar(&a.variables, "var", nil, "value of a variable that the assistant's prompt takes from requests: `NAME=VALUE`")
	if err := c.MarkFlagDirname("path"); err != nil {
		panic(err) // the flag was made above
	}
}

// given are the variables, by name.
func (a *answering) given() map[string]string {
	out := make(map[string]string, len(a.variables))
	for _, v := range a.variables {
		name, value, _ := strings.Cut(v, "=")
		out[name] = value
	}
	return out
}

// open builds the application.
func (e *env) open(ctx context.Context, a *answering, progress func(knowledge.Progress)) (*app.App, error) {
	if a.path != "" && a.collection != "" {
		return nil, &usageError{errors.New("--path and --collection name two places to answer from; give one of them")}
	}
	dir, err := os.Getwd()
	if err != nil {
		return nil, fmt.Errorf("find the current folder: %w", err)
	}
	return app.Open(ctx, app.Options{
		Dir: dir, ConfigPath: e.configPath, DataDir: e.dataDir, Path: a.path, Collection: a.collection, Model: a.model,
		Assistant: a.assistant, Local: a.local, Getenv: e.getenv, Client: (*http.Client)(nil), Now: e.now, Progress: progress, Metrics: e.metrics, Log: e.log(), Reader: reader(),
	})
}

func (e *env) log() *slog.Logger {
	if e.logger != nil {
		return e.logger
	}
	level := slog.LevelWarn
	if e.verbose {
		level = slog.LevelDebug
	}
	return slog.New(slog.NewTextHandler(e.err, &slog.HandlerOptions{Level: level}))
}
