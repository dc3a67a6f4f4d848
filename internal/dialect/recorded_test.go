package dialect_test

import (
	"bytes"
	"cmp"
	"errors"
	"fmt"
	"io"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	gocmp "github.com/google/go-cmp/cmp"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
	"github.com/dragoman/dragoman/internal/sse"
)

// told is all that an answer tells, on whatever wire and in whatever pieces.
type told struct {
	Thoughts     string
	Text         string
	Refusal      string
	Calls        []saidCall
	Finish       chat.FinishReason
	StopSequence string
	Usage        chat.Usage
	Logprobs     []string
	Citations    []string
	Failed       chat.Code // "" for a complete answer
}

// String shows what is there, a line each.
func (s told) String() string {
	var b strings.Builder
	line := func(what string, values ...string) {
		for _, v := range values {
			if v != "" {
				fmt.Fprintf(&b, "%s: %s\n", what, v)
			}
		}
	}
	line("thoughts", s.Thoughts)
	line("text", s.Text)
	line("refusal", s.Refusal)
	for _, c := range s.Calls {
		line("call", c.Name+" "+c.Arguments)
	}
	line("finish", string(s.Finish), s.StopSequence)
	if u := s.Usage; u != (chat.Usage{}) {
		line("usage", fmt.Sprintf("%d in, of them %d cached and %d written to the cache; %d out, of them %d thought", u.Input, u.CachedInput, u.CacheWrite, u.Output, u.Reasoning))
	}
	line("logprob", s.Logprobs...)
	line("citation", s.Citations...)
	line("failed", string(s.Failed))
	return b.String()
}

// hearing adds events up to what they tell.
type hearing struct {
	answerOf
	logprobs  []chat.TokenLogprob
	citations []chat.Citation
	stop      string
}

func (h *hearing) hear(ev chat.Event) {
	for _, step := range ev.Steps() {
		h.add(step)
	}
	h.logprobs = append(h.logprobs, ev.Logprobs...)
	h.citations = append(h.citations, ev.Citations...)
	h.stop = cmp.Or(ev.StopSequence, h.stop)
}

func (h *hearing) answer() dialect.Answer {
	return dialect.Answer{Message: h.message, Finish: h.Finish, StopSequence: h.stop, Usage: h.Usage, Logprobs: h.logprobs, Citations: h.citations}
}

func (h *hearing) told(t *testing.T, failed error) told {
	t.Helper()
	out := told{Text: h.Text, Refusal: h.Refusal, StopSequence: h.stop, Usage: h.Usage}
	if failed != nil {
		out.Failed = chat.AsError(failed).Code
		return out
	}
	h.done(t)
	out.Calls, out.Finish = h.Calls, h.Finish
	for _, p := range h.message.Parts {
		if p.Kind == chat.ThinkingPart {
			out.Thoughts += p.Text
		}
	}
	for _, l := range h.logprobs {
		s := fmt.Sprint(l.Token, " ", l.Logprob)
		for _, top := range l.Top {
			s += fmt.Sprint(", ", top.Token, " ", top.Logprob)
		}
		out.Logprobs = append(out.Logprobs, s)
	}
	for _, c := range h.citations {
		out.Citations = append(out.Citations, fmt.Sprintf("%d-%d %s %s %q", c.Start, c.End, c.URL, c.Title, c.Quote))
	}
	return out
}

// listen reads a stream, each event's Raw cloned, up to its end or a failure within it.
func listen(t *testing.T, w wire, r io.Reader) ([]chat.Event, error) {
	t.Helper()
	events, d := sse.NewReader(r, 1<<20), w.up.NewStream()
	var runes dialect.Runes
	var out []chat.Event
	for !d.Ended() {
		raw, err := events.Next()
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			t.Fatal(err)
		}
		ev, err := d.Decode(raw.Name, raw.Data)
		if err != nil {
			return out, err
		}
		runes.Join(&ev)
		ev.Raw, ev.ToolCalls = bytes.Clone(ev.Raw), slices.Clone(ev.ToolCalls)
		out = append(out, ev)
	}
	if !d.Complete() {
		return out, &chat.Error{Code: chat.CodeUpstream, Message: "the answer broke off", Err: io.ErrUnexpectedEOF}
	}
	return out, nil
}

// heard is what of an answer callers of a wire learn: what has no place there is gone. It is the table of docs/dialects.md.
func heard(door string, s told) told {
	ended := s.Finish
	switch {
	case s.Failed != "":
		s = told{Failed: s.Failed}
	case door == "openai":
		s.StopSequence, s.Citations = "", unquoted(s.Citations)
		if s.Finish == chat.FinishPause || s.Finish == chat.FinishRefusal {
			s.Finish = chat.FinishStop
		}
	case door == "responses":
		s.StopSequence, s.Citations = "", unquoted(s.Citations)
		if s.Refusal != "" && s.Text == "" && s.Finish == chat.FinishStop {
			s.Finish = chat.FinishRefusal
		}
	case door == "anthropic":
		s.Text, s.Refusal, s.Logprobs, s.Usage.Reasoning = s.Text+s.Refusal, "", nil, 0
		s.Citations = unplaced(s.Citations)
		if s.Finish == chat.FinishRefusal {
			s.Finish = chat.FinishContentFilter
		}
	case door == "gemini":
		s.Text, s.Refusal, s.StopSequence, s.Usage.CacheWrite = s.Text+s.Refusal, "", "", 0
		switch s.Finish {
		case chat.FinishRefusal:
			s.Finish = chat.FinishStop
		case chat.FinishPause:
			s.Finish = chat.FinishContentFilter
		}
	}
	if len(s.Calls) > 0 && ended == chat.FinishStop {
		s.Finish = chat.FinishToolCalls
	}
	return s
}

// recordings are streams as providers send them, by what they show; the wire is what stands before the first dash.
func recordings(t testing.TB) map[string][]byte {
	t.Helper()
	out := map[string][]byte{}
	for prefix, pattern := range map[string]string{"": "testdata/recorded/*.sse", "openai-": "openai/testdata/*.sse", "anthropic-": "anthropic/testdata/*.sse", "gemini-": "gemini/testdata/stream/*.sse", "responses-": "responses/testdata/official.sse"} {
		files, err := filepath.Glob(pattern)
		if err != nil || len(files) == 0 {
			t.Fatalf("%s: %v", pattern, err)
		}
		for _, file := range files {
			b, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			name := prefix + strings.TrimSuffix(filepath.Base(file), ".sse")
			if out[name] != nil {
				t.Fatalf("two recordings are called %s", name)
			}
			out[name] = b
		}
	}
	return out
}

// ways are those in which a stream may come over the network.
func ways(data []byte) map[string]io.Reader {
	unix := bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
	dos := bytes.ReplaceAll(unix, []byte("\n"), []byte("\r\n"))
	return map[string]io.Reader{
		"byte by byte":           iotest.OneByteReader(bytes.NewReader(data)),
		"with CRLF":              bytes.NewReader(dos),
		"with CRLF byte by byte": iotest.OneByteReader(bytes.NewReader(dos)),
		"with comments":          bytes.NewReader(bytes.ReplaceAll(unix, []byte("\n\n"), []byte("\n: keep-alive\n\n:\n"))),
		"with a byte order mark": io.MultiReader(strings.NewReader("\xef\xbb\xbf"), bytes.NewReader(data)),
	}
}

// TestRecordings: each recorded stream says the same in whatever pieces it comes, and to callers of every wire, streamed and
// whole, but for what has no place there. Golden files keep how it looks. One that fails never looks complete.
func TestRecordings(t *testing.T) {
	for name, data := range recordings(t) {
		from, _, _ := strings.Cut(name, "-")
		t.Run(name, func(t *testing.T) {
			events, failed := listen(t, wires[from], bytes.NewReader(data))
			var all hearing
			for _, ev := range events {
				all.hear(ev)
			}
			said := all.told(t, failed)
			for how, r := range ways(data) {
				again, err := listen(t, wires[from], r)
				var h hearing
				for _, ev := range again {
					h.hear(ev)
				}
				if d := gocmp.Diff(said, h.told(t, err)); d != "" {
					t.Errorf("%s: %s", how, d)
				}
			}
			page := []byte(said.String())
			for _, to := range slices.Sorted(maps.Keys(wires)) {
				out := tell(t, from, to, &all, events, said, failed)
				if from != to {
					page = fmt.Appendf(page, "\n=== to %s\n%s", to, out)
				} else if got, came := frames(t, out), frames(t, data); failed == nil {
					if len(got) > len(came) && said.Usage == (chat.Usage{}) { // which the caller has asked for
						got = got[:len(came)]
					}
					if d := gocmp.Diff(came, got); d != "" {
						t.Errorf("the same wire, and other events: %s", d)
					}
				}
			}
			golden(t, filepath.Join("told", name+".txt"), page)
		})
	}
}

// tell tells an answer to callers of a wire, streamed and whole, and checks what they learn.
func tell(t *testing.T, from, to string, all *hearing, events []chat.Event, said told, failed error) []byte {
	t.Helper()
	m := dialect.Meta{ID: "0123456789abcdef", Created: time.Unix(1741569953, 0), Model: "big", Request: &chat.Request{Wire: wires[to].door.Wire(), Model: "big", Stream: true, IncludeUsage: true}, Trace: "tr_1"}
	enc := wires[to].door.NewStream(m)
	var out []byte
	for _, ev := range events {
		out = enc.Event(out, ev, true)
	}
	if failed != nil {
		out = enc.Fail(out, chat.AsError(failed), "tr_1")
	} else {
		out = enc.End(out, all.answer())
	}
	back, err := listen(t, wires[to], bytes.NewReader(out))
	var h hearing
	for _, ev := range back {
		h.hear(ev)
	}
	if failed != nil {
		if err == nil || errors.Is(err, io.ErrUnexpectedEOF) {
			t.Errorf("to %s: a failure is not told: %v\n%s", to, err, out)
		}
		return out
	}
	want := heard(to, said)
	if from == to {
		want = said
	}
	got := h.told(t, err)
	if to == "anthropic" && from != to {
		got.Citations = unplaced(got.Citations)
	}
	if d := gocmp.Diff(want, got); d != "" {
		t.Errorf("to %s, streamed: %s\n%s", to, d, out)
	}
	if to == "anthropic" {
		blocksInOrder(t, out)
	}
	body := wires[to].door.Whole(m, all.answer())
	ev, err := wires[to].up.Whole(body)
	var w hearing
	w.hear(ev)
	want = heard(to, said)
	if got = w.told(t, err); to == "anthropic" {
		got.Citations = unplaced(got.Citations)
	}
	if d := gocmp.Diff(want, got); d != "" {
		t.Errorf("to %s, whole: %s\n%s", to, d, body)
	}
	if from == to {
		return out
	}
	return append(append(out, body...), '\n')
}

// frames are the names and data of a stream's events but for the end mark, which not all send.
func frames(t *testing.T, stream []byte) (out []string) {
	t.Helper()
	for r := sse.NewReader(bytes.NewReader(stream), 1<<20); ; {
		ev, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil {
			t.Fatal(err)
		}
		if string(ev.Data) != "[DONE]" {
			out = append(out, ev.Name+": "+string(ev.Data))
		}
	}
}

// TestCutRecordings: a recorded stream that ends early, wherever that is, is never a complete answer.
func TestCutRecordings(t *testing.T) {
	for name, data := range recordings(t) {
		from, _, _ := strings.Cut(name, "-")
		events := bytes.SplitAfter(bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n")), []byte("\n\n"))
		for n := range events {
			d, ended, failed := wires[from].up.NewStream(), false, false
			for r := sse.NewReader(bytes.NewReader(bytes.Join(events[:n], nil)), 1<<20); ; {
				raw, err := r.Next()
				if err != nil {
					break
				}
				ev, err := d.Decode(raw.Name, raw.Data)
				if failed = err != nil; failed {
					break
				}
				ended = ended || ev.Finish != ""
			}
			if (d.Complete() || d.Ended()) && !ended && !failed {
				t.Errorf("%s, cut after %d of %d events, passes for complete", name, n, len(events))
			}
		}
	}
}
