package engine

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"
)

// PoolOptions say how many engines there are.
type PoolOptions struct {
	Options
	Min      int           // that always run; 0: the first is started when it is needed
	Max      int           // at most; less than 1 means 1
	Idle     time.Duration // after which one beyond Min is stopped; 0: 10 minutes
	Patience time.Duration // how long a request waits for a model that is being loaded, before its caller is told so; 0: 20 seconds
}

// Pool runs engines of one model, as many as are needed. It is an http.RoundTripper: requests go to one that is free. It is
// safe for concurrent use.
type Pool struct {
	o    PoolOptions
	next http.RoundTripper

	mu      sync.Mutex
	members []*member
	closed  bool
	stop    context.CancelFunc
	ended   chan struct{}
}

type member struct {
	*Engine
	busy  int
	since time.Time // idle since
}

// NewPool makes a pool; nothing runs yet. next carries requests to the engines. Close ends it.
func NewPool(o PoolOptions, next http.RoundTripper) *Pool {
	o.Max = max(o.Max, o.Min, 1)
	if o.Idle <= 0 {
		o.Idle = 10 * time.Minute
	}
	if o.Patience <= 0 {
		o.Patience = 20 * time.Second
	}
	ctx, cancel := context.WithCancel(context.Background()) // its own life, ended by Close
	p := &Pool{o: o, next: next, stop: cancel, ended: make(chan struct{})}
	go p.tidy(ctx)
	return p
}

// Warm starts the engines that always run.
func (p *Pool) Warm() error {
	p.mu.Lock()
	defer p.mu.Unlock()
	for len(p.members) < p.o.Min && !p.closed {
		e, err := Start(p.o.Options)
		if err != nil {
			return err
		}
		p.members = append(p.members, &member{Engine: e, since: time.Now()})
	}
	return nil
}

// Retire lets the engines stop when nobody uses them any more.
func (p *Pool) Retire() {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.o.Min = 0
}

// Close ends all engines.
func (p *Pool) Close() {
	p.stop()
	<-p.ended
	p.mu.Lock()
	members := p.members
	p.members, p.closed = nil, true
	p.mu.Unlock()
	for _, m := range members {
		m.Close()
	}
}

// Running is how many engines there are, and how many of them are ready.
func (p *Pool) Running() (all, ready int) {
	p.mu.Lock()
	defer p.mu.Unlock()
	for _, m := range p.members {
		if s, _ := m.State(); s == Ready {
			ready++
		}
	}
	return len(p.members), ready
}

// tidy stops engines that nobody needs.
func (p *Pool) tidy(ctx context.Context) {
	defer close(p.ended)
	tick := time.NewTicker(max(p.o.Idle/4, 10*time.Millisecond))
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		var gone []*member
		p.mu.Lock()
		p.members = slices.DeleteFunc(p.members, func(m *member) bool {
			if len(p.members)-len(gone) <= p.o.Min || m.busy > 0 || time.Since(m.since) < p.o.Idle {
				return false
			}
			gone = append(gone, m)
			return true
		})
		p.mu.Unlock()
		for _, m := range gone {
			m.Close()
		}
	}
}

// take picks the engine with the least to do, and starts another where all are busy.
func (p *Pool) take() (*member, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.closed {
		return nil, errors.New("the engines were stopped")
	}
	var best *member
	rank := func(m *member) int {
		if s, _ := m.State(); s != Ready {
			return 1000 + m.busy // it still loads, or has failed
		}
		return m.busy
	}
	for _, m := range p.members {
		if best == nil || rank(m) < rank(best) {
			best = m
		}
	}
	if best == nil || best.busy >= max(p.o.Slots, 1) && len(p.members) < p.o.Max {
		e, err := Start(p.o.Options)
		switch {
		case err == nil:
			m := &member{Engine: e, since: time.Now()}
			p.members = append(p.members, m)
			if best == nil {
				best = m // else it serves those that come when it is ready
			}
		case best == nil:
			return nil, err
		}
	}
	best.busy++
	return best, nil
}

func (p *Pool) give(m *member) {
	p.mu.Lock()
	defer p.mu.Unlock()
	m.busy--
	m.since = time.Now()
}

// RoundTrip implements http.RoundTripper. Where the model is still being loaded, or its engine has died, the answer is 503 and
// says so.
func (p *Pool) RoundTrip(req *http.Request) (*http.Response, error) {
	m, err := p.take()
	if err != nil {
		closeBody(req)
		return nil, err
	}
	begun := time.Now()
	ctx, cancel := context.WithTimeout(req.Context(), p.o.Patience)
	err = m.Await(ctx)
	cancel()
	if err != nil {
		p.give(m)
		closeBody(req)
		if req.Context().Err() != nil {
			return nil, req.Context().Err()
		}
		if errors.Is(err, context.DeadlineExceeded) {
			err = fmt.Errorf("loading model %s, for %s so far; try again in a few seconds", p.o.Alias, time.Since(begun).Round(time.Second))
		}
		return unavailable(req, err), nil
	}
	own := req.Clone(req.Context())
	own.URL.Scheme, own.URL.Host = "http", strings.TrimPrefix(m.root, "http://")
	own.Host = own.URL.Host
	own.Header.Set("Authorization", "Bearer "+m.Key)
	resp, err := p.next.RoundTrip(own)
	if err != nil {
		p.give(m)
		return nil, err
	}
	resp.Body = &given{ReadCloser: resp.Body, give: sync.OnceFunc(func() { p.give(m) })}
	return resp, nil
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}

// given gives its engine back when it is closed.
type given struct {
	io.ReadCloser
	give func()
}

func (g *given) Close() error {
	defer g.give()
	return g.ReadCloser.Close()
}

// unavailable answers in the engine's place.
func unavailable(req *http.Request, err error) *http.Response {
	body, merr := json.Marshal(map[string]any{"error": map[string]any{"message": err.Error(), "type": "unavailable_error", "code": 503}})
	if merr != nil {
		panic(merr) // a string
	}
	return &http.Response{
		Status: "503 Service Unavailable", StatusCode: http.StatusServiceUnavailable, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1, Request: req,
		Header: http.Header{"Content-Type": {"application/json"}, "Retry-After": {strconv.Itoa(3)}}, ContentLength: int64(len(body)), Body: io.NopCloser(strings.NewReader(string(body))),
	}
}
