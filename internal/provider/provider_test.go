package provider_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/provider"
	"github.com/dragoman/dragoman/internal/provider/providertest"
)

func TestMain(m *testing.M) { goleak.VerifyTestMain(m) }

// replay serves recorded responses: what a provider sent, byte for byte, as the n-th answer.
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
	return &chat.Request{Model: "m", Messages: []chat.Message{chat.NewText(chat.System, "be brief"), chat.NewText(chat.User, "hi")}}
}

// result is a whole stream.
type result struct {
	text, args string
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

const openaiStream = `: keep-alive

data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"m-2025","choices":[{"index":0,"delta":{"role":"assistant","content":"","refusal":null},"logprobs":null,"finish_reason":null}]}

data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"m-2025","choices":[{"index":0,"delta":{"content":"Hel"},"finish_reason":null}]}

data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"m-2025","choices":[{"index":0,"delta":{"content":"lo"},"finish_reason":null}]}

data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"m-2025","choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}

data: {"id":"c1","object":"chat.completion.chunk","created":1,"model":"m-2025","choices":[],"usage":{"prompt_tokens":20,"completion_tokens":5,"total_tokens":25,"prompt_tokens_details":{"cached_tokens":8},"completion_tokens_details":{"reasoning_tokens":2}}}

data: [DONE]

`

const openaiTools = `data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"role":"assistant","content":null,"tool_calls":[{"index":0,"id":"call_1","type":"function","function":{"name":"get","arguments":""}}]},"finish_reason":null}]}

data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"{\"a\":"}}]},"finish_reason":null}]}

data: {"id":"c","model":"m","choices":[{"index":0,"delta":{"tool_calls":[{"index":0,"function":{"arguments":"1}"}}]},"finish_reason":null}]}

data: {"id":"c","model":"m","choices":[{"index":0,"delta":{},"finish_reason":"tool_calls"}]}

data: [DONE]

`

const anthropicStream = `event: message_start
data: {"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[],"stop_reason":null,"usage":{"input_tokens":12,"cache_creation_input_tokens":3,"cache_read_input_tokens":5,"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"thinking","thinking":""}}

event: content_block_delta
data: {"type":"content_block_delta","index":0,"delta":{"type":"thinking_delta","thinking":"hm"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: content_block_start
data: {"type":"content_block_start","index":1,"content_block":{"type":"text","text":""}}

event: ping
data: {"type": "ping"}

event: content_block_delta
data: {"type":"content_block_delta","index":1,"delta":{"type":"text_delta","text":"Hello"}}

event: content_block_stop
data: {"type":"content_block_stop","index":1}

event: content_block_start
data: {"type":"content_block_start","index":2,"content_block":{"type":"tool_use","id":"toolu_1","name":"get","input":{}}}

event: content_block_delta
data: {"type":"content_block_delta","index":2,"delta":{"type":"input_json_delta","partial_json":"{\"a\":1}"}}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"tool_use","stop_sequence":null},"usage":{"output_tokens":15}}

event: message_stop
data: {"type":"message_stop"}

`

func TestRecordedStreams(t *testing.T) {
	for name, c := range map[string]struct {
		dialect, body string
		want          result
	}{
		"openai":       {"openai", openaiStream, result{text: "Hello", finish: chat.FinishStop, model: "m-2025", usage: chat.Usage{Input: 20, Output: 5, CachedInput: 8, Reasoning: 2}}},
		"openai tools": {"openai", openaiTools, result{args: `get{"a":1}`, finish: chat.FinishToolCalls, model: "m"}},
		"no [DONE]":    {"openai", strings.Replace(openaiStream, "data: [DONE]\n\n", "", 1), result{text: "Hello", finish: chat.FinishStop, model: "m-2025", usage: chat.Usage{Input: 20, Output: 5, CachedInput: 8, Reasoning: 2}}},
		"anthropic":    {"anthropic", anthropicStream, result{text: "Hello", args: `get{"a":1}`, finish: chat.FinishToolCalls, model: "claude-x", usage: chat.Usage{Input: 20, CachedInput: 5, CacheWrite: 3, Output: 15}}},
	} {
		t.Run(name, func(t *testing.T) {
			got := collect(newProvider(t, c.dialect, replay(t, stream(c.body))).Stream(t.Context(), request()))
			if got != c.want {
				t.Errorf("got  %+v\nwant %+v", got, c.want)
			}
			// However the connection is cut short, half an answer is never a whole one.
			for cut := 1; cut < len(c.body); cut += 97 {
				got := collect(newProvider(t, c.dialect, replay(t, stream(c.body[:cut]))).Stream(t.Context(), request()))
				if got.err == nil && got.finish == "" {
					t.Fatalf("cut at %d: %+v is taken for an answer", cut, got)
				}
			}
		})
	}
}

func TestWholeAnswerDespiteStream(t *testing.T) {
	url := replay(t, status(200, `{"id":"x","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hello"},"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":1}}`, "Content-Type", "application/json"))
	got := collect(newProvider(t, "openai", url).Stream(t.Context(), request()))
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
			got := collect(newProvider(t, c.dialect, replay(t, c.answer)).Stream(t.Context(), request()))
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

func TestUnreachable(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	url := s.URL
	s.Close()
	if got := collect(newProvider(t, "openai", url).Stream(t.Context(), request())); got.err == nil || got.err.Code != chat.CodeUpstream {
		t.Errorf("%+v", got.err)
	}
}

func TestSilence(t *testing.T) {
	up := providertest.New(t)
	for name, c := range map[string]struct {
		answer providertest.Answer
		code   chat.Code
	}{"before the first token": {providertest.Stall(), chat.CodeTimeout}, "after it": {providertest.Stall("a", "b"), chat.CodeStreamBroken}} {
		t.Run(name, func(t *testing.T) {
			up.Script(c.answer)
			client := provider.NewClient()
			defer client.CloseIdleConnections()
			p, err := provider.New(provider.Config{Name: "up", Dialect: "openai", BaseURL: up.URL(), FirstTokenTimeout: 300 * time.Millisecond, IdleTimeout: 100 * time.Millisecond}, client)
			if err != nil {
				t.Fatal(err)
			}
			if got := collect(p.Stream(t.Context(), request())); got.err == nil || got.err.Code != c.code {
				t.Errorf("%+v", got)
			}
		})
	}
}

func TestCallerLeaves(t *testing.T) {
	up := providertest.New(t)
	up.Script(providertest.Stall("a"))
	ctx, cancel := context.WithCancel(t.Context())
	s, err := newProvider(t, "openai", up.URL()).Stream(ctx, request())
	if err != nil {
		t.Fatal(err)
	}
	defer s.Close()
	for {
		ev, err := s.Next()
		if err != nil {
			t.Fatal(err)
		}
		if ev.Text != "" {
			break
		}
	}
	cancel()
	if _, err := s.Next(); chat.AsError(err).Code != chat.CodeCancelled {
		t.Errorf("%v", err)
	}
	<-up.Requests()[0].Done // the upstream learns of it
}

// fake is an upstream in memory, for what Open does with time.
type fake struct {
	name  string
	errs  []error // of the first requests
	asked int
}

func (f *fake) Name() string { return f.name }

func (f *fake) Stream(_ context.Context, r *chat.Request) (chat.Stream, error) {
	f.asked++
	if f.asked <= len(f.errs) {
		return nil, f.errs[f.asked-1]
	}
	return &once{evs: []chat.Event{{ID: "x"}, {Text: f.name + "/" + r.Model}, {Finish: chat.FinishStop}}}, nil
}

type once struct{ evs []chat.Event }

func (o *once) Next() (chat.Event, error) {
	if len(o.evs) == 0 {
		return chat.Event{}, io.EOF
	}
	ev := o.evs[0]
	o.evs = o.evs[1:]
	return ev, nil
}

func (o *once) Close() error { return nil }

func fail(code chat.Code, after time.Duration) error {
	return &chat.Error{Code: code, Message: "no", RetryAfter: after}
}

func TestOpen(t *testing.T) {
	for name, c := range map[string]struct {
		first    []error
		text     string
		code     chat.Code
		attempts int
		waited   time.Duration
	}{
		"at once":           {nil, "a/m1", "", 1, 0},
		"a retry":           {[]error{fail(chat.CodeOverloaded, 0)}, "a/m1", "", 2, 250 * time.Millisecond},
		"as asked":          {[]error{fail(chat.CodeRateLimited, 3*time.Second)}, "a/m1", "", 2, 3 * time.Second},
		"retries used up":   {[]error{fail(chat.CodeUpstream, 0), fail(chat.CodeUpstream, 0), fail(chat.CodeUpstream, 0)}, "b/m2", "", 4, 750 * time.Millisecond},
		"too long to wait":  {[]error{fail(chat.CodeRateLimited, time.Minute)}, "b/m2", "", 2, 0},
		"bad key":           {[]error{fail(chat.CodeUpstreamAuth, 0)}, "b/m2", "", 2, 0},
		"context too long":  {[]error{fail(chat.CodeContextTooLong, 0)}, "b/m2", "", 2, 0},
		"a faulty request":  {[]error{fail(chat.CodeInvalidRequest, 0)}, "", chat.CodeInvalidRequest, 1, 0},
		"an internal error": {[]error{errors.New("x")}, "b/m2", "", 2, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				a, b := &fake{name: "a", errs: c.first}, &fake{name: "b"}
				open, settled := 0, 0
				begun := time.Now()
				s, _, attempts, err := provider.Open(t.Context(), []provider.Target{{Upstream: a, Model: "m1"}, {Upstream: b, Model: "m2"}}, request(), provider.Options{
					Retries: 2, Now: time.Now, Jitter: func() float64 { return 1 },
					Dispatch: func(context.Context, provider.Target, int) (func(provider.Outcome), error) {
						open++
						return func(provider.Outcome) { settled++ }, nil
					},
				})
				got := collect(s, err)
				if got.text != c.text || c.code != "" && (got.err == nil || got.err.Code != c.code) || len(attempts) != c.attempts {
					t.Errorf("got %+v after %d attempts %+v", got, len(attempts), attempts)
				}
				if waited := time.Since(begun); waited != c.waited {
					t.Errorf("waited %v, want %v", waited, c.waited)
				}
				if open != c.attempts || settled != open {
					t.Errorf("%d dispatched, %d settled, %d attempts", open, settled, c.attempts)
				}
			})
		})
	}
}

func TestOpenAllFail(t *testing.T) {
	a, b := &fake{name: "a", errs: []error{fail(chat.CodeUpstreamAuth, 0)}}, &fake{name: "b", errs: []error{fail(chat.CodeNotFound, 0)}}
	_, _, _, err := provider.Open(t.Context(), []provider.Target{{Upstream: a, Model: "m1"}, {Upstream: b, Model: "m2"}}, request(), provider.Options{Now: time.Now, Dispatch: settled})
	if e := chat.AsError(err); e.Code != chat.CodeNotFound || !strings.Contains(e.Message, "a/m1, b/m2") {
		t.Errorf("%v", err)
	}
	if _, _, _, err := provider.Open(t.Context(), nil, request(), provider.Options{Now: time.Now, Dispatch: settled}); chat.AsError(err).Code != chat.CodeUnavailable {
		t.Errorf("%v", err)
	}
}

func settled(context.Context, provider.Target, int) (func(provider.Outcome), error) {
	return func(provider.Outcome) {}, nil
}

func TestOpenRefused(t *testing.T) {
	a := &fake{name: "a"}
	no := errors.New("no money")
	_, _, _, err := provider.Open(t.Context(), []provider.Target{{Upstream: a, Model: "m"}}, request(), provider.Options{Now: time.Now,
		Dispatch: func(context.Context, provider.Target, int) (func(provider.Outcome), error) { return nil, no }})
	if !errors.Is(err, no) || a.asked != 0 {
		t.Errorf("%v, asked %d times", err, a.asked)
	}
}

func TestClosingEarlySettlesOnce(t *testing.T) {
	n := 0
	s, _, _, err := provider.Open(t.Context(), []provider.Target{{Upstream: &fake{name: "a"}, Model: "m"}}, request(), provider.Options{Now: time.Now,
		Dispatch: func(context.Context, provider.Target, int) (func(provider.Outcome), error) {
			return func(o provider.Outcome) {
				n++
				if o.Err == nil || o.Err.Code != chat.CodeCancelled {
					t.Errorf("%+v", o)
				}
			}, nil
		}})
	if err != nil {
		t.Fatal(err)
	}
	s.Close()
	s.Close()
	if n != 1 {
		t.Errorf("settled %d times", n)
	}
}

func TestModels(t *testing.T) {
	up := providertest.New(t, "m1", "models/gemini-x")
	names, err := newProvider(t, "openai", up.URL()).Models(t.Context())
	if err != nil || strings.Join(names, " ") != "m1 gemini-x" {
		t.Errorf("%v %v", names, err)
	}
}

func TestNewRefuses(t *testing.T) {
	for _, cfg := range []provider.Config{{Dialect: "klingon", BaseURL: "http://x"}, {Dialect: "openai", BaseURL: "ftp://x"}, {Dialect: "openai", BaseURL: "x"}} {
		if _, err := provider.New(cfg, nil); err == nil {
			t.Errorf("%+v was accepted", cfg)
		}
	}
}
