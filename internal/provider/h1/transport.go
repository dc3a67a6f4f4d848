// Package h1 is a small HTTP/1.1 transport for model servers that are reached without TLS, on this machine or in the house.
// Each request has its connection to itself and is written and read by its own goroutine; net/http's transport has two more for
// each connection, whose hand-overs and buffers cost a gateway a tenth of its CPU and a third of the memory of an idle stream
// (bench/README.md has the figures). Responses are read by net/http.
package h1

import (
	"bufio"
	"bytes"
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"strings"
	"sync"
	"time"
)

// Transport is an http.RoundTripper for http:// URLs. It is safe for concurrent use.
type Transport struct {
	Dial     func(ctx context.Context, network, addr string) (net.Conn, error)
	MaxIdle  int           // connections kept for each address
	IdleTime time.Duration // that they are kept

	mu   sync.Mutex
	idle map[string][]*conn
}

// New makes a transport.
func New() *Transport {
	d := &net.Dialer{Timeout: 10 * time.Second, KeepAlive: 30 * time.Second}
	return &Transport{Dial: d.DialContext, MaxIdle: 256, IdleTime: 90 * time.Second, idle: map[string][]*conn{}}
}

var _ http.RoundTripper = (*Transport)(nil)

// buffers are for requests on their way out.
var buffers = sync.Pool{New: func() any { return new(bytes.Buffer) }}

// largeBody is the size from which a body is written by itself in place of being copied.
const largeBody = 64 << 10

// RoundTrip implements http.RoundTripper. The request's body must be of known length and its GetBody set; redirects are not
// followed.
func (t *Transport) RoundTrip(req *http.Request) (*http.Response, error) {
	ctx := req.Context()
	addr := req.URL.Host
	if req.URL.Port() == "" {
		addr = net.JoinHostPort(req.URL.Hostname(), "80")
	}
	for {
		c, reused, err := t.connection(ctx, addr)
		if err != nil {
			closeBody(req)
			return nil, err
		}
		resp, sent, err := t.exchange(ctx, c, req)
		if err == nil {
			return resp, nil
		}
		c.Close()
		// A server closes idle connections when it likes. What was not all written to one it has not seen. What was may have
		// cost money already: whether that is sent again is not decided here.
		if reused && (!sent || req.Method == http.MethodGet) && ctx.Err() == nil && closedIdle(err) {
			if req.GetBody != nil {
				if req.Body, err = req.GetBody(); err != nil {
					return nil, err
				}
			}
			continue
		}
		if cause := context.Cause(ctx); cause != nil {
			err = cause
		}
		return nil, err
	}
}

func closeBody(req *http.Request) {
	if req.Body != nil {
		req.Body.Close()
	}
}

func closedIdle(err error) bool {
	return errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) || isReset(err)
}

// connection is an idle one that still stands, or a new one.
func (t *Transport) connection(ctx context.Context, addr string) (c *conn, reused bool, err error) {
	for {
		t.mu.Lock()
		list := t.idle[addr]
		if len(list) > 0 {
			c = list[len(list)-1]
			list[len(list)-1] = nil
			t.idle[addr] = list[:len(list)-1]
		}
		t.mu.Unlock()
		if c == nil {
			break
		}
		if time.Since(c.since) < t.IdleTime && c.ended() && c.standing() {
			return c, true, nil
		}
		c.Close()
		c = nil
	}
	n, err := t.dial(ctx, addr)
	if err != nil {
		return nil, false, err
	}
	return newConn(n, addr), false, nil
}

// dial makes a connection. It has a stack of its own for that, which is deeper than anything else that a request does, so that the
// request's does not grow for as long as its answer takes.
func (t *Transport) dial(ctx context.Context, addr string) (n net.Conn, err error) {
	var dialled sync.WaitGroup
	dialled.Go(func() { n, err = t.Dial(ctx, "tcp", addr) })
	dialled.Wait()
	return n, err
}

// keep makes a connection idle.
func (t *Transport) keep(c *conn) {
	c.since = time.Now()
	t.mu.Lock()
	if list := t.idle[c.addr]; len(list) < t.MaxIdle {
		t.idle[c.addr] = append(list, c)
		c = nil
	}
	t.mu.Unlock()
	if c != nil {
		c.Close()
	}
}

// CloseIdleConnections closes the connections that nobody uses.
func (t *Transport) CloseIdleConnections() {
	t.mu.Lock()
	all := t.idle
	t.idle = map[string][]*conn{}
	t.mu.Unlock()
	for _, list := range all {
		for _, c := range list {
			c.Close()
		}
	}
}

// past makes whatever waits on a connection return.
var past = time.Unix(1, 0)

// exchange writes a request and reads the head of its response. sent says that the whole request was written.
func (t *Transport) exchange(ctx context.Context, c *conn, req *http.Request) (_ *http.Response, sent bool, err error) {
	stop := context.AfterFunc(ctx, func() { c.SetDeadline(past) })
	defer func() {
		if err != nil {
			stop()
		}
	}()
	if err := write(c, req); err != nil {
		return nil, false, fmt.Errorf("send the request: %w", err)
	}
	c.await()
	r := readers.Get().(*bufio.Reader)
	r.Reset(c.Conn)
	if _, err := r.Peek(1); err != nil {
		giveBack(r)
		return nil, true, err
	}
	for range 10 {
		resp, err := http.ReadResponse(r, req)
		if err != nil {
			giveBack(r)
			return nil, true, fmt.Errorf("read the response: %w", err)
		}
		if resp.StatusCode >= 200 || resp.StatusCode == http.StatusSwitchingProtocols {
			resp.Body = newBody(t, c, ctx, stop, resp, r)
			resp.Request = nil // so that what was sent need not stay as long as the answer is read
			return resp, true, nil
		}
	}
	giveBack(r)
	return nil, true, errors.New("read the response: the server does not come to the point")
}

// write sends the request, in one piece where it is not large.
func write(c *conn, req *http.Request) error {
	b := buffers.Get().(*bytes.Buffer)
	defer func() {
		if b.Cap() <= 2*largeBody {
			b.Reset()
			buffers.Put(b)
		}
	}()
	b.WriteString(req.Method)
	b.WriteByte(' ')
	b.WriteString(req.URL.RequestURI())
	b.WriteString(" HTTP/1.1\r\nHost: ")
	b.WriteString(req.URL.Host)
	b.WriteString("\r\n")
	for name, values := range req.Header {
		for _, v := range values {
			if strings.ContainsAny(name, "\r\n: ") || strings.ContainsAny(v, "\r\n") {
				return fmt.Errorf("a header %q cannot be sent", name)
			}
			b.WriteString(name)
			b.WriteString(": ")
			b.WriteString(v)
			b.WriteString("\r\n")
		}
	}
	if req.Body == nil {
		b.WriteString("\r\n")
		_, err := c.Write(b.Bytes())
		return err
	}
	defer req.Body.Close()
	fmt.Fprintf(b, "Content-Length: %d\r\n\r\n", req.ContentLength)
	if req.ContentLength > largeBody {
		if _, err := c.Write(b.Bytes()); err != nil {
			return err
		}
		_, err := io.CopyN(c, req.Body, req.ContentLength)
		return err
	}
	if n, err := io.Copy(b, req.Body); err != nil || n != req.ContentLength {
		return cmp.Or(err, fmt.Errorf("the body has %d bytes, not %d", n, req.ContentLength))
	}
	_, err := c.Write(b.Bytes())
	return err
}
