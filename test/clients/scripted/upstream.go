package scripted

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"time"
)

// Key is what the upstream wants to be called with.
const Key = "upstream-key"

// A face is one dialect.
type face interface {
	read(r *http.Request, body []byte) (Conversation, violations)
	whole(c *Conversation, s Step) any
	// stream returns an answer in two halves: up to the end of its text, and what follows.
	stream(c *Conversation, s Step) (text, rest []frame)
	failure(status int, message string) any
}

// frame is one event of a stream.
type frame struct {
	event string // its name, where the dialect has names
	data  any    // as JSON, or done
}

// bytes returns the event as it goes over the wire; Google ends lines with CRLF.
func (f frame) bytes(crlf bool) []byte {
	data := []byte("[DONE]")
	if f.data != done {
		var err error
		if data, err = json.Marshal(f.data); err != nil {
			panic(err) // an answer of the script that is no JSON
		}
	}
	end := "\n"
	if crlf {
		end = "\r\n"
	}
	var b []byte
	if f.event != "" {
		b = fmt.Appendf(b, "event: %s%s", f.event, end)
	}
	return fmt.Appendf(b, "data: %s%s%s", data, end, end)
}

type doneMark struct{}

// done is the end mark of chat completions.
var done = doneMark{}

// Request is one that arrived.
type Request struct {
	Method, URL string
	Header      http.Header
	Body        []byte
	Status      int  // that it was answered with
	Model       bool // a model was asked, and not only a list or a count
}

// Upstream is a running server.
type Upstream struct {
	URL string

	server   *httptest.Server
	script   Script
	mu       sync.Mutex
	wrong    []string
	requests []Request
	hung     int           // answers that hang
	left     int           // those of them whose caller left
	change   chan struct{} // closed and replaced when left changes
}

// Start starts a server. The caller closes it.
func Start(script Script) *Upstream {
	u := &Upstream{script: script, change: make(chan struct{})}
	mux := http.NewServeMux()
	mux.Handle("POST /v1/chat/completions", u.answer("openai", chat{}))
	mux.Handle("POST /v1/responses", u.answer("responses", responses{}))
	mux.Handle("POST /v1/messages", u.answer("anthropic", messages{}))
	mux.Handle("POST /v1/messages/count_tokens", u.count("anthropic", messages{}))
	mux.Handle("POST /v1/completions", u.answer("completions", completions{}))
	mux.Handle("POST /v1/embeddings", u.other(embeddings))
	mux.Handle("POST /v1/moderations", u.other(moderations))
	mux.Handle("POST /v1/rerank", u.other(rerank))
	mux.Handle("GET /v1/models", u.other(models))
	mux.Handle("GET /v1beta/models", u.other(models))
	for _, version := range []string{"v1", "v1beta"} { // the vendor's SDKs call the first, Gemini CLI the second
		mux.HandleFunc("POST /"+version+"/models/{rest}", u.google)
	}
	mux.HandleFunc("HEAD /{$}", func(_ http.ResponseWriter, r *http.Request) { u.keep(r, nil, http.StatusOK) }) // Claude Code looks whether anyone is there
	mux.HandleFunc("/", u.unknown)
	u.server = httptest.NewServer(mux)
	u.URL = u.server.URL
	return u
}

// google serves the methods of a Gemini model.
func (u *Upstream) google(w http.ResponseWriter, r *http.Request) {
	model, method, _ := strings.Cut(r.PathValue("rest"), ":")
	r.SetPathValue("model", model)
	switch method {
	case "generateContent", "streamGenerateContent":
		u.answer("gemini", gemini{}).ServeHTTP(w, r)
	case "countTokens":
		u.count("gemini", gemini{}).ServeHTTP(w, r)
	case "embedContent", "batchEmbedContents":
		u.other(geminiEmbeddings).ServeHTTP(w, r)
	default:
		u.unknown(w, r)
	}
}

// Close ends the server; requests that hang are left.
func (u *Upstream) Close() {
	u.server.CloseClientConnections()
	u.server.Close()
}

// Violations returns what a vendor would have refused, each with the request it was found in.
func (u *Upstream) Violations() []string {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]string(nil), u.wrong...)
}

// Requests returns what arrived, in order.
func (u *Upstream) Requests() []Request {
	u.mu.Lock()
	defer u.mu.Unlock()
	return append([]Request(nil), u.requests...)
}

// Left waits until all hanging answers have been left by their callers, and says how many there were.
func (u *Upstream) Left(ctx context.Context) (int, error) {
	for {
		u.mu.Lock()
		hung, left, change := u.hung, u.left, u.change
		u.mu.Unlock()
		if left == hung {
			return hung, nil
		}
		select {
		case <-change:
		case <-ctx.Done():
			return left, fmt.Errorf("%d of %d hanging answers were left: %w", left, hung, ctx.Err())
		}
	}
}

func (u *Upstream) wronged(r *http.Request, what ...string) {
	u.mu.Lock()
	defer u.mu.Unlock()
	for _, w := range what {
		u.wrong = append(u.wrong, fmt.Sprintf("request %d, %s %s: %s", len(u.requests)+1, r.Method, r.URL.Path, w))
	}
}

func (u *Upstream) keep(r *http.Request, body []byte, status int) { u.record(r, body, status, false) }

func (u *Upstream) record(r *http.Request, body []byte, status int, model bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.requests = append(u.requests, Request{Method: r.Method, URL: r.URL.String(), Header: r.Header.Clone(), Body: body, Status: status, Model: model})
}

// maxBody is more than any client of the tests sends, in bytes.
const maxBody = 32 << 20

// received reads a request and checks whose key it carries.
func (u *Upstream) received(r *http.Request) []byte {
	body, err := io.ReadAll(io.LimitReader(r.Body, maxBody))
	if err != nil {
		u.wronged(r, err.Error())
	}
	keys := 0
	for _, key := range []string{strings.TrimPrefix(r.Header.Get("Authorization"), "Bearer "), r.Header.Get("x-api-key"), r.Header.Get("x-goog-api-key"), r.URL.Query().Get("key")} {
		switch key {
		case "":
		case Key:
			keys++
		default:
			u.wronged(r, fmt.Sprintf("a key that is not the upstream's: %.12s", key))
		}
	}
	if keys == 0 {
		u.wronged(r, "no key")
	}
	return body
}

func (u *Upstream) unknown(w http.ResponseWriter, r *http.Request) {
	u.wronged(r, "nothing is there")
	u.keep(r, u.received(r), http.StatusNotFound)
	http.Error(w, `{"error":{"message":"nothing is there"}}`, http.StatusNotFound)
}

func send(w http.ResponseWriter, status int, body any) {
	w.Header().Set("Content-Type", "application/json")
	w.WriteHeader(status)
	_ = json.NewEncoder(w).Encode(body) // a caller that left is no matter here
}

// answer is the handler that asks the script.
func (u *Upstream) answer(name string, f face) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := u.received(r)
		c, wrong := f.read(r, body)
		c.Face = name
		if len(wrong) > 0 {
			u.wronged(r, wrong...)
			u.record(r, body, http.StatusBadRequest, true)
			send(w, http.StatusBadRequest, f.failure(http.StatusBadRequest, strings.Join(wrong, "; ")))
			return
		}
		s := u.script(&c)
		if s.Fail != nil {
			u.record(r, body, s.Fail.Status, true)
			if s.Fail.RetryAfter != "" {
				w.Header().Set("Retry-After", s.Fail.RetryAfter)
			}
			send(w, s.Fail.Status, f.failure(s.Fail.Status, s.Fail.Message))
			return
		}
		u.record(r, body, http.StatusOK, true)
		if !c.Stream && s.Break {
			panic(http.ErrAbortHandler)
		}
		if !c.Stream {
			send(w, http.StatusOK, f.whole(&c, s))
			return
		}
		u.stream(w, r, f, &c, s)
	})
}

func (u *Upstream) stream(w http.ResponseWriter, r *http.Request, f face, c *Conversation, s Step) {
	text, rest := f.stream(c, s)
	if s.Hang {
		u.mu.Lock()
		u.hung++
		u.mu.Unlock()
	}
	w.Header().Set("Content-Type", "text/event-stream")
	write := func(frames []frame) {
		for _, e := range frames {
			event := e.bytes(c.Face == "gemini")
			for _, half := range [][]byte{event[:len(event)/2], event[len(event)/2:]} { // wherever that cuts it
				_, _ = w.Write(half)
				_ = http.NewResponseController(w).Flush()
			}
		}
	}
	write(text)
	switch {
	case s.Break:
		panic(http.ErrAbortHandler)
	case s.Hang:
		<-r.Context().Done()
		u.mu.Lock()
		defer u.mu.Unlock()
		u.left++
		close(u.change)
		u.change = make(chan struct{})
		return
	}
	write(rest)
}

// created is when all that is listed here was made.
var created = time.Date(2025, 6, 15, 15, 6, 40, 0, time.UTC)
