package dialect_test

import (
	"bytes"
	"encoding/json"
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

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
	"github.com/dragoman/dragoman/internal/dialect/anthropic"
	"github.com/dragoman/dragoman/internal/dialect/gemini"
	"github.com/dragoman/dragoman/internal/dialect/openai"
	"github.com/dragoman/dragoman/internal/dialect/responses"
	"github.com/dragoman/dragoman/internal/sse"
)

// wire is both sides of a wire format.
type wire struct {
	up   dialect.Upstream
	door dialect.Door
}

var wires = map[string]wire{
	"openai":    {openai.Upstream{}, openai.Door{}},
	"anthropic": {anthropic.Upstream{}, anthropic.Door{}},
	"gemini":    {gemini.Upstream{}, gemini.Door{}},
	"responses": {responses.Upstream{}, responses.Door{}},
}

// said is what an answer says, in whatever pieces and on whatever wire it came.
type said struct {
	Thinking, Text, Refusal string
	Calls                   []saidCall
	Finish                  chat.FinishReason
	Usage                   chat.Usage
}

type saidCall struct {
	Name      string
	Arguments string // canonical JSON
}

// answerOf adds events up.
type answerOf struct {
	said
	message chat.Message
	ids     []string
	parts   []*strings.Builder // arguments, by the index of the call
	where   []int              // part of the message, by the index of the call
}

func (a *answerOf) add(ev chat.Event) {
	a.Thinking, a.Text, a.Refusal = a.Thinking+ev.Thinking, a.Text+ev.Text, a.Refusal+ev.Refusal
	push := func(kind chat.PartKind) *chat.Part {
		if n := len(a.message.Parts); n > 0 && a.message.Parts[n-1].Kind == kind && a.message.Parts[n-1].Signature.Value == "" && a.message.Parts[n-1].Redacted == "" {
			return &a.message.Parts[n-1]
		}
		a.message.Parts = append(a.message.Parts, chat.Part{Kind: kind})
		return &a.message.Parts[len(a.message.Parts)-1]
	}
	if ev.Thinking != "" {
		push(chat.ThinkingPart).Text += ev.Thinking
	}
	if ev.Signature.Value != "" {
		push(chat.ThinkingPart).Signature = ev.Signature
	}
	if ev.Redacted != "" {
		p := push(chat.ThinkingPart)
		p.Redacted, p.Signature.Of = ev.Redacted, ev.Signature.Of
	}
	if ev.Text != "" {
		push(chat.TextPart).Text += ev.Text
	}
	for _, c := range ev.ToolCalls {
		for len(a.parts) <= c.Index {
			a.parts, a.ids, a.where, a.Calls = append(a.parts, &strings.Builder{}), append(a.ids, ""), append(a.where, -1), append(a.Calls, saidCall{})
		}
		if a.where[c.Index] < 0 {
			a.where[c.Index] = len(a.message.Parts)
			a.message.Parts = append(a.message.Parts, chat.Part{Kind: chat.CallPart, Call: &chat.ToolCall{}})
		}
		p := &a.message.Parts[a.where[c.Index]]
		a.parts[c.Index].WriteString(c.Arguments)
		a.Calls[c.Index].Name += c.Name
		a.ids[c.Index] += c.ID
		p.Call.Name, p.Call.ID, p.Call.Arguments = p.Call.Name+c.Name, p.Call.ID+c.ID, p.Call.Arguments+c.Arguments
		if c.Signature.Value != "" {
			p.Signature = c.Signature
		}
	}
	if ev.Finish != "" {
		a.Finish = ev.Finish
	}
	if ev.Usage != nil {
		a.Usage = *ev.Usage
	}
}

// done compares arguments by what they mean.
func (a *answerOf) done(t *testing.T) said {
	t.Helper()
	for i := range a.Calls {
		var v any
		d := json.NewDecoder(strings.NewReader(a.parts[i].String()))
		d.UseNumber()
		if err := d.Decode(&v); err != nil {
			t.Fatalf("the arguments of call %d are no JSON: %q: %v", i, a.parts[i].String(), err)
		}
		b, err := json.Marshal(v)
		if err != nil {
			t.Fatal(err)
		}
		a.Calls[i].Arguments = string(b)
		if a.ids[i] == "" || slices.Contains(a.ids[:i], a.ids[i]) {
			t.Fatalf("call %d has the id %q; before it %v", i, a.ids[i], a.ids[:i])
		}
	}
	return a.said
}

// decode reads a stream from r, each event's Raw cloned.
func decode(t *testing.T, w wire, r io.Reader) []chat.Event {
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
			t.Fatalf("%s: %v", raw.Data, err)
		}
		runes.Join(&ev)
		ev.Raw, ev.ToolCalls = bytes.Clone(ev.Raw), slices.Clone(ev.ToolCalls)
		out = append(out, ev)
	}
	if !d.Complete() {
		t.Fatal("the stream ended, and the answer is not complete")
	}
	return out
}

func sum(t *testing.T, events []chat.Event) (said, *answerOf) {
	t.Helper()
	a := &answerOf{message: chat.Message{Role: chat.Assistant}}
	for _, ev := range events {
		a.add(ev)
	}
	return a.done(t), a
}

func recorded(t *testing.T, name string) []byte {
	t.Helper()
	b, err := os.ReadFile(filepath.Join("testdata", "streams", name+".sse"))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

var wanted = said{
	Thinking: "Two cities, two calls.", Text: "Grüße, 世界 😀 \u2028 end", Finish: chat.FinishToolCalls,
	Calls: []saidCall{{"weather", `{"city":"Köln \"N\"","days":9007199254740993}`}, {"weather", `{"city":"€uro"}`}},
	Usage: chat.Usage{Input: 1200, CachedInput: 1000, Output: 60, Reasoning: 20},
}

// want is the same answer as each wire tells it: Anthropic does not tell thoughts' tokens, and only it tells what was written to
// its cache.
func want(wire string) said {
	w := wanted
	if wire == "anthropic" {
		w.Usage.CacheWrite, w.Usage.Reasoning = 50, 0
	}
	return w
}

// TestRecordedStreams: whatever the pieces that the network makes of a stream, it says the same.
func TestRecordedStreams(t *testing.T) {
	for _, name := range []string{"openai", "anthropic", "gemini"} {
		data := recorded(t, name)
		unix := bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
		for how, r := range map[string]io.Reader{
			"at once":       bytes.NewReader(data),
			"byte by byte":  iotest.OneByteReader(bytes.NewReader(data)),
			"with CRLF":     bytes.NewReader(bytes.ReplaceAll(unix, []byte("\n"), []byte("\r\n"))),
			"with CR":       iotest.OneByteReader(bytes.NewReader(bytes.ReplaceAll(unix, []byte("\n"), []byte("\r")))),
			"with comments": bytes.NewReader(bytes.ReplaceAll(unix, []byte("\n\n"), []byte("\n: keep-alive\n\n:\n"))),
		} {
			t.Run(name+" "+how, func(t *testing.T) {
				if got, _ := sum(t, decode(t, wires[name], r)); fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", want(name)) {
					t.Errorf("got  %+v\nwant %+v", got, want(name))
				}
			})
		}
	}
}

// TestCutStreams: a stream that ends early, wherever that is, is never a complete answer.
func TestCutStreams(t *testing.T) {
	for _, name := range []string{"openai", "anthropic", "gemini"} {
		data := recorded(t, name)
		unix := bytes.ReplaceAll(data, []byte("\r\n"), []byte("\n"))
		frames := bytes.SplitAfter(unix, []byte("\n\n"))
		finish := -1 // the frame that says how it ended
		for i, f := range frames {
			if finish < 0 && (bytes.Contains(f, []byte(`"finish_reason": "tool_calls"`)) || bytes.Contains(f, []byte(`"stop_reason": "tool_use"`)) || bytes.Contains(f, []byte(`"finishReason"`))) {
				finish = i
			}
		}
		if finish < 0 {
			t.Fatalf("%s has no end", name)
		}
		for n := range finish {
			d := wires[name].up.NewStream()
			for _, f := range frames[:n] {
				r := sse.NewReader(bytes.NewReader(f), 1<<20)
				for {
					ev, err := r.Next()
					if err != nil {
						break
					}
					if _, err := d.Decode(ev.Name, ev.Data); err != nil {
						t.Fatal(err)
					}
				}
			}
			if d.Complete() || d.Ended() {
				t.Errorf("%s, cut after %d of %d frames, passes for complete", name, n, len(frames))
			}
		}
	}
}

// TestStreamPairs: a stream of each upstream wire, told to callers of each other, says the same there: what our own decoder of
// that wire reads in it. Golden files keep how it looks.
func TestStreamPairs(t *testing.T) {
	for _, from := range []string{"openai", "anthropic", "gemini"} {
		events := decode(t, wires[from], bytes.NewReader(recorded(t, from)))
		_, all := sum(t, events)
		for _, to := range slices.Sorted(maps.Keys(wires)) {
			t.Run(from+" to "+to, func(t *testing.T) {
				m := dialect.Meta{ID: "0123456789abcdef", Created: time.Unix(1741569953, 0), Model: "big", Request: &chat.Request{Model: "big", Stream: true, IncludeUsage: true}, Trace: "tr_1"}
				enc := wires[to].door.NewStream(m)
				var out []byte
				for _, ev := range events {
					out = enc.Event(out, ev, true)
				}
				a := dialect.Answer{Message: all.message, Finish: all.Finish, Usage: all.Usage}
				out = enc.End(out, a)
				got, _ := sum(t, decode(t, wires[to], bytes.NewReader(out)))
				w := want(from)
				if to == "anthropic" {
					w.Usage.Reasoning = 0
				} else if to == "gemini" {
					w.Usage.CacheWrite = 0
				}
				if fmt.Sprintf("%+v", got) != fmt.Sprintf("%+v", w) {
					t.Errorf("got  %+v\nwant %+v", got, w)
				}
				if from == to && !bytes.Equal(out, bytes.ReplaceAll(bytes.TrimPrefix(recorded(t, from), []byte(": OPENROUTER PROCESSING\n\n")), []byte("\r\n"), []byte("\n"))) {
					t.Errorf("the same wire, and other bytes:\n%s", out)
				}
				golden(t, filepath.Join("pairs", from+"_to_"+to+".sse"), out)

				body := wires[to].door.Whole(m, a)
				ev, err := wires[to].up.Whole(body)
				if err != nil {
					t.Fatalf("%v in\n%s", err, body)
				}
				whole, _ := sum(t, []chat.Event{ev})
				if fmt.Sprintf("%+v", whole) != fmt.Sprintf("%+v", w) {
					t.Errorf("whole:\ngot  %+v\nwant %+v\n%s", whole, w, body)
				}
			})
		}
	}
}

// golden compares with a file of testdata; UPDATE_GOLDEN=1 writes it.
func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	path := filepath.Join("testdata", name)
	if os.Getenv("UPDATE_GOLDEN") != "" {
		if err := errors.Join(os.MkdirAll(filepath.Dir(path), 0o755), os.WriteFile(path, got, 0o644)); err != nil {
			t.Fatal(err)
		}
		return
	}
	want, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	if !bytes.Equal(got, want) {
		t.Errorf("%s is not as it was (UPDATE_GOLDEN=1 takes it over):\n%s", name, got)
	}
}
