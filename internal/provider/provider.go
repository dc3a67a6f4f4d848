// Package provider calls upstream models: one request at a time (Provider), and the first of several models that answers
// (Open), with retries and a record of each try.
package provider

import (
	"bytes"
	"cmp"
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
	"sync"
	"sync/atomic"
	"syscall"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
	"github.com/dragoman/dragoman/internal/dialect/completions"
	"github.com/dragoman/dragoman/internal/dialect/openai"
	"github.com/dragoman/dragoman/internal/dialect/responses"
	"github.com/dragoman/dragoman/internal/dialect/vectors"
	"github.com/dragoman/dragoman/internal/provider/gate"
)

// Config says where a provider is and how it is spoken to.
type Config struct {
	Name              string
	Dialect           string // "openai", "anthropic" or "gemini"
	BaseURL           string // up to what the dialect's paths follow: "https://api.openai.com/v1"
	APIKey            string
	Gate              *gate.Gate    // what it bears, and its keys where there are several; nil: one that lets everything through
	ConnectTimeout    time.Duration // of a new connection; 0 means ten seconds. It needs a client of NewClient.
	FirstTokenTimeout time.Duration // from sending to the first token; 0 means a minute. An answer in one piece has five times as long.
	IdleTimeout       time.Duration // between tokens; 0 means as FirstTokenTimeout
	TotalTimeout      time.Duration // of a whole answer; 0 means none
	Responses         bool          // of the dialect openai: it speaks /responses, too
	// Server says, of the dialect openai, how the server departs from OpenAI's own; nil: not at all.
	Server *openai.Server
	Azure  *Azure            // nil: it is not Azure OpenAI
	Header map[string]string // of every request, beside what the dialect wants; wins over it
	// Completions says how a server of the dialect openai wants to be asked to complete a text, where it does so at all; else
	// its chat is asked.
	Completions completions.FIM
	// Await waits until the server can be asked: one that Dragoman runs may have to load its model first. Its error, an
	// *chat.Error, is for the caller. nil: it can be asked at any time.
	Await    func(context.Context) error
	Prefills bool // of the dialect openai: an answer that the messages end with is gone on with, as by llama-server
}

// inOnePiece is how many times as long as a first token an answer may take that is not streamed: nothing comes before its end.
const inOnePiece = 5

// Bounds on what an upstream may send.
const (
	maxEvent     = 4 << 20
	maxWhole     = 32 << 20
	maxErrorBody = 64 << 10
)

// Provider is an upstream account or server. It is safe for concurrent use.
type Provider struct {
	cfg       Config
	dialect   wireFormat
	transport http.RoundTripper
	base      string
	urls      sync.Map // path -> *url.URL
	cached    atomic.Int32
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
	if cfg.Gate == nil {
		cfg.Gate = gate.New(gate.Config{Provider: cfg.Name, Keys: []gate.Key{{Value: cfg.APIKey}}})
	}
	var rt http.RoundTripper = http.DefaultTransport
	if client.Transport != nil {
		rt = client.Transport
	}
	if t, ok := rt.(*transport); ok && cfg.ConnectTimeout > 0 {
		rt = t.within(cfg.ConnectTimeout)
	}
	p := &Provider{cfg: cfg, dialect: d, transport: rt, base: d.base(cfg.BaseURL)}
	if cfg.Dialect == "openai" {
		p.dialect.upstream = openai.Upstream{Server: cfg.Server}
	}
	if cfg.Azure != nil {
		p.base = cfg.Azure.locate(p.base)
	}
	return p, nil
}

// Name is the provider's name in the configuration.
func (p *Provider) Name() string { return p.cfg.Name }

// Dialect is the family of wires that the provider speaks.
func (p *Provider) Dialect() chat.Dialect { return p.dialect.upstream.Wire().Dialect() }

// silence is why a request ends when nothing comes for so long.
type silence time.Duration

func (silence) Error() string { return "nothing came in time" }

// errTooLong is why a request ends when the whole answer takes too long.
var errTooLong = errors.New("the answer takes too long")

// Reply is an answer under way.
type Reply struct {
	chat.Stream
	Dropped []string // what the provider's wire could not express and was left out
	// RequestID is the provider's own name for the request, by which its support finds it; "" where it tells none.
	RequestID string
}

// More says whether the next event is at hand, so that Next does not wait for the network.
func (r *Reply) More() bool {
	m, ok := r.Stream.(interface{ More() bool })
	return ok && m.More()
}

// Send sends a request and returns its answer as it comes, streamed where the request is. An error, also from the stream, is
// an *chat.Error with Provider set. The reply must be closed.
func (p *Provider) Send(ctx context.Context, req *chat.Request) (*Reply, error) {
	up := p.speaks(&req)
	body, dropped, err := up.Encode(req)
	if err != nil {
		return nil, p.own(chat.AsError(err))
	}
	return p.answer(ctx, up, req, body, dropped)
}

// answer sends a request as it is encoded.
func (p *Provider) answer(ctx context.Context, up dialect.Upstream, req *chat.Request, body []byte, dropped []string) (*Reply, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	patience := p.cfg.FirstTokenTimeout
	if !req.Stream {
		patience *= inOnePiece
	}
	watch := time.AfterFunc(patience, func() { cancel(silence(patience)) })
	stop := func() { watch.Stop(); cancel(nil) }
	if d := p.cfg.TotalTimeout; d > 0 {
		total := time.AfterFunc(d, func() { cancel(errTooLong) })
		stop = func() { total.Stop(); watch.Stop(); cancel(nil) }
	}
	var headers map[string]string
	if req.Wire.Dialect() == up.Wire().Dialect() {
		headers = req.Headers
	}
	resp, err := p.send(ctx, up, http.MethodPost, up.Path(req), req.Model, body, headers)
	if err != nil {
		defer stop()
		return nil, p.own(p.netError(ctx, err))
	}
	if isJSON(resp.Header) {
		defer stop()
		whole, err := p.whole(ctx, up, resp)
		if err != nil {
			return nil, err
		}
		return &Reply{whole, dropped, requestID(resp.Header)}, nil
	}
	return &Reply{newStream(ctx, p, up, resp.Body, watch, stop), dropped, requestID(resp.Header)}, nil
}

// whole reads an answer that comes in one piece.
func (p *Provider) whole(ctx context.Context, up dialect.Upstream, resp *http.Response) (*wholeStream, error) {
	defer resp.Body.Close()
	data, err := readWhole(resp)
	if err != nil {
		return nil, p.own(p.netError(ctx, err))
	}
	ev, err := up.Whole(data)
	if err != nil {
		return nil, p.own(chat.AsError(err))
	}
	return &wholeStream{ev.Steps()}, nil
}

// speaks is the wire on which a request goes out; what this wire cannot say as it came is rewritten.
func (p *Provider) speaks(req **chat.Request) dialect.Upstream {
	if p.dialect.upstream.Wire() == chat.OpenAIChat {
		switch r := *req; {
		case r.Wire == chat.OpenAIResponses && p.cfg.Responses:
			return responses.Upstream{}
		case r.Wire == chat.OpenAICompletions && p.cfg.Completions != "":
			return completions.Upstream{FIM: p.cfg.Completions}
		}
	}
	if r := *req; r.Wire == chat.OpenAICompletions && r.Body != nil {
		own := completions.Request{Request: r}
		*req = own.Chat()
	}
	return p.dialect.upstream
}

func isJSON(h http.Header) bool {
	v := h.Get("Content-Type")
	if v == "application/json" {
		return true
	}
	media, _, _ := mime.ParseMediaType(v)
	return media == "application/json"
}

// readWhole reads a whole body, bounded.
func readWhole(resp *http.Response) ([]byte, error) {
	if n := resp.ContentLength; n > 0 && n <= maxWhole {
		data := make([]byte, n)
		_, err := io.ReadFull(resp.Body, data)
		return data, err
	}
	return io.ReadAll(io.LimitReader(resp.Body, maxWhole))
}

// Exchange sends one body and reads the whole answer: for calls that are no conversation, as embeddings. path follows the
// base URL; model says which of several keys is used.
func (p *Provider) Exchange(ctx context.Context, path, model string, body []byte) ([]byte, error) {
	ctx, cancel := context.WithCancelCause(ctx)
	patience := p.cfg.FirstTokenTimeout
	watch := time.AfterFunc(patience, func() { cancel(silence(patience)) })
	defer func() { watch.Stop(); cancel(nil) }()
	resp, err := p.send(ctx, p.dialect.upstream, http.MethodPost, path, model, body, nil)
	if err != nil {
		return nil, p.own(p.netError(ctx, err))
	}
	defer resp.Body.Close()
	data, err := readWhole(resp)
	if err != nil {
		return nil, p.own(p.netError(ctx, err))
	}
	return data, nil
}

// send makes one HTTP exchange and turns a failure status into an *chat.Error.
func (p *Provider) send(ctx context.Context, up dialect.Upstream, method, path, model string, body []byte, headers map[string]string) (*http.Response, error) {
	if p.cfg.Azure != nil {
		path = p.cfg.Azure.path(path, model)
	}
	at, err := p.url(path)
	if err != nil {
		return nil, err
	}
	req := newRequest(ctx, method, at, body)
	h := req.Header
	for name, value := range headers {
		h.Set(name, value)
	}
	key, number := p.cfg.Gate.Key(model)
	up.Authorize(h, key)
	if p.cfg.Azure != nil {
		p.cfg.Azure.authorize(h, key)
	}
	for name, value := range p.cfg.Header {
		h.Set(name, value)
	}
	// The transport itself: an http.Client around it would follow redirects, which would send the key to where a server points.
	resp, err := p.transport.RoundTrip(req)
	if err != nil {
		return nil, &sendError{err}
	}
	if resp.StatusCode == http.StatusOK {
		return resp, nil
	}
	return nil, p.refused(resp, up, number, model)
}

func newRequest(ctx context.Context, method string, at *url.URL, body []byte) *http.Request {
	h := make(http.Header, 8)
	h["User-Agent"] = userAgent
	req := &http.Request{Method: method, URL: at, Host: at.Host, Header: h, Proto: "HTTP/1.1", ProtoMajor: 1, ProtoMinor: 1}
	if body != nil {
		h["Content-Type"], h["Accept"] = jsonType, acceptAll
		req.Body, req.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
		// A connection that the server closed while it was idle is tried again on another.
		req.GetBody = func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(body)), nil }
	}
	return req.WithContext(ctx)
}

// refused reads what a failure status says.
func (p *Provider) refused(resp *http.Response, up dialect.Upstream, number int, model string) error {
	defer resp.Body.Close()
	data, err := io.ReadAll(io.LimitReader(resp.Body, maxErrorBody))
	if err != nil {
		data = nil // the status says enough
	}
	e := up.Failure(resp.StatusCode, data, retryAfter(resp.Header, time.Now()))
	e.RequestID = requestID(resp.Header)
	return p.failure(e, number, model)
}

// failure lets a key rest that is limited or refused.
func (p *Provider) failure(err error, number int, model string) error {
	e := chat.AsError(err)
	switch e.Code {
	case chat.CodeRateLimited:
		e.OtherKey = p.cfg.Gate.Limited(number, model, cmp.Or(e.RetryAfter, limitedRest))
	case chat.CodeUpstreamAuth:
		e.OtherKey = p.cfg.Gate.Limited(number, "", refusedRest)
	}
	return e
}

// How long one of several keys rests: where the provider does not say when its limit ends, and where it refused the key.
const (
	limitedRest = 20 * time.Second
	refusedRest = 5 * time.Minute
)

var (
	userAgent = []string{"dragoman"}
	jsonType  = []string{"application/json"}
	acceptAll = []string{"text/event-stream, application/json"}
)

// sendError says that no response came.
type sendError struct{ error }

func (e *sendError) Unwrap() error { return e.error }

// url is where a path of the dialect is.
func (p *Provider) url(path string) (*url.URL, error) {
	if known, ok := p.urls.Load(path); ok {
		return known.(*url.URL), nil
	}
	base := p.base
	if path == completions.InfillPath || path == vectors.OllamaPath { // beside /v1, not below it
		base = strings.TrimSuffix(base, "/v1")
	}
	at, err := url.Parse(base + path)
	if err != nil {
		return nil, fmt.Errorf("the path %q: %w", path, err)
	}
	if p.cached.Add(1) <= 256 { // Gemini's paths hold names of models, which callers choose
		p.urls.Store(path, at)
	}
	return at, nil
}

// requestID is a provider's own name for a request: OpenAI's and many others', Anthropic's, Azure's, Google's.
func requestID(h http.Header) string {
	for _, name := range []string{"X-Request-Id", "Request-Id", "Apim-Request-Id", "X-Goog-Request-Id"} {
		if v := h[name]; len(v) > 0 && len(v[0]) <= 200 {
			return v[0]
		}
	}
	return ""
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
	cause := context.Cause(ctx)
	if s, ok := errors.AsType[silence](cause); ok {
		return &chat.Error{Code: chat.CodeTimeout, Message: fmt.Sprintf("there was no first token within %s", time.Duration(s)), Err: err, Died: true}
	}
	switch {
	case errors.Is(cause, errTooLong):
		return &chat.Error{Code: chat.CodeTimeout, Message: fmt.Sprintf("the answer was not complete within %s", p.cfg.TotalTimeout), Err: err}
	case errors.Is(cause, context.DeadlineExceeded):
		return &chat.Error{Code: chat.CodeCancelled, Message: "the caller's own deadline passed", Err: err}
	case cause != nil:
		return &chat.Error{Code: chat.CodeCancelled, Message: "the request was cancelled", Err: err}
	}
	if _, sent := errors.AsType[*sendError](err); !sent {
		return &chat.Error{Code: chat.CodeUpstream, Message: "the connection broke off", Err: err, Died: true}
	}
	return &chat.Error{Code: chat.CodeUpstream, Message: "it cannot be reached: " + reason(err), Err: err, Died: died(err)}
}

// died says whether a server took the request and then broke the connection.
func died(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
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
	if e, ok := errors.AsType[*sendError](err); ok {
		return e.error.Error()
	}
	return err.Error()
}

// own marks an error with the provider's name, and takes our keys out of what the provider said.
func (p *Provider) own(e *chat.Error) *chat.Error {
	e.Provider = p.cfg.Name
	hide := func(secret string) {
		if secret != "" {
			e.Message = strings.ReplaceAll(e.Message, secret, "[key]")
			e.Raw = bytes.ReplaceAll(e.Raw, []byte(secret), []byte("[key]"))
		}
	}
	for _, k := range p.cfg.Gate.Keys() {
		hide(k.Value)
	}
	for _, v := range p.cfg.Header {
		hide(strings.TrimPrefix(v, "Bearer "))
	}
	return e
}

// Await waits until the provider can be asked: see Config.
func (p *Provider) Await(ctx context.Context) error {
	if p.cfg.Await == nil {
		return nil
	}
	if err := p.cfg.Await(ctx); err != nil {
		return p.own(chat.AsError(err))
	}
	return nil
}

// Gate is what stands before the provider.
func (p *Provider) Gate() *gate.Gate { return p.cfg.Gate }

// Models asks for the names of the provider's models.
func (p *Provider) Models(ctx context.Context) ([]string, error) {
	resp, err := p.send(ctx, p.dialect.upstream, http.MethodGet, p.dialect.modelsPath, "", nil, nil)
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
