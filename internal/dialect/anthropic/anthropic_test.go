package anthropic

import (
	"encoding/json"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dragoman/dragoman/internal/chat"
)

func TestEncodeRequest(t *testing.T) {
	hot := 1.7
	body, err := EncodeRequest(&chat.Request{
		Model: "claude-x", Temperature: &hot, Stop: []string{"END"}, ToolChoice: "required", User: "u1",
		Tools: []chat.ToolDefinition{{Name: "get"}},
		Messages: []chat.Message{
			chat.NewText(chat.System, "be brief"), chat.NewText(chat.User, "a"),
			{Role: chat.User, Parts: []chat.Part{{Kind: chat.ImagePart, URL: "data:image/png;base64,AA"}, {Kind: chat.ImagePart, URL: "https://x/y.png"}}},
			{Role: chat.Assistant, ToolCalls: []chat.ToolCall{{ID: "c1", Name: "get", Arguments: ""}}},
			{Role: chat.Tool, CallID: "c1", Parts: []chat.Part{{Kind: chat.TextPart, Text: "42"}}},
			chat.NewText(chat.System, "and kind"),
		},
	})
	if err != nil {
		t.Fatal(err)
	}
	var got, want any
	const expected = `{"model":"claude-x","max_tokens":4096,"system":"be brief\n\nand kind","temperature":1,"stop_sequences":["END"],"stream":true,
		"metadata":{"user_id":"u1"},"tool_choice":{"type":"any"},"tools":[{"name":"get","input_schema":{"type":"object","properties":{}}}],
		"messages":[
			{"role":"user","content":[{"type":"text","text":"a"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AA"}},{"type":"image","source":{"type":"url","url":"https://x/y.png"}}]},
			{"role":"assistant","content":[{"type":"tool_use","id":"c1","name":"get","input":{}}]},
			{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":"42"}]}]}`
	if json.Unmarshal(body, &got) != nil || json.Unmarshal([]byte(expected), &want) != nil {
		t.Fatal("no JSON")
	}
	if d := cmp.Diff(want, got); d != "" {
		t.Error(d)
	}
}

func TestEncodeRequestRefuses(t *testing.T) {
	for name, messages := range map[string][]chat.Message{
		"no user message": {chat.NewText(chat.System, "x")},
		"bad arguments":   {chat.NewText(chat.User, "x"), {Role: chat.Assistant, ToolCalls: []chat.ToolCall{{ID: "c", Name: "f", Arguments: "{oops"}}}},
		"a list of them":  {chat.NewText(chat.User, "x"), {Role: chat.Assistant, ToolCalls: []chat.ToolCall{{ID: "c", Name: "f", Arguments: "[1]"}}}},
	} {
		if _, err := EncodeRequest(&chat.Request{Model: "m", Messages: messages}); chat.AsError(err) == nil || chat.AsError(err).Code != chat.CodeInvalidRequest {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func FuzzStreamDecoder(f *testing.F) {
	f.Add([]byte(`{"type":"message_delta","delta":{"stop_reason":"end_turn"},"usage":{"output_tokens":-5}}`))
	f.Add([]byte(`{"type":"content_block_start","index":3,"content_block":{"type":"tool_use","id":"a","name":"b"}}`))
	f.Fuzz(func(t *testing.T, data []byte) {
		var d StreamDecoder
		if ev, err := d.Decode("", data); err == nil && ev.Usage != nil && (ev.Usage.Input < 0 || ev.Usage.Output < 0) {
			t.Fatalf("%+v", ev.Usage)
		}
		DecodeWhole(data)
		DecodeError(500, data, 0)
	})
}
