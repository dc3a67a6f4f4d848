package scripted

import (
	"net/http/httptest"
	"strings"
	"testing"
)

// faces are requests that each vendor takes, and changes to them that it refuses with a word of the reason.
var faces = []struct {
	name   string
	face   face
	path   string
	tools  string // of the good request
	valid  string
	broken [][3]string // what, by what it is replaced, the word
}{
	{"openai", chat{}, "/v1/chat/completions", "f", `{"model":"m","stream":true,"stream_options":{"include_usage":true},"max_tokens":9,
"messages":[{"role":"system","content":"brief"},{"role":"user","content":[{"type":"text","text":"hi"}]},
{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"b","type":"function","function":{"name":"f","arguments":"{}"}}]},
{"role":"tool","tool_call_id":"b","content":"2"},{"role":"tool","tool_call_id":"a","content":"1"},{"role":"user","content":"and"}],
"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"x":{"type":"string"}}}}}],"tool_choice":"auto"}`, [][3]string{
		{`"max_tokens":9`, `"max_token":9`, "unknown field"},
		{`"max_tokens":9`, `"max_tokens":9,"max_completion_tokens":9`, "both"},
		{`"stream":true,`, ``, "stream_options"},
		{`"content":null`, `"content":null,"reasoning_content":"x"`, "unknown field"},
		{`"tool_call_id":"a"`, `"tool_call_id":"c"`, "does not call"},
		{`{"role":"tool","tool_call_id":"b","content":"2"},`, ``, "no result"},
		{`"id":"a"`, `"id":"` + strings.Repeat("a", 41) + `"`, "too long"},
		{`"arguments":"{}"`, `"arguments":"[]"`, "JSON object"},
		{`"arguments":"{}"`, `"arguments":""`, "JSON object"},
		{`"role":"system"`, `"role":"model"`, "role"},
		{`"content":"brief"`, `"content":null`, "got null"},
		{`"type":"text"`, `"type":"input_text"`, "type"},
		{`{"type":"text","text":"hi"}`, `{"type":"text","text":"hi"},{"type":"image_url","image_url":{"url":"data:image/png;base64,%"}}`, "no image"},
		{`{"type":"text","text":"hi"}`, `{"type":"text","text":"hi"},{"type":"image_url","image_url":{"url":"https://there/x.png"}}`, "downloading"},
		{`"name":"f","parameters"`, `"name":"f.g","parameters"`, "match"},
		{`"type":"object"`, `"type":"string"`, "object"},
		{`"type":"object"`, `"type":"OBJECT"`, "no type"},
		{`"type":"string"`, `"type":"STRING"`, "no type"},
		{`"name":"f","parameters"`, `"name":"f","strict":true,"parameters"`, "additionalProperties"},
		{`"tools":[`, `"metadata":{},"x":[`, "tools"},
	}},
	{"responses", responses{}, "/v1/responses", "f g", `{"model":"m","instructions":"brief","store":false,"include":["reasoning.encrypted_content"],
"input":[{"role":"user","content":[{"type":"input_text","text":"hi"}]},{"type":"reasoning","id":"r","summary":[],"encrypted_content":"` + sign("reasoning") + `"},
{"type":"function_call","id":"fc","call_id":"a","name":"f","arguments":"{}"},{"type":"custom_tool_call","call_id":"b","name":"g","input":"text"},
{"type":"function_call_output","call_id":"a","output":"1"},{"type":"custom_tool_call_output","call_id":"b","output":"2"}],
"tools":[{"type":"function","name":"f","parameters":{"type":"object"}},{"type":"custom","name":"g"},{"type":"web_search"}]}`, [][3]string{
		{`"store":false`, `"stored":false`, "unknown field"},
		{`"encrypted_content":"`, `"encrypted_content":"x`, "verified"},
		{`,{"type":"custom_tool_call_output","call_id":"b","output":"2"}`, ``, "No tool output"},
		{`"type":"custom_tool_call_output"`, `"type":"function_call_output"`, "No tool call"},
		{`"arguments":"{}"`, `"arguments":""`, "JSON object"},
		{`"type":"input_text"`, `"type":"text"`, "Invalid value"},
		{`"parameters":{"type":"object"}`, `"strict":true`, "schema"},
		{`"model":"m",`, ``, "model"},
		{`"model":"m",`, `"model":"m","text":{"format":{"type":"json_schema","name":"x","strict":true,"schema":{"type":"object","additionalProperties":false,"properties":{"a":{"type":"string"}}}}},`, "every property"},
	}},
	{"anthropic", messages{}, "/v1/messages", "f", `{"model":"m","max_tokens":2000,"thinking":{"type":"enabled","budget_tokens":1024},"system":[{"type":"text","text":"brief","cache_control":{"type":"ephemeral"}}],
"messages":[{"role":"user","content":"hi"},{"role":"assistant","content":[{"type":"thinking","thinking":"so","signature":"` + sign("so") + `"},{"type":"tool_use","id":"a","name":"f","input":{}},{"type":"tool_use","id":"b","name":"f","input":{}}]},
{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":"1"},{"type":"tool_result","tool_use_id":"b","content":[{"type":"text","text":"2"}]}]}],
"tools":[{"name":"f","input_schema":{"type":"object"}}],"tool_choice":{"type":"auto"}}`, [][3]string{
		{`"max_tokens":2000,`, ``, "max_tokens: Field required"},
		{`"max_tokens":2000`, `"max_tokens":1000`, "greater than thinking"},
		{`"max_tokens":2000`, `"max_tokens":2000,"stop":["x"]`, "unknown field"},
		{`"max_tokens":2000`, `"max_tokens":2000,"temperature":1.5`, "range"},
		{`"budget_tokens":1024`, `"budget_tokens":1000`, "1024"},
		{`"signature":"`, `"signature":"x`, "signature"},
		{`{"type":"thinking","thinking":"so","signature":"` + sign("so") + `"},`, ``, "Expected `thinking`"},
		{`{"type":"tool_result","tool_use_id":"a","content":"1"},`, ``, "no result"},
		{`{"type":"tool_result","tool_use_id":"a","content":"1"},`, `{"type":"text","text":"x"},{"type":"tool_result","tool_use_id":"a","content":"1"},`, "come first"},
		{`"tool_use_id":"a"`, `"tool_use_id":"c"`, "does not call"},
		{`"tool_use_id":"a",`, `"tool_use_id":"a","name":"f",`, "Extra inputs"},
		{`"id":"a"`, `"id":"a.1"`, "tool_use"},
		{`"text":"brief"`, `"text":" "`, "non-whitespace"},
		{`{"role":"user","content":"hi"},`, ``, "first message"},
		{`{"role":"user","content":"hi"}`, `{"role":"system","content":"hi"}`, "system is no role"},
		{`"input_schema":{"type":"object"}`, `"parameters":{"type":"object"}`, "Extra inputs"},
		{`"type":"auto"`, `"type":"any"`, "forces"},
		{`"max_tokens":2000`, `"max_tokens":2000,"output_config":{"format":{"type":"json_schema","schema":{"type":"object"}}}`, "additionalProperties"},
	}},
	{"gemini", gemini{}, "/v1beta/models/gemini-3-test:streamGenerateContent?alt=sse", "f g", `{"systemInstruction":{"parts":[{"text":"brief"}]},"generationConfig":{"maxOutputTokens":9,"thinkingConfig":{"include_thoughts":true}},
"contents":[{"role":"user","parts":[{"text":"hi"}]},{"role":"model","parts":[{"functionCall":{"name":"f","args":{"file_path":"x"}},"thoughtSignature":"` + sign("f") + `"},{"functionCall":{"name":"g","args":{}}}]},
{"role":"user","parts":[{"functionResponse":{"name":"f","response":{"output":"1"}}},{"functionResponse":{"name":"g","response":{"output":"2"}}}]}],
"tools":[{"functionDeclarations":[{"name":"f","parameters":{"type":"OBJECT","properties":{"file_path":{"type":"STRING"}}}},{"name":"g","parametersJsonSchema":{"type":"object","additionalProperties":false}}]}]}`, [][3]string{
		{`"maxOutputTokens":9`, `"max_tokens":9`, "unknown field"},
		{`"type":"OBJECT"`, `"type":"OBJECT","additionalProperties":false`, "Extra inputs"},
		{`{"type":"STRING"}`, `{"type":["string","null"]}`, "cannot start list"},
		{`{"type":"STRING"}`, `{"type":"STRING","const":"x"}`, "Extra inputs"},
		{`"thoughtSignature":"`, `"thoughtSignature":"x`, "not valid"},
		{`,"thoughtSignature":"` + sign("f") + `"`, ``, "missing a thought_signature"},
		{`{"functionResponse":{"name":"f","response":{"output":"1"}}},`, ``, "number of function response"},
		{`{"functionResponse":{"name":"f"`, `{"functionResponse":{"name":"h"`, "named"},
		{`"response":{"output":"1"}`, `"response":"1"`, "JSON object"},
		{`{"role":"user","parts":[{"text":"hi"}]},`, ``, "immediately after"},
		{`"role":"model"`, `"role":"assistant"`, "valid role"},
		{`{"name":"g","parametersJsonSchema"`, `{"name":"f","parametersJsonSchema"`, "duplicate"},
		{`[{"text":"hi"}]`, `[]`, "empty"},
	}},
}

func TestReadIsAsStrictAsTheVendor(t *testing.T) {
	for _, f := range faces {
		t.Run(f.name, func(t *testing.T) {
			read := func(body string) (Conversation, violations) {
				r := httptest.NewRequest("POST", f.path, nil)
				r.Header.Set("anthropic-version", "2023-06-01")
				r.SetPathValue("model", "gemini-3-test")
				return f.face.read(r, []byte(body))
			}
			c, v := read(f.valid)
			if len(v) > 0 {
				t.Fatalf("a good request is refused: %q", v)
			}
			results := c.Results()
			var names []string
			for _, t := range c.Tools {
				names = append(names, t.Name)
			}
			if len(results) != 2 || !strings.Contains(c.System, "brief") || !strings.Contains(c.Said(), "hi") || strings.Join(names, " ") != f.tools {
				t.Errorf("read %+v", c)
			}
			for _, b := range f.broken {
				body := strings.Replace(f.valid, b[0], b[1], 1)
				if body == f.valid {
					t.Errorf("%s is not there to be replaced", b[0])
				}
				if _, v := read(body); !strings.Contains(strings.Join(v, "\n"), b[2]) {
					t.Errorf("%s in place of %s: %q, and not %q", b[1], b[0], v, b[2])
				}
			}
		})
	}
}

func TestCamel(t *testing.T) {
	in := `{"system_instruction":{"parts":[{"function_call":{"args":{"file_path":1}}}]},"parameters":{"properties":{"any_of":{"any_of":[]},"properties":{"type":"OBJECT"}}},"parameters_json_schema":{"x_y":12345678901234567890}}`
	want := `{"parameters":{"properties":{"any_of":{"anyOf":[]},"properties":{"type":"OBJECT"}}},"parametersJsonSchema":{"x_y":12345678901234567890},"systemInstruction":{"parts":[{"functionCall":{"args":{"file_path":1}}}]}}`
	if got := string(camel([]byte(in))); got != want {
		t.Errorf("got  %s\nwant %s", got, want)
	}
}

// FuzzRead: whatever arrives is read or refused.
func FuzzRead(f *testing.F) {
	for i, face := range faces {
		f.Add(uint8(i), []byte(face.valid))
	}
	f.Fuzz(func(t *testing.T, which uint8, body []byte) {
		face := faces[int(which)%len(faces)]
		c, v := face.face.read(httptest.NewRequest("POST", face.path, nil), body)
		if len(v) > 0 {
			return
		}
		for _, script := range []Script{Talk, Task{Dir: "/"}.Step} {
			s := script(&c)
			face.face.whole(&c, s)
			face.face.stream(&c, s)
		}
	})
}
