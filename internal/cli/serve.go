package cli

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/netip"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"github.com/spf13/cobra"

	"github.com/dragoman/dragoman/internal/app"
	"github.com/dragoman/dragoman/internal/config"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/observe"
	"github.com/dragoman/dragoman/internal/server"
)

func serveCommand(e *env) *cobra.Command {
	var a answering
	var listen, logFormat string
	c := &cobra.Command{
		Use:   "serve",
		Short: "Serve all models, and this folder's assistant, behind the APIs of OpenAI, Anthropic and Google",
		Long: `Serves every model of every provider, the names that dragoman.yaml gives them, and assistants (this folder's is the model
"assistant/code"), each through every door, whatever its provider speaks:

  OpenAI     /v1/chat/completions  /v1/responses  /v1/completions  /v1/embeddings  /v1/rerank  /v1/moderations  /v1/models
  Anthropic  /v1/messages  /v1/messages/count_tokens
  Google     /v1beta/models/MODEL:generateContent  :streamGenerateContent  :countTokens  :embedContent

The base URL of OpenAI's SDKs and of Codex is http://127.0.0.1:8017/v1; that of Anthropic's and Google's SDKs, of Claude Code
and Gemini CLI http://127.0.0.1:8017. The first start makes an API key and shows it once. Only this machine can connect
unless --listen says otherwise. A changed dragoman.yaml is taken over while answers go on; SIGTERM lets them finish.
/healthz, /readyz and /metrics are for operators.`,
		Example: `  dragoman serve
  dragoman serve --listen 0.0.0.0:8017 --path ~/src/shop --log json
  curl 127.0.0.1:8017/v1/chat/completions -H "Authorization: Bearer $KEY" \
    -d '{"model": "assistant/code", "messages": [{"role": "user", "content": "Where are prices rounded?"}]}'
  curl 127.0.0.1:8017/v1/messages -H "x-api-key: $KEY" \
    -d '{"model": "fast", "max_tokens": 500, "messages": [{"role": "user", "content": "Hello"}]}'`,
		Args: cobra.NoArgs,
		RunE: func(c *cobra.Command, _ []string) error {
			log, err := newLog(e, logFormat)
			if err != nil {
				return err
			}
			e.logger, e.metrics = log, observe.New()
			ap, err := e.open(c.Context(), &a, nil)
			if err != nil {
				return err
			}
			defer ap.Close()
			if listen == "" {
				listen = ap.Config.Server.Listen
			}
			return e.serve(c.Context(), ap, listen, log)
		},
	}
	a.flags(c)
	c.Flags().StringVar(&listen, "listen", "", "`address` to listen at (default: 127.0.0.1:8017)")
	c.Flags().StringVar(&logFormat, "log", "text", "format of the log: text or json")
	return c
}

func newLog(e *env, format string) (*slog.Logger, error) {
	level := slog.LevelInfo
	if e.verbose {
		level = slog.LevelDebug
	}
	o := &slog.HandlerOptions{Level: level}
	switch format {
	case "text":
		return slog.New(slog.NewTextHandler(e.err, o)), nil
	case "json":
		return slog.New(slog.NewJSONHandler(e.err, o)), nil
	}
	return nil, &usageError{fmt.Errorf("--log %s is not known; it is text or json", format)}
}

func (e *env) serve(ctx context.Context, ap *app.App, listen string, log *slog.Logger) error {
	surviveLimits()
	if err := ap.Housekeeping(ctx); err != nil {
		return err
	}
	if err := ap.StartBooks(ctx, log); err != nil {
		return err
	}
	ln, err := new(net.ListenConfig).Listen(ctx, "tcp", listen)
	if err != nil {
		return fmt.Errorf("listen at %s (--listen names another address): %w", listen, err)
	}
	// Indexing goes on while the server already answers; the first question waits for the rest of it.
	warm, index := make(chan struct{}), ap.Syncing(ap.Default)
	warmCtx, stopWarm := context.WithCancel(ctx)
	go func() {
		defer close(warm)
		if _, err := index(warmCtx); err != nil && warmCtx.Err() == nil {
			log.Warn("indexing failed", "err", err)
		}
	}()
	defer func() { stopWarm(); <-warm }()

	// Before anybody is told that it serves: a change or a signal that comes at once is not to be lost.
	hup, seen := make(chan os.Signal, 1), modified(ap.ConfigPath, ap.Config.Files)
	if ap.ConfigPath != "" {
		signal.Notify(hup, syscall.SIGHUP)
		defer signal.Stop(hup)
	}
	if err := e.firstKey(ctx, ap); err != nil {
		return errors.Join(err, ln.Close())
	}
	addr := ln.Addr().(*net.TCPAddr)
	fmt.Fprintf(e.out, "Serving %s as assistant/%s at http://%s/v1 (Ctrl-C stops)\nThe base URL of Anthropic's and Google's clients is http://%[3]s\n", ap.Root, ap.Default, addr)
	if !addr.IP.IsLoopback() {
		log.Warn("other machines can connect; put TLS in front of it", "address", addr.String())
	}
	s := server.New(server.Options{
		State: stateOf(ap, log), Keys: ap.Keys, Traces: ap, Responses: ap.Store, Sessions: ap.Sessions, Memories: ap.Memories, Feedback: ap.Feedback, Audit: ap.Audit, Ready: ap.Ready, Health: func() any { return ap.Health() }, Metrics: ap.Metrics, Log: log, Now: e.now,
		MaxBody: int64(ap.Config.Server.MaxBody), Notice: ap.Config.Server.Notice, Drain: ap.Config.Server.Drain, Proxies: proxies(ap.Config.Server.Proxies),
	})
	watchCtx, stopWatching := context.WithCancel(ctx)
	var watchers sync.WaitGroup
	watchers.Go(func() { e.watchConfig(watchCtx, ap, s, log, hup, seen) })
	watchers.Go(func() { tidy(watchCtx) })
	defer func() { stopWatching(); watchers.Wait() }()
	return s.Serve(ctx, ln)
}

func proxies(list []config.Network) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, n := range list {
		out[i] = n.Prefix
	}
	return out
}

func stateOf(ap *app.App, log *slog.Logger) server.State {
	return server.State{Engine: ap.Engine, Assistants: ap.Definitions(), Policy: ap.Policy(), Models: ap.Models, Counter: ap.Counter(), Library: ap.Library(), May: ap.May(), Operator: ap.Operator(), Sees: ap.Sees(), MCP: ap.MCP(shortVersion(), nil, log)}
}

const (
	lookEvery = time.Second // how often the configuration is looked at
	tidyEvery = time.Hour   // how often what is past its retention is deleted
)

// watchConfig keeps models warm, deletes what is past its retention, and takes a changed configuration over, without cutting an answer: those under way end as they began. A faulty one is
// logged, and the old one stays. SIGHUP makes it look at once, also where the file's time is the same.
func (e *env) watchConfig(ctx context.Context, ap *app.App, s *server.Server, log *slog.Logger, hup <-chan os.Signal, seen fileState) {
	ap.StartEngines()
	stopWarm, stopFresh, stopEmbedding := ap.KeepWarm(ctx, log), ap.KeepFresh(ctx, log), ap.KeepEmbedded(ctx, log)
	defer func() { stopWarm(); stopFresh(); stopEmbedding() }()
	tidy := time.NewTicker(tidyEvery)
	defer tidy.Stop()
	var look <-chan time.Time // where there is a file to look at
	if ap.ConfigPath != "" {
		tick := time.NewTicker(lookEvery)
		defer tick.Stop()
		look = tick.C
	}
	for {
		asked := false
		select {
		case <-ctx.Done():
			return
		case <-hup:
			asked = true
		case <-look:
		case <-tidy.C:
			if err := ap.Expire(ctx); err != nil && ctx.Err() == nil {
				log.Error("what is past its retention could not be deleted; it is tried again", "in", tidyEvery, "err", err)
			}
			continue
		}
		now := modified(ap.ConfigPath, ap.Config.Files)
		if now == seen && !asked || now == (fileState{}) {
			continue
		}
		seen = now
		if err := ap.Reload(ctx); err != nil {
			log.Error("the changed configuration is faulty; the old one stays", "file", ap.ConfigPath, "err", err)
			continue
		}
		seen = modified(ap.ConfigPath, ap.Config.Files) // it may name other files now
		s.Use(stateOf(ap, log))
		ap.StartEngines()
		stopWarm()
		stopFresh()
		stopEmbedding()
		stopWarm, stopFresh, stopEmbedding = ap.KeepWarm(ctx, log), ap.KeepFresh(ctx, log), ap.KeepEmbedded(ctx, log)
		log.Info("took the changed configuration over", "file", ap.ConfigPath)
	}
}

// fileState tells whether the configuration was changed: the zero value where it is not there.
type fileState struct {
	at, others int64 // of modification: of the file, and of those that it names, added up
	size       int64 // of all
}

func modified(path string, others []string) (s fileState) {
	st, err := os.Stat(path)
	if err != nil {
		return fileState{}
	}
	s.at, s.size = st.ModTime().UnixNano(), st.Size()
	for _, o := range others {
		if st, err := os.Stat(o); err == nil {
			s.others += st.ModTime().UnixNano()
			s.size += st.Size()
		}
	}
	return s
}

// firstKey makes a key where there is none and shows it, this once.
func (e *env) firstKey(ctx context.Context, ap *app.App) error {
	keys, err := ap.Keys.List(ctx)
	if err != nil || len(keys) > 0 {
		return err
	}
	host, err := os.Hostname()
	if err != nil {
		host = "first"
	}
	plain, _, err := ap.Keys.Create(ctx, "first key, made on "+host, identity.Grants{}, time.Time{})
	if err != nil {
		return err
	}
	fmt.Fprintf(e.out, "API key: %s\nIt is shown this once. `dragoman key create NAME` makes more.\n", plain)
	return nil
}
