package assistant

import (
	"io"
	"slices"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/dragoman/dragoman/internal/chat"
)

// events are a provider's stream.
type events struct{ left []chat.Event }

func (e *events) Next() (*chat.Event, error) {
	if len(e.left) == 0 {
		return nil, io.EOF
	}
	ev := &e.left[0]
	e.left = e.left[1:]
	return ev, nil
}

func (*events) Close() error { return nil }

// outline is what events say, with equal neighbours joined.
func outline(list []chat.Event) string {
	var b strings.Builder
	last := ""
	say := func(kind, text string) {
		if text == "" {
			return
		}
		if kind != last {
			b.WriteString("\n" + kind + ":")
			last = kind
		}
		b.WriteString(text)
	}
	for _, ev := range list {
		say("thinking", ev.Thinking)
		say("signature", ev.Signature.Value)
		say("text", ev.Text)
		for _, c := range ev.ToolCalls {
			if c.Name != "" {
				say("call "+c.ID, c.Name)
			}
			say("arguments "+string(rune('0'+c.Index)), c.Arguments)
		}
		for _, c := range ev.Citations {
			say("citation", c.URL)
		}
		if ev.BlockEnd {
			say("end", ".")
		}
		say("finish", string(ev.Finish))
		if ev.Usage != nil {
			say("usage", "x")
		}
	}
	return b.String()
}

// TestRecorded: what is kept of an answer says what the answer said, in its order, in few events.
func TestRecorded(t *testing.T) {
	word := rapid.StringMatching(`[a-z ]{0,40}`)
	event := rapid.Custom(func(t *rapid.T) chat.Event {
		ev := chat.Event{ID: "id", Model: "m", Raw: []byte("{}"), RawName: "x"}
		switch rapid.SampledFrom([]string{"text", "text", "text", "thinking", "arguments", "arguments", "call", "signature", "citation", "end", "both", "nothing"}).Draw(t, "kind") {
		case "text":
			ev.Text = word.Draw(t, "text")
		case "thinking":
			ev.Thinking = word.Draw(t, "thinking")
		case "arguments":
			ev.ToolCalls = []chat.ToolCallPart{{Index: rapid.IntRange(0, 2).Draw(t, "index"), Arguments: word.Draw(t, "arguments")}}
		case "call":
			ev.ToolCalls = []chat.ToolCallPart{{Index: 1, ID: "c", Name: "f"}}
		case "signature":
			ev.Signature = chat.Signature{Of: chat.Anthropic, Value: "s"}
		case "citation":
			ev.Citations = []chat.Citation{{URL: "u"}}
		case "end":
			ev.BlockEnd = true
		case "both":
			ev.Text, ev.Thinking = "t", "u"
		}
		return ev
	})
	rapid.Check(t, func(t *rapid.T) {
		in := rapid.SliceOfN(event, 0, 60).Draw(t, "events")
		in = append(in, chat.Event{ID: "id", Model: "m", Finish: chat.FinishStop}, chat.Event{Usage: &chat.Usage{Input: 1}})
		want := outline(in)
		r := &recorder{Stream: &events{slices.Clone(in)}}
		for {
			ev, err := r.Next()
			if err != nil {
				break
			}
			for i := range ev.ToolCalls {
				ev.ToolCalls[i].Arguments = "changed by what follows"
			}
		}
		kept, size := compacted(r.events)
		if got := outline(kept); got != want {
			t.Fatalf("kept %s\nof %s", got, want)
		}
		ids := 0
		for _, ev := range kept {
			if ev.Raw != nil {
				t.Fatal("a piece's bytes are kept")
			}
			if ev.ID == "id" && ev.Model == "m" {
				ids++
			}
		}
		if ids != 1 {
			t.Fatalf("the answer's id is kept %d times", ids)
		}
		if size < len(kept)*100 {
			t.Fatalf("%d events take %d bytes", len(kept), size)
		}
	})
	many := make([]chat.Event, 10_000)
	for i := range many {
		many[i] = chat.Event{Text: "word "}
	}
	if kept, size := compacted(many); len(kept) > 10_000*5/piece+1 || size > 3*10_000*5 {
		t.Errorf("%d events of %d bytes", len(kept), size)
	}
}
