package server_test

import (
	"context"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	"github.com/dragoman/dragoman/internal/app"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/provider/providertest"
	"github.com/dragoman/dragoman/internal/server"
)

// inMemory runs a server, whose only provider is upstream, over connections in memory, for a bubble of synctest: there it is known
// when everybody waits, and time goes on only then. The result sends a request to it.
func inMemory(t *testing.T, upstream http.HandlerFunc) (post func(ctx context.Context, path, body string) (*http.Response, error)) {
	dir := t.TempDir()
	config := `
model: big
providers: {first: {base_url: "http://first.test/v1", prices: {"*": {input: 1, output: 1, image: 0.01}}}}
models: {big: {use: [first/m]}}`
	if err := os.WriteFile(filepath.Join(dir, "dragoman.yaml"), []byte(config), 0o600); err != nil {
		t.Fatal(err)
	}
	ap, err := app.Open(t.Context(), app.Options{
		Dir: dir, DataDir: t.TempDir(), Path: dir, Getenv: func(string) string { return "" }, Client: providertest.InMemory(t, upstream), Now: time.Now,
	})
	if err != nil {
		t.Fatal(err)
	}
	if err := ap.StartBooks(t.Context(), slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	key, _, err := ap.Keys.Create(t.Context(), "test", identity.Grants{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	s := server.New(server.Options{
		State: server.State{Engine: ap.Engine, Assistants: ap.Definitions(), Policy: ap.Policy(), Models: ap.Models, Counter: ap.Counter(), Library: ap.Library(), May: ap.May()},
		Keys:  ap.Keys, Traces: ap, Responses: ap.Store, Ready: ap.Ready, Metrics: ap.Metrics,
		Log: slog.New(slog.DiscardHandler), Now: time.Now, MaxBody: 1 << 20, Drain: 10 * time.Second,
	})
	ctx, stop := context.WithCancel(context.WithoutCancel(t.Context()))
	ln, served := providertest.NewPipes(), make(chan error, 1)
	go func() { served <- s.Serve(ctx, ln) }()
	transport := &http.Transport{DialContext: ln.Dial}
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		stop()
		if err := <-served; err != nil {
			t.Error(err)
		}
		if err := ap.Close(); err != nil {
			t.Error(err)
		}
	})
	return func(ctx context.Context, path, body string) (*http.Response, error) {
		req, err := http.NewRequestWithContext(ctx, "POST", "http://dragoman.test"+path, strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+key)
		return (&http.Client{Transport: transport}).Do(req)
	}
}

// TestSlowCaller: a provider is read no faster than its caller reads, whatever they speak.
func TestSlowCaller(t *testing.T) {
	for path, body := range map[string]string{
		"/v1/chat/completions": `{"model": "big", "stream": true, "messages": [{"role": "user", "content": "hi"}]}`,
		"/v1/messages":         `{"model": "big", "stream": true, "max_tokens": 1000000, "messages": [{"role": "user", "content": "hi"}]}`,
		"/v1/responses":        `{"model": "big", "stream": true, "store": false, "input": "hi"}`,
	} {
		t.Run(path, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				var told atomic.Int64
				post := inMemory(t, func(w http.ResponseWriter, r *http.Request) {
					w.Header().Set("Content-Type", "text/event-stream")
					for {
						n, err := fmt.Fprintf(w, "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":%q},\"finish_reason\":null}]}\n\n", strings.Repeat("x", 1000))
						if err != nil {
							return // the caller is gone
						}
						w.(http.Flusher).Flush()
						told.Add(int64(n))
					}
				})
				ctx, leave := context.WithCancel(t.Context())
				defer leave()
				resp, err := post(ctx, path, body)
				if err != nil {
					t.Fatal(err)
				}
				defer resp.Body.Close()
				read := int64(0)
				for range 10 {
					n, err := io.CopyN(io.Discard, resp.Body, 50_000)
					if err != nil {
						t.Fatal(err)
					}
					read += n
					synctest.Wait() // nobody goes on until more is read
					if ahead := told.Load() - read; ahead > 64<<10 {
						t.Fatalf("the provider is %d bytes ahead of the caller", ahead)
					}
				}
			})
		})
	}
}

// TestCallerGone: when a caller goes, no time passes before the provider is told, whatever was asked and however much of the
// answer had come.
func TestCallerGone(t *testing.T) {
	const hi = `"messages": [{"role": "user", "content": "hi"}]}`
	for name, c := range map[string]struct {
		path, body string
		begun      bool // the answer had begun
	}{
		"before a stream":  {"/v1/chat/completions", `{"model": "big", "stream": true, ` + hi, false},
		"during a stream":  {"/v1/chat/completions", `{"model": "big", "stream": true, ` + hi, true},
		"of another wire":  {"/v1/messages", `{"model": "big", "stream": true, "max_tokens": 9, ` + hi, true},
		"before an answer": {"/v1/chat/completions", `{"model": "big", ` + hi, false},
		"before vectors":   {"/v1/embeddings", `{"model": "big", "input": "hi"}`, false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				asked, gone := make(chan struct{}), make(chan time.Time, 1)
				post := inMemory(t, func(w http.ResponseWriter, r *http.Request) {
					if _, err := io.Copy(io.Discard, r.Body); err != nil {
						t.Error(err)
					}
					if c.begun {
						w.Header().Set("Content-Type", "text/event-stream")
						fmt.Fprint(w, "data: {\"id\":\"c\",\"choices\":[{\"index\":0,\"delta\":{\"content\":\"Yes\"},\"finish_reason\":null}]}\n\n")
						w.(http.Flusher).Flush()
					}
					close(asked)
					<-r.Context().Done()
					gone <- time.Now()
				})
				ctx, leave := context.WithCancel(t.Context())
				defer leave()
				ended := make(chan struct{})
				go func() {
					defer close(ended)
					if resp, err := post(ctx, c.path, c.body); err == nil { // else it left before
						_, err = io.Copy(io.Discard, resp.Body)
						if resp.Body.Close(); err == nil {
							t.Error("the answer was complete")
						}
					}
				}()
				<-asked
				time.Sleep(time.Second)
				left := time.Now()
				leave()
				<-ended
				if took := (<-gone).Sub(left); took != 0 {
					t.Errorf("the provider was told after %v", took)
				}
			})
		})
	}
}

// TestPriceOfImages: where a price list says so, images cost by themselves.
func TestPriceOfImages(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		post := inMemory(t, func(w http.ResponseWriter, r *http.Request) {
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"Yes."},"finish_reason":"stop"}],"usage":{"prompt_tokens":100,"completion_tokens":20}}`)
		})
		for cost, content := range map[string]string{
			"$0.00012": `"hi"`,
			"$0.02012": `[{"type":"image_url","image_url":{"url":"https://example.com/a.png"}},{"type":"image_url","image_url":{"url":"data:image/png;base64,AA=="}}]`,
		} {
			resp, err := post(t.Context(), "/v1/chat/completions", `{"model": "big", "messages": [{"role": "user", "content": `+content+`}]}`)
			if err != nil {
				t.Fatal(err)
			}
			resp.Body.Close()
			if got := resp.Header.Get("x-dragoman-cost"); resp.StatusCode != 200 || got != cost {
				t.Errorf("%s: %d, it cost %s", content, resp.StatusCode, got)
			}
		}
	})
}
