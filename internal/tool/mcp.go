package tool

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"os/exec"
	"slices"
	"strings"
	"sync"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// MCPOptions say which MCP server it is: a command, or an address.
type MCPOptions struct {
	Name    string
	Command []string          // is run, and spoken to over standard input and output
	Env     map[string]string // of the command, beside HOME, PATH and their like: nothing else of ours is passed on
	Dir     string            // where the command runs
	URL     string            // of streamable HTTP
	Header  http.Header       // of each request to it
	Only    []string          // the tools that may be used; empty: all
	Connect time.Duration     // that connecting may take, the start of the command included; 0: 30 s
	Now     func() time.Time
	Log     *slog.Logger
}

// MCPServer is an MCP server whose tools, resources and prompts are tools here. It is connected to when it is first used, and again, after
// ever longer pauses, when it has died.
type MCPServer struct {
	o      MCPOptions
	ctx    context.Context // that it lives under; nil before Start
	stop   context.CancelFunc
	wait   sync.WaitGroup
	dialed chan struct{} // held by whoever connects
	http   *http.Transport

	mu      sync.Mutex
	session *sdk.ClientSession // nil: not connected
	tools   []*Checked         // of session
	stale   bool               // the server says that its tools have changed
	deaths  int                // in a row
	notYet  time.Time          // before which it is not connected to again
	last    error              // why not
}

var _ Provider = (*MCPServer)(nil)

// NewMCPServer makes a server; Start lets it be used.
func NewMCPServer(o MCPOptions) *MCPServer {
	o.Connect = cmp.Or(o.Connect, 30*time.Second)
	return &MCPServer{o: o, dialed: make(chan struct{}, 1), http: &http.Transport{Proxy: http.ProxyFromEnvironment, TLSHandshakeTimeout: 10 * time.Second, IdleConnTimeout: 30 * time.Second}}
}

// Start lets the server be connected to, until Stop. Nothing is connected yet.
func (m *MCPServer) Start(ctx context.Context) { m.ctx, m.stop = context.WithCancel(ctx) }

// Stop closes the connection, and ends the command.
func (m *MCPServer) Stop() {
	if m.stop == nil {
		return
	}
	m.mu.Lock() // nobody is about to begin to wait for a session
	m.stop()
	m.mu.Unlock()
	m.wait.Wait()
	m.http.CloseIdleConnections()
}

// Tools implements Provider.
func (m *MCPServer) Tools(ctx context.Context) ([]*Checked, error) {
	_, tools, err := m.connected(ctx)
	return tools, err
}

// connected returns the session, made anew where there is none.
func (m *MCPServer) connected(ctx context.Context) (*sdk.ClientSession, []*Checked, error) {
	if m.ctx == nil || m.ctx.Err() != nil {
		return nil, nil, errors.New("it is stopped")
	}
	if s, tools, ok := m.current(); ok {
		return s, tools, nil
	}
	select {
	case m.dialed <- struct{}{}:
		defer func() { <-m.dialed }()
	case <-ctx.Done():
		return nil, nil, ctx.Err()
	}
	if s, tools, ok := m.current(); ok { // another has connected meanwhile
		return s, tools, nil
	}
	m.mu.Lock()
	session, wait, last := m.session, m.notYet.Sub(m.o.Now()), m.last
	m.mu.Unlock()
	if session == nil && wait > 0 {
		return nil, nil, fmt.Errorf("%w (it is tried again in %s)", last, wait.Round(time.Second))
	}
	ctx, cancel := context.WithTimeout(ctx, m.o.Connect)
	defer cancel()
	var err error
	if session == nil {
		if session, err = m.dial(ctx); err != nil {
			return nil, nil, m.died(err)
		}
	}
	tools, err := m.list(ctx, session)
	if err != nil {
		session.Close() // its end is awaited by watch, which notes the death
		return nil, nil, fmt.Errorf("list its tools: %w", err)
	}
	m.mu.Lock()
	m.tools, m.stale = tools, false
	m.mu.Unlock()
	return session, tools, nil
}

func (m *MCPServer) current() (*sdk.ClientSession, []*Checked, bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.session, m.tools, m.session != nil && m.tools != nil && !m.stale
}

// longestPause is how long a server that dies again and again is left alone.
const longestPause = time.Minute

// died notes why there is no session, and when the next is tried.
func (m *MCPServer) died(err error) error {
	m.mu.Lock()
	defer m.mu.Unlock()
	m.session, m.tools = nil, nil
	m.deaths++
	m.last = err
	m.notYet = m.o.Now().Add(min(time.Second<<min(m.deaths-1, 10), longestPause))
	return err
}

// dial connects. The session lives until it dies, or Stop is called.
func (m *MCPServer) dial(ctx context.Context) (*sdk.ClientSession, error) {
	client := sdk.NewClient(&sdk.Implementation{Name: "dragoman", Version: "1"}, &sdk.ClientOptions{
		Capabilities: &sdk.ClientCapabilities{}, // it may ask nothing of us: neither a model's words nor a person's
		ToolListChangedHandler: func(context.Context, *sdk.ToolListChangedRequest) {
			m.mu.Lock()
			m.stale = true
			m.mu.Unlock()
		},
	})
	session, err := client.Connect(ctx, m.transport(), nil)
	if err != nil {
		return nil, fmt.Errorf("connect to it: %w", err)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.ctx.Err() != nil {
		return nil, errors.Join(errors.New("it is stopped"), session.Close())
	}
	m.session, m.tools = session, nil
	ended := make(chan struct{})
	m.wait.Go(func() { // watches for its death
		err := session.Wait()
		close(ended)
		if m.ctx.Err() == nil {
			m.o.Log.Warn("an MCP server has ended; it is started again when it is needed", "server", m.o.Name, "err", err)
		}
		_ = m.died(errors.Join(errors.New("it has died"), err)) // the next call is told
	})
	m.wait.Go(func() {
		select {
		case <-m.ctx.Done():
		case <-ended:
		}
		if err := session.Close(); err != nil { // takes the command's end, too
			m.o.Log.Debug("close an MCP server", "server", m.o.Name, "err", err)
		}
	})
	return session, nil
}

func (m *MCPServer) transport() sdk.Transport {
	if len(m.o.Command) == 0 {
		return &sdk.StreamableClientTransport{Endpoint: m.o.URL, HTTPClient: &http.Client{
			Transport: withHeader{m.o.Header, m.http},
			// Headers are for this server alone.
			CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
		}}
	}
	c := exec.Command(m.o.Command[0], m.o.Command[1:]...)
	c.Dir, c.Env = m.o.Dir, m.env()
	c.Stderr = &lines{log: m.o.Log, server: m.o.Name}
	c.WaitDelay = 2 * time.Second // whatever it started may hold its standard error
	return &sdk.CommandTransport{Command: c, TerminateDuration: 2 * time.Second}
}

// env is what a command gets of our environment, which has keys in it.
func (m *MCPServer) env() []string {
	var env []string
	for _, name := range []string{"HOME", "LANG", "LC_ALL", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "USER", "SystemRoot", "APPDATA", "LOCALAPPDATA", "TEMP", "USERPROFILE"} {
		if v, ok := os.LookupEnv(name); ok {
			env = append(env, name+"="+v)
		}
	}
	for name, v := range m.o.Env {
		env = append(env, name+"="+v)
	}
	return env
}

// withHeader adds headers to each request, and bounds what comes back in one piece.
type withHeader struct {
	header http.Header
	next   http.RoundTripper
}

// mostAnswer bounds an answer of an MCP server in one piece, in bytes, as the library bounds lines.
const mostAnswer = 16 << 20

func (w withHeader) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	for name, values := range w.header {
		r.Header[http.CanonicalHeaderKey(name)] = values
	}
	resp, err := w.next.RoundTrip(r)
	if err == nil && !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		resp.Body = http.MaxBytesReader(nil, resp.Body, mostAnswer)
	}
	return resp, err
}

// lines logs what a command writes to its standard error.
type lines struct {
	log    *slog.Logger
	server string
	held   []byte
}

const longestLine = 1000

func (l *lines) Write(p []byte) (int, error) {
	l.held = append(l.held, p...)
	for {
		line, rest, ended := bytes.Cut(l.held, []byte("\n"))
		if !ended && len(l.held) < longestLine {
			return len(p), nil
		}
		l.log.Debug("an MCP server says", "server", l.server, "line", strings.ToValidUTF8(string(line[:min(len(line), longestLine)]), "?"))
		l.held = rest
	}
}

var _ io.Writer = (*lines)(nil)

// list makes tools of what the server has.
func (m *MCPServer) list(ctx context.Context, s *sdk.ClientSession) ([]*Checked, error) {
	tools := []*Checked{}
	add := func(t Tool) {
		if c, err := Check(t); err == nil {
			tools = append(tools, c)
		}
	}
	can := s.InitializeResult().Capabilities
	if can == nil {
		can = &sdk.ServerCapabilities{}
	}
	if can.Tools != nil {
		for t, err := range s.Tools(ctx, nil) {
			if err != nil {
				return nil, err
			}
			if len(m.o.Only) > 0 && !slices.Contains(m.o.Only, t.Name) {
				continue
			}
			schema, err := json.Marshal(t.InputSchema)
			if err != nil {
				continue
			}
			add(mcpTool{m, t.Name, Spec{
				Name: safeName(m.o.Name + "_" + t.Name), Description: cutBytes(cmp.Or(t.Description, t.Title, t.Name), mostDescription), Schema: schema,
				Acts: t.Annotations == nil || !t.Annotations.ReadOnlyHint, // the protocol's default
			}})
		}
	}
	if can.Resources != nil && (len(m.o.Only) == 0 || slices.Contains(m.o.Only, readResource)) {
		add(mcpResources{m})
	}
	if can.Prompts != nil && (len(m.o.Only) == 0 || slices.Contains(m.o.Only, getPrompt)) {
		add(mcpPrompts{m})
	}
	return tools, nil
}

// mostDescription bounds what others may write into prompts, in bytes for each tool.
const mostDescription = 2000

func cutBytes(s string, most int) string {
	if len(s) > most {
		return strings.ToValidUTF8(s[:most], "") + " ..."
	}
	return s
}
