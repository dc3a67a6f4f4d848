// Package dialecttest is the suite that every wire format runs whole: what package dialect asks of both of its sides.
package dialecttest

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"os"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
	"github.com/dragoman/dragoman/internal/sse"
)

// Wire is a wire format under test.
type Wire struct {
	Up     dialect.Upstream
	Door   dialect.Door
	Decode func(body []byte) (*chat.Request, error)
	// Request is a streaming request for the model "big", with a field that nobody knows.
	Request string
	// Stream is a complete stream that says "Hello world", in more than one event, as a server of the format sends it; Whole is
	// the same in one piece.
	Stream, Whole string
	TextOnly      bool // the format has no place for thoughts and calls
	// Page is the path of the page on dialects, Section the heading under which it tells of this format, and Fields what it must
	// name there: all fields that Decode understands.
	Page, Section string
	Fields        []string
}

// Conformance holds a wire format to what package dialect says of it.
func Conformance(t *testing.T, w Wire) {
	for name, check := range map[string]func(*testing.T){
		"garbage is a failure of the provider's": w.garbage, "events outlive the buffer that they were read from": w.buffers, "a stream is complete at its end": w.ends,
		"a failure has a code, its status and its wait": w.failures, "the key is in a header, where there is one": w.keys,
		"a request of the wire keeps its bytes": w.sameRequest, "a request that was made here goes out": w.madeHere, "an answer of the wire keeps its bytes": w.sameAnswer,
		"errors are told in the format": w.errors, "a stream that fails never looks complete": w.fails, "what is told is heard": w.told, "fields are on the page": w.documented,
	} {
		t.Run(name, check)
	}
}

func (w Wire) meta() dialect.Meta {
	return dialect.Meta{ID: "0123456789abcdef", Created: time.Unix(1741569953, 0), Model: "big", Trace: "tr_1",
		Request: &chat.Request{Wire: w.Door.Wire(), Model: "big", Stream: true, IncludeUsage: true}}
}

// garbageOf are what is no answer.
var garbageOf = []string{"", " ", "{", "[]", "null", "1", `"x"`, "<html>", `{}`, `{"choices":1,"content":2,"output":3,"candidates":4}`, strings.Repeat("[", 100_000), "\xff\xfe"}

func (w Wire) garbage(t *testing.T) {
	for _, data := range garbageOf {
		if _, err := w.Up.Whole([]byte(data)); err == nil || chat.AsError(err).Code != chat.CodeUpstream || chat.AsError(err).Message == "" {
			t.Errorf("%.20q: %+v", data, err)
		}
		d := w.Up.NewStream()
		if _, err := d.Decode("", []byte(data)); err != nil && (chat.AsError(err).Code != chat.CodeUpstream || chat.AsError(err).Message == "") {
			t.Errorf("%.20q: %+v", data, err)
		}
		if d.Complete() || d.Ended() {
			t.Errorf("%.20q completes an answer", data)
		}
		if _, err := w.Decode([]byte(data)); err == nil || chat.AsError(err).Code != chat.CodeInvalidRequest {
			t.Errorf("the request %.20q: %+v", data, err)
		}
	}
}

// frames reads a stream into names and data.
func frames(t *testing.T, stream []byte) (out []sse.Event) {
	t.Helper()
	for r := sse.NewReader(bytes.NewReader(stream), 1<<20); ; {
		ev, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		ev.Data = bytes.Clone(ev.Data)
		out = append(out, ev)
	}
}

func (w Wire) buffers(t *testing.T) {
	d := w.Up.NewStream()
	buf := make([]byte, 0, 1<<16)
	var all []chat.Event
	for _, f := range frames(t, []byte(w.Stream)) {
		buf = append(buf[:0], f.Data...)
		ev, err := d.Decode(f.Name, buf)
		if err != nil {
			t.Fatal(err)
		}
		ev.Raw = nil // which shares it, as is said
		for i := range buf {
			buf[i] = 'x'
		}
		all = append(all, ev)
	}
	if h := hear(all); h.text != "Hello world" {
		t.Errorf("%q", h.text)
	}
}

func (w Wire) ends(t *testing.T) {
	d, finished := w.Up.NewStream(), false
	list := frames(t, []byte(w.Stream))
	for i, f := range list {
		if (d.Complete() || d.Ended()) && !finished {
			t.Errorf("complete after %d of %d events", i, len(list))
		}
		ev, err := d.Decode(f.Name, f.Data)
		if err != nil {
			t.Fatal(err)
		}
		finished = finished || ev.Finish != ""
	}
	if !d.Complete() || !finished {
		t.Error("not complete at its end")
	}
	ev, err := w.Up.Whole([]byte(w.Whole))
	if err != nil || ev.Text != "Hello world" || ev.Finish != chat.FinishStop || !ev.Whole || ev.Wire != w.Up.Wire() || string(ev.Raw) != w.Whole {
		t.Errorf("%+v, %v", ev, err)
	}
}

func (w Wire) failures(t *testing.T) {
	for status, code := range map[int]chat.Code{
		400: chat.CodeInvalidRequest, 401: chat.CodeUpstreamAuth, 402: chat.CodeUpstreamAuth, 403: chat.CodeUpstreamAuth, 404: chat.CodeNotFound, 408: chat.CodeTimeout, 413: chat.CodeTooLarge,
		422: chat.CodeInvalidRequest, 429: chat.CodeRateLimited, 500: chat.CodeUpstream, 502: chat.CodeUpstream, 503: chat.CodeOverloaded, 504: chat.CodeTimeout, 529: chat.CodeOverloaded, 307: chat.CodeUpstream,
	} {
		for _, body := range []string{"", "<html>No</html>", `{"error":{"message":"Said."}}`, `{"error":"Said."}`, `{"detail":"Said."}`, `[{"error":{"message":"Said."}}]`, `{"error":null}`, "\xff", `{"error":{"message":"` + strings.Repeat("long ", 1000) + `"}}`} {
			e := w.Up.Failure(status, []byte(body), 7*time.Second)
			if e.Code != code || e.Status != status || e.RetryAfter != 7*time.Second || e.Wire != w.Up.Wire() || e.Message == "" || len(e.Message) > 500 {
				t.Errorf("%d %.40q: %+v", status, body, e)
			}
		}
	}
}

func (w Wire) keys(t *testing.T) {
	h := http.Header{}
	w.Up.Authorize(h, "the-key")
	n := 0
	for _, v := range h {
		n += strings.Count(strings.Join(v, " "), "the-key")
	}
	if n != 1 {
		t.Errorf("the key is in %d headers: %v", n, h)
	}
	h = http.Header{}
	w.Up.Authorize(h, "")
	for _, name := range []string{"Authorization", "X-Api-Key", "X-Goog-Api-Key"} {
		if h.Get(name) != "" {
			t.Errorf("without a key there is %s: %s", name, h.Get(name))
		}
	}
}

func (w Wire) sameRequest(t *testing.T) {
	body := []byte(w.Request)
	r, err := w.Decode(body)
	if err != nil {
		t.Fatal(err)
	}
	if r.Model != "big" || !r.Stream || r.Wire != w.Up.Wire() || len(dialect.Unmapped(r)) == 0 {
		t.Errorf("%+v", r)
	}
	out, dropped, err := w.Up.Encode(r)
	if err != nil || len(dropped) > 0 || !bytes.Equal(out, body) {
		t.Errorf("%v, %v, %s", err, dropped, out)
	}
	r.Model = "other"
	out, _, err = w.Up.Encode(r)
	if want := strings.Replace(w.Request, `"big"`, `"other"`, 1); err != nil || string(out) != want || string(body) != w.Request {
		t.Errorf("%v, %s\nand not %s", err, out, want)
	}
	if w.Up.Path(r) == "" {
		t.Error("no path")
	}
}

func (w Wire) madeHere(t *testing.T) {
	r := &chat.Request{Model: "other", MaxTokens: 99, Messages: []chat.Message{chat.NewText(chat.User, "Hello \"ü\" 😀")}}
	if !w.TextOnly {
		r.Messages = append([]chat.Message{chat.NewText(chat.System, "Be brief.")}, r.Messages...)
	}
	out, dropped, err := w.Up.Encode(r)
	if err != nil || len(dropped) > 0 || !json.Valid(out) {
		t.Fatalf("%v, %v, %s", err, dropped, out)
	}
	back, err := w.Decode(out)
	if err != nil || len(back.Messages) != len(r.Messages) || back.Messages[len(back.Messages)-1].Text() != "Hello \"ü\" 😀" || back.MaxTokens != 99 {
		t.Errorf("%+v, %v in %s", back, err, out)
	}
}

func (w Wire) sameAnswer(t *testing.T) {
	d, enc := w.Up.NewStream(), w.Door.NewStream(w.meta())
	var out []byte
	var all []chat.Event
	for _, f := range frames(t, []byte(w.Stream)) {
		ev, err := d.Decode(f.Name, f.Data)
		if err != nil {
			t.Fatal(err)
		}
		all = append(all, ev)
		out = enc.Event(out, ev, true)
	}
	out = enc.End(out, hear(all).answer())
	got, want := frames(t, out), frames(t, []byte(w.Stream))
	for i := range max(len(got), len(want)) {
		if i >= len(got) || i >= len(want) || got[i].Name != want[i].Name || !bytes.Equal(got[i].Data, want[i].Data) {
			t.Fatalf("event %d:\n%s\nof\n%s", i, out, w.Stream)
		}
	}
	ev, err := w.Up.Whole([]byte(w.Whole))
	if err != nil {
		t.Fatal(err)
	}
	a := hear([]chat.Event{ev}).answer()
	a.Raw, a.Wire = ev.Raw, ev.Wire
	if body := w.Door.Whole(w.meta(), a); string(body) != w.Whole {
		t.Errorf("%s\nand not\n%s", body, w.Whole)
	}
	a.Changed, a.Message = true, chat.NewText(chat.Assistant, "Goodbye")
	back, err := w.Up.Whole(w.Door.Whole(w.meta(), a))
	if err != nil || back.Text != "Goodbye" {
		t.Errorf("changed: %+v, %v", back, err)
	}
}

// codes are all that may go wrong.
var codes = []chat.Code{
	chat.CodeInvalidRequest, chat.CodeUnauthorized, chat.CodeForbidden, chat.CodeNotFound, chat.CodeTooLarge, chat.CodeRateLimited, chat.CodeOverloaded, chat.CodeTimeout, chat.CodeUpstream, chat.CodeUpstreamAuth,
	chat.CodeStreamBroken, chat.CodeContextTooLong, chat.CodeContentFiltered, chat.CodeUnavailable, chat.CodeCancelled, chat.CodeBudget, chat.CodeQuarantined, chat.CodeUnsupported, chat.CodeInternal,
}

func (w Wire) errors(t *testing.T) {
	for _, code := range codes {
		status, body := w.Door.Error(&chat.Error{Code: code, Message: "It \"went\" wrong.\n", RetryAfter: 7 * time.Second}, "tr_1")
		if status < 400 || status > 599 || !json.Valid(body) || !bytes.Contains(body, []byte(`It \"went\" wrong.`)) || !bytes.Contains(body, []byte(code)) || !bytes.Contains(body, []byte("tr_1")) {
			t.Errorf("%s: %d %s", code, status, body)
		}
		if e := w.Up.Failure(status, body, 0); e.Message == "" {
			t.Errorf("%s cannot be read again: %s", code, body)
		}
	}
	for _, page := range []string{"<html>", `{"message":"not theirs"}`, `{"error":`} { // what a proxy before the provider says
		if _, body := w.Door.Error(&chat.Error{Code: chat.CodeUpstream, Message: "ours", Status: 502, Raw: []byte(page), Wire: w.Door.Wire()}, "tr_1"); !json.Valid(body) || bytes.Equal(body, []byte(page)) {
			t.Errorf("%q is passed on", page)
		}
	}
}

func (w Wire) fails(t *testing.T) {
	for after := range 4 {
		enc := w.Door.NewStream(w.meta())
		out := []byte("before")
		for range after {
			out = enc.Event(out, chat.Event{Text: "Hello "}, false)
		}
		out = enc.Fail(out, &chat.Error{Code: chat.CodeStreamBroken, Message: "It broke."}, "tr_1")
		stream, ok := bytes.CutPrefix(out, []byte("before"))
		if !ok {
			t.Fatalf("what was in the buffer is gone: %s", out)
		}
		d, failed := w.Up.NewStream(), false
		for _, f := range frames(t, stream) {
			if _, err := d.Decode(f.Name, f.Data); err != nil {
				failed = true
				break
			}
			if d.Complete() {
				t.Errorf("after %d events it is complete:\n%s", after, stream)
			}
		}
		if !failed {
			t.Errorf("after %d events nothing says that it failed:\n%s", after, stream)
		}
	}
}

// told draws answers in all sorts of pieces, and holds the decoder to hear what the encoder tells.
func (w Wire) told(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		events, want := draw(rt, w.TextOnly)
		enc := w.Door.NewStream(w.meta())
		var out []byte
		for _, ev := range events {
			out = enc.Event(out, ev, false)
		}
		a := hear(events).answer()
		out = enc.End(out, a)
		d := w.Up.NewStream()
		var back []chat.Event
		for _, f := range frames(t, out) {
			ev, err := d.Decode(f.Name, f.Data)
			if err != nil {
				rt.Fatalf("%s: %v", f.Data, err)
			}
			back = append(back, ev)
		}
		if got := hear(back); !d.Complete() || got.summary() != want {
			rt.Fatalf("complete %v, heard\n%s\nand not\n%s\n%s", d.Complete(), got.summary(), want, out)
		}
		body := w.Door.Whole(w.meta(), a)
		ev, err := w.Up.Whole(body)
		if err != nil {
			rt.Fatalf("%v in %s", err, body)
		}
		if got := hear(ev.Steps()); got.summary() != want {
			rt.Fatalf("in one piece\n%s\nand not\n%s\n%s", got.summary(), want, body)
		}
	})
}

func (w Wire) documented(t *testing.T) {
	data, err := os.ReadFile(w.Page)
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(data), "\n## "+w.Section+"\n")
	if !ok {
		t.Fatalf("%s has no section %s", w.Page, w.Section)
	}
	section, _, _ = strings.Cut(section, "\n## ")
	for _, name := range append(dialect.Placed(w.Up.Wire()), w.Fields...) {
		if !strings.Contains(section, "`"+name+"`") {
			t.Errorf("%s does not say what becomes of `%s`", w.Section, name)
		}
	}
}
