package tool

import (
	"context"
	"encoding/json"
	"fmt"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"strings"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// serveMCP makes the test program an MCP server on its standard input and output.
const serveMCP = "DRAGOMAN_TEST_SERVES_MCP"

func runServer() {
	if err := newServer(nil).Run(context.Background(), &sdk.StdioTransport{}); err != nil {
		fmt.Fprintln(os.Stderr, err)
	}
}

// newServer is an MCP server of the official library; what hangs in it does so until release is closed.
func newServer(release <-chan struct{}) *sdk.Server {
	s := sdk.NewServer(&sdk.Implementation{Name: "test"}, nil)
	add := func(name string, do func(ctx context.Context, args map[string]any) (*sdk.CallToolResult, error)) {
		s.AddTool(&sdk.Tool{Name: name, Description: "does " + name, InputSchema: json.RawMessage(`{"type":"object"}`)}, func(ctx context.Context, r *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
			var args map[string]any
			if err := json.Unmarshal(r.Params.Arguments, &args); err != nil {
				return nil, err
			}
			return do(ctx, args)
		})
	}
	text := func(s string) *sdk.CallToolResult {
		return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: s}}}
	}
	add("echo", func(_ context.Context, args map[string]any) (*sdk.CallToolResult, error) {
		return text(fmt.Sprint(args["text"])), nil
	})
	add("environment", func(context.Context, map[string]any) (*sdk.CallToolResult, error) {
		return text(strings.Join(os.Environ(), "\n")), nil
	})
	add("die", func(context.Context, map[string]any) (*sdk.CallToolResult, error) { os.Exit(3); return nil, nil })
	add("hang", func(ctx context.Context, _ map[string]any) (*sdk.CallToolResult, error) {
		select {
		case <-ctx.Done():
		case <-release:
		}
		return text("late"), nil
	})
	add("refuse", func(context.Context, map[string]any) (*sdk.CallToolResult, error) {
		r := text("not today")
		r.IsError = true
		return r, nil
	})
	add("picture", func(context.Context, map[string]any) (*sdk.CallToolResult, error) {
		return &sdk.CallToolResult{Content: []sdk.Content{&sdk.ImageContent{MIMEType: "image/png", Data: []byte("12345")}}}, nil
	})
	add("grow", func(context.Context, map[string]any) (*sdk.CallToolResult, error) {
		s.AddTool(&sdk.Tool{Name: "new", InputSchema: json.RawMessage(`{"type":"object"}`)}, func(context.Context, *sdk.CallToolRequest) (*sdk.CallToolResult, error) { return text("fresh"), nil })
		return text("grown"), nil
	})
	s.AddResource(&sdk.Resource{URI: "test://notes", Name: "notes"}, func(context.Context, *sdk.ReadResourceRequest) (*sdk.ReadResourceResult, error) {
		return &sdk.ReadResourceResult{Contents: []*sdk.ResourceContents{{URI: "test://notes", Text: "buy milk"}}}, nil
	})
	s.AddPrompt(&sdk.Prompt{Name: "greet", Arguments: []*sdk.PromptArgument{{Name: "who", Required: true}}}, func(_ context.Context, r *sdk.GetPromptRequest) (*sdk.GetPromptResult, error) {
		return &sdk.GetPromptResult{Messages: []*sdk.PromptMessage{{Role: "user", Content: &sdk.TextContent{Text: "greet " + r.Params.Arguments["who"]}}}}, nil
	})
	return s
}

func quiet() *slog.Logger { return slog.New(slog.DiscardHandler) }

// servers are the two ways to a server.
func servers(t *testing.T) map[string]MCPOptions {
	t.Helper()
	self, err := os.Executable()
	if err != nil {
		t.Fatal(err)
	}
	release := make(chan struct{})
	h := sdk.NewStreamableHTTPHandler(func(r *http.Request) *sdk.Server {
		if r.Header.Get("Authorization") != "Bearer the-key" {
			return nil
		}
		return newServer(release)
	}, nil)
	web := httptest.NewServer(h)
	t.Cleanup(func() { close(release); web.Close() })
	return map[string]MCPOptions{
		"stdio": {Command: []string{self}, Env: map[string]string{serveMCP: "1"}},
		"http":  {URL: web.URL, Header: http.Header{"Authorization": {"Bearer the-key"}}},
	}
}

func started(t *testing.T, o MCPOptions) (*MCPServer, *Registry) {
	t.Helper()
	o.Name, o.Log = "srv", quiet()
	if o.Now == nil {
		o.Now = time.Now
	}
	m := NewMCPServer(o)
	m.Start(t.Context())
	t.Cleanup(m.Stop)
	r, err := NewRegistry(nil, map[string]Provider{"srv": m})
	if err != nil {
		t.Fatal(err)
	}
	return m, r
}

func TestMCPServer(t *testing.T) {
	t.Setenv("OPENAI_API_KEY", "sk-of-ours")
	for name, o := range servers(t) {
		t.Run(name, func(t *testing.T) {
			m, r := started(t, o)
			for _, c := range []struct{ tool, args, want string }{
				{"srv_echo", `{"text":"hello"}`, "hello"},
				{"srv_refuse", `{}`, "not today"},
				{"srv_picture", `{}`, "(an image, image/png, 5 bytes: left out)"},
				{"srv_read_resource", `{}`, "test://notes notes"},
				{"srv_read_resource", `{"uri":"test://notes"}`, "buy milk"},
				{"srv_read_resource", `{"uri":"test://nothing"}`, "srv says:"},
				{"srv_get_prompt", `{}`, "greet who"},
				{"srv_get_prompt", `{"name":"greet","arguments":{"who":"Ann"}}`, "user: greet Ann"},
			} {
				if o := call(t, r, c.tool, c.args); !strings.Contains(o.Text, c.want) {
					t.Errorf("%s %s: %+v", c.tool, c.args, o)
				}
			}
			if o := call(t, r, "srv_refuse", `{}`); !o.Failed {
				t.Error("its failure is none")
			}
			if name == "stdio" {
				if o := call(t, r, "srv_environment", `{}`); strings.Contains(o.Text, "sk-of-ours") || !strings.Contains(o.Text, "PATH=") {
					t.Errorf("it was given %s", o.Text)
				}
			}
			if o := call(t, r, "srv_hang", `{}`); !o.Failed || !strings.Contains(o.Text, "took longer than 1s") {
				t.Errorf("%+v", o)
			}
			// One tool of a server, by the server's name for it.
			if s, problems := r.Set(t.Context(), []string{"srv/echo", "srv/nothing"}); len(s.Specs()) != 1 || len(problems) != 1 {
				t.Errorf("%+v %v", s.Specs(), problems)
			}
			m.Stop()
			if _, problems := r.Set(t.Context(), []string{"srv"}); len(problems) != 1 {
				t.Errorf("a server that was stopped has tools: %v", problems)
			}
		})
	}
}

func TestMCPServerThatDies(t *testing.T) {
	clock := time.Now()
	o := servers(t)["stdio"]
	o.Now = func() time.Time { return clock }
	m, r := started(t, o)
	if o := call(t, r, "srv_die", `{}`); !o.Failed || o.Text != "srv_die failed; do without it, or try something else" {
		t.Errorf("%+v", o)
	}
	// It is left alone for a while, and then started again.
	for m.gone() == false {
		if _, err := m.Tools(t.Context()); err != nil {
			break
		}
	}
	if _, err := m.Tools(t.Context()); err == nil || !strings.Contains(err.Error(), "tried again in") {
		t.Errorf("%v", err)
	}
	clock = clock.Add(2 * time.Second)
	if o := call(t, r, "srv_echo", `{"text":"back"}`); o.Text != "back" {
		t.Errorf("%+v", o)
	}
}

func TestMCPServerWhoseToolsChange(t *testing.T) {
	m, r := started(t, servers(t)["stdio"])
	if o := call(t, r, "srv_grow", `{}`); o.Text != "grown" {
		t.Fatalf("%+v", o)
	}
	for deadline := time.Now().Add(10 * time.Second); ; {
		tools, err := m.Tools(t.Context())
		if err != nil || time.Now().After(deadline) {
			t.Fatalf("the new tool was not seen: %d, %v", len(tools), err)
		}
		if len(tools) == 10 {
			break
		}
	}
	if o := call(t, r, "srv_new", `{}`); o.Text != "fresh" {
		t.Errorf("%+v", o)
	}
}

func TestMCPServerThatIsNotThere(t *testing.T) {
	for _, o := range []MCPOptions{{Command: []string{"/no/such/program"}}, {URL: "http://127.0.0.1:1/mcp", Connect: 5 * time.Second}, {Command: []string{"true"}, Connect: 5 * time.Second}} {
		_, r := started(t, o)
		if s, problems := r.Set(t.Context(), []string{"srv"}); len(problems) != 1 || len(s.Specs()) != 0 {
			t.Errorf("%v: %v", o, problems)
		}
	}
}

func TestMCPServerWithFewerTools(t *testing.T) {
	o := servers(t)["stdio"]
	o.Only = []string{"echo"}
	m, _ := started(t, o)
	if tools, err := m.Tools(t.Context()); err != nil || len(tools) != 1 || tools[0].Spec().Name != "srv_echo" {
		t.Errorf("%v, %v", tools, err)
	}
}

// gone says whether its death was noticed.
func (m *MCPServer) gone() bool {
	m.mu.Lock()
	defer m.mu.Unlock()
	return m.session == nil
}
