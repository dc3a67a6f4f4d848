package dialect_test

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
	"github.com/dragoman/dragoman/internal/dialect/anthropic"
	"github.com/dragoman/dragoman/internal/dialect/gemini"
	"github.com/dragoman/dragoman/internal/dialect/openai"
	"github.com/dragoman/dragoman/internal/dialect/responses"
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
	if ev.Refusal != "" {
		push(chat.RefusalPart).Text += ev.Refusal
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

// decode reads a stream that is complete.
func decode(t *testing.T, w wire, r io.Reader) []chat.Event {
	t.Helper()
	events, err := listen(t, w, r)
	if err != nil {
		t.Fatal(err)
	}
	return events
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
