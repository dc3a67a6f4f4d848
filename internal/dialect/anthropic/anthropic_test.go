package anthropic

import (
	"bytes"
	"encoding/json"
	"errors"
	"io"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
	"github.com/dragoman/dragoman/internal/sse"
)

func decode(t *testing.T, body string) *chat.Request {
	t.Helper()
	r, err := DecodeRequest([]byte(body), false)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

// TestRequestParts: what each kind of content is read as.
func TestRequestParts(t *testing.T) {
	r := decode(t, `{"model":"claude-x","max_tokens":9,"system":"Be kind.","messages":[
		{"role":"user","content":[{"type":"document","source":{"type":"url","url":"https://example.com/a.pdf"},"title":"A","cache_control":{"type":"ephemeral","ttl":"1h"}},
			{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"AAAA"}},{"type":"image","source":{"type":"file","file_id":"file_1"}},
			{"type":"document","source":{"type":"text","media_type":"text/plain","data":"plain"}}]},
		{"role":"assistant","content":[{"type":"redacted_thinking","data":"xx"},{"type":"server_tool_use","id":"s","name":"web_search","input":{}},{"type":"tool_use","id":"t","name":"f","input":{}}]},
		{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","is_error":true,"content":[{"type":"text","text":"a"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA=="}}]}]},
		{"role":"system","content":"Mind the time."},{"role":"user","content":"go on"}],
		"thinking":{"type":"adaptive"},"output_config":{"effort":"low"},"tools":[{"type":"web_search_20250305","name":"web_search"},{"name":"f","input_schema":{"type":"object"},"strict":true}],
		"tool_choice":{"type":"tool","name":"f","disable_parallel_tool_use":true},"top_k":3,"top_p":0.5,"service_tier":"auto"}`)
	user := r.Messages[1].Parts
	if r.Messages[0].Text() != "Be kind." || r.Messages[0].Role != chat.System {
		t.Errorf("system %+v", r.Messages[0])
	}
	if user[0].Kind != chat.DocumentPart || user[0].Media.URL != "https://example.com/a.pdf" || user[0].Media.Name != "A" || user[0].Cache == nil || user[0].Cache.TTL != "1h" {
		t.Errorf("a document by its URL: %+v %+v", user[0], user[0].Media)
	}
	if user[1].Media.Data != "AAAA" || user[2].Media.FileID != "file_1" {
		t.Errorf("%+v %+v", user[1].Media, user[2].Media)
	}
	said := r.Messages[2].Parts
	if said[0].Redacted != "xx" || said[1].Kind != chat.OpaquePart || said[2].Call.Name != "f" {
		t.Errorf("assistant %+v", said)
	}
	result := r.Messages[3]
	if result.Role != chat.Tool || !result.Parts[0].Result.Error || len(result.Parts[0].Result.Parts) != 2 || result.Parts[0].Result.Parts[1].Media.Type != "image/png" {
		t.Errorf("result %+v", result.Parts[0].Result)
	}
	if r.Messages[4].Role != chat.System || r.Messages[4].Text() != "Mind the time." {
		t.Errorf("a system message on the way: %+v", r.Messages[4])
	}
	if r.ToolChoice.Mode != chat.ToolNamed || !slices.Equal(r.ToolChoice.Names, []string{"f"}) || r.ParallelTools == nil || *r.ParallelTools {
		t.Errorf("choice %+v, parallel %v", r.ToolChoice, r.ParallelTools)
	}
	if r.Tools[0].Raw == nil || r.Tools[1].Name != "f" || *r.TopK != 3 || *r.TopP != .5 || r.Reasoning == nil || r.Reasoning.Effort != "low" {
		t.Errorf("%+v %+v", r.Tools, r.Reasoning)
	}
	if !slices.Contains(r.Unmapped, "service_tier") {
		t.Errorf("unmapped %v", r.Unmapped)
	}
}

// TestFaultyRequests: each says which field is at fault.
func TestFaultyRequests(t *testing.T) {
	for body, want := range map[string]string{
		``:             "",
		`[]`:           "",
		`{"model":"m"`: "",
		`{"model":1,"max_tokens":1,"messages":[{"role":"user","content":"x"}]}`:                                                "model",
		`{"model":"m","messages":[{"role":"user","content":"x"}]}`:                                                             "max_tokens",
		`{"model":"m","max_tokens":1}`:                                                                                         "messages",
		`{"model":"m","max_tokens":1,"messages":[]}`:                                                                           "messages",
		`{"model":"m","max_tokens":1,"messages":[{"role":"nobody","content":"x"}]}`:                                            "messages.0.role",
		`{"model":"m","max_tokens":1,"messages":[{"role":"user","content":7}]}`:                                                "messages.0.content",
		`{"model":"m","max_tokens":1,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64"}}]}]}`:    "messages.0.content.0",
		`{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"x"}],"temperature":"warm"}`:                         "temperature",
		`{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"x"}],"tools":[{"input_schema":{"type":"object"}}]}`: "tools.0",
		`{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"x"}],"tool_choice":{"type":"sometimes"}}`:           "tool_choice",
		`{"model":"m","max_tokens":1,"messages":[{"role":"user","content":"x"}],"stop_sequences":"END"}`:                       "stop_sequences",
		strings.Repeat(`{"model":`, 20000):                                                                                     "",
	} {
		_, err := DecodeRequest([]byte(body), false)
		e := chat.AsError(err)
		if e == nil || e.Code != chat.CodeInvalidRequest || !strings.HasPrefix(e.Param, want) || e.Message == "" {
			t.Errorf("%.120s: %+v, want the field %q", body, e, want)
		}
	}
}

// TestPassThrough: on its own wire only the model and what was masked change.
func TestPassThrough(t *testing.T) {
	body := `{ "model" : "alias", "max_tokens":9, "messages":[{"role":"user","content":[{"type":"text","text":"my key is S","x":1.50}]}], "future": {"n": 12345678901234567890} }`
	r := decode(t, body)
	r.Model = "claude-x"
	r.Messages[0].Parts[0].Text, r.Messages[0].Parts[0].Changed = "my key is [hidden]", true
	out, dropped, err := Upstream{}.Encode(r)
	want := strings.NewReplacer(`"alias"`, `"claude-x"`, `"my key is S"`, `"my key is [hidden]"`).Replace(body)
	if err != nil || len(dropped) > 0 || string(out) != want {
		t.Errorf("%v %v\n%s\nwant\n%s", err, dropped, out, want)
	}
}

// TestEncodeChat: what a chat request becomes here.
func TestEncodeChat(t *testing.T) {
	ptr := func(f float64) *float64 { return &f }
	budget := 4000
	for name, c := range map[string]struct {
		change  func(*chat.Request)
		path    string
		want    string // of the path; "" means that it is missing
		dropped string
	}{
		"a limit is needed":        {func(r *chat.Request) { r.MaxTokens = 0 }, "max_tokens", "8192", ""},
		"two users become one":     {func(r *chat.Request) { r.Messages = append(r.Messages, chat.NewText(chat.User, "b")) }, "messages.#", "1", ""},
		"a thinking budget":        {func(r *chat.Request) { r.Reasoning = &chat.Reasoning{Budget: &budget} }, "thinking.budget_tokens", "4000", ""},
		"the budget is on top":     {func(r *chat.Request) { r.Reasoning = &chat.Reasoning{Budget: &budget} }, "max_tokens", "12192", ""},
		"temperature while thinks": {func(r *chat.Request) { r.Reasoning = &chat.Reasoning{Budget: &budget}; r.Temperature = ptr(.5) }, "temperature", "", "temperature"},
		"too warm":                 {func(r *chat.Request) { r.Temperature = ptr(1.5) }, "temperature", "1", "temperature"},
		"penalties":                {func(r *chat.Request) { r.PresencePenalty = ptr(1) }, "presence_penalty", "", "presence_penalty"},
		"JSON without a schema":    {func(r *chat.Request) { r.Format = &chat.Format{Kind: chat.FormatJSON} }, "output_config", "", "response_format"},
		"an open schema": {func(r *chat.Request) {
			r.Format = &chat.Format{Kind: chat.FormatSchema, Schema: json.RawMessage(`{"type":"object","properties":{"a":{"type":"object"}}}`)}
		}, "output_config.format.schema.properties.a.additionalProperties", "false", ""},
		"a schema of any fields": {func(r *chat.Request) {
			r.Format = &chat.Format{Kind: chat.FormatSchema, Schema: json.RawMessage(`{"type":"object","additionalProperties":true}`)}
		}, "output_config.format.schema.additionalProperties", "false", "additionalProperties"},
		"no tool is to be called": {func(r *chat.Request) { r.ToolChoice.Mode = chat.ToolNone; r.Tools = []chat.ToolDefinition{{Name: "f"}} }, "tool_choice.type", "none", ""},
		"the end user":            {func(r *chat.Request) { r.User = "u" }, "metadata.user_id", "u", ""},
		"stop sequences":          {func(r *chat.Request) { r.Stop = []string{"a", "b"} }, "stop_sequences.1", "b", ""},
	} {
		r := &chat.Request{Model: "claude-sonnet-4-5", Wire: chat.OpenAIChat, Body: []byte(`{}`), MaxTokens: 100, Messages: []chat.Message{chat.NewText(chat.User, "a")}}
		c.change(r)
		out, dropped, err := Upstream{}.Encode(r)
		if err != nil || !gjson.ValidBytes(out) {
			t.Errorf("%s: %v in %s", name, err, out)
			continue
		}
		if got := gjson.GetBytes(out, c.path).String(); got != c.want {
			t.Errorf("%s: %s is %q, want %q in %s", name, c.path, got, c.want, out)
		}
		if said := strings.Join(dropped, "; "); c.dropped == "" && said != "" || !strings.Contains(said, c.dropped) {
			t.Errorf("%s: dropped %q, want %q", name, said, c.dropped)
		}
	}
}

func stream(t *testing.T, data []byte) ([]chat.Event, *StreamDecoder, error) {
	t.Helper()
	r, d := sse.NewReader(bytes.NewReader(data), 1<<20), Upstream{}.NewStream().(*StreamDecoder)
	var out []chat.Event
	for !d.Ended() {
		ev, err := r.Next()
		if errors.Is(err, io.EOF) {
			return out, d, nil
		}
		if err != nil {
			t.Fatal(err)
		}
		got, err := d.Decode(ev.Name, ev.Data)
		if err != nil {
			return out, d, err
		}
		out = append(out, got)
	}
	return out, d, nil
}

// TestStreamError: an error event within the stream is an error of ours, with the vendor's own body.
func TestStreamError(t *testing.T) {
	data, err := os.ReadFile("testdata/overloaded.sse")
	if err != nil {
		t.Fatal(err)
	}
	_, d, err := stream(t, data)
	e := chat.AsError(err)
	if e == nil || e.Code != chat.CodeOverloaded || e.Message != "Overloaded" || d.Complete() {
		t.Errorf("%+v, complete %v", e, d.Complete())
	}
}

// TestStreamStops: how each way to stop is read, and told again.
func TestStreamStops(t *testing.T) {
	for reason, want := range map[string]chat.FinishReason{
		"end_turn": chat.FinishStop, "stop_sequence": chat.FinishStop, "max_tokens": chat.FinishLength, "model_context_window_exceeded": chat.FinishLength,
		"tool_use": chat.FinishToolCalls, "refusal": chat.FinishContentFilter, "pause_turn": chat.FinishPause,
	} {
		data := `event: message_start
data: {"type":"message_start","message":{"id":"m","role":"assistant","content":[],"usage":{"input_tokens":3,"output_tokens":1}}}

event: content_block_start
data: {"type":"content_block_start","index":0,"content_block":{"type":"text","text":"a"}}

event: content_block_stop
data: {"type":"content_block_stop","index":0}

event: message_delta
data: {"type":"message_delta","delta":{"stop_reason":"` + reason + `","stop_sequence":"END"},"usage":{"output_tokens":5}}

event: message_stop
data: {"type":"message_stop"}

`
		events, d, err := stream(t, []byte(data))
		if err != nil || !d.Complete() {
			t.Fatalf("%s: %v", reason, err)
		}
		var finish chat.FinishReason
		var text, stopped string
		var usage chat.Usage
		for _, ev := range events {
			text += ev.Text
			if ev.Finish != "" {
				finish, stopped = ev.Finish, ev.StopSequence
			}
			if ev.Usage != nil {
				usage = *ev.Usage
			}
		}
		if finish != want || text != "a" || usage != (chat.Usage{Input: 3, Output: 5}) {
			t.Errorf("%s: %s %q %+v", reason, finish, text, usage)
		}
		if reason == "stop_sequence" && stopped != "END" {
			t.Errorf("stopped by %q", stopped)
		}
	}
}

// TestWhole: an answer in one piece, with citations.
func TestWhole(t *testing.T) {
	body := `{"id":"msg_1","type":"message","role":"assistant","model":"claude-x","content":[{"type":"thinking","thinking":"hm","signature":"s"},
		{"type":"text","text":"It is so.","citations":[{"type":"char_location","cited_text":"so","document_index":1,"document_title":"D","start_char_index":0,"end_char_index":2}]},
		{"type":"tool_use","id":"t","name":"f","input":{"n":9007199254740993}}],"stop_reason":"tool_use","stop_sequence":null,"usage":{"input_tokens":5,"cache_read_input_tokens":7,"cache_creation_input_tokens":11,"cache_creation":{"ephemeral_5m_input_tokens":9,"ephemeral_1h_input_tokens":2},"output_tokens":13}}`
	ev, err := Upstream{}.Whole([]byte(body))
	if err != nil {
		t.Fatal(err)
	}
	if ev.Text != "It is so." || ev.Thinking != "hm" || ev.ToolCalls[0].Arguments != `{"n":9007199254740993}` || *ev.Usage != (chat.Usage{Input: 23, CachedInput: 7, CacheWrite: 11, CacheHour: 2, Output: 13}) {
		t.Errorf("%+v %+v", ev, ev.Usage)
	}
	if len(ev.Citations) != 1 || ev.Citations[0].Document != 1 || ev.Citations[0].Title != "D" || ev.Citations[0].Quote != "so" {
		t.Errorf("%+v", ev.Citations)
	}
	for _, bad := range []string{``, `null`, `[]`, `{"type":"message"}`, `{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}`, `{"content":[{"type":"text","text":"a"}]`} {
		if _, err := (Upstream{}).Whole([]byte(bad)); err == nil {
			t.Errorf("%q passes for an answer", bad)
		}
	}
}

// TestFailures: what the vendor's errors mean, and that they go on as they are.
func TestFailures(t *testing.T) {
	for _, c := range []struct {
		status int
		kind   string
		text   string
		want   chat.Code
	}{
		{400, "invalid_request_error", "max_tokens: too large", chat.CodeInvalidRequest},
		{400, "invalid_request_error", "prompt is too long: 300000 tokens > 200000 maximum", chat.CodeContextTooLong},
		{401, "authentication_error", "invalid x-api-key", chat.CodeUpstreamAuth},
		{403, "permission_error", "no", chat.CodeUpstreamAuth},
		{404, "not_found_error", "model: x", chat.CodeNotFound},
		{413, "request_too_large", "big", chat.CodeTooLarge},
		{429, "rate_limit_error", "slow down", chat.CodeRateLimited},
		{500, "api_error", "oops", chat.CodeUpstream},
		{504, "timeout_error", "late", chat.CodeTimeout},
		{529, "overloaded_error", "Overloaded", chat.CodeOverloaded},
	} {
		body := `{"type":"error","error":{"type":"` + c.kind + `","message":"` + c.text + `"},"request_id":"req_1"}`
		e := Upstream{}.Failure(c.status, []byte(body), 7*time.Second)
		if e.Code != c.want || e.Status != c.status || e.RetryAfter != 7*time.Second {
			t.Errorf("%d: %+v", c.status, e)
		}
		status, out := Door{}.Error(e, "tr_1")
		if c.want != chat.CodeUpstreamAuth && (status != c.status || string(out) != body) {
			t.Errorf("told again as %d %s", status, out)
		}
		if c.want == chat.CodeUpstreamAuth && (status == 401 || strings.Contains(string(out), c.text)) {
			t.Errorf("the caller is told of our key: %d %s", status, out)
		}
	}
	status, out := Door{}.Error(&chat.Error{Code: chat.CodeBudget, Message: "spent"}, "tr_1")
	if status != 429 || gjson.GetBytes(out, "type").String() != "error" || gjson.GetBytes(out, "error.message").String() != "spent" || gjson.GetBytes(out, "error.type").String() != "rate_limit_error" {
		t.Errorf("%d %s", status, out)
	}
}

// TestFail: a stream that cannot be completed ends with an error event, and not with message_stop.
func TestFail(t *testing.T) {
	enc := Door{}.NewStream(dialect.Meta{ID: "1", Model: "m", Request: &chat.Request{}})
	out := enc.Event(nil, chat.Event{Text: "a"}, false)
	out = enc.Fail(out, &chat.Error{Code: chat.CodeStreamBroken, Message: "broke"}, "tr_1")
	if !bytes.Contains(out, []byte("event: error\n")) || bytes.Contains(out, []byte("message_stop")) || bytes.Contains(out, []byte("message_delta")) {
		t.Errorf("%s", out)
	}
}
