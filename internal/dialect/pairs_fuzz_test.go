package dialect_test

import (
	"bytes"
	"encoding/json"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
	"github.com/dragoman/dragoman/internal/sse"
)

// FuzzRequests: whatever a door takes is JSON that the decoder of each wire takes, or is refused with a reason; on its own wire
// it is what came.
func FuzzRequests(f *testing.F) {
	names := slices.Sorted(maps.Keys(decoders))
	for i, name := range names {
		body, err := os.ReadFile(filepath.Join("testdata", "requests", name+".json"))
		if err != nil {
			f.Fatal(err)
		}
		f.Add(byte(i), body)
	}
	f.Add(byte(0), []byte(`{"model":"m","max_tokens":1,"messages":[{"role":"assistant","content":[{"type":"tool_use","id":"","name":"","input":[]}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"x"}]}]}`))
	f.Add(byte(2), []byte(`{"model":"m","messages":[{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{"}}]},{"role":"tool","tool_call_id":"b","content":[]}]}`))
	f.Fuzz(func(t *testing.T, which byte, body []byte) {
		from := names[int(which)%len(names)]
		before := bytes.Clone(body)
		r, err := decoders[from](body)
		if err != nil {
			if e := chat.AsError(err); e.Message == "" || e.Code == chat.CodeInternal {
				t.Fatalf("%+v", e)
			}
			return
		}
		for _, to := range names {
			own := *r
			out, dropped, err := wires[to].up.Encode(&own)
			if err != nil {
				if e := chat.AsError(err); e.Message == "" || e.Code == chat.CodeInternal {
					t.Fatalf("%s to %s: %+v", from, to, e)
				}
				continue
			}
			if !json.Valid(out) {
				t.Fatalf("%s to %s: %s", from, to, out)
			}
			if from == to && slices.ContainsFunc(dropped, func(s string) bool { return !strings.HasPrefix(s, "thinking") }) { // but for thoughts of others, which it refuses
				t.Fatalf("%s drops %v on its own wire", from, dropped)
			}
			if _, err := decoders[to](out); err != nil && from != to && to != "openai" && to != "responses" && chat.AsError(err).Message == "the body is not valid JSON" {
				t.Fatalf("%s to %s: %v: %s", from, to, err, out)
			}
		}
		if !bytes.Equal(body, before) {
			t.Fatal("the body was written to")
		}
	})
}

// FuzzStreams: no event harms a decoder or the encoders behind it, and what an encoder writes, its wire's decoder reads.
func FuzzStreams(f *testing.F) {
	names := slices.Sorted(maps.Keys(wires))
	for name, data := range recordings(f) {
		wire, _, _ := strings.Cut(name, "-")
		for _, breaks := range []bool{false, true} {
			f.Add(byte(slices.Index(names, wire)), data, breaks)
		}
	}
	f.Fuzz(func(t *testing.T, which byte, stream []byte, breaks bool) {
		from := names[int(which)%len(names)]
		events, d := sse.NewReader(bytes.NewReader(stream), 64<<10), wires[from].up.NewStream()
		var runes dialect.Runes
		m := dialect.Meta{ID: "0123456789abcdef", Created: time.Unix(1, 0), Model: "big", Request: &chat.Request{Model: "big", Stream: true, IncludeUsage: true}, Trace: "tr_1"}
		encoders, out := map[string]dialect.StreamEncoder{}, map[string][]byte{}
		for _, to := range names {
			encoders[to] = wires[to].door.NewStream(m)
		}
		all := &answerOf{message: chat.Message{Role: chat.Assistant}}
		for !d.Ended() {
			raw, err := events.Next()
			if err != nil {
				break
			}
			ev, err := d.Decode(raw.Name, raw.Data)
			if err != nil {
				if e := chat.AsError(err); e.Message == "" {
					t.Fatalf("%+v", e)
				}
				break
			}
			runes.Join(&ev)
			if len(ev.ToolCalls) > 0 && ev.ToolCalls[len(ev.ToolCalls)-1].Index > 1000 {
				return
			}
			all.add(ev)
			for _, to := range names {
				out[to] = encoders[to].Event(out[to], ev, true)
			}
		}
		for _, to := range names {
			if breaks || !d.Complete() {
				out[to] = encoders[to].Fail(out[to], &chat.Error{Code: chat.CodeStreamBroken, Message: "it broke"}, "tr_1")
			} else {
				out[to] = encoders[to].End(out[to], dialect.Answer{Message: all.message, Finish: all.Finish, Usage: all.Usage})
			}
			if to == from {
				continue // bytes of the provider's
			}
			back, dd := sse.NewReader(bytes.NewReader(out[to]), 16<<20), wires[to].up.NewStream()
			failed := false
			for !dd.Ended() {
				raw, err := back.Next()
				if err != nil {
					break
				}
				if _, err := dd.Decode(raw.Name, raw.Data); err != nil {
					failed = true
					break
				}
			}
			if breaks && !failed {
				t.Fatalf("%s to %s: nothing says that it broke\n%s", from, to, out[to])
			}
			if !breaks && d.Complete() && (failed || !dd.Complete()) {
				t.Fatalf("%s to %s cannot be read\n%s", from, to, out[to])
			}
		}
	})
}

// FuzzWholes: no answer in one piece, and no failure, harms its reader or the doors behind it: each tells JSON of its own, which
// its wire's reader reads, and what a page of a proxy's says is not passed on as the provider's.
func FuzzWholes(f *testing.F) {
	names := slices.Sorted(maps.Keys(wires))
	m := dialect.Meta{ID: "0123456789abcdef", Created: time.Unix(1, 0), Model: "big", Request: &chat.Request{Model: "big"}, Trace: "tr_1"}
	for i, name := range names {
		f.Add(byte(i), 429, []byte(`{"error":{"message":"Said.","type":"t","code":429,"status":"S"}}`))
		for recording, data := range recordings(f) {
			if wire, _, _ := strings.Cut(recording, "-"); wire == name { // the last event, and what our own door makes of all
				f.Add(byte(i), 200, data)
			}
		}
		f.Add(byte(i), 200, wires[name].door.Whole(m, dialect.Answer{Message: chat.Message{Role: chat.Assistant, Parts: []chat.Part{
			{Kind: chat.ThinkingPart, Text: "Hm.", Signature: chat.Signature{Of: chat.Anthropic, Value: "c2ln"}}, {Kind: chat.ThinkingPart, Redacted: "aGlk", Signature: chat.Signature{Of: chat.Anthropic}},
			{Kind: chat.TextPart, Text: "Hi"}, chat.NewCall(chat.ToolCall{ID: "a", Name: "f", Arguments: `{"n":1}`}),
		}}, Finish: chat.FinishToolCalls, Usage: chat.Usage{Input: 3, Output: 2}, Citations: []chat.Citation{{Start: 0, End: 2, URL: "u", Document: -1}}}))
	}
	f.Fuzz(func(t *testing.T, which byte, status int, body []byte) {
		from := names[int(which)%len(names)]
		before := bytes.Clone(body)
		if status >= 300 && status < 600 {
			e := wires[from].up.Failure(status, bytes.Clone(body), time.Second)
			if e.Message == "" || e.Code == "" || e.Code == chat.CodeInternal || e.Status != status {
				t.Fatalf("%+v", e)
			}
			for _, to := range names {
				if code, said := wires[to].door.Error(e, "tr_1"); code < 300 || code > 599 || !json.Valid(said) {
					t.Fatalf("%s to %s: %d %s", from, to, code, said)
				}
			}
			return
		}
		ev, err := wires[from].up.Whole(body)
		if err != nil {
			if e := chat.AsError(err); e.Message == "" || e.Code == chat.CodeInternal {
				t.Fatalf("%+v", e)
			}
			return
		}
		if n := len(ev.ToolCalls); n > 0 && ev.ToolCalls[n-1].Index > 1000 {
			t.Fatal("too many calls")
		}
		var h hearing
		h.hear(ev)
		for _, to := range names {
			if to == from {
				continue // bytes of the provider's
			}
			out := wires[to].door.Whole(m, h.answer())
			back, err := wires[to].up.Whole(out)
			if err != nil || !json.Valid(out) {
				t.Fatalf("%s to %s: %v in %s", from, to, err, out)
			}
			if len(back.ToolCalls) != len(ev.ToolCalls) {
				t.Fatalf("%s to %s: %d calls of %d\n%s", from, to, len(back.ToolCalls), len(ev.ToolCalls), out)
			}
		}
		if !bytes.Equal(before, body) {
			t.Fatal("the body was written to")
		}
	})
}
