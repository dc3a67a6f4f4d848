package provider_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/provider"
	"github.com/dragoman/dragoman/internal/provider/providertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// replay serves responses as providers send them, the n-th as the n-th answer.
func replay(t *testing.T, responses ...func(w http.ResponseWriter, r *http.Request)) string {
	t.Helper()
	n := 0
	s := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if _, err := io.Copy(io.Discard, r.Body); err != nil {
			return
		}
		i := min(n, len(responses)-1)
		n++
		responses[i](w, r)
	}))
	t.Cleanup(s.Close)
	return s.URL
}

func stream(body string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(w, body)
	}
}

func status(code int, body string, header ...string) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, _ *http.Request) {
		for i := 0; i+1 < len(header); i += 2 {
			w.Header().Set(header[i], header[i+1])
		}
		w.WriteHeader(code)
		io.WriteString(w, body)
	}
}

func newProvider(t *testing.T, dialect, url string) *provider.Provider {
	t.Helper()
	client := provider.NewClient()
	t.Cleanup(client.CloseIdleConnections)
	p, err := provider.New(provider.Config{Name: "up", Dialect: dialect, BaseURL: url, APIKey: "key-of-ours", FirstTokenTimeout: 5 * time.Second}, client)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func request() *chat.Request {
	return &chat.Request{Stream: true, Model: "m", Messages: []chat.Message{chat.NewText(chat.System, "be brief"), chat.NewText(chat.User, "hi")}}
}

// plain keeps a reply that is none from being taken for a stream.
func plain(r *provider.Reply) chat.Stream {
	if r == nil {
		return nil
	}
	return r
}

func send(t *testing.T, p *provider.Provider) (chat.Stream, error) {
	r, err := p.Send(t.Context(), request())
	return plain(r), err
}

// result is a whole stream.
type result struct {
	text, args string
	late       string // thoughts that came behind text
	finish     chat.FinishReason
	usage      chat.Usage
	model      string
	err        *chat.Error
}

func collect(s chat.Stream, err error) result {
	var r result
	if err != nil {
		r.err = chat.AsError(err)
		return r
	}
	defer s.Close()
	for {
		ev, err := s.Next()
		if errors.Is(err, io.EOF) {
			return r
		}
		if err != nil {
			r.err = chat.AsError(err)
			return r
		}
		if r.text != "" {
			r.late += ev.Thinking
		}
		r.text += ev.Text
		for _, c := range ev.ToolCalls {
			r.args += c.Name + c.Arguments
		}
		if ev.Finish != "" {
			r.finish = ev.Finish
		}
		if ev.Usage != nil {
			r.usage = *ev.Usage
		}
		if ev.Model != "" {
			r.model = ev.Model
		}
	}
}

// sample is a stream as a provider sends it: written by hand after its documentation, since no live service was at hand.
func sample(t *testing.T, dialect, file string) string {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("..", "dialect", dialect, "testdata", file))
	if err != nil {
		t.Fatal(err)
	}
	return string(b)
}

func TestSampleStreams(t *testing.T) {
	openaiStream := sample(t, "openai", "openai.sse")
	hello := result{text: "Grüße, 世界\n", finish: chat.FinishStop, model: "gpt-4.1-mini-2025-04-14", usage: chat.Usage{Input: 2019, Output: 5, CachedInput: 1920, Reasoning: 2}}
	for name, c := range map[string]struct {
		dialect, body string
		want          result
	}{
		"openai":       {"openai", openaiStream, hello},
		"keep-alives":  {"openai", ": keep-alive\n\n" + openaiStream, hello},
		"no [DONE]":    {"openai", strings.Replace(openaiStream, "data: [DONE]\n\n", "", 1), hello},
		"openai tools": {"openai", sample(t, "openai", "openai_tools.sse"), result{args: `get_weather{"city":"Ulm"}get_time{}`, finish: chat.FinishToolCalls, model: "gpt-4.1-2025-04-14", usage: chat.Usage{Input: 81, Output: 34}}},
		"anthropic":    {"anthropic", sample(t, "anthropic", "text_thinking_tool.sse"), result{text: "Grüße, 世界", args: `get_weather{"city": "Ulm"}get_time{}`, finish: chat.FinishToolCalls, model: "claude-sonnet-4-5-20250929", usage: chat.Usage{Input: 20, CachedInput: 5, CacheWrite: 3, Output: 89}}},
	} {
		t.Run(name, func(t *testing.T) {
			got := collect(send(t, newProvider(t, c.dialect, replay(t, stream(c.body)))))
			if got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
			// However the connection is cut short, half an answer is never a whole one.
			for cut := 1; cut < len(c.body); cut += 97 {
				got := collect(send(t, newProvider(t, c.dialect, replay(t, stream(c.body[:cut])))))
				if got.err == nil && got.finish == "" {
					t.Fatalf("cut at %d: %+v is taken for an answer", cut, got)
				}
			}
		})
	}
}

func TestWholeAnswerDespiteStream(t *testing.T) {
	url := replay(t, status(200, `{"id":"x","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1}}`, "Content-Type", "application/json"))
	got := collect(send(t, newProvider(t, "openai", url)))
	if got.text != "Hello" || got.finish != chat.FinishStop || got.usage.Input != 3 {
		t.Errorf("%+v", got)
	}
}

func TestFailures(t *testing.T) {
	for name, c := range map[string]struct {
		dialect string
		answer  func(http.ResponseWriter, *http.Request)
		code    chat.Code
	}{
		"bad key":          {"openai", status(401, `{"error":{"message":"Incorrect API key provided: key-of-ours"}}`), chat.CodeUpstreamAuth},
		"rate":             {"openai", status(429, `{"error":{"message":"slow down"}}`, "Retry-After", "7"), chat.CodeRateLimited},
		"too long":         {"openai", status(400, `{"error":{"message":"This model's maximum context length is 8192 tokens","code":"context_length_exceeded"}}`), chat.CodeContextTooLong},
		"bad request":      {"openai", status(400, `{"error":{"message":"tools must be a list"}}`), chat.CodeInvalidRequest},
		"no such model":    {"openai", status(404, `{"error":{"message":"no such model"}}`), chat.CodeNotFound},
		"error page":       {"openai", status(502, `<html>Bad Gateway</html>`), chat.CodeUpstream},
		"redirect":         {"openai", status(307, ``, "Location", "http://127.0.0.1:1/"), chat.CodeUpstream},
		"garbage":          {"openai", stream("data: {oops\n\n"), chat.CodeUpstream},
		"a web page":       {"openai", status(200, `<html>Hello</html>`, "Content-Type", "text/html"), chat.CodeUpstream},
		"whole garbage":    {"openai", status(200, `{"ok":true}`, "Content-Type", "application/json"), chat.CodeUpstream},
		"error in stream":  {"openai", stream("data: {\"error\":{\"message\":\"overloaded\"}}\n\n"), chat.CodeOverloaded},
		"broken later":     {"openai", stream("data: {\"choices\":[{\"delta\":{\"content\":\"a\"}}]}\n\ndata: {\"error\":{\"message\":\"x\"}}\n\n"), chat.CodeStreamBroken},
		"anthropic rate":   {"anthropic", status(429, `{"type":"error","error":{"type":"rate_limit_error","message":"slow"}}`), chat.CodeRateLimited},
		"anthropic busy":   {"anthropic", status(529, `{"type":"error","error":{"type":"overloaded_error","message":"busy"}}`), chat.CodeOverloaded},
		"anthropic stream": {"anthropic", stream("event: error\ndata: {\"type\":\"error\",\"error\":{\"type\":\"overloaded_error\",\"message\":\"busy\"}}\n\n"), chat.CodeOverloaded},
		"anthropic 500":    {"anthropic", status(500, ``), chat.CodeUpstream},
	} {
		t.Run(name, func(t *testing.T) {
			got := collect(send(t, newProvider(t, c.dialect, replay(t, c.answer))))
			if got.err == nil || got.err.Code != c.code || got.err.Provider != "up" {
				t.Fatalf("got %+v, want code %s", got.err, c.code)
			}
			if strings.Contains(got.err.Error(), "key-of-ours") {
				t.Errorf("the message holds our key: %s", got.err)
			}
			if c.code == chat.CodeRateLimited && c.dialect == "openai" && got.err.RetryAfter != 7*time.Second {
				t.Errorf("Retry-After was lost: %v", got.err.RetryAfter)
			}
		})
	}
}

func TestModels(t *testing.T) {
	up := providertest.New(t, "m1", "models/gemini-x")
	names, err := newProvider(t, "openai", up.URL()).Models(t.Context())
	if err != nil || strings.Join(names, " ") != "m1 gemini-x" {
		t.Errorf("%v %v", names, err)
	}
}

// pipe is a transport whose answers are written by the test, in memory, so that time can be the test's own.
type pipe struct{ r *io.PipeReader }

func (p pipe) RoundTrip(req *http.Request) (*http.Response, error) {
	context.AfterFunc(req.Context(), func() { p.r.CloseWithError(req.Context().Err()) })
	return &http.Response{StatusCode: http.StatusOK, Header: http.Header{"Content-Type": {"text/event-stream"}}, Body: p.r, Request: req}, nil
}

// TestTimeouts: what counts is how long the provider is waited for, not how long the caller takes between two pieces.
func TestTimeouts(t *testing.T) {
	const chunk = `data: {"id":"x","choices":[{"index":0,"delta":{"content":"a"}}]}` + "\n\n"
	const comment = ": still here\n\n"
	for name, c := range map[string]struct {
		server  []string      // what is sent
		every   time.Duration // before each of it
		caller  time.Duration // that the caller takes with each piece
		pieces  int           // that arrive
		code    chat.Code
		elapsed time.Duration
	}{
		"in time":              {[]string{chunk, chunk, "data: [DONE]\n\n"}, 4 * time.Second, 0, 2, "", 12 * time.Second},
		"a slow caller":        {[]string{chunk, chunk, "data: [DONE]\n\n"}, time.Second, time.Minute, 2, "", 121 * time.Second},
		"late first token":     {[]string{chunk}, 11 * time.Second, 0, 0, chat.CodeTimeout, 10 * time.Second},
		"comments are no life": {[]string{comment, comment, comment, chunk}, 4 * time.Second, 0, 0, chat.CodeTimeout, 10 * time.Second},
		"late second token":    {[]string{chunk, comment, chunk}, 4 * time.Second, 0, 1, chat.CodeStreamBroken, 9 * time.Second},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				r, w := io.Pipe()
				p, err := provider.New(provider.Config{Name: "up", Dialect: "openai", BaseURL: "http://up", FirstTokenTimeout: 10 * time.Second, IdleTimeout: 5 * time.Second}, &http.Client{Transport: pipe{r}})
				if err != nil {
					t.Fatal(err)
				}
				begun := time.Now()
				s, err := send(t, p)
				if err != nil {
					t.Fatal(err)
				}
				var wg sync.WaitGroup
				defer wg.Wait()
				left := make(chan struct{})
				defer close(left)
				defer s.Close()
				wg.Go(func() {
					for _, data := range c.server {
						select {
						case <-time.After(c.every):
						case <-left:
							return
						}
						if _, err := io.WriteString(w, data); err != nil {
							return // the caller is gone
						}
					}
				})
				pieces := 0
				for {
					ev, err := s.Next()
					if errors.Is(err, io.EOF) {
						if c.code != "" {
							t.Error("a whole answer")
						}
						break
					}
					if err != nil {
						if e := chat.AsError(err); e.Code != c.code {
							t.Errorf("%v (%s), want %s", e, e.Code, c.code)
						}
						break
					}
					if ev.Text != "" {
						pieces++
					}
					<-time.After(c.caller)
				}
				if elapsed := time.Since(begun); pieces != c.pieces || elapsed != c.elapsed {
					t.Errorf("%d pieces in %v, want %d in %v", pieces, elapsed, c.pieces, c.elapsed)
				}
			})
		})
	}
}

// TestTimeoutOfOnePiece: an answer that is not streamed has longer, since nothing of it comes before all of it.
func TestTimeoutOfOnePiece(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		up := roundTrip(func(r *http.Request) (*http.Response, error) {
			<-r.Context().Done()
			return nil, context.Cause(r.Context())
		})
		p, err := provider.New(provider.Config{Name: "up", Dialect: "openai", BaseURL: "http://up", FirstTokenTimeout: 10 * time.Second}, &http.Client{Transport: up})
		if err != nil {
			t.Fatal(err)
		}
		begun := time.Now()
		_, err = p.Send(t.Context(), &chat.Request{Model: "m", Messages: []chat.Message{chat.NewText(chat.User, "hi")}})
		if e := chat.AsError(err); e.Code != chat.CodeTimeout || !strings.Contains(e.Message, "50s") || time.Since(begun) != 50*time.Second {
			t.Errorf("%v after %v", err, time.Since(begun))
		}
	})
}

type roundTrip func(*http.Request) (*http.Response, error)

func (f roundTrip) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

func TestKeyDoesNotFollowRedirects(t *testing.T) {
	asked := false
	other := replay(t, func(http.ResponseWriter, *http.Request) { asked = true })
	client := &http.Client{Transport: &http.Transport{DisableKeepAlives: true}} // follows redirects by itself
	p, err := provider.New(provider.Config{Name: "up", Dialect: "openai", BaseURL: replay(t, status(307, "", "Location", other)), APIKey: "k"}, client)
	if err != nil {
		t.Fatal(err)
	}
	if got := collect(send(t, p)); got.err == nil || got.err.Code != chat.CodeUpstream || asked {
		t.Errorf("%v; asked elsewhere: %v", got.err, asked)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, cfg := range []provider.Config{{Dialect: "klingon", BaseURL: "http://x"}, {Dialect: "openai", BaseURL: "ftp://x"}, {Dialect: "openai", BaseURL: "x"}} {
		if _, err := provider.New(cfg, nil); err == nil {
			t.Errorf("%+v was accepted", cfg)
		}
	}
}
