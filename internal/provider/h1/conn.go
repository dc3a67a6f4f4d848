package h1

import (
	"bufio"
	"io"
	"net"
	"sync"
	"syscall"
	"time"
)

// conn is one connection. It holds no buffer: thousands may be open of which hardly any says something at a time.
type conn struct {
	net.Conn
	raw    syscall.RawConn // nil where Conn has none
	asking                 // of raw, by one goroutine at a time
	addr   string
	since  time.Time // when it became idle
	chunks *chunked  // of the last response, where its end had not been read by then
}

func newConn(n net.Conn, addr string) *conn {
	c := &conn{Conn: n, addr: addr}
	if sc, ok := n.(syscall.Conn); ok {
		if raw, err := sc.SyscallConn(); err == nil {
			c.raw = raw
			c.prepare()
		}
	}
	return c
}

// ended says whether the last response has come to its end by now, with nothing behind it.
func (c *conn) ended() bool {
	if c.chunks == nil {
		return true
	}
	d := c.chunks
	c.chunks = nil
	var rest [64]byte
	n, err := c.readNow(rest[:])
	if err == nil {
		n, err = d.decode(rest[:n])
	}
	return n == 0 && err == io.EOF && !d.extra
}

// readers are for the heads of responses, and for bodies that do not come in chunks.
var readers = sync.Pool{New: func() any { return bufio.NewReaderSize(nil, 4<<10) }}
