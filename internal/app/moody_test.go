package app

import (
	"context"
	"fmt"
	"hash/fnv"
	"io"
	"log"
	"math/rand/v2"
	"net"
	"net/http"
	"regexp"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/provider/h1"
)

// moody is a provider that fails in every way that there is, and keeps its own books. What it does to a request follows from
// the seed, the request's name and how often it came: neither from the time nor from what else goes on.
type moody struct {
	seed    uint64
	arrived chan struct{} // tells who waits for it that a request has come, which is not yet answered

	mu     sync.Mutex
	asked  map[string]int
	billed map[string]int64 // tokens of answers that were told to the end with their usage
	silent map[string]bool  // an answer without usage was told
}

func newMoody(seed uint64) *moody {
	return &moody{seed: seed, arrived: make(chan struct{}), asked: map[string]int{}, billed: map[string]int64{}, silent: map[string]bool{}}
}

// What a request may have: longest answer and most tokens of a prompt that are billed.
const (
	mostInput  = 210
	mostOutput = 150
)

var turnName = regexp.MustCompile(`turn-\d+`)

func (m *moody) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return
	}
	name := turnName.FindString(string(body))
	m.mu.Lock()
	m.asked[name]++
	dice := m.dice(name, m.asked[name])
	m.mu.Unlock()
	mood, in, out := dice.IntN(12), 10+dice.Int64N(mostInput-10), 1+dice.Int64N(mostOutput)
	select {
	case m.arrived <- struct{}{}:
	default:
	}
	select { // it thinks
	case <-time.After(time.Duration(1+dice.IntN(60)) * time.Millisecond):
	case <-r.Context().Done():
		return
	}
	bill := func(tokens int64) {
		m.mu.Lock()
		defer m.mu.Unlock()
		if m.billed[name] += tokens; tokens == 0 {
			m.silent[name] = true
		}
	}
	usage := fmt.Sprintf(`{"prompt_tokens":%d,"completion_tokens":%d}`, in, out)
	stream := strings.Contains(string(body), `"stream":true`)
	event := func(format string, args ...any) {
		fmt.Fprintf(w, "data: "+format+"\n\n", args...)
		w.(http.Flusher).Flush()
	}
	piece := func(s string) {
		event(`{"id":"c","choices":[{"index":0,"delta":{"content":%q},"finish_reason":null}]}`, s)
	}
	switch {
	case mood == 0:
		http.Error(w, `{"error":{"message":"oops"}}`, 500)
	case mood == 1:
		w.Header().Set("Retry-After-Ms", "1")
		http.Error(w, `{"error":{"message":"slow down"}}`, 429)
	case mood == 2:
		panic(http.ErrAbortHandler)
	case mood == 3: // silence, until the caller goes
		<-r.Context().Done()
	case !stream:
		w.Header().Set("Content-Type", "application/json")
		bill(in + out)
		fmt.Fprintf(w, `{"id":"c","choices":[{"index":0,"message":{"role":"assistant","content":"Yes."},"finish_reason":"stop"}],"usage":%s}`, usage)
	case mood == 4: // breaks off
		w.Header().Set("Content-Type", "text/event-stream")
		piece("Y")
		panic(http.ErrAbortHandler)
	default:
		w.Header().Set("Content-Type", "text/event-stream")
		piece("Yes")
		event(`{"id":"c","choices":[{"index":0,"delta":{"content":"."},"finish_reason":"stop"}]}`)
		if mood == 5 {
			bill(0)
		} else {
			bill(in + out)
			event(`{"id":"c","choices":[],"usage":%s}`, usage)
		}
		event("[DONE]")
	}
}

func (m *moody) dice(name string, try int) *rand.Rand {
	h := fnv.New64a()
	fmt.Fprint(h, name, try)
	return rand.New(rand.NewPCG(m.seed, h.Sum64()))
}

// serveInMemory answers HTTP without sockets, and so inside a bubble of synctest, and returns a client whose only server this
// is. It speaks through the transport that the product has for such servers.
func serveInMemory(t *testing.T, h http.Handler) *http.Client {
	ln := &pipes{accept: make(chan net.Conn), closed: make(chan struct{})}
	s := &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = s.Serve(ln) // until it is closed
	}()
	transport := h1.New()
	transport.Dial = ln.dial
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		<-served
	})
	return &http.Client{Transport: transport}
}

// pipes is a listener whose connections are pipes.
type pipes struct {
	accept chan net.Conn
	closed chan struct{}
	once   sync.Once
}

func (p *pipes) dial(ctx context.Context, _, _ string) (net.Conn, error) {
	ours, theirs := net.Pipe()
	select {
	case p.accept <- theirs:
		return ours, nil
	case <-p.closed:
		return nil, net.ErrClosed
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// Accept implements net.Listener.
func (p *pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.accept:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (p *pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// Addr implements net.Listener.
func (p *pipes) Addr() net.Addr { return &net.UnixAddr{Name: "in memory"} }
