// Package providertest is a model server for tests: it speaks the OpenAI dialect over a real socket, answers by script, and
// remembers what it was asked.
package providertest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// Upstream is a scripted model server. It is safe for concurrent use.
type Upstream struct {
	server *httptest.Server
	closed chan struct{} // ends the answers that hang

	mu       sync.Mutex
	answer   func(*Request) Answer
	models   []string
	requests []*Request
	arrived  chan struct{} // closed and made anew with each request
}

// Request is what the server was asked.
type Request struct {
	Header http.Header
	Body   []byte
	Done   <-chan struct{} // closed when the answer has ended, in whatever way
}

// Field returns a top-level field of the body as JSON, "" where it is missing.
func (r *Request) Field(name string) string {
	var fields map[string]json.RawMessage
	if json.Unmarshal(r.Body, &fields) != nil {
		return ""
	}
	return string(fields[name])
}

// New starts a server that answers "ok" until a script is set. It is closed with the test, and its answers with it.
func New(t testing.TB, models ...string) *Upstream {
	t.Helper()
	u := &Upstream{closed: make(chan struct{}), models: models, arrived: make(chan struct{})}
	u.Handle(func(*Request) Answer { return Reply("ok") })
	mux := http.NewServeMux()
	mux.HandleFunc("POST /v1/chat/completions", u.chat)
	mux.HandleFunc("GET /v1/models", u.list)
	u.server = httptest.NewServer(mux)
	t.Cleanup(func() {
		close(u.closed)
		u.server.Close()
	})
	return u
}

// URL is the base URL, as a provider is configured with it.
func (u *Upstream) URL() string { return u.server.URL + "/v1" }

// Handle lets f choose the answer to each request.
func (u *Upstream) Handle(f func(*Request) Answer) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.answer = f
}

// Script answers the next requests in this order; the last answer is given to all that follow.
func (u *Upstream) Script(answers ...Answer) {
	var mu sync.Mutex
	u.Handle(func(*Request) Answer {
		mu.Lock()
		defer mu.Unlock()
		a := answers[0]
		if len(answers) > 1 {
			answers = answers[1:]
		}
		return a
	})
}

// Requests returns the chat requests so far, the earliest first.
func (u *Upstream) Requests() []*Request {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]*Request(nil), u.requests...)
}

// Await returns the nth chat request, from 0, once it has come.
func (u *Upstream) Await(t testing.TB, n int) *Request {
	t.Helper()
	for {
		u.mu.Lock()
		requests, arrived := u.requests, u.arrived
		u.mu.Unlock()
		if n < len(requests) {
			return requests[n]
		}
		select {
		case <-arrived:
		case <-t.Context().Done():
			t.Fatalf("request %d never came", n)
		}
	}
}

func (u *Upstream) chat(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	done := make(chan struct{})
	defer close(done)
	req := &Request{Header: r.Header, Body: body, Done: done}
	u.mu.Lock()
	u.requests = append(u.requests, req)
	close(u.arrived)
	u.arrived = make(chan struct{})
	f := u.answer
	u.mu.Unlock()
	f(req)(&conversation{w: w, left: r.Context().Done(), closed: u.closed})
}

func (u *Upstream) list(w http.ResponseWriter, _ *http.Request) {
	data := []map[string]any{}
	for _, m := range u.models {
		data = append(data, map[string]any{"id": m, "object": "model", "created": 1, "owned_by": "test"})
	}
	if err := json.NewEncoder(w).Encode(map[string]any{"object": "list", "data": data}); err != nil {
		panic(http.ErrAbortHandler) // the client is gone
	}
}

// conversation is one answer under way.
type conversation struct {
	w            http.ResponseWriter
	left, closed <-chan struct{}
	begun        bool
}

// event sends one event of the stream.
func (c *conversation) event(data string) {
	if !c.begun {
		c.w.Header().Set("Content-Type", "text/event-stream")
		c.begun = true
	}
	fmt.Fprintf(c.w, "data: %s\n\n", data)
	c.w.(http.Flusher).Flush()
}

func (c *conversation) delta(delta map[string]any, finish any) {
	b, err := json.Marshal(map[string]any{
		"id": "chatcmpl-test", "object": "chat.completion.chunk", "created": 1, "model": "test-model",
		"choices": []any{map[string]any{"index": 0, "delta": delta, "finish_reason": finish}},
	})
	if err != nil {
		panic(err)
	}
	c.event(string(b))
}

func (c *conversation) text(pieces []string) {
	for _, p := range pieces {
		c.delta(map[string]any{"content": p}, nil)
	}
}

// end finishes the stream with the usage that every answer here has.
func (c *conversation) end(finish string) {
	c.delta(map[string]any{}, finish)
	c.event(`{"id":"chatcmpl-test","object":"chat.completion.chunk","created":1,"model":"test-model","choices":[],` + Usage + `}`)
	c.event("[DONE]")
}

// Usage is what every whole answer reports, as a field of its JSON.
const Usage = `"usage":{"prompt_tokens":100,"completion_tokens":20,"total_tokens":120,"prompt_tokens_details":{"cached_tokens":40}}`

// wait blocks until the caller leaves or the test ends.
func (c *conversation) wait() {
	select {
	case <-c.left:
	case <-c.closed:
	}
}

// Answer is how the server treats a request.
type Answer func(*conversation)

// Reply streams the pieces and ends well.
func Reply(pieces ...string) Answer {
	return func(c *conversation) { c.text(pieces); c.end("stop") }
}

// Call streams one call of a tool, its arguments in the pieces given.
func Call(name string, arguments ...string) Answer {
	return func(c *conversation) {
		c.delta(map[string]any{"role": "assistant", "tool_calls": []any{map[string]any{"index": 0, "id": "call_1", "type": "function", "function": map[string]any{"name": name, "arguments": ""}}}}, nil)
		for _, a := range arguments {
			c.delta(map[string]any{"tool_calls": []any{map[string]any{"index": 0, "function": map[string]any{"arguments": a}}}}, nil)
		}
		c.end("tool_calls")
	}
}

// Fail answers with a failure status; header is "Name: value", each.
func Fail(status int, header ...string) Answer {
	return func(c *conversation) {
		c.w.Header().Set("Content-Type", "application/json")
		for _, h := range header {
			name, value, _ := strings.Cut(h, ": ")
			c.w.Header().Set(name, value)
		}
		c.w.WriteHeader(status)
		fmt.Fprintf(c.w, `{"error":{"message":"scripted failure %d","type":"test","code":null}}`, status)
	}
}

// Break streams the pieces, if any, and cuts the connection.
func Break(pieces ...string) Answer {
	return func(c *conversation) {
		if len(pieces) == 0 {
			c.delta(map[string]any{"role": "assistant"}, nil) // headers only: no token
		}
		c.text(pieces)
		panic(http.ErrAbortHandler)
	}
}

// Stall streams the pieces, if any, and then says nothing until the caller leaves.
func Stall(pieces ...string) Answer {
	return func(c *conversation) { c.text(pieces); c.wait() }
}

// Gate streams the pieces, waits until open is closed, and ends with the rest.
func Gate(open <-chan struct{}, pieces []string, rest ...string) Answer {
	return func(c *conversation) {
		c.text(pieces)
		select {
		case <-open:
		case <-c.left:
			return
		case <-c.closed:
			return
		}
		c.text(rest)
		c.end("stop")
	}
}

// Garbage answers with status 200 and what is no answer.
func Garbage() Answer {
	return func(c *conversation) {
		c.w.Header().Set("Content-Type", "text/event-stream")
		io.WriteString(c.w, "data: {\"choices\": [<html>\n\n")
	}
}
