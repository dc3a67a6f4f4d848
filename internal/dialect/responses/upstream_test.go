package responses

import (
	"encoding/json"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// official is a stream in the shapes of the API reference: thoughts in two parts, a search, text with a source, a call.
func official(t *testing.T) ([]byte, answer, []chat.Event) {
	t.Helper()
	stream, err := os.ReadFile("testdata/official.sse")
	if err != nil {
		t.Fatal(err)
	}
	a, list := read(t, stream)
	return stream, a, list
}

var officialAnswer = answer{
	Text: "The key is sk-secret.", Thinking: "**Search**\n\nthen say", Citations: 1, Finish: chat.FinishToolCalls,
	Calls:      []chat.ToolCall{{ID: "call_1", Name: "exec", Arguments: `{"cmd":"ls"}`}},
	Signatures: []chat.Signature{{Of: chat.OpenAI, Value: "rs_1:gAAAAABo"}},
	Usage:      chat.Usage{Input: 37, CachedInput: 20, Output: 11, Reasoning: 5},
}

func TestOfficialStream(t *testing.T) {
	stream, a, list := official(t)
	if d := cmp.Diff(officialAnswer, a); d != "" {
		t.Error(d)
	}
	if list[0].ID != "resp_67ca" || list[0].Model != "gpt-5-2025-08-07" {
		t.Errorf("%+v", list[0])
	}
	e := Door{}.encoder(meta(nil))
	if got := encodeAll(e, list, true, dialect.Answer{}); string(got) != string(stream) {
		t.Error("bytes were changed on the same wire")
	}
	if items := e.Items(); len(items) != 4 || gjson.GetBytes(items[0], "encrypted_content").String() != "gAAAAABo" || e.ID() != "resp_67ca" || gjson.GetBytes(e.Response(dialect.Answer{}), "output.#").Int() != 4 {
		t.Errorf("%s", items)
	}
	// The whole answer says the same.
	whole := []byte(gjson.Get(string(list[len(list)-1].Raw), "response").Raw)
	ev, err := Upstream{}.Whole(whole)
	var b answer
	b.add(ev)
	if d := cmp.Diff(officialAnswer, b); d != "" || err != nil || !ev.Whole {
		t.Error(d, err)
	}
}

// TestNothingTakenOutComesBack masks the text of a stream of the same wire from every event on, also with the text held back:
// the closing events repeat whole texts and must not tell it.
func TestNothingTakenOutComesBack(t *testing.T) {
	_, _, list := official(t)
	r := decode(t, `{"model":"m","input":"x","include":["reasoning.encrypted_content"]}`)
	for hold := range 3 {
		for from := range 18 { // the secret begins with event 17
			e := Door{}.encoder(meta(r.Request))
			var b []byte
			held := ""
			for i, ev := range list {
				raw := i < from
				if ev.Text != "" {
					held += ev.Text
					ev.Text, raw = "", false
				}
				if held != "" && (hold == 0 && i == 18 || hold == 1 && len(ev.ToolCalls) > 0 || hold == 2 && ev.Finish != "") {
					flush := chat.Event{Text: strings.Replace(held, "sk-secret", "[masked]", 1)}
					if hold == 0 {
						ev.Text = flush.Text
					} else {
						b = e.Event(b, flush, false)
					}
					held = ""
				}
				b = e.Event(b, ev, raw)
			}
			b = e.End(b, dialect.Answer{Finish: chat.FinishToolCalls, Usage: officialAnswer.Usage})
			if strings.Contains(string(b), "secret") {
				t.Fatalf("from event %d the secret came back:\n%s", from, b)
			}
			got, _ := read(t, b)
			want := officialAnswer
			want.Text = "The key is [masked]."
			got.Citations = want.Citations // of held-back text there is none yet that they could be of
			if d := cmp.Diff(want, got); d != "" {
				t.Fatalf("from event %d: %s\n%s", from, d, b)
			}
			last := events(t, b)
			response := gjson.GetBytes(last[len(last)-1].Data, "response")
			kinds := response.Get("output.#.type").String()
			if hold < 2 && kinds != `["reasoning","web_search_call","message","function_call"]` || response.Get("id").String() != "resp_67ca" || response.Get("output.2.id").String() != "msg_1" {
				t.Fatalf("from event %d, held %d: %s %s", from, hold, kinds, response.Raw)
			}
		}
	}
}

func TestWholeSurvives(t *testing.T) {
	r := decode(t, agentRequest)
	a := dialect.Answer{Finish: chat.FinishToolCalls, Usage: officialAnswer.Usage, Logprobs: []chat.TokenLogprob{{Token: "a", Logprob: -1}}, Citations: []chat.Citation{{URL: "https://a.example"}},
		Message: chat.Message{Role: chat.Assistant, Parts: []chat.Part{
			{Kind: chat.ThinkingPart, Text: "hm", Signature: chat.Signature{Of: chat.Gemini, Value: "g"}}, {Kind: chat.TextPart, Text: "a"}, {Kind: chat.RefusalPart, Text: "b"},
			chat.NewCall(chat.ToolCall{ID: "c1", Name: "apply_patch", Arguments: customArguments("x\n")}), chat.NewCall(chat.ToolCall{ID: "c2", Name: "mcp__look", Arguments: "{}"})}}}
	body := Door{}.Whole(meta(r.Request), a)
	ev, err := Upstream{}.Whole(body)
	if err != nil {
		t.Fatal(err)
	}
	var got answer
	got.add(ev)
	want := answer{Text: "a", Thinking: "hm", Refusal: "b", Citations: 1, Finish: chat.FinishToolCalls, Usage: officialAnswer.Usage, Signatures: []chat.Signature{{Of: chat.Gemini, Value: "g"}},
		Calls: []chat.ToolCall{{ID: "c1", Name: "apply_patch", Arguments: customArguments("x\n")}, {ID: "c2", Name: "mcp__look", Arguments: "{}"}}}
	if d := cmp.Diff(want, got); d != "" || len(ev.Logprobs) != 1 {
		t.Errorf("%s\n%s", d, body)
	}
}

func TestWholeRewritten(t *testing.T) {
	_, _, list := official(t)
	raw := []byte(gjson.GetBytes(list[len(list)-1].Raw, "response").Raw)
	a := dialect.Answer{Raw: raw, Wire: chat.OpenAIResponses, Message: chat.Message{Role: chat.Assistant, Parts: []chat.Part{
		{Kind: chat.ThinkingPart, Text: officialAnswer.Thinking}, {Kind: chat.TextPart, Text: "masked"}, chat.NewCall(chat.ToolCall{ID: "call_1", Name: "exec", Arguments: `{"cmd":"pwd"}`})}}}
	if got := (Door{}).Whole(meta(nil), a); string(got) != string(raw) {
		t.Errorf("%s", got)
	}
	a.Changed, a.Dragoman = true, json.RawMessage(`{"trace":"t"}`)
	got := gjson.ParseBytes(Door{}.Whole(meta(nil), a))
	if got.Get("output.2.content.0.text").String() != "masked" || got.Get("output.2.content.0.annotations").Raw != "[]" || got.Get("output.3.arguments").String() != `{"cmd":"pwd"}` ||
		got.Get("output.0.summary.1.text").String() != "then say" || got.Get("dragoman.trace").String() != "t" || ID(meta(nil), a) != "resp_67ca" || len(Output(meta(nil), a)) != 4 {
		t.Error(got.Raw)
	}
	// A text where there was none.
	a.Raw = []byte(`{"id":"resp_1","status":"completed","output":[]}`)
	if got := gjson.ParseBytes(Door{}.Whole(meta(nil), a)); got.Get("output.0.content.0.text").String() != "masked" {
		t.Error(got.Raw)
	}
}

func TestEncodeFromAnotherWire(t *testing.T) {
	yes, seed, top, budget := true, int64(1), 2, 5000
	temperature := 0.5
	r := &chat.Request{Model: "gpt-5", Wire: chat.AnthropicMessages, Body: []byte(`{}`), Unmapped: []string{"metadata"}, Stream: true, MaxTokens: 99, Temperature: &temperature, Seed: &seed, Stop: []string{"x"}, Logprobs: &top, User: "u",
		ParallelTools: &yes, Reasoning: &chat.Reasoning{Budget: &budget, Visible: &yes}, Format: &chat.Format{Kind: chat.FormatSchema, Schema: json.RawMessage(`{"type":"object"}`)},
		ToolChoice: chat.ToolChoice{Mode: chat.ToolNamed, Names: []string{"f"}},
		Tools:      []chat.ToolDefinition{{Name: "f", Description: "d", Parameters: json.RawMessage(`{"type":"object"}`)}, {Name: "web", Raw: json.RawMessage(`{}`)}},
		Messages: []chat.Message{
			chat.NewText(chat.System, "rules"),
			{Role: chat.User, Parts: []chat.Part{{Kind: chat.TextPart, Text: "look"}, {Kind: chat.ImagePart, Media: &chat.Media{Type: "image/png", Data: "AAAA"}}, {Kind: chat.DocumentPart, Media: &chat.Media{URL: "https://a.example/d.pdf"}}}},
			{Role: chat.Assistant, Parts: []chat.Part{{Kind: chat.ThinkingPart, Text: "own", Signature: chat.Signature{Of: chat.OpenAI, Value: "rs_1:gAAA"}}, {Kind: chat.ThinkingPart, Text: "foreign", Signature: chat.Signature{Of: chat.Anthropic, Value: "s"}},
				{Kind: chat.TextPart, Text: "ok"}, chat.NewCall(chat.ToolCall{ID: "c1", Name: "f", Arguments: "{}"})}},
			{Role: chat.Tool, Parts: []chat.Part{{Kind: chat.ResultPart, Result: &chat.ToolResult{CallID: "c1", Error: true, Parts: []chat.Part{{Kind: chat.TextPart, Text: "42"}}}},
				{Kind: chat.ResultPart, Result: &chat.ToolResult{CallID: "c2", Parts: []chat.Part{{Kind: chat.ImagePart, Media: &chat.Media{URL: "https://a.example/p.png"}}}}}}},
		}}
	out, dropped, err := Upstream{}.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	want := `{"model":"gpt-5","instructions":"rules","input":[` +
		`{"type":"message","role":"user","content":[{"type":"input_text","text":"look"},{"type":"input_image","image_url":"data:image/png;base64,AAAA"},{"type":"input_file","file_url":"https://a.example/d.pdf"}]},` +
		`{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"own"}],"encrypted_content":"gAAA"},` +
		`{"type":"message","role":"assistant","content":[{"type":"output_text","text":"ok"}]},` +
		`{"type":"function_call","call_id":"c1","name":"f","arguments":"{}"},` +
		`{"type":"function_call_output","call_id":"c1","output":"42"},` +
		`{"type":"function_call_output","call_id":"c2","output":[{"type":"input_image","image_url":"https://a.example/p.png"}]}],` +
		`"tools":[{"type":"function","name":"f","description":"d","parameters":{"type":"object"},"strict":false}],"tool_choice":{"type":"function","name":"f"},` +
		`"max_output_tokens":99,"temperature":0.5,"parallel_tool_calls":true,"user":"u","text":{"format":{"type":"json_schema","name":"answer","schema":{"type":"object"},"strict":false}},` +
		`"top_logprobs":2,"include":["reasoning.encrypted_content","message.output_text.logprobs"],"reasoning":{"effort":"medium","summary":"auto"},"store":false,"stream":true}`
	if d := cmp.Diff(want, string(out)); d != "" {
		t.Error(d)
	}
	if want := []string{"metadata", dialect.LostThoughts, "is_error", "tool web: only its own provider can run it", "seed", "stop"}; !slices.Equal(want, dropped) {
		t.Error(dropped)
	}
	if again, err := DecodeRequest(out); err != nil || len(again.Messages) != 4 || again.Messages[2].Parts[0].Signature.Value != "rs_1:gAAA" {
		t.Error(again, err)
	}
	r.Messages[1].Parts = append(r.Messages[1].Parts, chat.Part{Kind: chat.AudioPart, Media: &chat.Media{}})
	if _, _, err := (Upstream{}).Encode(r); chat.AsError(err).Code != chat.CodeUnsupported {
		t.Error(err)
	}
}

func TestEncodeOnTheSameWire(t *testing.T) {
	r := decode(t, agentRequest)
	out, dropped, err := Upstream{}.Encode(r.Request)
	want := strings.Replace(agentRequest, `, "dragoman": {"session": "s"}`, "", 1)
	if err != nil || len(dropped) > 0 || string(out) != want {
		t.Errorf("%s %v", cmp.Diff(want, string(out)), err)
	}
	// Changed parts of every kind, each in its place.
	for i := range r.Messages {
		for j := range r.Messages[i].Parts {
			p := &r.Messages[i].Parts[j]
			p.Changed = p.At.End > 0
			switch {
			case p.Call != nil:
				p.Call.Arguments = strings.NewReplacer("ls", "pwd", "Begin", "Start").Replace(p.Call.Arguments)
			case p.Result != nil:
				p.Result.Parts[0].Text = strings.Replace(p.Result.Parts[0].Text, "done", "made", 1)
			case p.Kind == chat.TextPart && p.Text == "go":
				p.Text = `"stop"`
			}
		}
	}
	r.Model, r.Stream, r.MaxTokens = "up", false, 5
	want = strings.NewReplacer(`"model": "m"`, `"model": "up"`, `"stream": true`, `"stream": false`, `"max_output_tokens": 900`, `"max_output_tokens": 5`,
		`\"ls\"`, `\"pwd\"`, `["ls"]`, `["pwd"]`, "*** Begin", "*** Start", `"done"`, `"made"`, `"content": "go"`, `"content": "\"stop\""`).Replace(want)
	if out, _, err = (Upstream{}).Encode(r.Request); err != nil || string(out) != want {
		t.Errorf("%s %v", cmp.Diff(want, string(out)), err)
	}
	r.Messages[3].Parts[6].Call.Arguments = "not JSON"
	if out, _, err = (Upstream{}).Encode(r.Request); err != nil || !json.Valid(out) || !strings.Contains(string(out), `"action": "not JSON"`) {
		t.Errorf("%s %v", out, err)
	}
	h := http.Header{}
	if (Upstream{}).Authorize(h, "k"); h.Get("Authorization") != "Bearer k" {
		t.Error(h)
	}
}

func TestFailures(t *testing.T) {
	d := Upstream{}.NewStream()
	raw := `{"type":"response.failed","sequence_number":3,"response":{"id":"resp_1","status":"failed","error":{"code":"rate_limit_exceeded","message":"slow down"}}}`
	_, err := d.Decode("response.failed", []byte(raw))
	e := chat.AsError(err)
	if e.Code != chat.CodeRateLimited || e.Message != "slow down" {
		t.Errorf("%+v", e)
	}
	if got := (Door{}).NewStream(meta(nil)).Fail(nil, e, ""); string(got) != "event: response.failed\ndata: "+raw+"\n\n" {
		t.Errorf("%s", got)
	}
	for _, data := range []string{`{"type":"error","code":"server_error","message":"oh","sequence_number":1}`, `{"error":{"message":"oh"}}`, `<html>`, `{}`, strings.Repeat("[", 1<<20)} {
		if _, err := (Upstream{}).NewStream().Decode("", []byte(data)); chat.AsError(err).Code != chat.CodeUpstream {
			t.Errorf("%.80s: %v", data, err)
		}
	}
	if _, err := (Upstream{}).Whole([]byte(`{"status":"failed","error":{"code":"server_error","message":"oh"},"output":[]}`)); chat.AsError(err).Code != chat.CodeUpstream {
		t.Error(err)
	}
}

func TestStored(t *testing.T) {
	items := []json.RawMessage{json.RawMessage(`{"role":"user","content":"a"}`), json.RawMessage(`{"id":"fc_9","type":"function_call"}`), json.RawMessage(`{"type":"reasoning"}`)}
	for _, c := range []struct {
		list List
		want string
	}{
		{List{}, `["rs_1_in2","fc_9","msg_1_in0"] false`}, {List{Ascending: true, Limit: 2}, `["msg_1_in0","fc_9"] true`},
		{List{Ascending: true, After: "fc_9"}, `["rs_1_in2"] false`}, {List{After: "none"}, `[] false`},
	} {
		v := gjson.ParseBytes(InputItems("resp_1", items, c.list))
		if got := v.Get("data.#.id").Raw + " " + v.Get("has_more").Raw; got != c.want {
			t.Errorf("%+v: %s", c.list, v.Raw)
		}
	}
	if got := string(Deleted("resp_1")); got != `{"id":"resp_1","object":"response","deleted":true}` {
		t.Error(got)
	}
}
