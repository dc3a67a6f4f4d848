package h1

import (
	"errors"
	"io"
)

// chunked takes the chunked transfer coding (RFC 9112, section 7.1) off a body, whose pieces it is given as they come: it neither
// reads nor holds anything itself, so that nobody waits in the middle of a chunk. Extensions and trailers are dropped.
type chunked struct {
	state chunkState
	left  int64 // of the chunk
	seen  int   // digits of a size, or bytes of extensions and trailers
	extra bool  // something came behind the end
}

type chunkState int

const (
	chunkSize chunkState = iota
	chunkExtension
	chunkSizeLF
	chunkData
	chunkDataCR
	chunkDataLF
	trailerStart
	trailerLine
	trailerLF
	chunksEnded
)

// maxExtra bounds extensions and trailers, which nobody wants.
const maxExtra = 16 << 10

var errChunk = errors.New("the chunks of the response are malformed")

// decode takes the coding off b, in place, and returns how much is left. io.EOF, which may come with the last of it, is the end of
// the body.
func (d *chunked) decode(b []byte) (n int, err error) {
	for i := 0; i < len(b); {
		c := b[i]
		switch d.state {
		case chunkData:
			k := int(min(d.left, int64(len(b)-i)))
			n += copy(b[n:], b[i:i+k])
			i += k
			if d.left -= int64(k); d.left == 0 {
				d.state = chunkDataCR
			}
			continue
		case chunkSize:
			switch digit := hex(c); {
			case digit >= 0 && d.seen < 15:
				d.left = d.left<<4 | int64(digit)
				d.seen++
			case d.seen == 0 || digit >= 0:
				return n, errChunk
			case c == '\r':
				d.state = chunkSizeLF
			case c == '\n':
				d.sized()
			case c == ';' || c == ' ' || c == '\t':
				d.state, d.seen = chunkExtension, 0
			default:
				return n, errChunk
			}
		case chunkExtension:
			if c == '\n' {
				d.sized()
			} else if d.seen++; d.seen > maxExtra {
				return n, errChunk
			}
		case chunkSizeLF:
			if c != '\n' {
				return n, errChunk
			}
			d.sized()
		case chunkDataCR:
			if c != '\r' {
				return n, errChunk
			}
			d.state = chunkDataLF
		case chunkDataLF:
			if c != '\n' {
				return n, errChunk
			}
			d.state, d.left, d.seen = chunkSize, 0, 0
		case trailerStart:
			switch c {
			case '\r':
				d.state = trailerLF
			case '\n':
				d.state = chunksEnded
			default:
				d.state = trailerLine
			}
		case trailerLine:
			if c == '\n' {
				d.state = trailerStart
			}
			if d.seen++; d.seen > maxExtra {
				return n, errChunk
			}
		case trailerLF:
			if c != '\n' {
				return n, errChunk
			}
			d.state = chunksEnded
		case chunksEnded:
			d.extra = true
			return n, io.EOF
		}
		i++
	}
	if d.state == chunksEnded {
		return n, io.EOF
	}
	return n, nil
}

// sized begins a chunk, or the trailers after the last one.
func (d *chunked) sized() {
	d.state, d.seen = chunkData, 0
	if d.left == 0 {
		d.state = trailerStart
	}
}

func hex(c byte) int {
	switch {
	case c >= '0' && c <= '9':
		return int(c - '0')
	case c >= 'a' && c <= 'f':
		return int(c-'a') + 10
	case c >= 'A' && c <= 'F':
		return int(c-'A') + 10
	}
	return -1
}
