package dialect_test

import (
	"slices"
	"testing"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// TestUnmapped: what has no place is found at any depth, and nothing else is.
func TestUnmapped(t *testing.T) {
	for _, c := range []struct {
		wire chat.Wire
		body string
		want []string
	}{
		{chat.OpenAIChat, `{"top":1,"messages":[{"role":"user","content":"x"},{"content":[{"type":"text","text":"x","a":1},{"type":"text","a":2},{"type":"new","b":1},{"type":"image_url","image_url":{"url":"u","c":1}}],"annotations":[],"audio":null,"d":false}],"tools":[{"type":"function","function":{"name":"f","parameters":{"e":1},"g":0}},{"type":"custom","custom":{"h":1}}],"tool_choice":{"i":1}}`,
			[]string{"messages.content.a", "messages.content.image_url.c", "messages.d", "tools.function.g"}},
		{chat.AnthropicMessages, `{"system":[{"type":"text","text":"x","cache_control":{"type":"ephemeral","scope":"global"}}],"messages":[{"role":"user","content":[{"type":"tool_result","tool_use_id":"t","content":[{"type":"image","source":{"type":"base64","data":"x","a":1}}]},{"type":"tool_use","id":"t","name":"f","input":{"b":1},"caller":{"type":"direct"}}]}],"thinking":{"type":"adaptive","c":1}}`,
			[]string{"system.cache_control.scope", "messages.content.content.source.a", "messages.content.caller", "thinking.c"}},
		{chat.OpenAIResponses, `{"input":[{"role":"user","content":[{"type":"input_text","text":"x","a":1}],"status":"completed"},{"type":"item_reference","id":"b"},{"type":"function_call","call_id":"c","name":"f","arguments":"{}","d":1}],"text":{"format":{"type":"text"},"e":1}}`,
			[]string{"input.content.a", "input.d", "text.e"}},
		{chat.OpenAICompletions, `{"prompt":"x","stream_options":{"include_usage":true,"a":1},"logit_bias":{"1":2}}`, []string{"stream_options.a"}},
		{chat.OpenAIChat, `{"messages":"x","tools":[[[[{"function":{"a":1}}]]]],"stream_options":[1]}`, []string{"tools.function.a"}},
		{chat.GeminiGenerate, `{"a":1}`, nil},
	} {
		r := &chat.Request{Wire: c.wire, Body: []byte(c.body)}
		if got := dialect.Unmapped(r); !slices.Equal(got, c.want) {
			t.Errorf("%s: %q", c.wire, got)
		}
		r.Body, r.Source, r.Unmapped = nil, r.Body, []string{"noted"}
		if got := dialect.Unmapped(r); !slices.Equal(got, append([]string{"noted"}, c.want...)) {
			t.Errorf("%s: %q", c.wire, got)
		}
	}
}
