package server_test

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/app"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/observe"
	"github.com/dragoman/dragoman/internal/server"
)

// canned is a model server without a network.
type canned map[string]string // path -> body of a response

func (c canned) RoundTrip(r *http.Request) (*http.Response, error) {
	if _, err := io.Copy(io.Discard, r.Body); err != nil {
		return nil, err
	}
	kind, body := "text/event-stream", c[r.URL.Path]
	if strings.HasPrefix(body, "{") {
		kind = "application/json"
	}
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {kind}}, Body: io.NopCloser(strings.NewReader(body)), ContentLength: int64(len(body))}, nil
}

// unread is a client that takes everything.
type unread struct {
	header http.Header
	status int
}

func (u *unread) Header() http.Header         { return u.header }
func (u *unread) Write(b []byte) (int, error) { return len(b), nil }
func (u *unread) WriteHeader(status int)      { u.status = status }
func (u *unread) FlushError() error           { return nil }

// BenchmarkRequest is what a request costs inside: everything but the sockets, with keys, a budget, books, metrics and traces.
func BenchmarkRequest(b *testing.B) {
	const usage = `"usage":{"prompt_tokens":200,"completion_tokens":60,"total_tokens":260}`
	var chat, messages strings.Builder
	for i := range 21 {
		fmt.Fprintf(&chat, `data: {"id":"chatcmpl-abc","object":"chat.completion.chunk","created":1700000000,"model":"m","choices":[{"index":0,"delta":{"content":" word%d"},"finish_reason":null}]}`+"\n\n", i)
	}
	chat.WriteString(`data: {"id":"chatcmpl-abc","object":"chat.completion.chunk","created":1700000000,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],` + usage + "}\n\ndata: [DONE]\n\n")
	event := func(name, rest string) {
		fmt.Fprintf(&messages, "event: %[1]s\ndata: {\"type\":\"%[1]s\"%[2]s}\n\n", name, rest)
	}
	event("message_start", `,"message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"usage":{"input_tokens":200,"output_tokens":1}}`)
	event("content_block_start", `,"index":0,"content_block":{"type":"text","text":""}`)
	for i := range 18 {
		event("content_block_delta", fmt.Sprintf(`,"index":0,"delta":{"type":"text_delta","text":" word%d"}`, i))
	}
	event("content_block_stop", `,"index":0`)
	event("message_delta", `,"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":60}`)
	event("message_stop", "")
	upstream := canned{
		"/whole/chat/completions":  `{"id":"chatcmpl-abc","object":"chat.completion","created":1700000000,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"` + strings.Repeat("hello ", 30) + `"},"finish_reason":"stop"}],` + usage + `}`,
		"/stream/chat/completions": chat.String(),
		"/claude/v1/messages":      messages.String(),
	}

	dir := b.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "dragoman.yaml"), []byte(`
model: whole/m
providers:
  whole: {base_url: "http://model.invalid/whole", prices: {m: {input: 1, output: 3}}}
  stream: {base_url: "http://model.invalid/stream", prices: {m: {input: 1, output: 3}}}
  claude: {dialect: anthropic, base_url: "http://model.invalid/claude", prices: {m: {input: 1, output: 3}}}
org: {budget: {month: 1000000 USD}}
`), 0o600); err != nil {
		b.Fatal(err)
	}
	ap, err := app.Open(b.Context(), app.Options{
		Dir: dir, DataDir: b.TempDir(), Path: dir, Getenv: func(string) string { return "" }, Client: &http.Client{Transport: upstream}, Now: time.Now, Metrics: observe.New(),
	})
	if err != nil {
		b.Fatal(err)
	}
	defer ap.Close()
	if err := ap.StartBooks(b.Context(), slog.New(slog.DiscardHandler)); err != nil {
		b.Fatal(err)
	}
	key, _, err := ap.Keys.Create(b.Context(), "bench", identity.Grants{}, time.Time{})
	if err != nil {
		b.Fatal(err)
	}
	s := server.New(server.Options{
		State: server.State{Engine: ap.Engine, Assistants: ap.Definitions(), Policy: ap.Policy(), Models: ap.Models, Counter: ap.Counter()},
		Keys:  ap.Keys, Traces: ap, Responses: ap.Store, Metrics: ap.Metrics, Log: slog.New(slog.DiscardHandler), Now: time.Now, MaxBody: 1 << 20,
	})
	for _, c := range []struct{ name, path, model string }{
		{"chat", "/v1/chat/completions", "whole/m"},
		{"stream", "/v1/chat/completions", "stream/m"},
		{"anthropic to openai", "/v1/chat/completions", "claude/m"},
		{"openai to anthropic", "/v1/messages", "stream/m"},
	} {
		body := fmt.Appendf(nil, `{"model":%q,"max_tokens":500,"stream":%v,"messages":[{"role":"user","content":%q}]}`, c.model, c.name != "chat", strings.Repeat("explain this code please ", 40))
		b.Run(c.name, func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				r, err := http.NewRequestWithContext(b.Context(), http.MethodPost, c.path, bytes.NewReader(body))
				if err != nil {
					b.Fatal(err)
				}
				r.Header.Set("Authorization", "Bearer "+key)
				w := &unread{header: http.Header{}, status: http.StatusOK}
				s.ServeHTTP(w, r)
				if w.status != http.StatusOK {
					b.Fatal(w.status)
				}
			}
		})
	}
}
