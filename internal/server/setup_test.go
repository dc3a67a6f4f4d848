package server_test

import (
	"bufio"
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"github.com/dragoman/dragoman/internal/identity"
	"io"
	"log/slog"
	"net"
	"net/http"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"go.uber.org/goleak"

	"github.com/dragoman/dragoman/internal/app"
	"github.com/dragoman/dragoman/internal/engine/enginetest"
	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/internal/observe"
	"github.com/dragoman/dragoman/internal/provider"
	"github.com/dragoman/dragoman/internal/provider/providertest"
	"github.com/dragoman/dragoman/internal/server"
)

func TestMain(m *testing.M) {
	enginetest.Main()
	goleak.VerifyTestMain(m)
}

const backoff = `// Package retry sends requests again.
package retry

import "time"

// Delay doubles with each attempt, from 100 milliseconds to at most 30 seconds.
func Delay(attempt int) time.Duration {
	d := 100 * time.Millisecond << attempt
	if d > 30*time.Second || d <= 0 {
		return 30 * time.Second
	}
	return d
}
`

const readme = "# Shop\n\nSells things. Orders are kept for ten years, because the tax office wants it.\n"

// door is a whole server on a socket: a folder to answer from, and two scripted providers of which the second stands in for
// the first.
type door struct {
	t            *testing.T
	app          *app.App
	first, spare *providertest.Upstream
	url, key     string
	client       *http.Client
	server       *server.Server
	file         string       // the configuration
	stop         func() error // stops the server and returns what Serve returned; may be called twice
}

// options are what tests change.
type options struct {
	timeout time.Duration // of the first provider; 0 for a minute
	drain   time.Duration // 0 for ten seconds
	maxBody int64         // 0 for 1 MB
	retries int
	extra   string       // of dragoman.yaml
	first   string       // more of the first provider
	models  string       // one more model
	third   string       // one more provider
	log     slog.Handler // of the application
	doorLog slog.Handler // of the server
	metrics *observe.Metrics
}

func open(t *testing.T, o options) *door {
	t.Helper()
	if o.timeout == 0 {
		o.timeout = time.Minute
	}
	if o.drain == 0 {
		o.drain = 10 * time.Second
	}
	if o.maxBody == 0 {
		o.maxBody = 1 << 20
	}
	d := &door{t: t, first: providertest.New(t, "test-70b", "other"), spare: providertest.New(t, "test-70b")}
	dir := t.TempDir()
	write := func(name, text string) {
		path := filepath.Join(dir, name)
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, []byte(text), 0o644)); err != nil {
			t.Fatal(err)
		}
	}
	write("retry/backoff.go", backoff)
	write("README.md", readme)
	write("dragoman.yaml", fmt.Sprintf(`
model: big
providers:
  first: {base_url: %q, api_key: upstream-key, timeout: %s, %s prices: {test-70b: {input: 1, output: 3, cached_input: 0.5}}}
  spare: {base_url: %q, prices: {test-70b: {input: 1, output: 3, cached_input: 0.5}}}
  %s
models:
  big: {use: [first/test-70b, spare/test-70b]}
  %s
%s`, d.first.URL(), o.timeout, o.first, d.spare.URL(), o.third, o.models, o.extra))

	var log *slog.Logger
	serverLog := slog.New(slog.DiscardHandler)
	if o.log != nil {
		log = slog.New(o.log)
	}
	if o.doorLog != nil {
		serverLog = slog.New(o.doorLog)
	}
	upstreamClient := provider.NewClient()
	ap, err := app.Open(t.Context(), app.Options{
		Dir: dir, DataDir: t.TempDir(), Path: dir, Getenv: func(string) string { return "" }, Client: upstreamClient, Now: time.Now, Log: log, Metrics: o.metrics,
	})
	if err != nil {
		t.Fatal(err)
	}
	ap.Engine.Retries = o.retries
	if err := ap.StartBooks(t.Context(), slog.New(slog.DiscardHandler)); err != nil {
		t.Fatal(err)
	}
	d.app, d.file = ap, filepath.Join(dir, "dragoman.yaml")
	if d.key, _, err = ap.Keys.Create(t.Context(), "test", identity.Grants{}, time.Time{}); err != nil {
		t.Fatal(err)
	}
	ln, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	d.url = "http://" + ln.Addr().String()
	s := server.New(server.Options{
		State: server.State{Engine: ap.Engine, Assistants: ap.Definitions(), Policy: ap.Policy(), Models: ap.Models, Counter: ap.Counter(), Library: ap.Library(), May: ap.May(), Operator: ap.Operator(), Sees: ap.Sees(), MCP: ap.MCP("test", nil, serverLog)},
		Keys:  ap.Keys, Traces: ap, Responses: ap.Store, Sessions: ap.Sessions, Memories: ap.Memories, Feedback: ap.Feedback, Audit: ap.Audit, Ready: ap.Ready, Metrics: ap.Metrics,
		Log: serverLog, Now: time.Now, MaxBody: o.maxBody, Drain: o.drain,
	})
	d.server = s
	ctx, cancel := context.WithCancel(context.WithoutCancel(t.Context()))
	served := make(chan error, 1)
	go func() { served <- s.Serve(ctx, ln) }()
	transport := &http.Transport{}
	d.client = &http.Client{Transport: transport}
	d.stop = sync.OnceValue(func() error {
		cancel()
		return <-served
	})
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := d.stop(); err != nil {
			t.Errorf("the server stopped with %v", err)
		}
		if err := ap.Close(); err != nil {
			t.Error(err)
		}
		upstreamClient.CloseIdleConnections()
	})
	return d
}

// reload changes the configuration of the running server, as serve does.
func (d *door) reload(file string) error {
	if err := os.WriteFile(d.file, []byte(file), 0o600); err != nil {
		return err
	}
	if err := d.app.Reload(d.t.Context()); err != nil {
		return err
	}
	d.server.Use(server.State{Engine: d.app.Engine, Assistants: d.app.Definitions(), Policy: d.app.Policy(), Models: d.app.Models, Counter: d.app.Counter(), Library: d.app.Library()})
	return nil
}

// do sends a request with the door's key; body may be nil.
func (d *door) do(ctx context.Context, method, path, key string, body []byte) *http.Response {
	d.t.Helper()
	resp, err := d.try(ctx, method, path, key, body)
	if err != nil {
		d.t.Fatal(err)
	}
	return resp
}

func (d *door) try(ctx context.Context, method, path, key string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, d.url+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	if key != "" {
		req.Header.Set("Authorization", "Bearer "+key)
	}
	return d.client.Do(req)
}

type object = map[string]any

// ask is a chat completion request of one user message.
func ask(model, question string, more object) []byte {
	o := object{"model": model, "messages": []object{{"role": "user", "content": question}}}
	for k, v := range more {
		o[k] = v
	}
	b, err := json.Marshal(o)
	if err != nil {
		panic(err)
	}
	return b
}

// answer is what a caller makes of a response, streamed or whole.
type answer struct {
	status      int
	header      http.Header
	text        string
	calls       []call
	finish      string
	annotations []annotation
	usage       *usage
	dragoman    map[string]any
	failure     *failure
	done        bool // a stream's [DONE] came
}

type call struct {
	ID       string
	Function struct{ Name, Arguments string }
}

type annotation struct {
	URLCitation struct {
		Start int `json:"start_index"`
		End   int `json:"end_index"`
		URL   string
		Title string
	} `json:"url_citation"`
}

type usage struct {
	Prompt     int `json:"prompt_tokens"`
	Completion int `json:"completion_tokens"`
	Details    struct {
		Cached int `json:"cached_tokens"`
	} `json:"prompt_tokens_details"`
}

type failure struct{ Message, Type, Code, Param, Trace string }

type message struct {
	Content   string
	ToolCalls []struct {
		Index int
		call
	} `json:"tool_calls"`
	Annotations []annotation
}

type reply struct {
	Choices []struct {
		Message, Delta message
		FinishReason   string `json:"finish_reason"`
	}
	Usage    *usage
	Dragoman map[string]any
	Error    *failure
}

// chat sends a chat completion request and reads its answer to the end.
func (d *door) chat(body []byte) *answer {
	d.t.Helper()
	resp := d.do(d.t.Context(), "POST", "/v1/chat/completions", d.key, body)
	defer resp.Body.Close()
	a, err := read(resp)
	if err != nil {
		d.t.Fatal(err)
	}
	return a
}

// read reads an answer to its end.
func read(resp *http.Response) (*answer, error) {
	a := &answer{status: resp.StatusCode, header: resp.Header}
	if !strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		data, err := io.ReadAll(resp.Body)
		if err != nil {
			return nil, err
		}
		return a, a.add(data)
	}
	lines := bufio.NewScanner(resp.Body)
	lines.Buffer(nil, 1<<20)
	for lines.Scan() {
		data, ok := strings.CutPrefix(lines.Text(), "data: ")
		switch {
		case !ok:
		case data == "[DONE]":
			a.done = true
		default:
			if err := a.add([]byte(data)); err != nil {
				return nil, err
			}
		}
	}
	return a, lines.Err()
}

func (a *answer) add(data []byte) error {
	var r reply
	if err := json.Unmarshal(data, &r); err != nil {
		return fmt.Errorf("%w in %s", err, data)
	}
	for _, c := range r.Choices {
		for _, m := range []message{c.Message, c.Delta} {
			a.text += m.Content
			a.annotations = append(a.annotations, m.Annotations...)
			for _, t := range m.ToolCalls {
				for len(a.calls) <= t.Index {
					a.calls = append(a.calls, call{})
				}
				into := &a.calls[t.Index]
				into.ID += t.ID
				into.Function.Name += t.Function.Name
				into.Function.Arguments += t.Function.Arguments
			}
		}
		if c.FinishReason != "" {
			a.finish = c.FinishReason
		}
	}
	if r.Usage != nil {
		a.usage = r.Usage
	}
	if r.Dragoman != nil {
		a.dragoman = r.Dragoman
	}
	if r.Error != nil {
		a.failure = r.Error
	}
	return nil
}

// books stops the server, so that every turn is over, and compares the books with what the providers were asked: one row
// for each request, none of them open.
func (d *door) books() ledger.Total {
	d.t.Helper()
	d.client.CloseIdleConnections()
	if err := d.stop(); err != nil {
		d.t.Errorf("the server stopped with %v", err)
	}
	if err := d.app.Flush(d.t.Context()); err != nil {
		d.t.Fatal(err)
	}
	totals, err := d.app.Ledger.Totals(d.t.Context(), time.Now().Add(-time.Hour), ledger.ByNothing)
	if err != nil {
		d.t.Fatal(err)
	}
	var sum ledger.Total
	if len(totals) > 0 {
		sum = totals[0]
	}
	if sent := int64(len(d.first.Requests()) + len(d.spare.Requests())); sum.Requests != sent || sum.Abandoned != 0 || sum.Open != 0 {
		d.t.Errorf("%d requests were sent, and the books have %+v", sent, sum)
	}
	return sum
}
