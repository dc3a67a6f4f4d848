// Package sse reads and writes server-sent events (WHATWG HTML, section 9.2, "Server-sent events").
package sse

import (
	"bufio"
	"bytes"
	"errors"
	"fmt"
	"io"
)

// Event is one event of a stream.
type Event struct {
	Name string // "" where the stream names none
	Data []byte // its data lines, joined by line breaks; valid until the next call of Next
}

// ErrTooLarge says that an event exceeds the reader's bound.
var ErrTooLarge = errors.New("server-sent event is too large")

// Reader reads events.
type Reader struct {
	r     *bufio.Reader
	max   int
	line  []byte
	data  []byte
	begun bool
	cr    bool // the last line ended in CR: an LF that follows belongs to it
}

// NewReader reads events of at most max bytes.
func NewReader(r io.Reader, max int) *Reader {
	return &Reader{r: bufio.NewReaderSize(r, 2<<10), max: max}
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
			ev.Name = string(value)
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
		if _, err := r.r.Peek(1); err != nil {
			if err == io.EOF {
				return nil, io.EOF
			}
			return nil, fmt.Errorf("read the event stream: %w", err)
		}
		buf, _ := r.r.Peek(r.r.Buffered())
		if r.cr {
			r.cr = false
			if buf[0] == '\n' {
				r.r.Discard(1)
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
			r.r.Discard(end)
			continue
		}
		r.r.Discard(end + 1)
		if len(r.line) == 0 {
			return buf[:end], nil // no copy: the buffer is not filled again before the next call
		}
		r.line = append(r.line, buf[:end]...)
		return r.line, nil
	}
}

// More says whether the next event is at hand, so that the next call does not wait for the network.
func (r *Reader) More() bool {
	buf, _ := r.r.Peek(r.r.Buffered())
	return bytes.Contains(buf, []byte("\n\n")) || bytes.Contains(buf, []byte("\r\n\r\n")) || bytes.Contains(buf, []byte("\r\r"))
}
