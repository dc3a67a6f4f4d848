// Package weaviate lets a Weaviate server search the vectors of collections: it is an index.Engine. Its REST and GraphQL interfaces are spoken
// over HTTP, of which a few calls are needed (https://docs.weaviate.io/weaviate/api); the server's own client would bring gRPC along.
//
// All collections lie in one class, each generation of vectors as a tenant of its own: a tenant has a graph of its own, so that
// searches of one collection do not pay for others, vectors of several widths are side by side, and a generation goes in one step. An object is
// a vector, who may see it, and what searches are narrowed by. No text is sent there.
package weaviate

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strconv"
	"strings"
	"sync"
	"syscall"
	"time"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/knowledge/index"
)

// Options say where a server is.
type Options struct {
	URL    string                                           // "http://weaviate:8080"
	Key    string                                           // an API key of its; empty: none is sent
	Within time.Duration                                    // how long a search may take; 0: 5s
	Rate   int                                              // how many vectors it is given in a second at most; 0: as many as it takes
	Client *http.Client                                     // required; its Timeout is not used
	Now    func() time.Time                                 // required
	Wait   func(ctx context.Context, d time.Duration) error // before another try; nil waits for real
}

const (
	searchWithin = 5 * time.Second
	// changeWithin is for what changes the server's data: a batch of objects finds its places in a graph.
	changeWithin = time.Minute
	// tries of a change, with waits of 0.5, 1 and 2 s between them.
	tries     = 4
	firstWait = 500 * time.Millisecond
	longWait  = 30 * time.Second
	// rest is how long a server that could not be reached, or did not answer in time, is not asked again by a search.
	rest = 5 * time.Second
	// mostAnswer bounds what is read of an answer: a batch of objects comes back with its vectors.
	mostAnswer = 64 << 20
)

// Engine is a Weaviate server.
type Engine struct {
	o Options

	mu      sync.Mutex
	made    bool // the class is there
	resting time.Time
	why     error     // it rests
	free    time.Time // when it may be given vectors again: see Options.Rate
}

var _ index.Engine = (*Engine)(nil)

// New makes an engine. Nothing is asked yet.
func New(o Options) *Engine {
	o.URL = strings.TrimRight(o.URL, "/")
	o.Within = cmp.Or(o.Within, searchWithin)
	if o.Wait == nil {
		o.Wait = wait
	}
	return &Engine{o: o}
}

// fault is an error of the server, or of the way there.
type fault struct {
	server string
	says   string
	cause  error // ErrEngine or ErrNoSpace, and what is below
	again  bool  // it may pass
	after  time.Duration
}

func (f *fault) Error() string {
	return "Weaviate at " + f.server + " " + f.says
}

func (f *fault) Unwrap() error { return f.cause }

func (e *Engine) fault(says string) *fault {
	return &fault{server: e.o.URL, says: says, cause: index.ErrEngine}
}

// search asks for something that changes nothing, while somebody waits: once, and not where the server was out of reach a moment ago.
func (e *Engine) search(ctx context.Context, method, path string, body any) ([]byte, error) {
	e.mu.Lock()
	if left := e.resting.Sub(e.o.Now()); left > 0 {
		defer e.mu.Unlock()
		return nil, e.why
	}
	e.mu.Unlock()
	answer, err := e.once(ctx, method, path, body, e.o.Within)
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.resting = (time.Time{}); err != nil && err.again && ctx.Err() == nil {
		e.resting, e.why = e.o.Now().Add(rest), err
	}
	if err != nil {
		return nil, err
	}
	return answer, nil
}

// change asks for what changes the server's data, again and again where it fails in passing: all of these may be done twice.
func (e *Engine) change(ctx context.Context, method, path string, body any) ([]byte, error) {
	for try := 1; ; try++ {
		answer, err := e.once(ctx, method, path, body, changeWithin)
		if err == nil {
			return answer, nil
		}
		if !err.again || try == tries || ctx.Err() != nil {
			return nil, err
		}
		if err := e.o.Wait(ctx, min(cmp.Or(err.after, firstWait<<(try-1)), longWait)); err != nil {
			return nil, err
		}
	}
}

// once sends a request and returns the answer with a status of success.
func (e *Engine) once(ctx context.Context, method, path string, body any, within time.Duration) ([]byte, *fault) {
	var data []byte
	if body != nil {
		var err error
		if data, err = json.Marshal(body); err != nil {
			return nil, e.fault("was not asked: " + err.Error())
		}
	}
	ctx, cancel := context.WithTimeout(ctx, within)
	defer cancel()
	req, err := http.NewRequestWithContext(ctx, method, e.o.URL+"/v1"+path, bytes.NewReader(data))
	if err != nil {
		return nil, e.fault("has an address that cannot be used; set store.weaviate.url to one such as http://weaviate:8080")
	}
	req.Header.Set("Content-Type", "application/json")
	// Not sent; it lets net/http take another connection where the server closed the one at hand before it read anything.
	req.Header["Idempotency-Key"] = nil
	if e.o.Key != "" {
		req.Header.Set("Authorization", "Bearer "+e.o.Key)
	}
	resp, err := e.o.Client.Do(req)
	if err != nil {
		return nil, e.unreached(ctx, err, within)
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(io.LimitReader(resp.Body, mostAnswer+1))
	switch {
	case err != nil:
		return nil, e.unreached(ctx, err, within)
	case len(answer) > mostAnswer:
		return nil, e.fault(fmt.Sprintf("gave an answer of more than %d MB", mostAnswer>>20))
	case resp.StatusCode/100 == 2:
		return answer, nil
	}
	return nil, e.refused(resp, answer)
}

// unreached says why there is no answer.
func (e *Engine) unreached(ctx context.Context, err error, within time.Duration) *fault {
	says := "does not answer: is it running, and is store.weaviate.url right?"
	switch {
	case errors.Is(ctx.Err(), context.Canceled):
		return &fault{server: e.o.URL, says: "was not waited for", cause: context.Canceled}
	case errors.Is(err, context.DeadlineExceeded):
		says = fmt.Sprintf("did not answer within %s: it is overloaded, or starting", within)
	case errors.Is(err, syscall.ECONNREFUSED):
		says = "refuses connections: is it running, and is store.weaviate.url right?"
	}
	f := e.fault(says)
	f.again = true
	return f
}

// refused says what a status means.
func (e *Engine) refused(resp *http.Response, answer []byte) *fault {
	f := e.fault(fmt.Sprintf("answers with HTTP %d: %s", resp.StatusCode, told(answer)))
	switch resp.StatusCode {
	case http.StatusUnauthorized, http.StatusForbidden:
		f.says = fmt.Sprintf("refuses the API key (HTTP %d); set store.weaviate.api_key to one that may read and write the class %s", resp.StatusCode, class)
	case http.StatusTooManyRequests, http.StatusInternalServerError, http.StatusBadGateway, http.StatusServiceUnavailable, http.StatusGatewayTimeout:
		f.again = true
		if s, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && s > 0 {
			f.after = time.Duration(s) * time.Second
		}
	}
	if unknown(f.says) {
		f.cause, f.again = errors.Join(index.ErrEngine, index.ErrNoSpace), false
	}
	return f
}

// unknown says whether a message means that a tenant or the class is not there. Messages of 1.35.
func unknown(message string) bool {
	return strings.Contains(message, "tenant not found") || strings.Contains(message, "no graphql provider present") || strings.Contains(message, `Cannot query field "`+class+`"`) || strings.Contains(message, "could not find class "+class)
}

// told is the server's message, or the beginning of what it says otherwise.
func told(answer []byte) string {
	for _, path := range []string{"error.0.message", "message"} {
		if s := gjson.GetBytes(answer, path).String(); s != "" {
			return shown(s)
		}
	}
	return shown(string(answer))
}

// shown is the beginning of a foreign text, in one line.
func shown(s string) string {
	const most = 200
	s = strings.Join(strings.Fields(strings.ToValidUTF8(s, "?")), " ")
	if len(s) > most {
		s = strings.ToValidUTF8(s[:most], "") + "…"
	}
	return strconv.Quote(s)
}

// pace waits until n vectors may be given: all collections, and what is tried again, share one rate.
func (e *Engine) pace(ctx context.Context, n int) error {
	if e.o.Rate <= 0 {
		return nil
	}
	e.mu.Lock()
	now := e.o.Now()
	if e.free.Before(now) {
		e.free = now
	}
	left := e.free.Sub(now)
	e.free = e.free.Add(time.Duration(n) * time.Second / time.Duration(e.o.Rate))
	e.mu.Unlock()
	if left == 0 {
		return ctx.Err()
	}
	return e.o.Wait(ctx, left)
}

func wait(ctx context.Context, d time.Duration) error {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-t.C:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}
