package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/assistant"
	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
	"github.com/dragoman/dragoman/internal/sse"
)

// sink writes a turn's answer on the wire of its door, as a stream or whole.
type sink struct {
	s    *Server
	w    http.ResponseWriter
	door *door
	req  *chat.Request
	turn *assistant.Turn
	meta dialect.Meta
	enc  dialect.StreamEncoder
	out  *sse.Writer // nil until the stream has begun
	buf  *[]byte     // events that were not sent yet; nil where there are none
}

func newSink(s *Server, w http.ResponseWriter, d *door, req *chat.Request) *sink {
	return &sink{s: s, w: w, door: d, req: req}
}

// unsent is a buffer for events.
func (o *sink) unsent() *[]byte {
	if o.buf == nil {
		o.buf = buffers.Get().(*[]byte)
	}
	return o.buf
}

// release gives the buffer back: thousands of streams may be open of which hardly any says something at a time.
func (o *sink) release() {
	if o.buf != nil && cap(*o.buf) <= 64<<10 {
		*o.buf = (*o.buf)[:0]
		buffers.Put(o.buf)
	}
	o.buf = nil
}

// Begin implements assistant.Sink.
func (o *sink) Begin(t *assistant.Turn) error {
	o.turn = t
	o.meta = dialect.Meta{
		ID: strings.ReplaceAll(strings.TrimPrefix(t.Trace.ID, "tr_"), "-", ""), Created: t.Trace.Started, Model: o.req.Model, Request: o.req, Trace: t.Trace.ID,
	}
	h := o.w.Header()
	nameRequest(h, o.door, t.Trace.ID)
	h["X-Dragoman-Trace"] = []string{t.Trace.ID}
	model := t.Trace.Model
	if t.Trace.Provider != "" {
		model = t.Trace.Provider + "/" + model
	}
	h["X-Dragoman-Model"] = []string{model}
	if ref := t.Definition.Ref(); ref != "" {
		h["X-Dragoman-Assistant"] = []string{ref}
	}
	if t.Trace.Cache != "" {
		h["X-Dragoman-Cache"] = []string{t.Trace.Cache}
	}
	if age, cached := t.Age(); cached {
		h["Age"] = []string{strconv.FormatInt(int64(age/time.Second), 10)} // RFC 9111, section 5.1
	}
	if rung := t.Trace.Rung; rung != "" {
		h["X-Dragoman-Rung"] = []string{rung}
	} else if n := t.Rung(); n > 0 {
		h["X-Dragoman-Rung"] = []string{strconv.Itoa(n)}
	}
	if p, ok := t.Answerable(); ok {
		h["X-Dragoman-Answerable"] = []string{strconv.FormatFloat(p, 'f', 2, 64)}
	}
	if d := t.Dropped(); len(d) > 0 {
		h["X-Dragoman-Dropped"] = []string{headerList(d)}
	}
	if !o.req.Stream {
		return nil
	}
	h["Trailer"] = trailers
	o.enc = o.door.NewStream(o.meta)
	contentType := ""
	if d, ok := o.door.Door.(interface{ ContentType() string }); ok {
		contentType = d.ContentType()
	}
	o.out = sse.NewWriter(o.w, contentType)
	return nil
}

// trailers come after a stream: what it cost is not known before.
var trailers = []string{headerCost + ", " + headerCached}

// tellCost sets the headers, or trailers, that say what an answer cost.
func (o *sink) tellCost(tr *assistant.Trace) {
	h := o.w.Header()
	h[headerCost] = []string{tr.Cost}
	if n := tr.Usage.Cached; n > 0 && !tr.FromCache() {
		h[headerCached] = []string{strconv.FormatInt(n, 10)}
	}
}

// headerList writes what was dropped in one line of a header.
func headerList(list []string) string {
	line := strings.Map(func(r rune) rune {
		if r < ' ' || r > '~' {
			return '?'
		}
		return r
	}, strings.Join(list, "; "))
	return line[:min(len(line), 1000)]
}

// maxUnsent is how much may wait for a flush.
const maxUnsent = 16 << 10

// Event implements assistant.Sink.
func (o *sink) Event(ev *chat.Event, raw bool) error {
	if o.out == nil {
		return nil
	}
	buf := o.unsent()
	if *buf = o.enc.Event(*buf, *ev, raw); len(*buf) >= maxUnsent {
		return o.Flush()
	}
	return nil
}

// Flush implements assistant.Sink.
func (o *sink) Flush() error {
	if o.buf == nil {
		return nil
	}
	defer o.release()
	if len(*o.buf) == 0 {
		return nil
	}
	_, err := o.out.Write(*o.buf)
	if err == nil {
		err = o.out.Flush()
	}
	if err != nil {
		return fmt.Errorf("the caller is gone: %w", err)
	}
	return nil
}

// finish ends a complete answer.
func (o *sink) finish(ans *assistant.Answer, keep func(*sink, dialect.Answer) error) {
	a := dialect.Answer{
		Message: ans.Message, Finish: ans.Finish, StopSequence: ans.StopSequence, Usage: ans.Usage, Logprobs: ans.Logprobs,
		Citations: append(ownCitations(ans.Citations), ans.Quoted...), Raw: ans.Raw, Wire: ans.Wire, Changed: ans.Changed,
	}
	if o.turn.Definition.Name != "" || len(o.req.Dragoman) > 0 { // whoever sets the field reads it
		a.Dragoman = dragomanField(o.turn, ans.Trace)
	}
	o.tellCost(ans.Trace)
	stored := func() {
		if keep == nil {
			return
		}
		if err := keep(o, a); err != nil {
			o.s.Log.Error("an answer could not be stored", "trace", ans.Trace.ID, "err", err)
		}
	}
	if o.out == nil {
		stored()
		h := o.w.Header()
		h["Content-Type"] = jsonType
		body := o.door.Whole(o.meta, a)
		h["Content-Length"] = []string{strconv.Itoa(len(body))}
		o.w.Write(body)
		return
	}
	buf := o.unsent()
	*buf = o.enc.End(*buf, a)
	stored()
	// No flush: the request ends here, and the end of its response goes out with this in one piece.
	if _, err := o.out.Write(*buf); err != nil {
		o.s.Log.Debug("end of an answer", "err", err)
	}
}

var jsonType = []string{"application/json"}

// fail ends a turn that failed: by status while nothing was sent, else by an error event, so that no client takes the answer
// for complete.
func (o *sink) fail(err *chat.Error, tr *assistant.Trace) {
	if err.Code == chat.CodeInternal {
		o.s.Log.Error("turn failed", "trace", tr.ID, "err", errors.Join(err, err.Err))
	}
	if o.out == nil {
		o.s.fail(o.w, o.door, tr.ID, err)
		return
	}
	o.tellCost(tr)
	buf := o.unsent()
	*buf = o.enc.Fail(*buf, err, tr.ID)
	if sendErr := o.Flush(); sendErr != nil {
		o.s.Log.Debug("end of a broken answer", "err", sendErr)
	}
}

func ownCitations(in []assistant.Citation) []chat.Citation {
	out := make([]chat.Citation, len(in))
	for i, c := range in {
		out[i] = chat.Citation{URL: c.URL(), Title: c.Title, Start: c.Start, End: c.End, Document: -1}
	}
	return out
}

// dragomanField is the response's field of that name: what a program wants of a trace, and where the rest is.
func dragomanField(t *assistant.Turn, tr *assistant.Trace) json.RawMessage {
	field := map[string]any{
		"trace": tr.ID, "mode": tr.Mode, "model": tr.Model, "provider": tr.Provider, "rung": t.Rung(), "cache": tr.Cache, "cost": tr.Cost,
		"first_token_ms": tr.FirstTokenMS, "total_ms": tr.TotalMS,
	}
	if t.Definition.Name != "" {
		unsupported := []string{}
		for _, s := range tr.Sentences {
			if s.Status == "uncited" || s.Status == "unsupported" {
				unsupported = append(unsupported, s.Text)
			}
		}
		field["confidence"], field["sources"], field["uncited"] = tr.Confidence, tr.Sources, unsupported
		if tr.Judged != nil {
			field["judged"] = tr.Judged
		}
		if tr.Rung != "" {
			field["degraded"] = tr.Rung
		}
	}
	b, err := json.Marshal(field)
	if err != nil {
		return nil
	}
	return b
}

// soon is how long a client may wait before it tries again by itself.
const soon = time.Minute

// fail answers with an error in the door's shape.
func (s *Server) fail(w http.ResponseWriter, d *door, trace string, err *chat.Error) {
	status, body := d.Error(err, trace)
	h := w.Header()
	h["Content-Type"] = jsonType
	nameRequest(h, d, trace)
	if trace != "" {
		h.Set("x-dragoman-trace", trace)
	}
	if err.RetryAfter > 0 {
		h.Set("Retry-After", strconv.Itoa(int(math.Ceil(err.RetryAfter.Seconds()))))
	}
	if err.Code == chat.CodeBudget && (err.RetryAfter == 0 || err.RetryAfter > soon) {
		h.Set("x-should-retry", "false") // the vendors' SDKs try a 429 again at once unless they are told
	}
	w.WriteHeader(status)
	w.Write(body)
}
