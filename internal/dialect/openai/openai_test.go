package openai

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"github.com/dragoman/dragoman/internal/chat"
)

func TestDecodeRequest(t *testing.T) {
	req, err := DecodeRequest([]byte(`{
		"model": "assistant/code", "temperature": 0.5, "max_tokens": 5, "max_completion_tokens": 9, "stop": "END", "stream": true,
		"stream_options": {"include_usage": true}, "seed": 9007199254740993, "logit_bias": {"1":2.50}, "metadata": {"n":12345678901234567890},
		"dragoman": {"session": "s"}, "tool_choice": {"type": "function", "function": {"name": "get"}},
		"tools": [{"type": "function", "function": {"name": "get", "parameters": {"type":"object"}}}],
		"messages": [
			{"role": "developer", "content": "be brief"},
			{"role": "user", "content": [{"type": "text", "text": "look"}, {"type": "image_url", "image_url": {"url": "data:image/png;base64,AA"}}]},
			{"role": "assistant", "content": null, "tool_calls": [{"id": "c1", "type": "function", "function": {"name": "get", "arguments": "{}"}}]},
			{"role": "tool", "tool_call_id": "c1", "content": "42"}
		]}`))
	if err != nil {
		t.Fatal(err)
	}
	if req.MaxTokens != 9 || *req.Seed != 9007199254740993 || !req.IncludeUsage || req.ToolChoice.Mode != chat.ToolNamed || req.ToolChoice.Names[0] != "get" || req.Stop[0] != "END" || string(req.Dragoman) != `{"session": "s"}` {
		t.Errorf("%+v", req)
	}
	if strings.Join(req.Unmapped, " ") != "logit_bias metadata" {
		t.Errorf("not understood: %v", req.Unmapped)
	}
	m := req.Messages
	if m[0].Role != chat.System || m[1].Parts[1].Media.Data != "AA" || m[2].Parts[0].Call.ID != "c1" || m[3].Parts[0].Result.CallID != "c1" || m[3].Parts[0].Result.Text() != "42" {
		t.Errorf("%+v", m)
	}
	for _, p := range []chat.Part{m[0].Parts[0], m[1].Parts[0]} {
		if got := string(req.Body[p.At.Start:p.At.End]); got != `"`+p.Text+`"` {
			t.Errorf("%q stands at %q", p.Text, got)
		}
	}
	// On its own wire it goes out as it came, but for what must change.
	req.Model = "gpt-x"
	m[1].Parts[0].Text, m[1].Parts[0].Changed = "[masked] \"x\"", true
	body, dropped, err := Upstream{}.Encode(req)
	if err != nil || len(dropped) > 0 {
		t.Fatal(err, dropped)
	}
	want := strings.NewReplacer(`"assistant/code"`, `"gpt-x"`, `"look"`, `"[masked] \"x\""`).Replace(string(req.Body))
	var got, expected map[string]any
	if err := errors.Join(json.Unmarshal(body, &got), json.Unmarshal([]byte(want), &expected)); err != nil {
		t.Fatal(err)
	}
	delete(expected, "dragoman") // ours, and not for others to see
	if d := cmp.Diff(expected, got); d != "" {
		t.Error(d)
	}
	if !strings.Contains(string(body), `{"n":12345678901234567890}`) || !strings.Contains(string(body), `{"1":2.50}`) {
		t.Errorf("numbers were changed: %s", body)
	}
	// Written anew, it says the same again.
	req.Body = nil
	if body, _, err = (Upstream{}).Encode(req); err != nil {
		t.Fatal(err)
	}
	again, err := DecodeRequest(body)
	if err != nil {
		t.Fatal(err)
	}
	ignore := cmp.Options{cmpopts.IgnoreFields(chat.Request{}, "Body", "Dragoman", "Unmapped"), cmpopts.IgnoreFields(chat.Part{}, "At", "Changed")}
	if d := cmp.Diff(req, again, ignore); d != "" {
		t.Error(d)
	}
}

// TestForwardAddsOnlyWhatTheBooksNeed: a stream is asked for its usage, and nothing else is touched.
func TestForwardAddsOnlyWhatTheBooksNeed(t *testing.T) {
	for in, want := range map[string]string{
		`{"model":"m","messages":[{"role":"user","content":"x"}]}`:                                                                           `{"model":"m","messages":[{"role":"user","content":"x"}]}`,
		` { "stream" : true , "x": 1.0, "model":"m","messages":[{"role":"user","content":"x"}]} `:                                            ` {"stream_options":{"include_usage":true}, "stream" : true , "x": 1.0, "model":"m","messages":[{"role":"user","content":"x"}]} `,
		`{"model":"m","stream":true,"stream_options":{"include_usage":false,"y":1},"messages":[{"role":"user","content":"x"}]}`:              `{"model":"m","stream":true,"stream_options":{"include_usage":true,"y":1},"messages":[{"role":"user","content":"x"}]}`,
		`{"model":"m","messages":[{"role":"tool","tool_call_id":"a__sig_gQQ","content":"x"}],"stream":false}`:                                `{"model":"m","messages":[{"role":"tool","tool_call_id":"a","content":"x"}],"stream":false}`,
		`{"model":"m","stream":true,"stream_options":null,"messages":[{"role":"user","content":[{"type":"new","a":{"b":[1e2]}}]}],"z":null}`: `{"model":"m","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":[{"type":"new","a":{"b":[1e2]}}]}],"z":null}`,
	} {
		req, err := DecodeRequest([]byte(in))
		if err != nil {
			t.Fatal(in, err)
		}
		body, _, err := Upstream{}.Encode(req)
		if err != nil || string(body) != want {
			t.Errorf("got  %s\nwant %s %v", body, want, err)
		}
	}
}

func TestDecodeRequestErrors(t *testing.T) {
	for body, param := range map[string]string{
		`{`:                                "",
		`[]`:                               "",
		`{"messages": []}`:                 "model",
		`{"model": "m"}`:                   "messages",
		`{"model": 7, "messages": []}`:     "model",
		`{"model": "m", "messages": "hi"}`: "messages",
		`{"model": "m", "messages": [{"role": "king", "content": "x"}]}`:                              "messages.0.role",
		`{"model": "m", "messages": [{"role": "user"}]}`:                                              "messages.0.content",
		`{"model": "m", "messages": [{"role": "user", "content": [{"text": "x"}]}]}`:                  "messages.0.content.0.type",
		`{"model": "m", "n": 2, "messages": [{"role": "user", "content": "x"}]}`:                      "n",
		`{"model": "m", "temperature": 3, "messages": [{"role": "user", "content": "x"}]}`:            "temperature",
		`{"model": "m", "max_tokens": 0, "messages": [{"role": "user", "content": "x"}]}`:             "max_completion_tokens",
		`{"model": "m", "top_p": 1.1, "messages": [{"role": "user", "content": "x"}]}`:                "top_p",
		`{"model": "m", "tool_choice": "get", "messages": [{"role": "user", "content": "x"}]}`:        "tool_choice",
		`{"model": "m", "tool_choice": {"type": "x"}, "messages": [{"role": "user", "content": ""}]}`: "tool_choice",
		`{"model": "m", "messages": [{"role": "tool", "content": "42"}]}`:                             "messages.0.tool_call_id",
		`{"model": "m", "messages": [{"role": "assistant", "tool_calls": [{"id": "c"}]}]}`:            "messages.0.tool_calls.0",
		`{"model": "m", "stop": {"a": 1}, "messages": [{"role": "user", "content": "x"}]}`:            "stop",
		`{"model": "m", "tools": [{"function": {}}], "messages": [{"role": "user", "content": "x"}]}`: "tools.0",
		`{"model": "m", "Messages": [], "messages": [{"role": "user", "content": "x"}]}`:              "Messages",
		`{"model": "m", "messages": [], "messages": [{"role": "user", "content": "x"}]}`:              "messages",
	} {
		_, err := DecodeRequest([]byte(body))
		e := chat.AsError(err)
		if e == nil || e.Code != chat.CodeInvalidRequest || e.Param != param && param != "" {
			t.Errorf("%s: %+v, want the field %q", body, e, param)
		}
	}
}

func TestReasoningModelsGetTheNewerNames(t *testing.T) {
	cool := 0.1
	for model, want := range map[string]bool{"gpt-5-mini": true, "o3": true, "gpt-4.1": false, "o365-model": false} {
		body, _, err := Upstream{}.Encode(&chat.Request{Model: model, MaxTokens: 5, Temperature: &cool})
		if err != nil {
			t.Fatal(err)
		}
		if got := strings.Contains(string(body), "max_completion_tokens") && !strings.Contains(string(body), "temperature"); got != want {
			t.Errorf("%s: %s", model, body)
		}
	}
}

func TestEncodeErrorShape(t *testing.T) {
	for code, want := range map[chat.Code]int{chat.CodeInvalidRequest: 400, chat.CodeUnauthorized: 401, chat.CodeNotFound: 404, chat.CodeRateLimited: 429, chat.CodeInternal: 500, chat.CodeUpstream: 502, chat.CodeUnavailable: 503, chat.CodeTimeout: 504} {
		status, body := Door{}.Error(&chat.Error{Code: code, Message: "a <b>", Param: "p"}, "tr_1")
		var e struct {
			Error struct{ Message, Type, Param, Code, Trace string }
		}
		if err := json.Unmarshal(body, &e); err != nil || status != want || e.Error.Code != string(code) || e.Error.Trace != "tr_1" || e.Error.Message != "a <b>" {
			t.Errorf("%s: %d %s", code, status, body)
		}
	}
}

func FuzzDecodeRequest(f *testing.F) {
	f.Add([]byte(`{"model": "m", "messages": [{"role": "user", "content": "x"}], "stop": ["a"], "x": 1}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		req, err := DecodeRequest(body)
		if err != nil {
			if chat.AsError(err).Code != chat.CodeInvalidRequest {
				t.Fatal(err)
			}
			return
		}
		if out, _, err := (Upstream{}).Encode(req); err == nil {
			if _, err := DecodeRequest(out); err != nil && !strings.Contains(err.Error(), "number of tokens") {
				t.Fatalf("%s became %s: %v", body, out, err)
			}
		}
	})
}

func FuzzStreamDecoder(f *testing.F) {
	f.Add("", []byte(`{"choices":[{"delta":{"content":"a","tool_calls":[{"index":9}]},"finish_reason":"stop"}],"usage":{"prompt_tokens":1}}`))
	f.Fuzz(func(t *testing.T, name string, data []byte) {
		var d StreamDecoder
		if ev, err := d.Decode(name, data); err == nil {
			for _, c := range ev.ToolCalls {
				if c.Index < 0 || c.Index > 127 {
					t.Fatal(c.Index)
				}
			}
		}
		Upstream{}.Whole(data)
		DecodeError(429, data, 0)
		DecodeModels(data)
	})
}
