package fidelity

import (
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
)

// upstream is a server that answers bytes that a test gives it.
type upstream struct {
	server  *httptest.Server
	arrived chan *asked // each request as it comes

	mu     sync.Mutex
	answer answer
	all    []*asked
}

// asked is a request that came.
type asked struct {
	path   string
	header http.Header
	body   string
	left   chan struct{} // closed when who asked has left before the answer was over
	over   chan struct{} // closed when the answer is over, in whatever way
}

// answer writes what a server says.
type answer func(w http.ResponseWriter, r *http.Request, a *asked)

func newUpstream(t *testing.T) *upstream {
	u := &upstream{arrived: make(chan *asked, 10_000)}
	u.server = httptest.NewServer(http.HandlerFunc(u.serve))
	t.Cleanup(func() {
		u.server.CloseClientConnections()
		u.server.Close()
	})
	return u
}

func (u *upstream) serve(w http.ResponseWriter, r *http.Request) {
	if r.Method == http.MethodGet { // lists of models
		http.NotFound(w, r)
		return
	}
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	a := &asked{path: r.URL.Path, header: r.Header.Clone(), body: string(body), left: make(chan struct{}), over: make(chan struct{})}
	u.mu.Lock()
	say := u.answer
	u.all = append(u.all, a)
	u.mu.Unlock()
	u.arrived <- a
	defer close(a.over)
	say(w, r, a)
}

// says sets the answer to all that follows.
func (u *upstream) says(a answer) {
	u.mu.Lock()
	defer u.mu.Unlock()
	u.answer = a
}

// requests are those that came.
func (u *upstream) requests() []*asked {
	u.mu.Lock()
	defer u.mu.Unlock()
	return u.all
}

// last is the request that came last.
func (u *upstream) last() *asked {
	all := u.requests()
	return all[len(all)-1]
}

// whole answers with JSON.
func whole(body string, header ...string) answer { return status(http.StatusOK, body, header...) }

// status answers with a status and JSON; header is "Name: value", each.
func status(code int, body string, header ...string) answer {
	return func(w http.ResponseWriter, _ *http.Request, _ *asked) {
		w.Header().Set("Content-Type", "application/json")
		for _, h := range header {
			name, value, _ := strings.Cut(h, ": ")
			w.Header().Set(name, value)
		}
		w.WriteHeader(code)
		io.WriteString(w, body)
	}
}

// streamed sends the frames, each by itself, and ends.
func streamed(frames ...string) answer {
	return func(w http.ResponseWriter, _ *http.Request, _ *asked) { send(w, frames) }
}

// cut sends the frames and breaks the connection.
func cut(frames ...string) answer {
	return func(w http.ResponseWriter, _ *http.Request, _ *asked) {
		send(w, frames)
		panic(http.ErrAbortHandler)
	}
}

// hangs sends the frames, if any, and nothing more until who asked has left.
func hangs(frames ...string) answer {
	return func(w http.ResponseWriter, r *http.Request, a *asked) {
		if len(frames) > 0 {
			send(w, frames)
		}
		<-r.Context().Done()
		close(a.left)
	}
}

// trickled sends a stream byte by byte.
func trickled(stream string) answer {
	return func(w http.ResponseWriter, _ *http.Request, _ *asked) { send(w, strings.Split(stream, "")) }
}

func send(w http.ResponseWriter, frames []string) {
	w.Header().Set("Content-Type", "text/event-stream")
	for _, f := range frames {
		io.WriteString(w, f)
		w.(http.Flusher).Flush()
	}
}
