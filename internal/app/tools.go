package app

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/netip"
	"os"
	"reflect"
	"sync"
	"time"

	"github.com/dragoman/dragoman/internal/assistant"
	"github.com/dragoman/dragoman/internal/config"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/safehttp"
	"github.com/dragoman/dragoman/internal/store"
	"github.com/dragoman/dragoman/internal/tool"
)

// tools are those that assistants may use, and what stands behind them.
type tools struct {
	registry *tool.Registry
	mcp      map[string]*mcpServer
	clients  []*safehttp.Client
}

type mcpServer struct {
	*tool.MCPServer
	config  config.MCPTool
	started bool
}

// prepareTools makes the tools. MCP servers that are the same in old (nil: there is none) stay; new ones are not started yet.
func (a *App) prepareTools(old *tools) (*tools, error) {
	ts := &tools{mcp: map[string]*mcpServer{}}
	library, c := a.Library(), &a.Config.Tools
	single := []tool.Tool{tool.SearchKnowledge{Library: library}, tool.ReadDocument{Library: library}, tool.Calculator{}, tool.Clock{Now: a.options.Now}, tool.Remember{Memory: a.Memories}, tool.Recall{Memory: a.Memories}}
	if h := c.HTTP; len(h.Allow) > 0 {
		most := int64(2 * config.MB)
		if h.MaxBody > 0 {
			most = int64(h.MaxBody)
		}
		single = append(single, tool.HTTPGet{Hosts: h.Allow, Fetcher: ts.client(safehttp.Options{Hosts: h.Allow, Networks: prefixes(h.Networks), MaxBody: most})})
	}
	providers := map[string]tool.Provider{}
	for name, api := range c.APIs {
		text, err := os.ReadFile(under(a.Config.Dir, api.File))
		if err != nil {
			return nil, fmt.Errorf("tools.apis.%s.file: %w", name, err)
		}
		providers[name], err = tool.NewAPI(tool.APIOptions{
			Name: name, Description: text, URL: api.URL, Header: header(api.Headers), Operations: api.Operations,
			Fetcher: func(hosts ...string) tool.Fetcher {
				return ts.client(safehttp.Options{Hosts: hosts, Networks: prefixes(api.Networks), MaxBody: int64(4 * config.MB)})
			},
		})
		if err != nil {
			return nil, fmt.Errorf("tools.apis.%s: %s: %w", name, api.File, err)
		}
	}
	for name, m := range c.MCP {
		if m.Dir = under(a.Config.Dir, m.Dir); old != nil && old.mcp[name] != nil && reflect.DeepEqual(old.mcp[name].config, m) {
			ts.mcp[name] = old.mcp[name]
		} else {
			env := map[string]string{}
			for k, v := range m.Env {
				env[k] = v.Reveal()
			}
			ts.mcp[name] = &mcpServer{config: m, MCPServer: tool.NewMCPServer(tool.MCPOptions{
				Name: name, Command: m.Command, Env: env, Dir: m.Dir, URL: m.URL, Header: header(m.Headers), Only: m.Only, Connect: m.Connect, Now: a.options.Now, Log: a.options.Log,
			})}
		}
		providers[name] = ts.mcp[name]
	}
	var err error
	ts.registry, err = tool.NewRegistry(single, providers)
	return ts, err
}

func (ts *tools) client(o safehttp.Options) *safehttp.Client {
	c := safehttp.New(o)
	ts.clients = append(ts.clients, c)
	return c
}

func prefixes(list []config.Network) []netip.Prefix {
	out := make([]netip.Prefix, len(list))
	for i, n := range list {
		out[i] = n.Prefix
	}
	return out
}

func header(list map[string]config.Secret) http.Header {
	h := http.Header{}
	for name, v := range list {
		h.Set(name, v.Reveal())
	}
	return h
}

// start lets MCP servers be used. They outlive ctx: answers under way need them until stop.
func (ts *tools) start(ctx context.Context) {
	for _, m := range ts.mcp {
		if !m.started {
			m.started = true
			m.Start(context.WithoutCancel(ctx))
		}
	}
}

// callsEnd is how long calls under way may take, before what they need is stopped.
const callsEnd = 5 * time.Second

// stop waits for the calls under way, and stops what next (nil: nothing) does not use.
func (ts *tools) stop(ctx context.Context, next *tools) error {
	ctx, cancel := context.WithTimeout(ctx, callsEnd)
	defer cancel()
	err := ts.registry.Wait(ctx)
	var all sync.WaitGroup
	for name, m := range ts.mcp {
		if next == nil || next.mcp[name] != m {
			all.Go(m.Stop)
		}
	}
	all.Wait()
	for _, c := range ts.clients {
		c.Close()
	}
	if err != nil {
		return errors.New("a tool did not come back")
	}
	return nil
}

func toolPolicy(c config.AssistantTools) assistant.ToolPolicy {
	return assistant.ToolPolicy{Use: c.Use, Steps: c.Steps, Time: c.Time, Call: c.Call, Cost: c.Cost, Parallel: c.Parallel, Result: int(c.Result), Calling: assistant.Calling(c.Calling), Confirm: c.Confirm}
}

// Read returns lines of a document that a principal may see.
func (l Library) Read(ctx context.Context, p identity.Principal, name, path string, first, last int) (*knowledge.Lines, error) {
	if _, ok := l.cs.options[name]; !ok {
		return nil, unknownCollection(name)
	}
	c, err := l.cs.get(ctx, name)
	if err != nil {
		return nil, err
	}
	return c.Read(ctx, assistant.Subjects(p), path, first, last)
}

// heldSteps keeps the steps of turns that handed calls back, among the responses that may be referred to, and as long as those.
type heldSteps struct{ app *App }

var _ assistant.Steps = heldSteps{}

// stepsPrefix keeps them apart from responses.
const stepsPrefix = "steps_"

func (h heldSteps) SaveSteps(ctx context.Context, owner, call string, body []byte) error {
	return h.app.Store.SaveResponse(ctx, store.Response{ID: stepsPrefix + call, Principal: owner, Created: h.app.options.Now(), Body: body})
}

// TakeSteps implements assistant.Steps: of those that ask at the same time, the one that deletes gets them.
func (h heldSteps) TakeSteps(ctx context.Context, owner, call string) ([]byte, error) {
	body, err := h.Steps(ctx, owner, call)
	if err != nil || body == nil {
		return nil, err
	}
	if err := h.app.Store.DeleteResponse(ctx, owner, stepsPrefix+call); err != nil {
		if errors.Is(err, store.ErrNotFound) {
			return nil, nil
		}
		return nil, err
	}
	return body, nil
}

func (h heldSteps) Steps(ctx context.Context, owner, call string) ([]byte, error) {
	r, err := h.app.Store.Response(ctx, owner, stepsPrefix+call)
	if errors.Is(err, store.ErrNotFound) {
		return nil, nil
	}
	return r.Body, err
}
