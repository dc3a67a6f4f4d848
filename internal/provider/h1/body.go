package h1

import (
	"bufio"
	"context"
	"io"
	"net/http"
	"sync"
)

// body is the body of a response. It gives its connection back when it was read to its end.
type body struct {
	t     *Transport
	c     *conn
	ctx   context.Context
	stop  func() bool // lets go of ctx
	reuse bool        // the connection outlives the response
	once  sync.Once

	// Of a body in chunks.
	chunks *chunked
	early  []byte        // came with the head, and lies in what head holds
	head   *bufio.Reader // nil when there is nothing early left
	over   bool          // its end was read, or nothing more of it is wanted

	// Of one whose length is known, or that ends with its connection.
	plain  io.Reader
	reader *bufio.Reader // under plain
}

func newBody(t *Transport, c *conn, ctx context.Context, stop func() bool, resp *http.Response, r *bufio.Reader) *body {
	b := &body{t: t, c: c, ctx: ctx, stop: stop, reuse: !resp.Close && resp.StatusCode != http.StatusSwitchingProtocols}
	if len(resp.TransferEncoding) == 0 {
		b.plain, b.reader = resp.Body, r
		return b
	}
	b.chunks = &chunked{} // net/http takes no other coding
	b.head = r
	b.early, _ = r.Peek(r.Buffered()) // what is in memory cannot fail
	b.drained()
	return b
}

// drained gives back what held early, when that was read.
func (b *body) drained() {
	if len(b.early) == 0 && b.head != nil {
		giveBack(b.head)
		b.head, b.early = nil, nil
	}
}

func giveBack(r *bufio.Reader) {
	r.Reset(nil)
	readers.Put(r)
}

// Read implements io.Reader.
func (b *body) Read(p []byte) (n int, err error) {
	if b.chunks == nil {
		n, err = b.plain.Read(p)
		return n, b.ended(err)
	}
	for n == 0 && err == nil && len(p) > 0 {
		n, err = b.decoded(p, b.c.Conn.Read)
	}
	return n, err
}

// ReadNow reads what has come, which may be nothing. Bodies that do not come in chunks have never anything at hand.
func (b *body) ReadNow(p []byte) (n int, err error) {
	if b.chunks == nil {
		return 0, nil
	}
	return b.decoded(p, b.c.readNow)
}

// decoded reads from the connection and takes the coding off.
func (b *body) decoded(p []byte, read func([]byte) (int, error)) (n int, err error) {
	switch {
	case b.over:
		return 0, io.EOF
	case len(b.early) > 0:
		n = copy(p, b.early)
		b.early = b.early[n:]
		b.drained()
	default:
		if n, err = read(p); err == io.EOF {
			err = io.ErrUnexpectedEOF
		}
	}
	n, end := b.chunks.decode(p[:n])
	if end != nil {
		err = end
	}
	return n, b.ended(err)
}

// ended gives the connection back at the end of the body, and says why there is no more.
func (b *body) ended(err error) error {
	switch {
	case err == nil:
	case err == io.EOF:
		clean := b.chunks == nil || !b.chunks.extra && len(b.early) == 0
		b.over = true
		if b.reader != nil {
			clean = b.reader.Buffered() == 0
			giveBack(b.reader)
			b.reader, b.plain = nil, http.NoBody
		}
		b.end(b.reuse && clean)
	default:
		b.end(false)
		if cause := context.Cause(b.ctx); cause != nil {
			return cause
		}
	}
	return err
}

// Await returns when there is something to read, so that nobody need hold a buffer out to it meanwhile, or when there never
// will be, which Read tells. Only bodies in chunks are awaited.
func (b *body) Await() {
	if b.chunks != nil && !b.over && len(b.early) == 0 {
		b.c.await()
	}
}

// Done ends a response of which nothing more is wanted although its end was not read yet: servers send the end of an answer and
// the end of the response apart. If that has come by the next request, the connection is used again.
func (b *body) Done() {
	if b.chunks == nil {
		b.end(false)
		return
	}
	b.over = true
	b.once.Do(func() {
		n, err := b.chunks.decode(b.early)
		b.early = nil
		b.drained()
		if !b.stop() || !b.reuse || n > 0 || err != nil && err != io.EOF || b.chunks.extra {
			b.c.Close()
			return
		}
		if err == nil {
			b.c.chunks = b.chunks
		}
		b.t.keep(b.c)
	})
}

// Close ends the response; what was not read is not waited for.
func (b *body) Close() error {
	b.end(false)
	return nil
}

func (b *body) end(reuse bool) {
	b.once.Do(func() {
		// Where stop comes too late, the connection has a deadline in the past.
		if b.stop() && reuse {
			b.t.keep(b.c)
			return
		}
		b.c.Close()
	})
}
