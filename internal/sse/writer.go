package sse

import (
	"bytes"
	"net/http"
)

// Writer writes events to an HTTP response, each flushed at once.
type Writer struct {
	w   http.ResponseWriter
	rc  *http.ResponseController
	buf []byte
}

// NewWriter sends the headers of an event stream, so that proxies neither buffer nor keep it.
func NewWriter(w http.ResponseWriter) *Writer {
	h := w.Header()
	h.Set("Content-Type", "text/event-stream; charset=utf-8")
	h.Set("Cache-Control", "no-cache, no-store")
	h.Set("X-Accel-Buffering", "no")
	w.WriteHeader(http.StatusOK)
	return &Writer{w: w, rc: http.NewResponseController(w)}
}

// Data writes an unnamed event. An error means that the client is gone.
func (w *Writer) Data(data []byte) error { return w.Event("", data) }

// Event writes an event. Any line break in data, a lone CR among them, becomes LF at the reader.
func (w *Writer) Event(name string, data []byte) error {
	w.buf = w.buf[:0]
	if name != "" {
		w.buf = append(append(append(w.buf, "event: "...), name...), '\n')
	}
	for {
		w.buf = append(w.buf, "data: "...)
		end := bytes.IndexAny(data, "\r\n")
		if end < 0 {
			w.buf = append(append(w.buf, data...), '\n')
			break
		}
		w.buf = append(append(w.buf, data[:end]...), '\n')
		if bytes.HasPrefix(data[end:], []byte("\r\n")) {
			end++
		}
		data = data[end+1:]
	}
	w.buf = append(w.buf, '\n')
	if _, err := w.w.Write(w.buf); err != nil {
		return err
	}
	return w.rc.Flush()
}
