// Package sse reads and writes server-sent events (WHATWG HTML, section 9.2, "Server-sent events").
package sse

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"sync"
)

// Event is one event of a stream.
type Event struct {
	Name string // "" where the stream names none
	Data []byte // its data lines, joined by line breaks; valid until the next call of Next
}

// ErrTooLarge says that an event exceeds the reader's bound.
var ErrTooLarge = errors.New("server-sent event is too large")

// Reader reads events. Thousands of streams may be open of which hardly any says something at a time, so it has a buffer only
// while there is something in it, where its source can wait by itself.
type Reader struct {
	r       io.Reader
	awaiter Awaiter // nil where r is none
	max     int
	buf     *buffer
	unread  []byte // of buf
	err     error  // came with what is unread
	line    []byte
	data    []byte
	name    string
	begun   bool
	cr      bool // the last line ended in CR: an LF that follows belongs to it
}

// Awaiter is a source that can wait until there is something to read, so that nobody holds a buffer out to it meanwhile.
type Awaiter interface {
	// Await returns when Read will not wait, or will fail.
	Await()
	// ReadNow is Read for what is there already, which may be nothing.
	ReadNow(p []byte) (n int, err error)
}

type buffer [4 << 10]byte

var buffers = sync.Pool{New: func() any { return new(buffer) }}

// NewReader reads events of at most max bytes.
func NewReader(r io.Reader, max int) *Reader {
	a, _ := r.(Awaiter)
	return &Reader{r: r, awaiter: a, max: max}
}

// Release gives what the reader holds back. Nothing more can be read then.
func (r *Reader) Release() {
	r.release()
	r.err = io.EOF
}

// Next returns the next event with data. io.EOF is the end of the stream; an event that the end cuts off is dropped, as the
// standard has it.
func (r *Reader) Next() (Event, error) {
	var ev Event
	r.data = r.data[:0]
	has := false
	for {
		line, err := r.readLine()
		if err != nil {
			return Event{}, err
		}
		if !r.begun {
			r.begun = true
			line = bytes.TrimPrefix(line, []byte("\xef\xbb\xbf"))
		}
		if len(line) == 0 {
			if has {
				ev.Data = r.data
				return ev, nil
			}
			ev.Name = ""
			continue
		}
		field, value, _ := bytes.Cut(line, []byte(":"))
		value = bytes.TrimPrefix(value, []byte(" "))
		switch string(field) {
		case "event":
			if r.name != string(value) { // mostly it is that of the last event
				r.name = string(value)
			}
			ev.Name = r.name
		case "data":
			if has {
				r.data = append(r.data, '\n')
			}
			has = true
			if len(r.data)+len(value) > r.max {
				return Event{}, ErrTooLarge
			}
			r.data = append(r.data, value...)
		}
	}
}

// readLine reads up to LF, CR or CRLF; the line is valid until the next call. An LF after a CR is swallowed with the next
// line, since waiting for it could wait for ever.
func (r *Reader) readLine() ([]byte, error) {
	r.line = r.line[:0]
	for {
		if len(r.unread) == 0 {
			if err := r.fill(); errors.Is(err, io.EOF) {
				return nil, io.EOF
			} else if err != nil {
				return nil, fmt.Errorf("read the event stream: %w", err)
			}
		}
		buf := r.unread
		if r.cr {
			r.cr = false
			if buf[0] == '\n' {
				r.unread = buf[1:]
				continue
			}
		}
		end := bytes.IndexByte(buf, '\n')
		if end < 0 {
			end = len(buf)
		}
		if cr := bytes.IndexByte(buf[:end], '\r'); cr >= 0 {
			end, r.cr = cr, true
		}
		if len(r.line)+end > r.max+64 {
			return nil, ErrTooLarge
		}
		if end == len(buf) { // the line goes on
			r.line = append(r.line, buf...)
			r.unread = nil
			continue
		}
		r.unread = buf[end+1:]
		if len(r.line) == 0 {
			return buf[:end], nil // no copy: the buffer is not filled again before the next call
		}
		r.line = append(r.line, buf[:end]...)
		return r.line, nil
	}
}

// fill reads what comes next. Everything read before is used up.
func (r *Reader) fill() error {
	if r.awaiter != nil && r.err == nil {
		r.release()
		r.awaiter.Await()
	}
	if r.buf == nil {
		r.buf = buffers.Get().(*buffer)
	}
	n := 0
	for tries := 0; n == 0 && r.err == nil; tries++ {
		if n, r.err = r.r.Read(r.buf[:]); tries == 100 {
			r.err = io.ErrNoProgress
		}
	}
	if r.unread = r.buf[:n]; n > 0 {
		return nil
	}
	r.release()
	return r.err
}

func (r *Reader) release() {
	if r.buf != nil {
		buffers.Put(r.buf)
		r.buf, r.unread = nil, nil
	}
}

// More says whether the next event is at hand, so that the next call does not wait for the network. A comment is none: servers
// send them to keep a connection alive, and what came before must not wait for what comes after.
func (r *Reader) More() bool {
	if r.whole() {
		return true
	}
	if r.awaiter == nil || r.err != nil {
		return false
	}
	if r.buf == nil {
		r.buf = buffers.Get().(*buffer)
	}
	n := copy(r.buf[:], r.unread)
	m, err := r.awaiter.ReadNow(r.buf[n:])
	if r.unread, r.err = r.buf[:n+m], err; n+m == 0 {
		r.release()
	}
	return r.whole()
}

// whole says whether the end of an event with data has been read.
func (r *Reader) whole() bool {
	buf := r.unread
	if r.cr && len(buf) > 0 && buf[0] == '\n' {
		buf = buf[1:]
	}
	for data := false; ; {
		end := bytes.IndexByte(buf, '\n')
		if cr := bytes.IndexByte(buf[:max(end, 0)], '\r'); cr >= 0 {
			end = cr
		} else if end < 0 {
			if end = bytes.IndexByte(buf, '\r'); end < 0 {
				return false
			}
		}
		switch line := buf[:end]; {
		case len(line) == 0 && data:
			return true
		case bytes.HasPrefix(line, []byte("data")) && (len(line) == 4 || line[4] == ':'):
			data = true
		}
		if buf[end] == '\r' && end+1 < len(buf) && buf[end+1] == '\n' {
			end++
		}
		buf = buf[end+1:]
	}
}
