package gemini

import (
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// full is a request with a bit of everything.
const full = `{
  "systemInstruction": {"role": "user", "parts": [{"text": "Be brief."}]},
  "contents": [
    {"role": "user", "parts": [{"text": "Weather in Paris & Rome?"}, {"inlineData": {"mimeType": "image/png", "data": "iVBORw0KGgo="}}]},
    {"role": "model", "parts": [
      {"text": "Two cities.", "thought": true},
      {"functionCall": {"name": "weather", "args": {"city": "Paris", "n": 9007199254740993}}, "thoughtSignature": "c2lnQQ=="},
      {"functionCall": {"name": "weather", "args": {"city": "Rome"}}}]},
    {"role": "user", "parts": [
      {"functionResponse": {"name": "weather", "response": {"output": "12 degrees"}}},
      {"functionResponse": {"name": "weather", "response": {"temp": 20}}},
      {"text": "and?"}]}
  ],
  "tools": [{"functionDeclarations": [{"name": "weather", "description": "tells it", "parameters": {"type": "OBJECT", "properties": {"city": {"type": "STRING", "nullable": true}}, "required": ["city"]}}]}, {"googleSearch": {}}],
  "toolConfig": {"functionCallingConfig": {"mode": "ANY", "allowedFunctionNames": ["weather"]}},
  "generationConfig": {"maxOutputTokens": 100, "temperature": 0.5, "topP": 0.9, "topK": 40, "stopSequences": ["END"], "seed": 7, "presencePenalty": 0.1,
    "frequencyPenalty": 0.2, "responseMimeType": "application/json", "responseSchema": {"type": "OBJECT", "properties": {"a": {"type": "INTEGER"}}},
    "responseLogprobs": true, "logprobs": 3, "thinkingConfig": {"includeThoughts": true, "thinkingBudget": 1024}},
  "safetySettings": [{"category": "HARM_CATEGORY_HARASSMENT", "threshold": "BLOCK_NONE"}],
  "futureField": {"exact": 9007199254740993}
}`

func decode(t *testing.T, body string) *chat.Request {
	t.Helper()
	r, err := DecodeRequest("models/gemini-2.5-flash", true, []byte(body))
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func encode(t *testing.T, r *chat.Request) (string, []string) {
	t.Helper()
	body, dropped, err := Upstream{}.Encode(r)
	if err != nil {
		t.Fatal(err)
	}
	if !json.Valid(body) {
		t.Fatalf("not JSON: %s", body)
	}
	return string(body), dropped
}

func TestDecodeRequest(t *testing.T) {
	r := decode(t, full)
	if r.Model != "gemini-2.5-flash" || !r.Stream || !r.IncludeUsage || r.Wire != chat.GeminiGenerate {
		t.Errorf("head: %+v", r)
	}
	var roles []chat.Role
	for _, m := range r.Messages {
		roles = append(roles, m.Role)
	}
	if want := []chat.Role{chat.System, chat.User, chat.Assistant, chat.Tool, chat.User}; !slices.Equal(roles, want) {
		t.Fatalf("roles %v", roles)
	}
	call := r.Messages[2].Parts[1]
	if call.Call.ID != "call_1_1" || call.Call.Arguments != `{"city": "Paris", "n": 9007199254740993}` || call.Signature != (chat.Signature{Of: chat.Gemini, Value: "c2lnQQ=="}) {
		t.Errorf("call %+v %+v", call.Call, call.Signature)
	}
	results := r.Messages[3].Parts
	if results[0].Result.CallID != "call_1_1" || results[0].Result.Text() != "12 degrees" || results[1].Result.CallID != "call_1_2" || results[1].Result.Text() != `{"temp": 20}` {
		t.Errorf("results %+v %+v", results[0].Result, results[1].Result)
	}
	for _, m := range r.Messages {
		for _, p := range m.Parts {
			if p.Media != nil {
				continue
			}
			stands, says := full[p.At.Start:p.At.End], p.Text
			switch {
			case p.Call != nil:
				says = p.Call.Arguments
			case p.Result != nil:
				says = p.Result.Text()
			}
			if v := gjson.Parse(stands); v.String() != says {
				t.Errorf("at %v stands %s, want %q", p.At, stands, says)
			}
		}
	}
	if got := string(r.Tools[0].Parameters); got != `{"type":"object","properties":{"city":{"type":["string","null"]}},"required":["city"]}` {
		t.Errorf("parameters %s", got)
	}
	if r.Tools[1].Name != "googleSearch" || string(r.Tools[1].Raw) != `{"googleSearch":{}}` {
		t.Errorf("built-in tool %+v", r.Tools[1])
	}
	if r.ToolChoice.Mode != chat.ToolNamed || !slices.Equal(r.ToolChoice.Names, []string{"weather"}) {
		t.Errorf("choice %+v", r.ToolChoice)
	}
	if r.MaxTokens != 100 || *r.Temperature != .5 || *r.TopP != .9 || *r.TopK != 40 || r.Stop[0] != "END" || *r.Seed != 7 || *r.Logprobs != 3 ||
		*r.PresencePenalty != .1 || *r.FrequencyPenalty != .2 {
		t.Errorf("generation %+v", r)
	}
	if r.Format.Kind != chat.FormatSchema || string(r.Format.Schema) != `{"type":"object","properties":{"a":{"type":"integer"}}}` {
		t.Errorf("format %+v", r.Format)
	}
	if !*r.Reasoning.Visible || *r.Reasoning.Budget != 1024 {
		t.Errorf("reasoning %+v", r.Reasoning)
	}
	if want := []string{"safetySettings", "futureField"}; !slices.Equal(r.Unmapped, want) {
		t.Errorf("unmapped %v", r.Unmapped)
	}
}

// The protobuf spelling means the same.
func TestSnakeCase(t *testing.T) {
	snake := strings.NewReplacer("systemInstruction", "system_instruction", "inlineData", "inline_data", "mimeType", "mime_type", "functionCallingConfig",
		"function_calling_config", "functionCall\"", "function_call\"", "functionResponse", "function_response", "thoughtSignature", "thought_signature",
		"functionDeclarations", "function_declarations", "toolConfig", "tool_config", "allowedFunctionNames", "allowed_function_names", "generationConfig",
		"generation_config", "maxOutputTokens", "max_output_tokens", "topP", "top_p", "topK", "top_k", "stopSequences", "stop_sequences", "presencePenalty",
		"presence_penalty", "frequencyPenalty", "frequency_penalty", "responseMimeType", "response_mime_type", "responseSchema", "response_schema",
		"responseLogprobs", "response_logprobs", "thinkingConfig", "thinking_config", "includeThoughts", "include_thoughts", "thinkingBudget", "thinking_budget",
		"safetySettings", "safety_settings", "futureField", "future_field").Replace(full)
	if diff := cmp.Diff(bare(decode(t, full)), bare(decode(t, snake)), cmp.Comparer(sameTool)); diff != "" {
		t.Error(diff)
	}
}

func sameTool(a, b chat.ToolDefinition) bool {
	return a.Name == b.Name && a.Description == b.Description && string(a.Parameters) == string(b.Parameters)
}

// bare is a request without what only its bytes have.
func bare(r *chat.Request) *chat.Request {
	c := *r
	c.Body, c.Unmapped, c.Dragoman = nil, nil, nil
	c.Messages = nil
	for _, m := range r.Messages {
		n := chat.Message{Role: m.Role, Name: m.Name}
		for _, p := range m.Parts {
			p.At = chat.Span{}
			if p.Result != nil {
				res := *p.Result
				res.Parts = slices.Clone(res.Parts)
				for i := range res.Parts {
					res.Parts[i].At = chat.Span{}
				}
				p.Result = &res
			}
			n.Parts = append(n.Parts, p)
		}
		c.Messages = append(c.Messages, n)
	}
	return &c
}

func TestSameWireIsByteIdentical(t *testing.T) {
	for _, body := range []string{full, `{"contents":[{"parts":[{"text":"x"}]}]}`, "{\n\"contents\" : {\"parts\": {\"text\": \"x\"}}, \"n\":1e400, \"n2\":18446744073709551615 }"} {
		if got, dropped := encode(t, decode(t, body)); got != body || len(dropped) > 0 {
			t.Errorf("got %s\ndropped %v", got, dropped)
		}
	}
}

func TestSpliced(t *testing.T) {
	for _, c := range []struct{ name, in, want string }{
		{"dragoman last", `{"contents":[{"parts":[{"text":"x"}]}], "dragoman": {"a":[1]} }`, `{"contents":[{"parts":[{"text":"x"}]}] }`},
		{"dragoman first", `{ "dragoman":{}, "contents":[{"parts":[{"text":"x"}]}]}`, `{ "contents":[{"parts":[{"text":"x"}]}]}`},
		{"dragoman between", `{"a":1,"dragoman":{},"contents":[{"parts":[{"text":"x"}]}]}`, `{"a":1,"contents":[{"parts":[{"text":"x"}]}]}`},
		{"model", `{"model":"models/other","contents":[{"parts":[{"text":"x"}]}]}`, `{"model":"models/gemini-2.5-flash","contents":[{"parts":[{"text":"x"}]}]}`},
		{"model that agrees", `{"model":"gemini-2.5-flash","contents":[{"parts":[{"text":"x"}]}]}`, `{"model":"gemini-2.5-flash","contents":[{"parts":[{"text":"x"}]}]}`},
		{"foreign signature", `{"contents":[{"role":"model","parts":[{"text":"t","thought":true,"thoughtSignature":"` + pack(chat.Signature{Of: chat.Anthropic, Value: "v"}) + `"}]},{"parts":[{"text":"` + packed + `"}]}]}`,
			`{"contents":[{"role":"model","parts":[{"text":"t","thought":true,"thoughtSignature":"` + DummySignature + `"}]},{"parts":[{"text":"` + packed + `"}]}]}`},
	} {
		if got, _ := encode(t, decode(t, c.in)); got != c.want {
			t.Errorf("%s: got %s", c.name, got)
		}
	}
}

// A guard changes texts, arguments and results; nothing else of the body moves.
func TestMasked(t *testing.T) {
	r := decode(t, full)
	for i := range r.Messages {
		for j := range r.Messages[i].Parts {
			p := &r.Messages[i].Parts[j]
			switch {
			case p.Media != nil:
				continue
			case p.Call != nil:
				p.Call.Arguments = strings.NewReplacer("Paris", "[1]", "Rome", "[2]").Replace(p.Call.Arguments)
			case p.Result != nil:
				p.Result.Parts[0].Text = strings.NewReplacer("12 degrees", `"[3]"`, "20", "30").Replace(p.Result.Parts[0].Text)
			default:
				p.Text = strings.ReplaceAll(p.Text, "Paris & Rome", "<1>\n")
			}
			p.Changed = true
		}
	}
	want := strings.NewReplacer("Paris & Rome", `<1>\n`, `"Paris"`, `"[1]"`, `"Rome"`, `"[2]"`, "12 degrees", `\"[3]\"`, `"temp": 20`, `"temp": 30`).Replace(full)
	if got, _ := encode(t, r); got != want {
		t.Error(cmp.Diff(want, got))
	}
	// What cannot be replaced in place is written anew, never left; what has no place in a request is taken over.
	r = decode(t, strings.Replace(full, `"seed"`, `"speech_config": {"n": 9007199254740993}, "seed"`, 1))
	r.Messages[1].Parts[0].Text, r.Messages[1].Parts[0].Changed, r.Messages[1].Parts[0].At = "hidden", true, chat.Span{}
	got, dropped := encode(t, r)
	if strings.Contains(got, "Paris & Rome") || !strings.Contains(got, "hidden") || len(dropped) > 0 ||
		gjson.Get(got, "safetySettings.0.threshold").Str != "BLOCK_NONE" || gjson.Get(got, "generationConfig.speechConfig.n").Raw != "9007199254740993" {
		t.Errorf("got %s, dropped %v", got, dropped)
	}
}

// Without its body a request is written anew and means the same.
func TestStrippedOfBody(t *testing.T) {
	for _, body := range []string{
		full,
		`{"contents":[{"parts":[{"text":"q"}]},{"role":"model","parts":[{"text":"","thoughtSignature":"c2ln"}]},{"role":"model","parts":[{"executableCode":{"language":"PYTHON","code":"1"}},{"codeExecutionResult":{"outcome":"OUTCOME_OK"}},{"text":"a","thoughtSignature":"eA=="}]},{"parts":[{"fileData":{"mimeType":"application/pdf","fileUri":"https://example.com/a.pdf"}},{"inlineData":{"mimeType":"audio/wav","data":"AAAA"}}]}]}`,
		`{"contents":[{"parts":[{"text":"q"}]},{"role":"model","parts":[{"functionCall":{"id":"a","name":"f","args":{"_raw_arguments":"{\"x"}}}]},{"role":"function","parts":[{"functionResponse":{"id":"a","name":"f","response":{"error":"bad"},"parts":[{"inlineData":{"mimeType":"image/png","data":"AAAA"}}]}}]}],
		 "tools":[{"functionDeclarations":[{"name":"f","parametersJsonSchema":{"type":"object","$defs":{"x":{"type":"string"}}}}],"codeExecution":{}}],"toolConfig":{"functionCallingConfig":{"mode":"VALIDATED","allowedFunctionNames":["f","g"]}},"generationConfig":{"responseMimeType":"application/json","responseLogprobs":true}}`,
	} {
		r := decode(t, body)
		stripped := *r
		stripped.Body = nil
		again, _ := encode(t, &stripped)
		if diff := cmp.Diff(bare(r), bare(decode(t, again))); diff != "" {
			t.Errorf("%s\n%s", again, diff)
		}
	}
}

func TestDecodeRefuses(t *testing.T) {
	for _, c := range []struct {
		name, body, param string
		code              chat.Code
	}{
		{"no JSON", `{`, "", chat.CodeInvalidRequest},
		{"a list", `[]`, "", chat.CodeInvalidRequest},
		{"too deep", strings.Repeat("[", 100_000) + strings.Repeat("]", 100_000), "", chat.CodeInvalidRequest},
		{"no contents", `{}`, "contents", chat.CodeInvalidRequest},
		{"empty contents", `{"contents":[]}`, "contents", chat.CodeInvalidRequest},
		{"contents twice", `{"contents":[{"parts":[{"text":"a"}]}],"contents":[{"parts":[{"text":"b"}]}]}`, "contents", chat.CodeInvalidRequest},
		{"twice among many", `{` + manyFields() + `"systemInstruction":"a","contents":[{"parts":[{"text":"a"}]}],"system_instruction":"b"}`, "systemInstruction", chat.CodeInvalidRequest},
		{"text in both spellings", `{"contents":[{"parts":[{"inlineData":{"data":"aa"},"inline_data":{"data":"bb"}}]}]}`, "contents[0].parts[0].inlineData", chat.CodeInvalidRequest},
		{"two kinds", `{"contents":[{"parts":[{"text":"a","functionCall":{"name":"f"}}]}]}`, "contents[0].parts[0]", chat.CodeInvalidRequest},
		{"a role", `{"contents":[{"role":"assistant","parts":[{"text":"a"}]}]}`, "contents[0].role", chat.CodeInvalidRequest},
		{"text of a number", `{"contents":[{"parts":[{"text":1}]}]}`, "contents[0].parts[0].text", chat.CodeInvalidRequest},
		{"arguments of a string", `{"contents":[{"role":"model","parts":[{"functionCall":{"name":"f","args":"x"}}]}]}`, "contents[0].parts[0].functionCall.args", chat.CodeInvalidRequest},
		{"candidates", `{"contents":[{"parts":[{"text":"a"}]}],"generationConfig":{"candidateCount":2}}`, "generationConfig.candidateCount", chat.CodeUnsupported},
		{"half a token", `{"contents":[{"parts":[{"text":"a"}]}],"generationConfig":{"maxOutputTokens":1.5}}`, "generationConfig.maxOutputTokens", chat.CodeInvalidRequest},
	} {
		_, err := DecodeRequest("m", false, []byte(c.body))
		var e *chat.Error
		if !errors.As(err, &e) || e.Code != c.code || e.Param != c.param {
			t.Errorf("%s: %v (%+v)", c.name, err, e)
		}
	}
}

func TestForeignThoughtIsJoined(t *testing.T) {
	sig := chat.Signature{Of: chat.Anthropic, Value: "EqQB/abc+"}
	url := strings.NewReplacer("+", "-", "/", "_").Replace(pack(sig)) // as the Python SDK sends it back
	r := decode(t, `{"contents":[{"parts":[{"text":"q"}]},{"role":"model","parts":[{"text":"I th","thought":true}]},{"role":"model","parts":[{"text":"ink","thought":true}]},
		{"role":"model","parts":[{"text":"","thought":true,"thoughtSignature":"`+url+`"}]},{"role":"model","parts":[{"text":"","thought":true,"thoughtSignature":"`+packRedacted(chat.Anthropic, "zz")+`"},{"text":"a"}]}]}`)
	got := bare(r).Messages[1].Parts
	want := []chat.Part{
		{Kind: chat.ThinkingPart, Text: "I think", Signature: sig},
		{Kind: chat.ThinkingPart, Redacted: "zz", Signature: chat.Signature{Of: chat.Anthropic}},
		{Kind: chat.TextPart, Text: "a"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestMediaOfBase64URL(t *testing.T) {
	r := decode(t, `{"contents":[{"parts":[{"inline_data":{"mime_type":"image/png","data":"-_-_8"}},{"fileData":{"fileUri":"https://generativelanguage.googleapis.com/v1beta/files/x"}},{"fileData":{"fileUri":"gs://b/o"}}]}]}`)
	p := r.Messages[0].Parts
	if p[0].Media.Data[:4] != "+/+/" || p[1].Media.FileID == "" || p[2].Media.FileID != "gs://b/o" || p[1].Media.URL != "" {
		t.Errorf("%+v %+v %+v", p[0].Media, p[1].Media, p[2].Media)
	}
}

func TestSharesNoPlaceWithAnother(t *testing.T) {
	if s := dialect.Place([]byte(`{"a":1}`), gjson.Parse(`{"b":2}`)); s != (chat.Span{}) {
		t.Errorf("%v", s)
	}
}

func manyFields() string {
	var b strings.Builder
	for i := range 100 {
		b.WriteString(`"f` + strings.Repeat("x", i) + `":1,`)
	}
	return b.String()
}

func TestDepth(t *testing.T) {
	deep := func(n int) string { return strings.Repeat("[", n) + strings.Repeat("]", n) }
	for _, c := range []struct {
		name, body string
		want       bool
	}{
		{"at the bound", deep(maxDepth), false},
		{"beyond", deep(maxDepth + 1), true},
		{"wide", "[" + strings.Repeat("[],", 5*maxDepth) + "[]]", false},
		{"in a string", `["` + strings.Repeat("[", 5*maxDepth) + `"]`, false},
		{"in a string after a quote", `["\\\"` + strings.Repeat("[", 5*maxDepth) + `"]`, false},
		{"after a string that ends in a backslash", `["\\",` + deep(maxDepth) + `]`, true},
		{"in a string without an end", `["` + strings.Repeat("[", 5*maxDepth), false},
	} {
		if got := tooDeep([]byte(c.body)); got != c.want {
			t.Errorf("%s: %v", c.name, got)
		}
	}
}
