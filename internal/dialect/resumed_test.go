package dialect_test

import (
	"bytes"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
	"github.com/dragoman/dragoman/internal/sse"
)

// TestResumedStreams: a stream that goes on with another answer, after any of its events, is one well-formed stream to callers
// of the wire on which it began, and of all others.
func TestResumedStreams(t *testing.T) {
	for _, from := range []string{"openai", "anthropic", "gemini", "responses"} {
		var began []chat.Event
		stream := bytes.NewReader(nil)
		if from == "responses" { // as our own door tells it
			enc := wires[from].door.NewStream(dialect.Meta{ID: "feed", Created: time.Unix(1, 0), Model: "m", Request: &chat.Request{Model: "m", Stream: true}})
			var b []byte
			for _, ev := range []chat.Event{{Thinking: "Hm."}, {Text: "One "}, {Text: "two "}, {Text: "three"}} {
				b = enc.Event(b, ev, false)
			}
			stream.Reset(b)
		} else {
			stream.Reset(recorded(t, from+"_text"))
		}
		events, d := sse.NewReader(stream, 1<<20), wires[from].up.NewStream()
		for {
			raw, err := events.Next()
			if err != nil {
				break
			}
			ev, err := d.Decode(raw.Name, raw.Data)
			if err != nil {
				t.Fatal(err)
			}
			ev.Raw = bytes.Clone(ev.Raw)
			began = append(began, ev)
		}
		for to, w := range wires {
			for cut := 1; cut <= len(began); cut++ {
				t.Run(fmt.Sprintf("%s to %s after %d", from, to, cut), func(t *testing.T) {
					m := dialect.Meta{ID: "0123456789abcdef", Created: time.Unix(1, 0), Model: "big", Request: &chat.Request{Model: "big", Stream: true, IncludeUsage: true}, Trace: "tr_1"}
					enc := w.door.NewStream(m)
					var out []byte
					want := ""
					all := &answerOf{message: chat.Message{Role: chat.Assistant}}
					tell := func(ev chat.Event, raw bool) {
						want += ev.Text
						all.add(ev)
						out = enc.Event(out, ev, raw)
					}
					for _, ev := range began[:cut] {
						tell(ev, true)
					}
					tell(chat.Event{Text: "and "}, false)
					tell(chat.Event{Text: "four"}, false)
					tell(chat.Event{Finish: chat.FinishStop, Usage: &chat.Usage{Input: 30, Output: 7}}, false)
					out = enc.End(out, dialect.Answer{Message: all.message, Finish: chat.FinishStop, Usage: chat.Usage{Input: 30, Output: 7}})
					got, _ := sum(t, decode(t, w, bytes.NewReader(out)))
					if got.Text != want || got.Finish != chat.FinishStop || got.Usage.Output != 7 {
						t.Errorf("%+v; want %q\n%s", got, want, out)
					}
					wellFormed(t, to, out)
				})
			}
		}
	}
}

// wellFormed checks what decoders forgive: one beginning, one end, blocks in order and closed, one id.
func wellFormed(t *testing.T, wire string, stream []byte) {
	t.Helper()
	count := func(s string) int { return strings.Count(string(stream), s) }
	once := func(s string) {
		if n := count(s); n != 1 {
			t.Errorf("%q stands %d times in\n%s", s, n, stream)
		}
	}
	ids := map[string]bool{}
	for _, id := range regexp.MustCompile(`"(?:id|responseId)": ?"([^"]+)"`).FindAllSubmatch(stream, -1) {
		if prefix, _, _ := strings.Cut(string(id[1]), "_"); wire != "responses" || prefix == "resp" {
			ids[string(id[1])] = true
		}
	}
	if len(ids) > 1 {
		t.Errorf("ids %v in\n%s", ids, stream)
	}
	switch wire {
	case "openai":
		once("data: [DONE]")
		once(`"finish_reason":"stop"`)
		once(`"role":`)
	case "gemini":
		once(`"finishReason"`)
	case "responses":
		once("event: response.created\n")
		once("event: response.completed\n")
	case "anthropic":
		once("event: message_start\n")
		once("event: message_delta\n")
		once("event: message_stop\n")
		blocksInOrder(t, stream)
	}
}

// blocksInOrder checks that the blocks of a message come one after the other, each with a beginning and an end.
func blocksInOrder(t *testing.T, stream []byte) {
	t.Helper()
	open, next := -1, 0
	events := sse.NewReader(bytes.NewReader(stream), 1<<20)
	for {
		ev, err := events.Next()
		if err != nil {
			break
		}
		index := int(gjson.GetBytes(ev.Data, "index").Int())
		switch ev.Name {
		case "content_block_start":
			if open >= 0 || index != next {
				t.Errorf("block %d begins while %d is open and %d comes next\n%s", index, open, next, stream)
			}
			open, next = index, index+1
		case "content_block_delta":
			if index != open {
				t.Errorf("a piece of block %d while %d is open\n%s", index, open, stream)
			}
		case "content_block_stop":
			if index != open {
				t.Errorf("block %d ends while %d is open\n%s", index, open, stream)
			}
			open = -1
		case "message_delta", "message_stop":
			if open >= 0 {
				t.Errorf("the message ends while block %d is open\n%s", open, stream)
			}
		}
	}
}
