// Package server is the HTTP door: the dialects of OpenAI and Anthropic under /v1 and that of Gemini under /v1beta, traces under
// /api, health and metrics.
package server

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"net"
	"net/http"
	"net/netip"
	"runtime/debug"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dragoman/dragoman/internal/assistant"
	"github.com/dragoman/dragoman/internal/audit"
	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/conversation"
	"github.com/dragoman/dragoman/internal/feedback"
	"github.com/dragoman/dragoman/internal/guard"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/mcp"
	"github.com/dragoman/dragoman/internal/memory"
	"github.com/dragoman/dragoman/internal/observe"
	"github.com/dragoman/dragoman/internal/store"
)

// Runner runs turns.
type Runner interface {
	Run(ctx context.Context, t *assistant.Turn) (*assistant.Answer, error)
	Exchange(ctx context.Context, x *assistant.Exchange) (*assistant.Trace, error)
}

// Lister lists the models that can be asked.
type Lister interface {
	List(ctx context.Context) []string
}

// Verifier knows whose key a key is.
type Verifier interface {
	Verify(ctx context.Context, plaintext string) (identity.Principal, error)
}

// TraceReader reads traces.
type TraceReader interface {
	Trace(ctx context.Context, id string) (store.Trace, error)
}

// State is what follows from the configuration. A new one may take its place while requests are under way.
type State struct {
	Engine     Runner
	Assistants Assistants
	Policy     guard.Policy // of plain models
	Models     Lister
	Counter    Counter
	Library    Library
	May        func(p identity.Principal, model string) bool // ask a model; nil: everybody may
	Operator   func(p identity.Principal) bool               // sees how everybody's turns went, and feedback; nil: nobody does
	MCP        *mcp.Options                                  // nil: there is no /mcp

	// Sees says whether somebody may see a document now; nil: nobody sees any.
	Sees func(ctx context.Context, p identity.Principal, collection, path string) bool

	plain assistant.Definition // of a plain model, for all turns: nobody changes a definition
}

// Options is what a server needs.
type Options struct {
	State
	Keys      Verifier
	Traces    TraceReader
	Responses store.Responses
	Sessions  *conversation.Keeper
	Memories  *memory.Keeper
	Feedback  *feedback.Keeper
	Audit     *audit.Log
	Ready     func(ctx context.Context) error // why no request should come, if anything; nil: always ready
	Health    func() any                      // how the providers and their models do, for JSON; nil: not told
	Metrics   *observe.Metrics                // nil: none are told
	Log       *slog.Logger
	Now       func() time.Time
	Proxies   []netip.Prefix // whose X-Forwarded-For is believed
	MaxBody   int64          // bytes of a request
	Notice    time.Duration  // how long it says that it stops, before it takes no more connections
	Drain     time.Duration  // how long answers under way may go on when the server stops
}

// Server is the HTTP door.
type Server struct {
	Options
	handler  http.Handler
	draining atomic.Bool
	now      atomic.Pointer[State]
	models   modelList
}

// principal is who asks.
type principal = identity.Principal

// Use puts a new state in the place of the old one. Requests under way keep the one that they began with.
func (s *Server) Use(st State) {
	st.plain.Policy = st.Policy
	s.now.Store(&st)
	s.models.forget()
}

func (s *Server) state() *State { return s.now.Load() }

// New makes a server; Serve starts it.
func New(o Options) *Server {
	s := &Server{Options: o}
	o.State.plain.Policy = o.State.Policy
	s.now.Store(&o.State)
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", s.health)
	mux.HandleFunc("GET /readyz", s.ready)
	if s.Metrics != nil {
		mux.Handle("GET /metrics", s.nearby(s.Metrics.Handler()))
	}
	if s.Health != nil {
		mux.Handle("GET /api/health", s.nearby(http.HandlerFunc(s.tellHealth)))
	}
	s.routes(mux)
	for _, pattern := range append(listsOnly, anything) {
		mux.HandleFunc(pattern, s.notFound(mux))
	}
	s.handler = s.logged(mux)
	return s
}

// ServeHTTP makes the server testable without a socket.
func (s *Server) ServeHTTP(w http.ResponseWriter, r *http.Request) { s.handler.ServeHTTP(w, r) }

// settleFor is how long cut requests may take to end: closing the books takes milliseconds, on a busy disk a second.
const settleFor = 5 * time.Second

// Serve answers requests until ctx is done. Then it says for Notice that it stops, takes no more, and lets those under way
// finish, at most for Drain.
func (s *Server) Serve(ctx context.Context, ln net.Listener) error {
	// Requests outlive ctx while they drain; what is left then is cut.
	base, cut := context.WithCancel(context.WithoutCancel(ctx))
	defer cut()
	hs := &http.Server{
		Handler:           s,
		ReadHeaderTimeout: 10 * time.Second,
		ReadTimeout:       60 * time.Second, // of headers and body; answers may take as long as they take
		IdleTimeout:       2 * time.Minute,
		MaxHeaderBytes:    64 << 10,
		BaseContext:       func(net.Listener) context.Context { return base },
		ErrorLog:          slog.NewLogLogger(s.Log.Handler(), slog.LevelDebug),
	}
	var served sync.WaitGroup
	var serveErr error
	served.Go(func() { serveErr = hs.Serve(ln) })
	stopped := make(chan struct{})
	go func() { served.Wait(); close(stopped) }()
	select {
	case <-stopped:
		return fmt.Errorf("serve: %w", serveErr)
	case <-ctx.Done():
	}
	s.draining.Store(true)
	if s.Notice > 0 {
		s.Log.Info("stopping soon; /readyz says so", "in", s.Notice.String())
		soon := time.NewTimer(s.Notice)
		defer soon.Stop()
		select {
		case <-soon.C:
		case <-stopped:
		}
	}
	s.Log.Info("stopping; answers under way go on", "at most", s.Drain.String())
	drain, cancel := context.WithTimeout(context.WithoutCancel(ctx), s.Drain)
	defer cancel()
	err := hs.Shutdown(drain)
	if errors.Is(err, context.DeadlineExceeded) {
		s.Log.Warn("cutting answers that take too long")
		cut()
		// What is cut must still be settled, and whoever called us closes the books when we return.
		settle, cancel := context.WithTimeout(context.WithoutCancel(ctx), settleFor)
		defer cancel()
		if err = hs.Shutdown(settle); err != nil {
			err = errors.Join(err, hs.Close())
		}
	}
	<-stopped
	return err
}

func (s *Server) health(w http.ResponseWriter, _ *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	if s.draining.Load() {
		w.WriteHeader(http.StatusServiceUnavailable)
		fmt.Fprintln(w, `{"status":"stopping"}`)
		return
	}
	fmt.Fprintln(w, `{"status":"ok"}`)
}

// tellHealth answers GET /api/health.
func (s *Server) tellHealth(w http.ResponseWriter, _ *http.Request) {
	body, err := json.Marshal(s.Health())
	if err != nil {
		s.Log.Error("tell the health", "err", err)
		w.WriteHeader(http.StatusInternalServerError)
		return
	}
	s.reply(w, body)
}

// ready says whether requests should come: not while the server stops, nor when something that it needs is gone.
func (s *Server) ready(w http.ResponseWriter, r *http.Request) {
	if s.Ready != nil && !s.draining.Load() {
		if err := s.Ready(r.Context()); err != nil {
			w.Header()["Content-Type"] = jsonType
			w.WriteHeader(http.StatusServiceUnavailable)
			s.Log.Warn("not ready", "err", err)
			fmt.Fprintln(w, `{"status":"not ready; see the server's log"}`)
			return
		}
	}
	s.health(w, r)
}

// nearby lets requests from this machine through, and others with a key.
func (s *Server) nearby(next http.Handler) http.Handler {
	keyed := s.authenticated(chatDoor, func(w http.ResponseWriter, r *http.Request, _ principal) { next.ServeHTTP(w, r) })
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if addr, err := netip.ParseAddrPort(r.RemoteAddr); err == nil && addr.Addr().Unmap().IsLoopback() && r.Header.Get("X-Forwarded-For") == "" {
			next.ServeHTTP(w, r)
			return
		}
		keyed.ServeHTTP(w, r)
	})
}

// logged logs each request and keeps a panic from taking more than its own request down.
func (s *Server) logged(next http.Handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		begun := s.Now()
		rec := &recorder{ResponseWriter: w}
		if id := requestID(r); id != "" {
			w.Header()[headerRequestID] = []string{id}
		}
		defer func() {
			if p := recover(); p != nil {
				if err, ok := p.(error); ok && errors.Is(err, http.ErrAbortHandler) {
					panic(p)
				}
				s.Log.Error("panic", "path", r.URL.Path, "panic", p, "stack", string(debug.Stack()))
				if rec.status == 0 {
					s.fail(rec, chatDoor, "", &chat.Error{Code: chat.CodeInternal, Message: "internal error; see the server's log"})
				}
			}
			// Each request has its row in the books, its trace and its metrics; the log is for what goes wrong.
			level := slog.LevelDebug
			if rec.status >= 400 {
				level = slog.LevelInfo
			}
			if !s.Log.Enabled(r.Context(), level) {
				return
			}
			s.Log.Log(r.Context(), level, "request", "method", r.Method, "path", r.URL.Path[:min(len(r.URL.Path), mostLogged)], "status", rec.status, "ms", s.Now().Sub(begun).Milliseconds(),
				"request", rec.Header().Get(headerRequestID), "trace", rec.Header().Get("x-dragoman-trace"), "key", rec.key)
		}()
		next.ServeHTTP(rec, r)
	})
}

// mostLogged bounds what of a path is logged: callers choose it.
const mostLogged = 200

// recorder remembers the status for the log.
type recorder struct {
	http.ResponseWriter
	status int
	key    string
}

func (r *recorder) WriteHeader(status int) {
	if r.status == 0 {
		r.status = status
	}
	r.ResponseWriter.WriteHeader(status)
}

func (r *recorder) Write(b []byte) (int, error) {
	if r.status == 0 {
		r.status = http.StatusOK
	}
	return r.ResponseWriter.Write(b)
}

// Unwrap lets http.ResponseController reach the connection.
func (r *recorder) Unwrap() http.ResponseWriter { return r.ResponseWriter }
