package provider

import (
	"context"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/dragoman/dragoman/internal/provider/h1"
)

// NewClient makes an HTTP client for upstream calls: it keeps connections, never follows a redirect, and has no overall
// timeout, since an answer may stream for minutes.
func NewClient() *http.Client {
	return &http.Client{
		Transport:     newTransport((&net.Dialer{KeepAlive: 30 * time.Second}).DialContext, connectTimeout),
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// connectTimeout holds where nothing else is said.
const connectTimeout = 10 * time.Second

type dial func(ctx context.Context, network, addr string) (net.Conn, error)

// transport sends what needs neither TLS nor a proxy the short way.
type transport struct {
	dial  dial
	plain *h1.Transport
	full  *http.Transport

	mu     sync.Mutex
	others map[time.Duration]*transport // with other timeouts of connections
}

func newTransport(d dial, connect time.Duration) *transport {
	bounded := func(ctx context.Context, network, addr string) (net.Conn, error) {
		ctx, cancel := context.WithTimeout(ctx, connect)
		defer cancel()
		return d(ctx, network, addr)
	}
	t := &transport{dial: d, plain: h1.New(), full: http.DefaultTransport.(*http.Transport).Clone()}
	t.plain.Dial, t.full.DialContext = bounded, bounded
	t.full.TLSHandshakeTimeout = connect
	t.full.MaxIdleConns, t.full.MaxIdleConnsPerHost = 0, 256 // as many hosts as there are, each within its own bound
	t.full.IdleConnTimeout = 90 * time.Second
	t.full.DisableCompression = true // gzip would hold back the pieces of a stream
	return t
}

// within is the transport with another timeout of connections. Its connections are closed with t's.
func (t *transport) within(connect time.Duration) *transport {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.others == nil {
		t.others = map[time.Duration]*transport{}
	}
	if t.others[connect] == nil {
		t.others[connect] = newTransport(t.dial, connect)
	}
	return t.others[connect]
}

// RoundTrip implements http.RoundTripper.
func (t *transport) RoundTrip(req *http.Request) (*http.Response, error) {
	if req.URL.Scheme == "http" {
		if proxy, err := t.full.Proxy(req); err == nil && proxy == nil {
			return t.plain.RoundTrip(req)
		}
	}
	return t.full.RoundTrip(req)
}

// CloseIdleConnections is called by http.Client's method of that name.
func (t *transport) CloseIdleConnections() {
	t.plain.CloseIdleConnections()
	t.full.CloseIdleConnections()
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, o := range t.others {
		o.CloseIdleConnections()
	}
}
