package sse

import (
	"bytes"
	"net/http"
)

// Append appends an event to dst. Any line break in data, a lone CR among them, becomes LF at the reader.
func Append(dst []byte, name string, data []byte) []byte {
	if name != "" {
		dst = append(append(append(dst, "event: "...), name...), '\n')
	}
	for {
		dst = append(dst, "data: "...)
		end := bytes.IndexByte(data, '\n')
		if cr := bytes.IndexByte(data, '\r'); cr >= 0 && (end < 0 || cr < end) {
			end = cr
		}
		if end < 0 {
			return append(append(dst, data...), '\n', '\n')
		}
		dst = append(append(dst, data[:end]...), '\n')
		if bytes.HasPrefix(data[end:], []byte("\r\n")) {
			end++
		}
		data = data[end+1:]
	}
}

// Writer writes events to an HTTP response.
type Writer struct {
	w  http.ResponseWriter
	rc *http.ResponseController
}

// NewWriter sends the headers of a stream, so that proxies neither buffer nor keep it. media is its type where it is no event
// stream.
func NewWriter(w http.ResponseWriter, media string) *Writer {
	h := w.Header()
	h["Content-Type"] = contentType
	if media != "" {
		h["Content-Type"] = []string{media}
	}
	h["Cache-Control"] = noCache
	h["X-Accel-Buffering"] = noBuffer
	w.WriteHeader(http.StatusOK)
	return &Writer{w: w, rc: http.NewResponseController(w)}
}

var (
	contentType = []string{"text/event-stream; charset=utf-8"}
	noCache     = []string{"no-cache, no-store"}
	noBuffer    = []string{"no"}
)

// Write writes complete events. An error means that the client is gone.
func (w *Writer) Write(events []byte) (int, error) { return w.w.Write(events) }

// Flush sends what was written. An error means that the client is gone.
func (w *Writer) Flush() error { return w.rc.Flush() }
