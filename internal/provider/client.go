package provider

import (
	"net/http"
	"time"

	"github.com/dragoman/dragoman/internal/provider/h1"
)

// NewClient makes an HTTP client for upstream calls: it keeps connections, never follows a redirect, and has no overall
// timeout, since an answer may stream for minutes.
func NewClient() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConns, t.MaxIdleConnsPerHost = 0, 256 // as many hosts as there are, each within its own bound
	t.IdleConnTimeout = 90 * time.Second
	t.DisableCompression = true // gzip would hold back the pieces of a stream
	return &http.Client{
		Transport:     &transport{h1.New(), t},
		CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse },
	}
}

// transport sends what needs neither TLS nor a proxy the short way.
type transport struct {
	plain *h1.Transport
	full  *http.Transport
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
}
