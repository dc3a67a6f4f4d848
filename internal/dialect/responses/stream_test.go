package responses

import (
	"encoding/json"
	"errors"
	"flag"
	"io"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
	"pgregory.net/rapid"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
	"github.com/dragoman/dragoman/internal/sse"
)

var update = flag.Bool("update", false, "write the golden files")

func meta(r *chat.Request) dialect.Meta {
	return dialect.Meta{ID: "0a1b", Created: time.Unix(1700000000, 0), Model: "m", Request: r, Trace: "tr_1"}
}

// events reads an event stream and holds it to what every client relies on.
func events(t interface{ Fatalf(string, ...any) }, stream []byte) []sse.Event {
	var out []sse.Event
	r := sse.NewReader(strings.NewReader(string(stream)), 1<<20)
	for {
		ev, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out
		}
		if err != nil || !json.Valid(ev.Data) {
			t.Fatalf("%v: %s", err, ev.Data)
		}
		ev.Data = append([]byte(nil), ev.Data...)
		v := gjson.ParseBytes(ev.Data)
		if v.Get("type").String() != ev.Name || v.Get("sequence_number").Int() != int64(len(out)) {
			t.Fatalf("event %d is %s %s", len(out), ev.Name, ev.Data)
		}
		out = append(out, ev)
	}
}

// answer is what a stream says.
type answer struct {
	Text, Thinking, Refusal string
	Calls                   []chat.ToolCall
	Signatures              []chat.Signature
	Redacted                string
	Citations               int
	Finish                  chat.FinishReason
	Usage                   chat.Usage
}

func (a *answer) add(ev chat.Event) {
	a.Text += ev.Text
	a.Thinking += ev.Thinking
	a.Refusal += ev.Refusal
	a.Redacted += ev.Redacted
	a.Citations += len(ev.Citations)
	if ev.Signature.Value != "" {
		a.Signatures = append(a.Signatures, ev.Signature)
	}
	for _, c := range ev.ToolCalls {
		for len(a.Calls) <= c.Index {
			a.Calls = append(a.Calls, chat.ToolCall{})
		}
		call := &a.Calls[c.Index]
		call.ID += c.ID
		call.Name += c.Name
		call.Arguments += c.Arguments
		if c.Signature.Value != "" {
			a.Signatures = append(a.Signatures, c.Signature)
		}
	}
	if ev.Finish != "" {
		a.Finish = ev.Finish
	}
	if ev.Usage != nil {
		a.Usage = *ev.Usage
	}
}

// read decodes a stream of ours as an upstream's.
func read(t interface{ Fatalf(string, ...any) }, stream []byte) (a answer, decoded []chat.Event) {
	d := Upstream{}.NewStream()
	for _, ev := range events(t, stream) {
		out, err := d.Decode(ev.Name, ev.Data)
		if err != nil {
			t.Fatalf("%s: %v", ev.Data, err)
		}
		a.add(out)
		decoded = append(decoded, out)
	}
	if !d.Complete() {
		t.Fatalf("the stream is not complete:\n%s", stream)
	}
	return a, decoded
}

func golden(t *testing.T, name string, got []byte) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	if d := cmp.Diff(string(want), string(got)); d != "" {
		t.Error(d)
	}
}

// turn is an answer of a chat-only upstream to agentRequest: thoughts with a proof, text with a source, parallel calls in pieces.
var turn = []chat.Event{
	{ID: "x", Model: "up", Thinking: "let me "}, {Thinking: "see"}, {Signature: chat.Signature{Of: chat.Anthropic, Value: "sig"}},
	{Text: "I lo"}, {Text: "ok.", Citations: []chat.Citation{{Start: 0, End: 3, URL: "https://a.example", Title: "A", Document: -1}}},
	{ToolCalls: []chat.ToolCallPart{{Index: 0, ID: "c1", Name: "exec"}}},
	{ToolCalls: []chat.ToolCallPart{{Index: 1, ID: "c2", Name: "apply_patch", Arguments: `{"in`}}},
	{ToolCalls: []chat.ToolCallPart{{Index: 0, Arguments: `{"cmd":`}, {Index: 1, Arguments: `put":"*** Begin\`}}},
	{ToolCalls: []chat.ToolCallPart{{Index: 0, Arguments: `"ls"}`}, {Index: 1, Arguments: `n\ud83d\ude00"}`}}},
	{ToolCalls: []chat.ToolCallPart{{Index: 2, ID: "c3", Name: "mcp__look", Arguments: `{}`, Signature: chat.Signature{Of: chat.Gemini, Value: "g"}}}},
	{ToolCalls: []chat.ToolCallPart{{Index: 3, ID: "c4", Name: "local_shell", Arguments: `{"type":"exec","command":["ls"],"env":{}}`}}},
	{Finish: chat.FinishToolCalls, Usage: &chat.Usage{Input: 90, CachedInput: 60, Output: 9, Reasoning: 4}},
}

func encodeAll(e dialect.StreamEncoder, list []chat.Event, raw bool, a dialect.Answer) []byte {
	var b []byte
	for _, ev := range list {
		b = e.Event(b, ev, raw)
	}
	return e.End(b, a)
}

var turnEnd = dialect.Answer{Finish: chat.FinishToolCalls, Usage: chat.Usage{Input: 90, CachedInput: 60, Output: 9, Reasoning: 4}}

func TestStreamOverAnotherWire(t *testing.T) {
	r := decode(t, agentRequest)
	e := Door{}.encoder(meta(r.Request))
	stream := encodeAll(e, turn, false, turnEnd)
	golden(t, "agent_turn.sse", stream)
	all := events(t, stream)
	last := gjson.ParseBytes(all[len(all)-1].Data).Get("response")
	if u := last.Get("usage"); u.Get("input_tokens_details.cached_tokens").Int() != 60 || u.Get("output_tokens_details.reasoning_tokens").Int() != 4 || u.Get("total_tokens").Int() != 99 {
		t.Error(u.Raw)
	}
	if string(e.Response(turnEnd)) != last.Raw || e.ID() != "resp_0a1b" {
		t.Error("what is stored is not what was shown")
	}

	// What comes back in the next request is what was said.
	var input []string
	for _, item := range last.Get("output").Array() {
		input = append(input, item.Raw)
	}
	next := decode(t, `{"model":"m","tools":`+gjson.Get(agentRequest, "tools").Raw+`,"input":[`+strings.Join(input, ",")+`]}`)
	want := []chat.Part{
		{Kind: chat.ThinkingPart, Text: "let me see", Signature: chat.Signature{Of: chat.Anthropic, Value: "sig"}},
		{Kind: chat.TextPart, Text: "I look."},
		chat.NewCall(chat.ToolCall{ID: "c1", Name: "exec", Arguments: `{"cmd":"ls"}`}),
		chat.NewCall(chat.ToolCall{ID: "c2", Name: "apply_patch", Arguments: `{"input":"*** Begin\n😀"}`}),
		chat.NewCall(chat.ToolCall{ID: "c3", Name: "mcp__look", Arguments: `{}`}),
		chat.NewCall(chat.ToolCall{ID: "c4", Name: "local_shell", Arguments: `{"type":"exec","command":["ls"],"env":{}}`}),
	}
	want[4].Signature = chat.Signature{Of: chat.Gemini, Value: "g"}
	if len(next.Messages) != 1 {
		t.Fatal(next.Messages)
	}
	got := next.Messages[0].Parts
	for i := range got {
		got[i].At = chat.Span{}
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
	// Upstream gets none of it that is not OpenAI's.
	out, dropped, err := Upstream{}.Encode(next.Request)
	if err != nil || len(dropped) != 1 || strings.Contains(string(out), packMark) || strings.Contains(string(out), "__sig_") || !json.Valid(out) || gjson.GetBytes(out, "input.#").Int() != 5 {
		t.Errorf("%s %v %v", out, dropped, err)
	}
}

func TestStoredItemsHaveTheirProof(t *testing.T) {
	r := decode(t, `{"model":"m","input":"x"}`)
	e := Door{}.encoder(meta(r.Request))
	stream := encodeAll(e, turn[:5], false, dialect.Answer{Finish: chat.FinishStop})
	if strings.Contains(string(stream), "encrypted_content") {
		t.Error("shown though not asked for")
	}
	a := dialect.Answer{Finish: chat.FinishStop, Message: chat.Message{Role: chat.Assistant, Parts: []chat.Part{
		{Kind: chat.ThinkingPart, Text: "let me see", Signature: chat.Signature{Of: chat.Anthropic, Value: "sig"}}, {Kind: chat.TextPart, Text: "I look."}}}}
	for _, items := range [][]json.RawMessage{e.Items(), Output(meta(r.Request), a)} {
		if len(items) != 2 || !gjson.GetBytes(items[0], "encrypted_content").Exists() || gjson.GetBytes(items[1], "content.0.text").String() != "I look." {
			t.Errorf("%s", items)
		}
	}
	if whole := (Door{}).Whole(meta(r.Request), a); strings.Contains(string(whole), "encrypted_content") || gjson.GetBytes(whole, "output.1.content.0.text").String() != "I look." {
		t.Errorf("%s", whole)
	}
}

func TestStopReasons(t *testing.T) {
	for finish, want := range map[chat.FinishReason]string{chat.FinishStop: "completed", chat.FinishLength: "incomplete max_output_tokens",
		chat.FinishContentFilter: "incomplete content_filter", chat.FinishRefusal: "incomplete content_filter"} {
		stream := encodeAll(Door{}.NewStream(meta(nil)), []chat.Event{{Text: "a"}, {Finish: finish}}, false, dialect.Answer{Finish: finish})
		all := events(t, stream)
		last := gjson.ParseBytes(all[len(all)-1].Data)
		got := strings.TrimSpace(last.Get("response.status").String() + " " + last.Get("response.incomplete_details.reason").String())
		if got != want || last.Get("type").String() != "response."+last.Get("response.status").String() {
			t.Errorf("%s: %s", finish, got)
		}
	}
}

func TestFail(t *testing.T) {
	e := Door{}.NewStream(meta(nil))
	b := e.Event(nil, chat.Event{Text: "a"}, false)
	b = e.Fail(b, &chat.Error{Code: chat.CodeStreamBroken, Message: "it broke off"}, "tr_1")
	all := events(t, e.End(b, dialect.Answer{}))
	last := all[len(all)-1]
	if last.Name != "response.failed" || gjson.GetBytes(last.Data, "response.error.message").String() != "it broke off" || gjson.GetBytes(last.Data, "response.status").String() != "failed" {
		t.Errorf("%s", last.Data)
	}
	d := Upstream{}.NewStream()
	if _, err := d.Decode(last.Name, last.Data); chat.AsError(err).Code != chat.CodeUpstream {
		t.Error(err)
	}
}

// TestAnswersSurvive says the same answer in random pieces, encodes it as a stream and whole, and reads it again.
func TestAnswersSurvive(t *testing.T) {
	r := decode(t, agentRequest)
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[a-c"\\\n\x{1F600}<\x{2028}]{1,6}`)
		var list []chat.Event
		var want answer
		calls := map[int]string{}
		begun := 0
		for range rapid.IntRange(0, 12).Draw(t, "events") {
			var ev chat.Event
			switch rapid.IntRange(0, 5).Draw(t, "kind") {
			case 0:
				ev.Thinking = text.Draw(t, "thinking")
			case 1:
				ev.Signature = chat.Signature{Of: rapid.SampledFrom([]chat.Dialect{chat.OpenAI, chat.Anthropic, chat.Gemini}).Draw(t, "of"), Value: rapid.StringMatching(`[a-z]{1,4}:[a-z]{1,4}`).Draw(t, "sig")}
			case 2:
				ev.Text = text.Draw(t, "text")
				if rapid.Bool().Draw(t, "cited") {
					ev.Citations = []chat.Citation{{URL: "https://a.example"}}
				}
			case 3:
				ev.Refusal = text.Draw(t, "refusal")
			case 4:
				name := rapid.SampledFrom([]string{"exec", "apply_patch", "mcp__look", "other"}).Draw(t, "name")
				ev.ToolCalls = []chat.ToolCallPart{{Index: begun, ID: "c" + text.Draw(t, "id"), Name: name}}
				arguments := `{"x":` + string(dialect.AppendString(nil, text.Draw(t, "argument"))) + `}`
				if name == "apply_patch" {
					arguments = customArguments(text.Draw(t, "input"))
				}
				calls[begun] = arguments
				begun++
			case 5:
				for i := range begun {
					n := rapid.IntRange(0, len(calls[i])).Draw(t, "piece")
					for n < len(calls[i]) && !utf8.RuneStart(calls[i][n]) {
						n++ // a JSON string cannot end within a character
					}
					ev.ToolCalls = append(ev.ToolCalls, chat.ToolCallPart{Index: i, Arguments: calls[i][:n]})
					calls[i] = calls[i][n:]
				}
			}
			list = append(list, ev)
		}
		for i := range begun {
			list = append(list, chat.Event{ToolCalls: []chat.ToolCallPart{{Index: i, Arguments: calls[i]}}})
		}
		finish := chat.FinishStop
		if begun > 0 {
			finish = chat.FinishToolCalls
		}
		list = append(list, chat.Event{Finish: finish})
		for _, ev := range list {
			want.add(ev)
		}
		a := dialect.Answer{Finish: finish, Usage: chat.Usage{Input: 5, CachedInput: 2, Output: 3}}
		want.Usage = a.Usage
		stream := encodeAll(Door{}.NewStream(meta(r.Request)), list, false, a)
		got, decoded := read(t, stream)
		if got.Finish == chat.FinishRefusal {
			got.Finish = chat.FinishStop
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("%s\n%s", d, stream)
		}
		// The same wire passes bytes on, and written anew it says the same.
		if again := encodeAll(Door{}.NewStream(meta(r.Request)), decoded, true, a); string(again) != string(stream) {
			t.Fatal("bytes were changed on the same wire")
		}
		from := rapid.IntRange(0, len(decoded)).Draw(t, "from")
		e := Door{}.NewStream(meta(r.Request))
		var b []byte
		for i, ev := range decoded {
			b = e.Event(b, ev, i < from)
		}
		if got, _ = read(t, e.End(b, a)); got.Finish == chat.FinishRefusal {
			got.Finish = chat.FinishStop
		}
		if d := cmp.Diff(want, got); d != "" {
			t.Fatalf("from event %d: %s\n%s", from, d, b)
		}
	})
}

func FuzzStreamDecoder(f *testing.F) {
	f.Add("", []byte(`{"type":"response.output_item.added","output_index":-1,"item":{"type":"function_call","name":"f"}}`), []byte(`{"type":"response.completed","response":{"output":[{"type":"message","content":[{"type":"output_text","text":"a"}]}]}}`))
	f.Add("error", []byte(`{"error":{"message":"m","code":429}}`), []byte(`{"type":"response.custom_tool_call_input.delta","delta":"x"}`))
	f.Add("", []byte(`{"type":"response.output_item.added","output_index":7,"item":{"type":"web_search_call"}}`), []byte(`{"type":"response.x","output_index":7,"sequence_number":3}`))
	f.Fuzz(func(t *testing.T, name string, one, two []byte) {
		d := Upstream{}.NewStream()
		pass, anew := Door{}.NewStream(meta(nil)), Door{}.NewStream(meta(nil))
		var a, b []byte
		for _, data := range [][]byte{one, two, one} {
			ev, err := d.Decode(name, data)
			if err != nil {
				a = pass.Fail(a, chat.AsError(err), "")
				break
			}
			a, b = pass.Event(a, ev, true), anew.Event(b, ev, false)
		}
		pass.End(a, dialect.Answer{})
		for _, ev := range strings.Split(string(anew.End(b, dialect.Answer{})), "\n\n") {
			if _, data, ok := strings.Cut(ev, "\ndata: "); ok && !json.Valid([]byte(strings.ReplaceAll(data, "\ndata: ", "\n"))) {
				t.Fatalf("%s", ev)
			}
		}
		if ev, err := (Upstream{}).Whole(one); err == nil {
			out := Door{}.Whole(meta(nil), dialect.Answer{Raw: ev.Raw, Wire: ev.Wire, Changed: true, Message: chat.NewText(chat.Assistant, "new")})
			if !json.Valid(out) {
				t.Fatalf("%s", out)
			}
		}
		Upstream{}.Failure(429, one, 0)
	})
}

func BenchmarkStreamEncoder(b *testing.B) {
	ev := chat.Event{Text: " words and more"}
	e := Door{}.NewStream(meta(nil))
	dst := make([]byte, 0, 4<<10)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%1000 == 0 { // an answer of that many pieces
			e = Door{}.NewStream(meta(nil))
		}
		dst = e.Event(dst[:0], ev, false)
	}
}

func BenchmarkStreamPass(b *testing.B) {
	d := Upstream{}.NewStream()
	data := []byte(`{"type":"response.output_text.delta","sequence_number":9,"item_id":"msg_1","output_index":0,"content_index":0,"delta":" words and more","logprobs":[]}`)
	e := Door{}.NewStream(meta(nil))
	dst := make([]byte, 0, 4<<10)
	b.ReportAllocs()
	for i := 0; b.Loop(); i++ {
		if i%1000 == 0 {
			e = Door{}.NewStream(meta(nil))
		}
		ev, err := d.Decode("response.output_text.delta", data)
		if err != nil {
			b.Fatal(err)
		}
		dst = e.Event(dst[:0], ev, true)
	}
}
