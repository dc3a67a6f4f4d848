package gemini

import (
	"bytes"
	"encoding/json"
	"errors"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/dragoman/dragoman/internal/chat"
)

func ptr[T any](v T) *T { return &v }

func text(s string) chat.Part { return chat.Part{Kind: chat.TextPart, Text: s} }

// translations are requests of other wires and the models that they are for.
var translations = map[string]*chat.Request{
	"everything": {
		Model: "gemini-2.5-pro", Wire: chat.OpenAIChat, Body: []byte(`{}`), Unmapped: []string{"logit_bias"}, User: "u1",
		Messages: []chat.Message{
			chat.NewText(chat.System, "Be brief."),
			{Role: chat.User, Parts: []chat.Part{text("What is this?"), {Kind: chat.ImagePart, Media: &chat.Media{URL: "https://example.com/a.JPG?x=1", Detail: "high"}},
				{Kind: chat.ImagePart, Media: &chat.Media{Type: "image/png", Data: "AAAA"}, Cache: &chat.CacheMark{}},
				{Kind: chat.DocumentPart, Media: &chat.Media{Type: "application/pdf", Data: "AAAA", Name: "a.pdf"}}, {Kind: chat.AudioPart, Media: &chat.Media{Type: "audio/wav", Data: "AAAA"}}}},
			{Role: chat.User, Parts: []chat.Part{text("Say.")}, Name: "bob"},
			chat.NewText(chat.System, "Be kind."),
		},
		MaxTokens: 10, Temperature: ptr(0.0), TopP: ptr(.5), TopK: ptr(3), Seed: ptr(int64(1) << 40), Stop: []string{"1", "", "2", "3", "4", "5", "6"}, Logprobs: ptr(0),
		FrequencyPenalty: ptr(.1), PresencePenalty: ptr(-.1), ParallelTools: ptr(false), ToolChoice: chat.ToolChoice{Mode: chat.ToolRequired},
		Reasoning: &chat.Reasoning{Effort: "none"}, Format: &chat.Format{Kind: chat.FormatSchema, Name: "n", Schema: json.RawMessage(`{"type":"object","additionalProperties":false}`)},
		Tools: []chat.ToolDefinition{{Name: "f", Description: "d", Strict: ptr(true), Parameters: json.RawMessage(`{"type":"object","properties":{"a":{"$ref":"#/$defs/x"}},"$defs":{"x":{"type":"string"}}}`)}, {Name: "web_search", Raw: json.RawMessage(`{"type":"web_search"}`)}},
	},
	"tools": { // results out of place, ids used again, merged roles, signatures here and there
		Model: "gemini-3-pro-preview", Wire: chat.AnthropicMessages, Body: []byte(`{}`), Reasoning: &chat.Reasoning{Budget: ptr(4000)},
		Messages: []chat.Message{
			chat.NewText(chat.User, "old"),
			{Role: chat.Assistant, Parts: []chat.Part{chat.NewCall(chat.ToolCall{ID: "a", Name: "f", Arguments: `{"x":1}`})}},
			chat.NewResult("a", "one"),
			chat.NewText(chat.Assistant, "done"),
			chat.NewText(chat.User, "new"),
			{Role: chat.Assistant, Parts: []chat.Part{{Kind: chat.ThinkingPart, Text: "hm", Signature: chat.Signature{Of: chat.Anthropic, Value: "x"}}, text("I look."), chat.NewCall(chat.ToolCall{ID: "a", Name: "g", Arguments: `{"x":`})}},
			{Role: chat.Assistant, Parts: []chat.Part{chat.NewCall(chat.ToolCall{ID: "b", Name: "h"})}},
			{Role: chat.Tool, Parts: []chat.Part{{Kind: chat.ResultPart, Result: &chat.ToolResult{CallID: "b", Error: true, Parts: []chat.Part{text("failed")}}}}},
			{Role: chat.Tool, Parts: []chat.Part{{Kind: chat.ResultPart, Result: &chat.ToolResult{CallID: "a", Parts: []chat.Part{text(`{"output":1}`), {Kind: chat.ImagePart, Media: &chat.Media{Type: "image/png", Data: "AAAA"}}}}}}},
			{Role: chat.Assistant, Parts: []chat.Part{{Kind: chat.ThinkingPart, Text: "so", Signature: chat.Signature{Of: chat.Gemini, Value: "c2ln"}}, {Kind: chat.CallPart, Call: &chat.ToolCall{ID: "c", Name: "g", Arguments: "{}"}, Signature: chat.Signature{Of: chat.Gemini, Value: "Y2FsbA=="}}}},
			chat.NewResult("c", `{"ok":true}`),
		},
		ToolChoice: chat.ToolChoice{Mode: chat.ToolAuto, Names: []string{"g"}},
		Tools:      []chat.ToolDefinition{{Name: "g"}},
	},
	"old_model": {
		Model: "models/gemini-2.0-flash", Wire: chat.OpenAIResponses, Messages: []chat.Message{chat.NewText(chat.User, "q")}, Reasoning: &chat.Reasoning{Effort: "low"},
		Tools: []chat.ToolDefinition{{Name: "none", Parameters: json.RawMessage(`{"type":"object","properties":{}}`)}, {Name: "f", Parameters: json.RawMessage(`{"$schema":"s","type":"object","additionalProperties":false,
			"properties":{"a":{"type":["string","null"],"format":"uri"},"b":{"$ref":"#/$defs/node"},"c":{"enum":["x","y"]},"d":{"type":["string","integer"]},"e":{"oneOf":[{"type":"string"},{"type":"null"}]},"f":{"allOf":[{"type":"integer"}]},"g":{"const":"k"}},
			"required":["a"],"$defs":{"node":{"properties":{"next":{"$ref":"#/$defs/node"},"v":{"type":"integer","enum":[1]}}}}}`)}},
		Format: &chat.Format{Kind: chat.FormatSchema, Schema: json.RawMessage(`{"type":"array","items":{"type":"string"}}`)},
	},
	"only_system": {Model: "gemini-3-flash", Wire: chat.OpenAIChat, Messages: []chat.Message{chat.NewText(chat.System, "Tell a joke.")}, Format: &chat.Format{Kind: chat.FormatJSON}, Reasoning: &chat.Reasoning{Effort: "minimal", Visible: ptr(true)}},
}

func TestTranslate(t *testing.T) {
	for name, r := range translations {
		body, dropped := encode(t, r)
		var out bytes.Buffer
		if err := json.Indent(&out, []byte(body), "", " "); err != nil {
			t.Fatal(err)
		}
		out.WriteString("\ndropped:\n  " + strings.Join(dropped, "\n  ") + "\n")
		golden(t, "testdata/translate/"+name+".golden", out.Bytes())
		if _, err := DecodeRequest(r.Model, false, []byte(body)); err != nil {
			t.Errorf("%s: what was written cannot be read: %v", name, err)
		}
	}
}

func TestTranslateRefuses(t *testing.T) {
	for name, c := range map[string]struct {
		model string
		m     chat.Message
		code  chat.Code
	}{
		"web file, old model": {"gemini-2.0-flash", chat.Message{Role: chat.User, Parts: []chat.Part{{Kind: chat.ImagePart, Media: &chat.Media{URL: "https://example.com/a.png"}}}}, chat.CodeUnsupported},
		"foreign file":        {"gemini-2.5-flash", chat.Message{Role: chat.User, Parts: []chat.Part{{Kind: chat.DocumentPart, Media: &chat.Media{FileID: "file-abc"}}}}, chat.CodeUnsupported},
		"no type":             {"gemini-2.5-flash", chat.Message{Role: chat.User, Parts: []chat.Part{{Kind: chat.DocumentPart, Media: &chat.Media{Data: "AAAA"}}}}, chat.CodeUnsupported},
		"stray result":        {"gemini-2.5-flash", chat.NewResult("x", "y"), chat.CodeInvalidRequest},
		"nothing":             {"gemini-2.5-flash", chat.NewText(chat.User, ""), chat.CodeInvalidRequest},
	} {
		_, _, err := Upstream{}.Encode(&chat.Request{Model: c.model, Messages: []chat.Message{c.m}})
		var e *chat.Error
		if !errors.As(err, &e) || e.Code != c.code {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestThinking(t *testing.T) {
	for _, c := range []struct {
		model string
		r     chat.Reasoning
		want  string
		drops bool
	}{
		{"gemini-2.5-flash", chat.Reasoning{Effort: "none"}, `"thinkingBudget":0`, false},
		{"gemini-2.5-pro", chat.Reasoning{Effort: "none"}, `"thinkingBudget":128`, true},
		{"gemini-2.5-flash-lite", chat.Reasoning{Budget: ptr(100)}, `"thinkingBudget":512`, false},
		{"gemini-2.5-flash", chat.Reasoning{Effort: "low"}, `"thinkingBudget":1024`, false},
		{"gemini-2.5-flash", chat.Reasoning{Effort: "medium"}, `"thinkingBudget":8192`, false},
		{"gemini-2.5-flash", chat.Reasoning{Effort: "high"}, `"thinkingBudget":24576`, false},
		{"gemini-2.5-pro", chat.Reasoning{Effort: "xhigh"}, `"thinkingBudget":32768`, false},
		{"gemini-2.5-flash", chat.Reasoning{Budget: ptr(100000)}, `"thinkingBudget":24576`, false},
		{"gemini-flash-latest", chat.Reasoning{Budget: ptr(-1)}, `"thinkingBudget":-1`, false},
		{"gemini-3-pro-preview", chat.Reasoning{Effort: "none"}, `"thinkingLevel":"LOW"`, true},
		{"gemini-3-flash-preview", chat.Reasoning{Effort: "none"}, `"thinkingLevel":"MINIMAL"`, true},
		{"gemini-3-pro-preview", chat.Reasoning{Effort: "medium"}, `"thinkingLevel":"HIGH"`, false},
		{"gemini-3.1-pro-preview", chat.Reasoning{Effort: "medium"}, `"thinkingLevel":"MEDIUM"`, false},
		{"gemini-3-flash-preview", chat.Reasoning{Budget: ptr(20000)}, `"thinkingLevel":"HIGH"`, false},
		{"gemini-3-flash-preview", chat.Reasoning{Budget: ptr(-1)}, ``, false},
		{"gemini-3-flash-preview", chat.Reasoning{Effort: "xhigh"}, `"thinkingLevel":"HIGH"`, true},
		{"gemini-3-flash-preview", chat.Reasoning{Visible: ptr(true)}, `"includeThoughts":true`, false},
		{"gemini-2.0-flash", chat.Reasoning{Effort: "low"}, ``, true},
		{"gemma-3-27b-it", chat.Reasoning{Effort: "low"}, ``, true},
	} {
		body, dropped := encode(t, &chat.Request{Model: c.model, Messages: []chat.Message{chat.NewText(chat.User, "q")}, Reasoning: &c.r})
		want := `,"generationConfig":{"thinkingConfig":{` + c.want + `}}}`
		if c.want == "" {
			want = `]}]}`
		}
		if !strings.HasSuffix(body, want) || len(dropped) > 0 != c.drops {
			t.Errorf("%s %+v: %s, dropped %v", c.model, c.r, body, dropped)
		}
	}
}

func TestPaths(t *testing.T) {
	u := Upstream{}
	for _, c := range []struct{ model, want string }{
		{"gemini-2.5-pro", "/v1beta/models/gemini-2.5-pro:generateContent"}, {"models/x", "/v1beta/models/x:generateContent"},
		{"tunedModels/mine", "/v1beta/tunedModels/mine:generateContent"}, {"a b?c", "/v1beta/models/a%20b%3Fc:generateContent"}, {"../x", "/v1beta/models/..%2Fx:generateContent"},
	} {
		if got := u.Path(&chat.Request{Model: c.model}); got != c.want {
			t.Errorf("%s: %s", c.model, got)
		}
	}
	if got := u.Path(&chat.Request{Model: "x", Stream: true}); got != "/v1beta/models/x:streamGenerateContent?alt=sse" {
		t.Error(got)
	}
	for _, base := range []string{"https://h", "https://h/", "https://h/v1beta", "https://h/v1beta/"} {
		if got := TrimBase(base); got != "https://h" {
			t.Error(got)
		}
	}
	h := http.Header{}
	if u.Authorize(h, "k"); h.Get("x-goog-api-key") != "k" {
		t.Error(h)
	}
}

func TestSchemaToJSONSchema(t *testing.T) {
	for in, want := range map[string]string{
		`{"type":"STRING","format":"enum","enum":["a"],"nullable":true}`:                                             `{"type":["string","null"],"enum":["a",null]}`,
		`{"type":"ARRAY","items":{"type":"NUMBER","minimum":1},"minItems":"2","max_items":3}`:                        `{"type":"array","items":{"type":"number","minimum":1},"minItems":2,"maxItems":3}`,
		`{"anyOf":[{"type":"STRING"},{"type":"INTEGER"}],"nullable":true}`:                                           `{"anyOf":[{"type":"string"},{"type":"integer"},{"type":"null"}]}`,
		`{"type":"OBJECT","properties":{"b":{"type":"STRING"},"max_items":{}},"propertyOrdering":["max_items","b"]}`: `{"type":"object","properties":{"max_items":{},"b":{"type":"string"}}}`,
		`{"type":"TYPE_UNSPECIFIED","example":1}`:                                                                    `{"examples":[1]}`,
		`{"type":["string","null"]}`:                                                                                 `{"type":["string","null"]}`,
		`3`:                                                                                                          `{}`,
	} {
		r, err := DecodeRequest("m", false, []byte(`{"contents":[{"parts":[{"text":"q"}]}],"generationConfig":{"responseSchema":`+in+`}}`))
		if err != nil {
			t.Fatal(err)
		}
		if got := string(r.Format.Schema); got != want {
			t.Errorf("%s: %s", in, got)
		}
	}
}

func TestSignaturesAndIDs(t *testing.T) {
	for _, s := range []chat.Signature{{}, {Of: chat.Gemini, Value: "c2ln"}, {Of: chat.Anthropic, Value: "x\xff>"}, {Of: chat.OpenAI, Value: "gAAAA"}} {
		if got, redacted := unpack(pack(s)); got != s || redacted != "" {
			t.Errorf("%+v: %+v", s, got)
		}
	}
	for _, s := range []string{packed, packed + "!", packed + "cz==", "ZHJhZ29tYW46cw=="} { // damaged: the provider is to judge
		if got, _ := unpack(s); got.Of != chat.Gemini || got.Value != s {
			t.Errorf("%s: %+v", s, got)
		}
	}
}

func TestCountTokens(t *testing.T) {
	for _, body := range []string{`{"contents":[{"parts":[{"text":"q"}]}]}`, `{"generate_content_request":{"model":"models/x","contents":[{"parts":[{"text":"q"}]}]}}`} {
		r, err := DecodeCountTokens("gemini-2.5-pro", []byte(body))
		if err != nil || r.Messages[0].Text() != "q" {
			t.Fatal(r, err)
		}
		got, _, err := Upstream{}.EncodeCountTokens(r)
		if err != nil || string(got) != `{"generateContentRequest":{"model":"models/gemini-2.5-pro","contents":[{"parts":[{"text":"q"}]}]}}` {
			t.Errorf("%s %v", got, err)
		}
	}
	n, err := DecodeTokens(EncodeTokens(Tokens{Total: 9007199254740993, Cached: 2}))
	if err != nil || n != (Tokens{Total: 9007199254740993, Cached: 2}) {
		t.Error(n, err)
	}
	if _, err := DecodeTokens([]byte(`{}`)); err == nil {
		t.Error("no error")
	}
}

func TestEmbed(t *testing.T) {
	r, err := DecodeEmbed([]byte(`{"content":{"parts":[{"text":"a"},{"text":"b"}]},"task_type":"RETRIEVAL_DOCUMENT","title":"t","outputDimensionality":3}`))
	if err != nil || r.Texts[0] != "a\nb" || r.Dimensions != 3 || r.TaskType != "RETRIEVAL_DOCUMENT" || r.Title != "t" {
		t.Fatal(r, err)
	}
	r.Texts = append(r.Texts, "c")
	again, err := DecodeEmbedBatch(Upstream{}.EncodeEmbed("m", r))
	if err != nil || !slices.Equal(again.Texts, r.Texts) || again.Dimensions != 3 || again.Title != "t" {
		t.Error(again, err)
	}
	vectors := [][]float32{{1, -.5}, {0, 1e-7}}
	got, err := Upstream{}.DecodeEmbeddings(EncodeEmbeddings(vectors), 2)
	if err != nil || !slices.EqualFunc(got, vectors, slices.Equal) {
		t.Error(got, err)
	}
	if one, err := (Upstream{}).DecodeEmbeddings(EncodeEmbedding(vectors[0]), 1); err != nil || !slices.Equal(one[0], vectors[0]) {
		t.Error(one, err)
	}
	for _, body := range []string{`{}`, `{"embeddings":[{"values":[1]}]}`, `{"embeddings":[{"values":[1]},{"values":[]}]}`, `x`} {
		if _, err := (Upstream{}).DecodeEmbeddings([]byte(body), 2); err == nil {
			t.Errorf("%s: no error", body)
		}
	}
	for _, body := range []string{`{}`, `{"requests":[]}`, `{"requests":[{"content":{"parts":[{"inlineData":{}}]}}]}`, `{"requests":[{"content":{"parts":[{"text":"a"}]}},{"content":{"parts":[{"text":"a"}]},"title":"x"}]}`} {
		if _, err := DecodeEmbedBatch([]byte(body)); err == nil {
			t.Errorf("%s: no error", body)
		}
	}
}

func TestModels(t *testing.T) {
	list := []Model{{Name: "a", Input: 1048576, Output: 65536, Methods: []string{"embedContent"}, Thinks: true, DisplayName: "A", Description: "d"}, {Name: "assistant/x", DisplayName: "assistant/x", Methods: []string{"generateContent", "countTokens"}}}
	got, next, err := DecodeModels(EncodeModels(list, "p"))
	if err != nil || next != "p" || len(got) != 2 || got[0].Input != 1048576 || got[0].Methods[0] != "embedContent" || !got[0].Thinks || got[1].Name != "assistant/x" {
		t.Errorf("%+v %s %v", got, next, err)
	}
	if one := string(EncodeModel(Model{Name: "a"})); !strings.HasPrefix(one, `{"name":"models/a",`) || !json.Valid([]byte(one)) {
		t.Error(one)
	}
	if _, _, err := DecodeModels([]byte(`{"error":{"code":403}}`)); err == nil {
		t.Error("no error")
	}
}
