package providertest

import (
	"context"
	"io"
	"log"
	"net"
	"net/http"
	"sync"
	"testing"

	"github.com/dragoman/dragoman/internal/provider/h1"
)

// InMemory serves HTTP without sockets, and so inside a bubble of synctest, until the test ends. It returns a client whose only
// server this is. It speaks through the transport that the product has for servers without TLS.
func InMemory(t testing.TB, h http.Handler) *http.Client {
	ln := NewPipes()
	s := &http.Server{Handler: h, ErrorLog: log.New(io.Discard, "", 0)}
	served := make(chan struct{})
	go func() {
		defer close(served)
		_ = s.Serve(ln) // until it is closed
	}()
	transport := h1.New()
	transport.Dial = ln.Dial
	t.Cleanup(func() {
		transport.CloseIdleConnections()
		if err := s.Close(); err != nil {
			t.Error(err)
		}
		<-served
	})
	return &http.Client{Transport: transport}
}

// Pipes is a listener whose connections are pipes: nothing is in them that the other end has not taken.
type Pipes struct {
	accept chan net.Conn
	closed chan struct{}
	once   sync.Once
}

var _ net.Listener = (*Pipes)(nil)

// NewPipes makes a listener.
func NewPipes() *Pipes {
	return &Pipes{accept: make(chan net.Conn), closed: make(chan struct{})}
}

// Dial is how to reach it, whatever the address.
func (p *Pipes) Dial(ctx context.Context, _, _ string) (net.Conn, error) {
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
func (p *Pipes) Accept() (net.Conn, error) {
	select {
	case c := <-p.accept:
		return c, nil
	case <-p.closed:
		return nil, net.ErrClosed
	}
}

// Close implements net.Listener.
func (p *Pipes) Close() error {
	p.once.Do(func() { close(p.closed) })
	return nil
}

// Addr implements net.Listener.
func (p *Pipes) Addr() net.Addr { return &net.UnixAddr{Name: "in memory"} }
