package gemini

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
	"pgregory.net/rapid"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

var meta = dialect.Meta{ID: "abc123", Model: "fast", Created: time.Unix(1, 0)}

// foreign is an answer of another wire, in its pieces.
var foreign = []chat.Event{
	{Model: "claude", ID: "msg_1", Wire: chat.AnthropicMessages, Raw: []byte(`{"type":"message_start"}`)},
	{Thinking: "Let me ", Wire: chat.AnthropicMessages},
	{Thinking: "see.", Wire: chat.AnthropicMessages},
	{Signature: chat.Signature{Of: chat.Anthropic, Value: "EqQB"}, Wire: chat.AnthropicMessages},
	{Redacted: "zzz", Wire: chat.AnthropicMessages},
	{Text: "Zürich & <b>\n", Wire: chat.AnthropicMessages},
	{ToolCalls: []chat.ToolCallPart{{Index: 0, ID: "a", Name: "f"}}},
	{ToolCalls: []chat.ToolCallPart{{Index: 0, Arguments: `{"city":`}, {Index: 1, ID: "b", Name: "g", Arguments: `{"broken`, Signature: chat.Signature{Of: chat.OpenAI, Value: "s"}}}},
	{ToolCalls: []chat.ToolCallPart{{Index: 0, Arguments: `"Zürich"}`}}},
	{Finish: chat.FinishToolCalls},
	{Usage: &chat.Usage{Input: 10, CachedInput: 4, Output: 9, Reasoning: 3}},
}

func TestDoorStream(t *testing.T) {
	answer := dialect.Answer{Finish: chat.FinishToolCalls, Usage: chat.Usage{Input: 10, CachedInput: 4, Output: 9, Reasoning: 3}, Dragoman: json.RawMessage(`{"trace":"t"}`),
		Citations: []chat.Citation{{Start: 0, End: 6, URL: "https://a.example", Title: "A", Document: -1}, {Start: 9, End: 10, Title: "doc", Quote: "q", Document: 0}, {URL: "https://a.example", Title: "A"}}}
	for _, c := range []struct {
		name string
		door Door
	}{{"sse", Door{}}, {"array", Door{Array: true}}} {
		enc := c.door.NewStream(meta)
		var out []byte
		for _, ev := range foreign {
			out = enc.Event(out, ev, false)
		}
		out = enc.End(out, answer)
		golden(t, "testdata/door/"+c.name+".golden", out)
		if c.door.Array {
			ev, err := Upstream{}.Whole(out)
			if err != nil || len(ev.ToolCalls) != 2 || ev.ToolCalls[1].Arguments != `{"broken` || ev.Usage.Output != 9 || len(ev.Citations) != 2 {
				t.Errorf("%+v %v", ev, err)
			}
		}
	}
}

// What came on this wire goes out byte for byte.
func TestDoorPassesRaw(t *testing.T) {
	for _, file := range []string{"thinking_and_text", "parallel_calls", "partial_arguments", "grounded", "unknown", "safety", "blocked_prompt"} {
		for _, raw := range []bool{true, false} {
			dec, enc := Upstream{}.NewStream(), Door{}.NewStream(meta)
			var out []byte
			chunks := events(t, "testdata/stream/"+file+".sse")
			for _, data := range chunks {
				ev, err := dec.Decode("", data)
				if err != nil {
					t.Fatal(err)
				}
				out = enc.Event(out, ev, raw)
			}
			out = enc.End(out, dialect.Answer{Finish: chat.FinishStop})
			if !raw && file == "partial_arguments" {
				continue // pieces of calls are written whole: see below
			}
			if diff := cmp.Diff(toStrings(chunks), toStrings(split(out))); diff != "" {
				t.Errorf("%s, raw %v: %s", file, raw, diff)
			}
		}
	}
}

func toStrings(b [][]byte) (s []string) {
	for _, x := range b {
		s = append(s, string(x))
	}
	return s
}

// A filter changes what is said; what is not understood stays, what repeats the answer goes.
func TestDoorReplaces(t *testing.T) {
	for _, file := range []string{"thinking_and_text", "parallel_calls", "partial_arguments", "grounded", "unknown"} {
		dec, enc := Upstream{}.NewStream(), Door{}.NewStream(meta)
		mask := strings.NewReplacer("Zürich", "[X]", "Paris", "[X]", "é", "[X]", "user", "[X]")
		var out []byte
		var want, got collected
		for _, data := range events(t, "testdata/stream/"+file+".sse") {
			ev, err := dec.Decode("", data)
			if err != nil {
				t.Fatal(err)
			}
			ev.Text, ev.Thinking = mask.Replace(ev.Text), mask.Replace(ev.Thinking)
			for i := range ev.ToolCalls {
				ev.ToolCalls[i].Arguments = mask.Replace(ev.ToolCalls[i].Arguments)
			}
			ev.Citations, ev.Logprobs = nil, nil
			want.add(ev)
			out = enc.Event(out, ev, false)
		}
		out = enc.End(out, dialect.Answer{Finish: want.finish, Usage: want.usage})
		again := Upstream{}.NewStream()
		for _, data := range split(out) {
			ev, err := again.Decode("", data)
			if err != nil {
				t.Fatalf("%s: %v in %s", file, err, data)
			}
			ev.Citations, ev.Logprobs = nil, nil
			got.add(ev)
		}
		for i := range want.calls { // this wire's callers find calls without ids as the provider sent them
			want.calls[i].ID = ""
		}
		for i := range got.calls {
			got.calls[i].ID = ""
		}
		if diff := cmp.Diff(want.answer(), got.answer()); diff != "" {
			t.Errorf("%s: %s\n%s", file, diff, out)
		}
		for _, secret := range []string{"Zürich", "Paris", "é", "The user"} {
			if bytes.Contains(out, []byte(secret)) {
				t.Errorf("%s: %q is still in\n%s", file, secret, out)
			}
		}
		if file == "thinking_and_text" && !bytes.Contains(out, []byte(`"futureField": {"id": 9007199254740993}`)) {
			t.Errorf("unknown fields are gone: %s", out)
		}
	}
}

// Text that a filter held back comes with the event that says none itself, and before its calls.
func TestDoorAddsText(t *testing.T) {
	for _, c := range []struct{ raw, want string }{
		{`{"candidates":[{"content":{"parts":[ ],"role":"model"}}],"x":1}`, `{"candidates":[{"content":{"parts":[{"text":"held"} ],"role":"model"}}],"x":1}`},
		{`{"candidates":[{"content":{"parts":[{"functionCall":{"name":"f"}}]}}]}`, `{"candidates":[{"content":{"parts":[{"text":"held"},{"functionCall":{"name":"f"}}]}}]}`},
		{`{"candidates":[{"finishReason":"STOP"}]}`, `{"candidates":[{"finishReason":"STOP","content":{"parts":[{"text":"held"}],"role":"model"}}]}`},
		{`{"usageMetadata":{"promptTokenCount":1}}`, `{"usageMetadata":{"promptTokenCount":1},"candidates":[{"content":{"parts":[{"text":"held"}],"role":"model"}}]}`},
	} {
		ev, err := Upstream{}.NewStream().Decode("", []byte(c.raw))
		if err != nil {
			t.Fatal(err)
		}
		ev.Text = "held"
		got := Door{}.NewStream(meta).Event(nil, ev, false)
		if string(got) != "data: "+c.want+"\n\n" {
			t.Errorf("%s: got %s", c.raw, got)
		}
	}
	// A finish that is held back is not told; a call that was taken out is gone.
	ev, _ := Upstream{}.NewStream().Decode("", []byte(`{"candidates":[{"content":{"parts":[{"text":"a"},{"functionCall":{"name":"f"}}]},"finishReason":"STOP"}]}`))
	ev.Finish, ev.ToolCalls = "", nil
	got := Door{}.NewStream(meta).Event(nil, ev, false)
	if bytes.Contains(got, []byte("STOP")) || bytes.Contains(got, []byte("functionCall")) || !bytes.Contains(got, []byte(`"a"`)) {
		t.Errorf("%s", got)
	}
}

func TestDoorWhole(t *testing.T) {
	msg := chat.Message{Role: chat.Assistant, Parts: []chat.Part{
		{Kind: chat.ThinkingPart, Text: "hm", Signature: chat.Signature{Of: chat.Anthropic, Value: "s"}}, {Kind: chat.ThinkingPart, Redacted: "r", Signature: chat.Signature{Of: chat.Anthropic}},
		text("Hi"), chat.NewCall(chat.ToolCall{ID: "a", Name: "f", Arguments: "{}"})}}
	a := dialect.Answer{Message: msg, Finish: chat.FinishToolCalls, Usage: chat.Usage{Input: 1, Output: 2}, Dragoman: json.RawMessage(`{"x":1}`),
		Logprobs: []chat.TokenLogprob{{Token: "Hi", Logprob: -1, Top: []chat.TokenLogprob{{Token: "Ho", Logprob: -2}}}}, Citations: []chat.Citation{{End: 2, URL: "u"}}}
	body := Door{}.Whole(meta, a)
	golden(t, "testdata/door/whole.golden", append(body, '\n'))
	ev, err := Upstream{}.Whole(body)
	if err != nil || ev.Text != "Hi" || ev.Finish != chat.FinishToolCalls || len(ev.Citations) != 1 || ev.Citations[0].End != 2 || ev.Redacted != "r" {
		t.Errorf("%+v %v", ev, err)
	}
	raw := []byte(`{"candidates":[{"content":{"parts":[{"text":"secret"},{"text":" too"}],"role":"model"},"finishReason":"STOP","groundingMetadata":{"groundingSupports":[{"segment":{"text":"secret"}}],"webSearchQueries":["q"]}}],"n":9007199254740993}`)
	same := dialect.Answer{Raw: raw, Wire: chat.GeminiGenerate, Message: chat.NewText(chat.Assistant, "secret too")}
	if got := (Door{}).Whole(meta, same); !bytes.Equal(got, raw) {
		t.Errorf("%s", got)
	}
	same.Changed, same.Message, same.Finish, same.Dragoman = true, chat.NewText(chat.Assistant, "[1]"), chat.FinishStop, json.RawMessage(`{}`)
	if got := string(Door{}.Whole(meta, same)); got != `{"candidates":[{"content":{"parts":[{"text":"[1]"},{"text":""}],"role":"model"},"finishReason":"STOP","groundingMetadata":{"webSearchQueries":["q"]}}],"n":9007199254740993,"dragoman":{}}` {
		t.Errorf("%s", got)
	}
	if !bytes.Contains(raw, []byte("secret")) {
		t.Error("the upstream's answer was written to")
	}
}

func TestDoorError(t *testing.T) {
	status, body := Door{}.Error(&chat.Error{Code: chat.CodeRateLimited, Message: "slow \"down\"", RetryAfter: 1500 * time.Millisecond, Param: "contents[0]"}, "tr")
	want := `{"error":{"code":429,"message":"slow \"down\"","status":"RESOURCE_EXHAUSTED","details":[{"@type":"type.googleapis.com/google.rpc.ErrorInfo","reason":"rate_limited","domain":"dragoman","metadata":{"trace":"tr"}},{"@type":"type.googleapis.com/google.rpc.RetryInfo","retryDelay":"1.5s"},{"@type":"type.googleapis.com/google.rpc.BadRequest","fieldViolations":[{"field":"contents[0]","description":"slow \"down\""}]}]}}`
	if status != 429 || string(body) != want {
		t.Errorf("%d %s", status, body)
	}
	for _, c := range []chat.Code{chat.CodeInvalidRequest, chat.CodeUnauthorized, chat.CodeForbidden, chat.CodeNotFound, chat.CodeTooLarge, chat.CodeOverloaded, chat.CodeTimeout, chat.CodeContextTooLong, chat.CodeBudget, chat.CodeUnsupported, chat.CodeInternal, chat.CodeCancelled, chat.CodeQuarantined, chat.CodeUpstream, "new"} {
		status, body := Door{}.Error(&chat.Error{Code: c, Message: "m"}, "")
		if v := gjson.ParseBytes(body); !gjson.ValidBytes(body) || v.Get("error.code").Int() != int64(status) || status < 400 || v.Get("error.status").Str == "" {
			t.Errorf("%s: %d %s", c, status, body)
		}
	}
	own := `{"error":{"code":429,"message":"x","status":"RESOURCE_EXHAUSTED","details":[{"@type":"unknown"}]}}`
	if status, body := (Door{}).Error(Upstream{}.Failure(429, []byte(own), 0), "tr"); status != 429 || string(body) != own {
		t.Errorf("%d %s", status, body)
	}
	if _, body := (Door{}).Error(Upstream{}.Failure(403, []byte(`{"error":{"message":"key AIza123"}}`), 0), "tr"); bytes.Contains(body, []byte("AIza")) {
		t.Errorf("%s", body)
	}
	if _, body := (Door{}).Error(Upstream{}.Failure(502, []byte(`<html>`), 0), "tr"); !gjson.ValidBytes(body) {
		t.Errorf("%s", body)
	}
}

func TestDoorFail(t *testing.T) {
	broken := &chat.Error{Code: chat.CodeStreamBroken, Message: "cut"}
	enc := Door{}.NewStream(meta)
	out := enc.Fail(enc.Event(nil, chat.Event{Text: "Hel"}, false), broken, "tr")
	dec := Upstream{}.NewStream()
	var last error
	for _, data := range split(out) {
		_, last = dec.Decode("", data)
	}
	var e *chat.Error
	if !errors.As(last, &e) || e.Message != "cut" || dec.Complete() || bytes.Contains(out, []byte("finishReason")) {
		t.Errorf("%v %s", last, out)
	}
	enc = Door{Array: true}.NewStream(meta)
	if out := enc.Fail(nil, broken, "tr"); !json.Valid(out) || out[0] != '[' {
		t.Errorf("%s", out)
	}
	// The provider's own words on this wire: an error object, and the finish of an answer that is none.
	for _, own := range []string{`{"error":{"code":503,"message":"x","status":"UNAVAILABLE"}}`, `{"candidates":[{"finishReason":"MALFORMED_FUNCTION_CALL"}]}`} {
		_, err := Upstream{}.NewStream().Decode("", []byte(own))
		if out := (Door{}).NewStream(meta).Fail(nil, chat.AsError(err), "tr"); string(out) != "data: "+own+"\n\n" {
			t.Errorf("%s", out)
		}
	}
}

// However another wire's answer is cut into events, a caller of this one reads the same answer.
func TestDoorSaysWhatWasSaid(t *testing.T) {
	str := rapid.StringOf(rapid.RuneFrom([]rune("aé\"\\\n\u2028<{}😀 ")))
	args := rapid.OneOf(rapid.Just(`{"a":[1,{"b":"é"}]}`), rapid.Just(`{}`), rapid.Just(`[1]`), rapid.Just(`{"a`), rapid.Just(`{"_raw_arguments":1}`), rapid.Just(`{"_raw_arguments":"x"}`), str.Filter(func(s string) bool { return strings.TrimSpace(s) != "" && strings.TrimSpace(s) != "{}" }))
	rapid.Check(t, func(t *rapid.T) {
		var sent, got collected
		enc := Door{Array: false}.NewStream(meta)
		var out []byte
		put := func(ev chat.Event) {
			sent.add(ev)
			out = enc.Event(out, ev, rapid.Bool().Draw(t, "raw"))
		}
		calls := 0
		for range rapid.IntRange(0, 12).Draw(t, "n") {
			switch rapid.IntRange(0, 5).Draw(t, "kind") {
			case 0:
				put(chat.Event{Text: str.Draw(t, "text"), Raw: []byte(`{"x":1}`), Wire: chat.OpenAIChat})
			case 1:
				put(chat.Event{Thinking: str.Draw(t, "thinking")})
			case 2:
				put(chat.Event{Signature: chat.Signature{Of: rapid.SampledFrom([]chat.Dialect{chat.OpenAI, chat.Anthropic, chat.Gemini}).Draw(t, "of"), Value: "v" + fmt.Sprint(len(out))}})
			case 3:
				put(chat.Event{Redacted: "r" + fmt.Sprint(len(out)), Wire: chat.AnthropicMessages})
			case 4:
				whole := args.Draw(t, "args")
				part := chat.ToolCallPart{Index: calls, ID: fmt.Sprint("id", calls), Name: "f"}
				put(chat.Event{ToolCalls: []chat.ToolCallPart{part}})
				for whole != "" {
					n := rapid.IntRange(1, len(whole)).Draw(t, "cut")
					for n < len(whole) && !utf8.RuneStart(whole[n]) {
						n++
					}
					put(chat.Event{ToolCalls: []chat.ToolCallPart{{Index: calls, Arguments: whole[:n]}}})
					whole = whole[n:]
				}
				calls++
			case 5:
				put(chat.Event{Refusal: str.Draw(t, "refusal")})
			}
		}
		finish := chat.FinishStop
		if calls > 0 {
			finish = chat.FinishToolCalls
		} else if rapid.Bool().Draw(t, "length") {
			finish = chat.FinishLength
		}
		put(chat.Event{Finish: finish, Usage: &chat.Usage{Input: 5, CachedInput: 1, Output: 4, Reasoning: 2}})
		out = enc.End(out, dialect.Answer{Finish: finish, Usage: sent.usage})

		dec := Upstream{}.NewStream()
		for _, data := range split(out) {
			ev, err := dec.Decode("", data)
			if err != nil {
				t.Fatalf("%v in %s", err, data)
			}
			got.add(ev)
		}
		if !dec.Complete() {
			t.Fatalf("not complete: %s", out)
		}
		for _, c := range [][]chat.ToolCallPart{sent.calls, got.calls} {
			for i := range c { // an object keeps its bytes but for the space around it
				c[i].Arguments = strings.TrimSpace(c[i].Arguments)
			}
		}
		if diff := cmp.Diff(sent.answer(), got.answer()); diff != "" {
			t.Fatalf("%s\n%s", diff, out)
		}
	})
}

// Segments count bytes from the beginning of their part.
func TestCitedParts(t *testing.T) {
	a := dialect.Answer{Message: chat.Message{Parts: []chat.Part{{Kind: chat.ThinkingPart, Text: "hm"}, text("Zü"), text("rich ist")}},
		Citations: []chat.Citation{{Start: 0, End: 2, URL: "a"}, {Start: 2, End: 6, URL: "b"}, {Start: 1, End: 99, URL: "c"}}}
	ev, err := Upstream{}.Whole(Door{}.Whole(meta, a))
	if err != nil || len(ev.Citations) != 3 {
		t.Fatal(ev.Citations, err)
	}
	for i, want := range [][2]int{{0, 2}, {2, 6}, {1, 2}} {
		if c := ev.Citations[i]; c.Start != want[0] || c.End != want[1] {
			t.Errorf("%s: %d-%d, want %v", c.URL, c.Start, c.End, want)
		}
	}
}
