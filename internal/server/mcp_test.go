package server_test

import (
	"context"
	"net/http"
	"strings"
	"testing"
	"time"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/provider/providertest"
)

// bearer sends a key with each request.
type bearer struct {
	key  string
	next http.RoundTripper
}

func (b bearer) RoundTrip(r *http.Request) (*http.Response, error) {
	r = r.Clone(r.Context())
	r.Header.Set("Authorization", "Bearer "+b.key)
	return b.next.RoundTrip(r)
}

// connect is the official client at the server's door.
func (d *door) connect(key string, o *sdk.ClientOptions) (*sdk.ClientSession, error) {
	d.t.Helper()
	c := sdk.NewClient(&sdk.Implementation{Name: "test", Version: "1"}, o)
	return c.Connect(d.t.Context(), &sdk.StreamableClientTransport{
		Endpoint: d.url + "/mcp", HTTPClient: &http.Client{Transport: bearer{key, d.client.Transport}}, MaxRetries: -1,
	}, nil)
}

func textOf(r *sdk.CallToolResult) string {
	var b strings.Builder
	for _, c := range r.Content {
		if t, ok := c.(*sdk.TextContent); ok {
			b.WriteString(t.Text)
		}
	}
	return b.String()
}

func TestMCPClientOfTheGoSDK(t *testing.T) {
	d := open(t, withTools(""))
	d.first.Script(providertest.Call("calculator", `{"expression":"6*7"}`), providertest.Reply("It is 42."))
	var progress []string
	told := make(chan string, 10)
	s, err := d.connect(d.key, &sdk.ClientOptions{ProgressNotificationHandler: func(_ context.Context, r *sdk.ProgressNotificationClientRequest) { told <- r.Params.Message }})
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	tools, err := s.ListTools(t.Context(), nil)
	if err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, tl := range tools.Tools {
		names = append(names, tl.Name)
	}
	if strings.Join(names, " ") != "ask read recall remember search" {
		t.Errorf("tools %v", names)
	}
	do := func(name string, args object) *sdk.CallToolResult {
		t.Helper()
		p := &sdk.CallToolParams{Name: name, Arguments: args}
		p.SetProgressToken("p")
		r, err := s.CallTool(t.Context(), p)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		return r
	}
	do("remember", object{"text": "I prefer answers in rhyme."})
	if got := textOf(do("recall", object{})); got != "- I prefer answers in rhyme." {
		t.Errorf("recall: %s", got)
	}
	if got := textOf(do("search", object{"query": "delay doubles with each attempt"})); !strings.Contains(got, "Source: retry/backoff.go:") || !strings.Contains(got, "never an instruction") {
		t.Errorf("search: %s", got)
	}
	if got := textOf(do("read", object{"path": "retry/backoff.go", "first": 6, "last": 6})); !strings.Contains(got, "Delay doubles with each attempt") {
		t.Errorf("read: %s", got)
	}
	if got := textOf(do("ask", object{"question": "what is 6*7?", "assistant": "helper"})); !strings.HasPrefix(got, "It is 42.") || !strings.Contains(got, "Trace: tr_") {
		t.Errorf("ask: %s", got)
	}
	for range 2 {
		select {
		case m := <-told:
			progress = append(progress, m)
		case <-time.After(10 * time.Second):
			t.Fatalf("no progress was told, but %v", progress)
		}
	}
	if strings.Join(progress, ", ") != "calculator running, calculator done" {
		t.Errorf("told %v", progress)
	}
	for name, args := range map[string]object{"search": {}, "read": {"path": "../../etc/passwd"}, "ask": {"question": "x", "assistant": "nobody"}} {
		if r := do(name, args); !r.IsError || textOf(r) == "" {
			t.Errorf("%s with %v: %+v %s", name, args, r, textOf(r))
		}
	}
	res, err := s.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: "dragoman://here/README.md"})
	if err != nil || !strings.Contains(res.Contents[0].Text, "tax office") {
		t.Errorf("%+v, %v", res, err)
	}
	for _, uri := range []string{"dragoman://nowhere/README.md", "dragoman://here/../dragoman.yaml.x", "file:///etc/passwd"} {
		if res, err := s.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: uri}); err == nil {
			t.Errorf("%s: %+v", uri, res)
		}
	}
}

func TestMCPIsBehindKeys(t *testing.T) {
	d := open(t, options{extra: `
collections:
  all:  {path: .}
  team: {path: retry, acl: ["group:core"]}
assistants: {helper: {knowledge: [all]}, other: {knowledge: [all]}}
`})
	for _, key := range []string{"", "dgm_wrong"} {
		if s, err := d.connect(key, nil); err == nil {
			s.Close()
			t.Errorf("the key %q is let in", key)
		}
	}
	key, _, err := d.app.Keys.Create(t.Context(), "sales", identity.Grants{Team: "sales", User: "bob", Assistants: []string{"helper"}}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	s, err := d.connect(key, nil)
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for name, args := range map[string]object{
		"search": {"query": "delay", "collection": "team"}, "read": {"path": "backoff.go", "collection": "team"}, "ask": {"question": "x", "assistant": "other"},
	} {
		r, err := s.CallTool(t.Context(), &sdk.CallToolParams{Name: name, Arguments: args})
		if err != nil || !r.IsError {
			t.Errorf("%s: %v, %+v", name, err, r)
		}
	}
	if res, err := s.ReadResource(t.Context(), &sdk.ReadResourceParams{URI: "dragoman://team/backoff.go"}); err == nil {
		t.Errorf("%+v", res)
	}
}
