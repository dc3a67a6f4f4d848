//go:build localmodel

package localmodel

import (
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// TestTools: a model of half a billion parameters, which cannot call tools by its API, is held to calls by a schema, and uses them.
func TestTools(t *testing.T) {
	p := start(t, place(t, map[string]string{
		"docs/orders.md": "# Orders\n\nThe archive code of an order is KESTREL-77. Orders are kept for ten years.\n",
		"dragoman.yaml": fmt.Sprintf(`providers:
%scollections: {docs: {path: docs}}
assistants:
  helper: {model: here/%s, knowledge: [docs], search: {limit: 1}, tools: {use: [calculator, read_document], steps: 3}}
`, engine("here", "min: 1"), model),
	}), "serve", "--listen", "127.0.0.1:0")
	p.await("is ready")
	for _, c := range []struct{ question, tool string }{
		{"Use the calculator to compute 123456789 * 987654321, then tell me the result.", "calculator"},
		{"Use read_document to read orders.md, then tell me the archive code of an order.", "read_document"},
	} {
		r := p.ask("/v1/chat/completions", object{
			"model": "assistant/helper", "temperature": 0, "max_tokens": 200, "messages": []object{{"role": "user", "content": c.question}},
		}, nil)
		text := r.get("choices.0.message.content").Str
		if r.status != 200 || text == "" || r.get("choices.0.finish_reason").Str == "tool_calls" {
			t.Errorf("%d %s", r.status, r.body)
			continue
		}
		trace := p.trace(r.get("dragoman.trace").Str)
		var made []string
		for _, s := range trace.Get("tools").Array() {
			for _, call := range s.Get("calls").Array() {
				made = append(made, call.Get("name").Str+" "+call.Get("status").Str)
			}
		}
		t.Logf("%s\n%v\n%s", c.question, made, text)
		if !strings.Contains(strings.Join(made, ","), c.tool+" ok") {
			t.Errorf("it did not use %s: %v", c.tool, made)
		}
	}
}

// trace is the record of a turn.
func (p *program) trace(id string) gjson.Result {
	p.t.Helper()
	req, err := http.NewRequestWithContext(bounded(p.t), http.MethodGet, p.url+"/api/traces/"+id, nil)
	if err != nil {
		p.t.Fatal(err)
	}
	req.Header.Set("Authorization", "Bearer "+p.key)
	for {
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			p.t.Fatal(err)
		}
		body, err := io.ReadAll(resp.Body)
		resp.Body.Close()
		if err != nil {
			p.t.Fatal(err)
		}
		if resp.StatusCode == http.StatusOK { // it is stored a moment after the answer
			return gjson.ParseBytes(body)
		}
	}
}
