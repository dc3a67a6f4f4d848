package server_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"

	sdk "github.com/modelcontextprotocol/go-sdk/mcp"

	"github.com/dragoman/dragoman/internal/provider/providertest"
)

// An assistant uses an MCP server and an HTTP API of others, as the configuration names them; after a reload it uses others.
func TestToolsOfOthers(t *testing.T) {
	server := sdk.NewServer(&sdk.Implementation{Name: "weather"}, nil)
	server.AddTool(&sdk.Tool{Name: "forecast", InputSchema: json.RawMessage(`{"type":"object","properties":{"city":{"type":"string"}},"required":["city"]}`)},
		func(_ context.Context, r *sdk.CallToolRequest) (*sdk.CallToolResult, error) {
			return &sdk.CallToolResult{Content: []sdk.Content{&sdk.TextContent{Text: "rain, asked with " + string(r.Params.Arguments)}}}, nil
		})
	h := sdk.NewStreamableHTTPHandler(func(*http.Request) *sdk.Server { return server }, &sdk.StreamableHTTPOptions{Stateless: true})
	web := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if strings.HasPrefix(r.URL.Path, "/mcp") {
			h.ServeHTTP(w, r)
			return
		}
		io.WriteString(w, "stock of "+r.URL.Path+" with "+r.Header.Get("X-Key"))
	}))
	defer web.Close()
	spec := filepath.Join(t.TempDir(), "stock.json")
	if err := os.WriteFile(spec, []byte(`{"openapi":"3.1.0","paths":{"/stock/{item}":{"get":{"operationId":"stock","parameters":[{"name":"item","in":"path","required":true,"schema":{"type":"string"}}]}}}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	d := open(t, options{extra: `
tools:
  http: {allow: [127.0.0.1], networks: [127.0.0.0/8]}
  apis: {shop: {file: ` + spec + `, url: ` + web.URL + `, headers: {X-Key: key-of-the-operator}, networks: [127.0.0.0/8]}}
  mcp:
    weather: {url: ` + web.URL + `/mcp}
    broken: {command: [/no/such/program]}
assistants:
  helper: {tools: {use: [weather, shop, broken, http_get]}}
`})
	d.first.Script(
		providertest.Call("weather_forecast", `{"city":"Oslo"}`), providertest.Call("shop_stock", `{"item":"pens"}`), providertest.Call("http_get", `{"url":"`+web.URL+`/x"}`),
		providertest.Call("http_get", `{"url":"http://example.com/"}`), providertest.Reply("Wet."))
	a := d.chat(ask("assistant/helper", "what is it like?", object{"stream": true}))
	if a.text != "Wet." {
		t.Fatalf("%q %+v", a.text, a.failure)
	}
	for i, want := range []string{`rain, asked with {"city":"Oslo"}`, "stock of /stock/pens with [secret]", "stock of /x with", "may not be fetched"} {
		if got := d.sent(i + 1).last(); !strings.Contains(got, want) {
			t.Errorf("the model was told %s", got)
		}
	}
	notes := ""
	for _, s := range d.trace(a).Steps {
		notes += strings.Join(s.Notes, "\n")
	}
	if !strings.Contains(notes, "the tools of broken are not there") {
		t.Errorf("the trace does not say what is missing: %s", notes)
	}
	if err := d.reload("model: big\nproviders: {first: {base_url: " + d.first.URL() + "}}\nmodels: {big: {use: [first/test-70b]}}\nassistants: {helper: {tools: {use: [calculator]}}}\n"); err != nil {
		t.Fatal(err)
	}
	d.first.Script(providertest.Call("weather_forecast", `{}`), providertest.Reply("Gone."))
	if b := d.chat(ask("assistant/helper", "and now?", nil)); b.text != "Gone." || !strings.Contains(d.sent(6).last(), "there is no tool") {
		t.Errorf("%q %s", b.text, d.sent(6).last())
	}
}
