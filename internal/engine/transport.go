package engine

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"sync"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
)

// Transport returns what carries requests to engines of the pool, in place of the address that they name, by next.
func (p *Pool) Transport(next http.RoundTripper) http.RoundTripper { return &transport{p, next} }

type transport struct {
	*Pool
	next http.RoundTripper
}

// RoundTrip implements http.RoundTripper. The errors of a model that is being loaded, and of an engine that died over the request,
// are *chat.Error.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	m, err := t.take()
	if err != nil {
		closeBody(req)
		return nil, err
	}
	back := sync.OnceFunc(func() { t.give(m) })
	at, err := t.await(req.Context(), m)
	if err != nil {
		back()
		closeBody(req)
		return nil, err
	}
	engine, err := url.Parse(at)
	if err != nil {
		back()
		closeBody(req)
		return nil, err
	}
	own := req.Clone(req.Context())
	own.URL.Scheme, own.URL.Host, own.Host = engine.Scheme, engine.Host, engine.Host
	own.Header.Set("Authorization", "Bearer "+m.Key)
	resp, err := t.next.RoundTrip(own)
	if err != nil {
		defer back()
		return nil, t.died(req.Context(), m, at, err)
	}
	resp.Body = &answer{ReadCloser: resp.Body, back: back, died: func(err error) error { return t.died(req.Context(), m, at, err) }}
	return resp, nil
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}

// answer gives its engine back when it is closed.
type answer struct {
	io.ReadCloser
	back func()
	died func(error) error
}

func (a *answer) Read(p []byte) (int, error) {
	n, err := a.ReadCloser.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		err = a.died(err)
	}
	return n, err
}

func (a *answer) Close() error {
	defer a.back()
	return a.ReadCloser.Close()
}

// hearOfDeath is how long after a connection broke we hear at the latest that the process at its end is gone.
const hearOfDeath = time.Second

// died says of an error of the network whether the engine at that address died.
func (p *Pool) died(ctx context.Context, m *member, url string, err error) error {
	ctx, cancel := context.WithTimeout(ctx, hearOfDeath)
	defer cancel()
	for {
		s, changed := m.watch()
		if s.Death != nil && (s.URL != url || s.State == Failed) {
			return &chat.Error{Code: chat.CodeUpstream, Died: true, Err: errors.Join(s.Death, err), Message: fmt.Sprintf("the engine of the model %s died over the request (%s), and is started again", p.o.Model, s.Death.Err)}
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return err
		}
	}
}
