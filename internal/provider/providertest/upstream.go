// Package providertest is a model server for tests: it speaks chat completions, responses, messages and Gemini over a real
// socket, answers by script, and remembers what it was asked. Conformance holds what calls model servers against it.
package providertest

import (
	"encoding/json"
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
	Model  string          // that is asked
	Stream bool            // a stream is asked for
	Done   <-chan struct{} // closed when the answer has ended, in whatever way
}

// Field returns a top-level field of the body as JSON, "" where it is missing.
func (r *Request) Field(name string) string { return field(r.Body, name) }

func field(body []byte, name string) string {
	var fields map[string]json.RawMessage
	if json.Unmarshal(body, &fields) != nil {
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
	mux.HandleFunc("POST /v1/chat/completions", u.chat(openaiWire{}))
	mux.HandleFunc("POST /v1/messages", u.chat(anthropicWire{}))
	mux.HandleFunc("POST /v1/responses", u.chat(responsesWire{}))
	mux.HandleFunc("POST /v1beta/models/{call}", u.chat(geminiWire{}))
	mux.HandleFunc("GET /v1beta/models", u.list)
	for _, path := range []string{"/v1/embeddings", "/v1/rerank", "/v1/moderations"} {
		mux.HandleFunc("POST "+path, u.chat(openaiWire{})) // with Body
	}
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

func (u *Upstream) chat(speak wire) http.HandlerFunc {
	return func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			return
		}
		done := make(chan struct{})
		defer close(done)
		req := &Request{Header: r.Header, Body: body, Done: done, Model: strings.Trim(field(body, "model"), `"`), Stream: field(body, "stream") == "true"}
		if model, method, ok := strings.Cut(r.PathValue("call"), ":"); ok {
			req.Model, req.Stream = model, method == "streamGenerateContent"
		}
		u.mu.Lock()
		u.requests = append(u.requests, req)
		close(u.arrived)
		u.arrived = make(chan struct{})
		f := u.answer
		u.mu.Unlock()
		f(req)(&conversation{w: w, wire: speak, left: r.Context().Done(), closed: u.closed, stream: req.Stream})
	}
}

func (u *Upstream) list(w http.ResponseWriter, _ *http.Request) {
	data := []map[string]any{} // in the words of all dialects
	for _, m := range u.models {
		data = append(data, map[string]any{"id": m, "object": "model", "created": 1, "owned_by": "test", "name": "models/" + m})
	}
	if err := json.NewEncoder(w).Encode(map[string]any{"object": "list", "data": data, "models": data}); err != nil {
		panic(http.ErrAbortHandler) // the client is gone
	}
}
