// Package provider calls upstream models: one request at a time (Provider), and the first of several models that answers
// (Open), with retries and a record of each try.
package provider

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"mime"
	"net"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
)

// Config says where a provider is and how it is spoken to.
type Config struct {
	Name              string
	Dialect           string // "openai" or "anthropic"
	BaseURL           string // up to what the dialect's paths follow: "https://api.openai.com/v1"
	APIKey            string
	FirstTokenTimeout time.Duration // from sending to the first token; 0 means a minute
	IdleTimeout       time.Duration // between tokens; 0 means as FirstTokenTimeout
}

// Bounds on what an upstream may send.
const (
	maxEvent     = 4 << 20
	maxWhole     = 32 << 20
	maxErrorBody = 64 << 10
)

// Provider is an upstream account or server. It is safe for concurrent use.
type Provider struct {
	cfg     Config
	dialect dialect
	client  *http.Client
}

// New makes a provider. client carries its requests, but follows no redirect; nil takes NewClient's.
func New(cfg Config, client *http.Client) (*Provider, error) {
	d, ok := dialects[cfg.Dialect]
	if !ok {
		return nil, fmt.Errorf("the dialect %q is not known; known are %s", cfg.Dialect, strings.Join(slices.Sorted(maps.Keys(dialects)), ", "))
	}
	u, err := url.Parse(cfg.BaseURL)
	if err != nil || u.Host == "" || u.Scheme != "http" && u.Scheme != "https" {
		return nil, fmt.Errorf("the base URL %q must begin with http:// or https:// and name a host", cfg.BaseURL)
	}
	if cfg.FirstTokenTimeout <= 0 {
		cfg.FirstTokenTimeout = time.Minute
	}
	if cfg.IdleTimeout <= 0 {
		cfg.IdleTimeout = cfg.FirstTokenTimeout
	}
	if client == nil {
		client = NewClient()
	}
	own := *client
	own.CheckRedirect = noRedirect
	return &Provider{cfg, d, &own}, nil
}

// noRedirect keeps a key from being sent to where a server points.
func noRedirect(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }

// NewClient makes an HTTP client for upstream calls: it keeps connections, never follows a redirect, and has no overall
// timeout, since an answer may stream for minutes.
func NewClient() *http.Client {
	t := http.DefaultTransport.(*http.Transport).Clone()
	t.MaxIdleConnsPerHost = 64
	t.IdleConnTimeout = 90 * time.Second
	t.DisableCompression = true // gzip would hold back the pieces of a stream
	return &http.Client{Transport: t, CheckRedirect: noRedirect}
}

// Name is the provider's name in the configuration.
func (p *Provider) Name() string { return p.cfg.Name }

// errSilence is why a request ends when nothing comes for too long.
var errSilence = errors.New("nothing came in time")

// Stream sends a request and returns its answer as it comes. An error, also from the stream, is an *chat.Error with
// Provider set. The stream must be closed.
func (p *Provider) Stream(ctx context.Context, req *chat.Request) (chat.Stream, error) {
	body, err := p.dialect.encode(req)
	if err != nil {
		return nil, p.own(chat.AsError(err))
	}
	ctx, cancel := context.WithCancelCause(ctx)
	watch := time.AfterFunc(p.cfg.FirstTokenTimeout, func() { cancel(errSilence) })
	stop := func() { watch.Stop(); cancel(nil) }
	resp, err := p.send(ctx, http.MethodPost, p.dialect.chatPath, body)
	if err != nil {
		defer stop()
		return nil, p.own(p.netError(ctx, err))
	}
	media, _, _ := mime.ParseMediaType(resp.Header.Get("Content-Type"))
	if media == "application/json" {
		defer stop()
		defer resp.Body.Close()
		data, err := io.ReadAll(io.LimitReader(resp.Body, maxWhole))
		if err != nil {
			return nil, p.own(p.netError(ctx, err))
		}
		ev, err := p.dialect.whole(data)
		if err != nil {
			return nil, p.own(chat.AsError(err))
		}
		return &wholeStream{ev: &ev}, nil
	}
	return newStream(ctx, p, resp.Body, watch, stop), nil
}

// send makes one HTTP exchange and turns a failure status into an *chat.Error.
func (p *Provider) send(ctx context.Context, method, path string, body []byte) (*http.Response, error) {
	req, err := http.NewRequestWithContext(ctx, method, p.dialect.base(p.cfg.BaseURL)+path, bytes.NewReader(body))
	if err != nil {
		return nil, err
	}
	req.Header.Set("User-Agent", "dragoman")
	if body != nil {
		req.Header.Set("Content-Type", "application/json")
		req.Header.Set("Accept", "text/event-stream, application/json")
	}
	p.dialect.authorize(req.Header, p.cfg.APIKey)
	resp, err := p.client.Do(req)
	if err != nil {
		return nil, err
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	if err != nil {
		data = nil // the status says enough
	}
	return nil, p.dialect.failure(resp.StatusCode, data, retryAfter(resp.Header, time.Now()))
}

// retryAfter reads how long a server asks to wait: milliseconds, seconds or a date (RFC 9110, section 10.2.3).
func retryAfter(h http.Header, now time.Time) time.Duration {
	if ms, err := strconv.ParseFloat(h.Get("Retry-After-Ms"), 64); err == nil && ms >= 0 && ms < 1e9 {
		return time.Duration(ms * float64(time.Millisecond))
	}
	v := strings.TrimSpace(h.Get("Retry-After"))
	if s, err := strconv.ParseFloat(v, 64); err == nil && s >= 0 && s < 1e6 {
		return time.Duration(s * float64(time.Second))
	}
	if at, err := http.ParseTime(v); err == nil {
		return max(at.Sub(now), 0)
	}
	return 0
}

// netError turns an error of the transport into ours.
func (p *Provider) netError(ctx context.Context, err error) *chat.Error {
	if ce, ok := errors.AsType[*chat.Error](err); ok {
		return ce
	}
	switch cause := context.Cause(ctx); {
	case errors.Is(cause, errSilence):
		return &chat.Error{Code: chat.CodeTimeout, Message: fmt.Sprintf("there was no first token within %s", p.cfg.FirstTokenTimeout), Err: err}
	case cause != nil:
		return &chat.Error{Code: chat.CodeCancelled, Message: "the request was cancelled", Err: err}
	}
	if _, sent := errors.AsType[*url.Error](err); !sent {
		return &chat.Error{Code: chat.CodeUpstream, Message: "the connection broke off", Err: err}
	}
	return &chat.Error{Code: chat.CodeUpstream, Message: "it cannot be reached: " + reason(err), Err: err}
}

// reason says why a server cannot be reached, without the addresses in the error: a caller has no business with them, and
// who set the base URL knows it.
func reason(err error) string {
	if e, ok := errors.AsType[*net.DNSError](err); ok {
		return e.Err
	}
	if e, ok := errors.AsType[*net.OpError](err); ok {
		return e.Err.Error()
	}
	if e, ok := errors.AsType[*url.Error](err); ok {
		return e.Err.Error()
	}
	return err.Error()
}

// own marks an error with the provider's name, and takes our key out of what the provider said.
func (p *Provider) own(e *chat.Error) *chat.Error {
	e.Provider = p.cfg.Name
	if p.cfg.APIKey != "" {
		e.Message = strings.ReplaceAll(e.Message, p.cfg.APIKey, "[key]")
	}
	return e
}

// Models asks for the names of the provider's models.
func (p *Provider) Models(ctx context.Context) ([]string, error) {
	resp, err := p.send(ctx, http.MethodGet, p.dialect.modelsPath, nil)
	if err != nil {
		return nil, p.own(p.netError(ctx, err))
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxWhole))
	if err != nil {
		return nil, p.own(p.netError(ctx, err))
	}
	names, err := p.dialect.models(data)
	if err != nil {
		return nil, p.own(chat.AsError(err))
	}
	return names, nil
}
