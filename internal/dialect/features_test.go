package dialect_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/dragoman/dragoman/internal/chat"
)

// features are what requests may ask for, in the words of each wire that has words for it. MODEL is a model that takes it.
var features = map[string]map[string]string{
	"text": {
		"openai":    `{"model":"MODEL","messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Yes?"},{"role":"user","content":[{"type":"text","text":"One"},{"type":"text","text":"two \"ü\" 😀"}]}]}`,
		"responses": `{"model":"MODEL","input":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"output_text","text":"Yes?"}]},{"role":"user","content":[{"type":"input_text","text":"One"},{"type":"input_text","text":"two \"ü\" 😀"}]}]}`,
		"anthropic": `{"model":"MODEL","max_tokens":9,"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Yes?"},{"role":"user","content":[{"type":"text","text":"One"},{"type":"text","text":"two \"ü\" 😀"}]}]}`,
		"gemini":    `{"contents":[{"role":"user","parts":[{"text":"Hi"}]},{"role":"model","parts":[{"text":"Yes?"}]},{"role":"user","parts":[{"text":"One"},{"text":"two \"ü\" 😀"}]}]}`,
	},
	"system": {
		"openai":    `{"model":"MODEL","messages":[{"role":"system","content":"Be brief."},{"role":"developer","content":"Be kind."},{"role":"user","content":"Hi"}]}`,
		"responses": `{"model":"MODEL","instructions":"Be brief.","input":[{"role":"developer","content":"Be kind."},{"role":"user","content":"Hi"}]}`,
		"anthropic": `{"model":"MODEL","max_tokens":9,"system":[{"type":"text","text":"Be brief."},{"type":"text","text":"Be kind."}],"messages":[{"role":"user","content":"Hi"}]}`,
		"gemini":    `{"systemInstruction":{"parts":[{"text":"Be brief."},{"text":"Be kind."}]},"contents":[{"role":"user","parts":[{"text":"Hi"}]}]}`,
	},
	"images": {
		"openai":    `{"model":"MODEL","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA"}},{"type":"image_url","image_url":{"url":"https://a.example/b.png"}}]}]}`,
		"responses": `{"model":"MODEL","input":[{"role":"user","content":[{"type":"input_image","image_url":"data:image/png;base64,AAAA"},{"type":"input_image","image_url":"https://a.example/b.png"}]}]}`,
		"anthropic": `{"model":"MODEL","max_tokens":9,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}},{"type":"image","source":{"type":"url","url":"https://a.example/b.png"}}]}]}`,
		"gemini":    `{"contents":[{"role":"user","parts":[{"inlineData":{"mimeType":"image/png","data":"AAAA"}},{"fileData":{"mimeType":"image/png","fileUri":"https://a.example/b.png"}}]}]}`,
	},
	"image detail": {
		"openai":    `{"model":"MODEL","messages":[{"role":"user","content":[{"type":"image_url","image_url":{"url":"data:image/png;base64,AAAA","detail":"low"}}]}]}`,
		"responses": `{"model":"MODEL","input":[{"role":"user","content":[{"type":"input_image","image_url":"data:image/png;base64,AAAA","detail":"low"}]}]}`,
	},
	"documents": {
		"openai":    `{"model":"MODEL","messages":[{"role":"user","content":[{"type":"file","file":{"filename":"a.pdf","file_data":"data:application/pdf;base64,AAAA"}}]}]}`,
		"responses": `{"model":"MODEL","input":[{"role":"user","content":[{"type":"input_file","filename":"a.pdf","file_data":"data:application/pdf;base64,AAAA"}]}]}`,
		"anthropic": `{"model":"MODEL","max_tokens":9,"messages":[{"role":"user","content":[{"type":"document","title":"a.pdf","source":{"type":"base64","media_type":"application/pdf","data":"AAAA"}}]}]}`,
		"gemini":    `{"contents":[{"role":"user","parts":[{"inlineData":{"mimeType":"application/pdf","displayName":"a.pdf","data":"AAAA"}}]}]}`,
	},
	"documents of text": {
		"anthropic": `{"model":"MODEL","max_tokens":9,"messages":[{"role":"user","content":[{"type":"document","title":"a.txt","source":{"type":"text","media_type":"text/plain","data":"Zürich"}}]}]}`,
	},
	"documents by address": {
		"responses": `{"model":"MODEL","input":[{"role":"user","content":[{"type":"input_file","file_url":"https://a.example/b.pdf"}]}]}`,
		"anthropic": `{"model":"MODEL","max_tokens":9,"messages":[{"role":"user","content":[{"type":"document","source":{"type":"url","url":"https://a.example/b.pdf"}}]}]}`,
		"gemini":    `{"contents":[{"role":"user","parts":[{"fileData":{"mimeType":"application/pdf","fileUri":"https://a.example/b.pdf"}}]}]}`,
	},
	"audio": {
		"openai": `{"model":"MODEL","messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}}]}]}`,
		"gemini": `{"contents":[{"role":"user","parts":[{"inlineData":{"mimeType":"audio/wav","data":"AAAA"}}]}]}`,
	},
	"tool definitions": {
		"openai":    `{"model":"MODEL","messages":[{"role":"user","content":"Hi"}],"tools":[{"type":"function","function":{"name":"f","description":"F.","parameters":{"type":"object","properties":{"n":{"type":"integer","maximum":9223372036854775807}},"required":["n"]}}},{"type":"function","function":{"name":"g"}}]}`,
		"responses": `{"model":"MODEL","input":"Hi","tools":[{"type":"function","name":"f","description":"F.","strict":null,"parameters":{"type":"object","properties":{"n":{"type":"integer","maximum":9223372036854775807}},"required":["n"]}},{"type":"function","name":"g","parameters":null}]}`,
		"anthropic": `{"model":"MODEL","max_tokens":9,"messages":[{"role":"user","content":"Hi"}],"tools":[{"name":"f","description":"F.","input_schema":{"type":"object","properties":{"n":{"type":"integer","maximum":9223372036854775807}},"required":["n"]}},{"name":"g","input_schema":{"type":"object","properties":{}}}]}`,
		"gemini":    `{"contents":[{"parts":[{"text":"Hi"}]}],"tools":[{"functionDeclarations":[{"name":"f","description":"F.","parametersJsonSchema":{"type":"object","properties":{"n":{"type":"integer","maximum":9223372036854775807}},"required":["n"]}},{"name":"g"}]}]}`,
	},
	"strict tools": {
		"openai":    `{"model":"MODEL","messages":[{"role":"user","content":"Hi"}],"tools":[{"type":"function","function":{"name":"f","strict":true,"parameters":{"type":"object","properties":{},"additionalProperties":false}}}]}`,
		"responses": `{"model":"MODEL","input":"Hi","tools":[{"type":"function","name":"f","strict":true,"parameters":{"type":"object","properties":{},"additionalProperties":false}}]}`,
		"anthropic": `{"model":"MODEL","max_tokens":9,"messages":[{"role":"user","content":"Hi"}],"tools":[{"name":"f","strict":true,"input_schema":{"type":"object","properties":{},"additionalProperties":false}}]}`,
	},
	"tool choice auto": {
		"openai": `{TOOLS,"tool_choice":"auto"}`, "responses": `{TOOLS,"tool_choice":"auto"}`, "anthropic": `{TOOLS,"tool_choice":{"type":"auto"}}`, "gemini": `{TOOLS,"toolConfig":{"functionCallingConfig":{"mode":"AUTO"}}}`,
	},
	"tool choice none": {
		"openai": `{TOOLS,"tool_choice":"none"}`, "responses": `{TOOLS,"tool_choice":"none"}`, "anthropic": `{TOOLS,"tool_choice":{"type":"none"}}`, "gemini": `{TOOLS,"toolConfig":{"functionCallingConfig":{"mode":"NONE"}}}`,
	},
	"tool choice required": {
		"openai": `{TOOLS,"tool_choice":"required"}`, "responses": `{TOOLS,"tool_choice":"required"}`, "anthropic": `{TOOLS,"tool_choice":{"type":"any"}}`, "gemini": `{TOOLS,"toolConfig":{"functionCallingConfig":{"mode":"ANY"}}}`,
	},
	"tool choice by name": {
		"openai": `{TOOLS,"tool_choice":{"type":"function","function":{"name":"f"}}}`, "responses": `{TOOLS,"tool_choice":{"type":"function","name":"f"}}`, "anthropic": `{TOOLS,"tool_choice":{"type":"tool","name":"f"}}`,
		"gemini": `{TOOLS,"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["f"]}}}`,
	},
	"tool choice among some": {
		"openai":    `{TOOLS,"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"required","tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}}]}}}`,
		"responses": `{TOOLS,"tool_choice":{"type":"allowed_tools","mode":"required","tools":[{"type":"function","name":"f"},{"type":"function","name":"g"}]}}`,
		"gemini":    `{TOOLS,"toolConfig":{"functionCallingConfig":{"mode":"ANY","allowedFunctionNames":["f","g"]}}}`,
	},
	"one call at a time": {
		"openai": `{TOOLS,"parallel_tool_calls":false}`, "responses": `{TOOLS,"parallel_tool_calls":false}`, "anthropic": `{TOOLS,"tool_choice":{"type":"auto","disable_parallel_tool_use":true}}`,
	},
	"parallel calls and results, in another order": {
		"openai":    `{"model":"MODEL","messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Looking.","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"n\":9007199254740993}"}},{"id":"b","type":"function","function":{"name":"g","arguments":"{}"}}]},{"role":"tool","tool_call_id":"b","content":"two"},{"role":"tool","tool_call_id":"a","content":"one"}]}`,
		"responses": `{"model":"MODEL","input":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"output_text","text":"Looking."}]},{"type":"function_call","call_id":"a","name":"f","arguments":"{\"n\":9007199254740993}"},{"type":"function_call","call_id":"b","name":"g","arguments":"{}"},{"type":"function_call_output","call_id":"b","output":"two"},{"type":"function_call_output","call_id":"a","output":"one"}]}`,
		"anthropic": `{"model":"MODEL","max_tokens":9,"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"text","text":"Looking."},{"type":"tool_use","id":"a","name":"f","input":{"n":9007199254740993}},{"type":"tool_use","id":"b","name":"g","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"b","content":"two"},{"type":"tool_result","tool_use_id":"a","content":"one"}]}]}`,
		"gemini":    `{"contents":[{"parts":[{"text":"Hi"}]},{"role":"model","parts":[{"text":"Looking."},{"functionCall":{"id":"a","name":"f","args":{"n":9007199254740993}}},{"functionCall":{"id":"b","name":"g","args":{}}}]},{"role":"user","parts":[{"functionResponse":{"id":"b","name":"g","response":{"output":"two"}}},{"functionResponse":{"id":"a","name":"f","response":{"output":"one"}}}]}]}`,
	},
	"results with images": {
		"responses": `{"model":"MODEL","input":[{"role":"user","content":"Hi"},{"type":"function_call","call_id":"a","name":"f","arguments":"{}"},{"type":"function_call_output","call_id":"a","output":[{"type":"input_text","text":"this"},{"type":"input_image","image_url":"data:image/png;base64,AAAA"}]}]}`,
		"anthropic": `{"model":"MODEL","max_tokens":9,"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","content":[{"type":"text","text":"this"},{"type":"image","source":{"type":"base64","media_type":"image/png","data":"AAAA"}}]}]}]}`,
		"gemini":    `{"contents":[{"parts":[{"text":"Hi"}]},{"role":"model","parts":[{"functionCall":{"id":"a","name":"f","args":{}}}]},{"role":"user","parts":[{"functionResponse":{"id":"a","name":"f","response":{"output":"this"},"parts":[{"inlineData":{"mimeType":"image/png","data":"AAAA"}}]}}]}]}`,
	},
	"results of failed tools": {
		"anthropic": `{"model":"MODEL","max_tokens":9,"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"tool_use","id":"a","name":"f","input":{}}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"a","is_error":true,"content":"no such file"}]}]}`,
		"gemini":    `{"contents":[{"parts":[{"text":"Hi"}]},{"role":"model","parts":[{"functionCall":{"id":"a","name":"f","args":{}}}]},{"role":"user","parts":[{"functionResponse":{"id":"a","name":"f","response":{"error":"no such file"}}}]}]}`,
	},
	"arguments that are no JSON": {
		"openai":    `{"model":"MODEL","messages":[{"role":"user","content":"Hi"},{"role":"assistant","tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{\"n\": "}}]},{"role":"tool","tool_call_id":"a","content":"no"}]}`,
		"responses": `{"model":"MODEL","input":[{"role":"user","content":"Hi"},{"type":"function_call","call_id":"a","name":"f","arguments":"{\"n\": "},{"type":"function_call_output","call_id":"a","output":"no"}]}`,
	},
	"thoughts of Anthropic": {
		"openai":    `{"model":"MODEL","messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":"Yes?","reasoning_details":[{"type":"reasoning.text","text":"Hm.","signature":"c2ln","format":"anthropic-claude-v1"},{"type":"reasoning.encrypted","data":"aGlk","format":"anthropic-claude-v1"}]},{"role":"user","content":"No."}]}`,
		"anthropic": `{"model":"MODEL","max_tokens":9,"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"thinking","thinking":"Hm.","signature":"c2ln"},{"type":"redacted_thinking","data":"aGlk"},{"type":"text","text":"Yes?"}]},{"role":"user","content":"No."}]}`,
	},
	"thoughts of OpenAI": {
		"responses": `{"model":"MODEL","input":[{"role":"user","content":"Hi"},{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"Hm."}],"encrypted_content":"gAAA"},{"role":"assistant","content":[{"type":"output_text","text":"Yes?"}]},{"role":"user","content":"No."}]}`,
	},
	"signed calls of Gemini": {
		"gemini": `{"contents":[{"parts":[{"text":"Hi"}]},{"role":"model","parts":[{"functionCall":{"id":"a","name":"f","args":{}},"thoughtSignature":"c2ln"}]},{"role":"user","parts":[{"functionResponse":{"id":"a","name":"f","response":{"output":"one"}}}]}]}`,
	},
	"refusals": {
		"openai":    `{"model":"MODEL","messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":null,"refusal":"I won't."},{"role":"user","content":"Please."}]}`,
		"responses": `{"model":"MODEL","input":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"refusal","refusal":"I won't."}]},{"role":"user","content":"Please."}]}`,
	},
	"sampling": {
		"openai":    `{HI,"temperature":0.5,"max_tokens":900}`,
		"responses": `{HI,"temperature":0.5,"max_output_tokens":900}`,
		"anthropic": `{HI,"temperature":0.5,"max_tokens":900}`,
		"gemini":    `{HI,"generationConfig":{"temperature":0.5,"maxOutputTokens":900}}`,
	},
	"top_p": {
		"openai": `{HI,"top_p":0.25}`, "responses": `{HI,"top_p":0.25}`, "anthropic": `{HI,"top_p":0.25,"max_tokens":900}`, "gemini": `{HI,"generationConfig":{"topP":0.25}}`,
	},
	"top_k": {"anthropic": `{HI,"top_k":7,"max_tokens":900}`, "gemini": `{HI,"generationConfig":{"topK":7}}`},
	"seed and penalties": {
		"openai": `{HI,"seed":7,"frequency_penalty":0.5,"presence_penalty":-0.5}`, "gemini": `{HI,"generationConfig":{"seed":7,"frequencyPenalty":0.5,"presencePenalty":-0.5}}`,
	},
	"stop sequences": {
		"openai": `{HI,"stop":["END","\n\n#"]}`, "anthropic": `{HI,"stop_sequences":["END","\n\n#"],"max_tokens":900}`, "gemini": `{HI,"generationConfig":{"stopSequences":["END","\n\n#"]}}`,
	},
	"logprobs": {
		"openai": `{HI,"logprobs":true,"top_logprobs":3}`, "responses": `{HI,"top_logprobs":3,"include":["message.output_text.logprobs"]}`, "gemini": `{HI,"generationConfig":{"responseLogprobs":true,"logprobs":3}}`,
	},
	"JSON": {
		"openai": `{HI,"response_format":{"type":"json_object"}}`, "responses": `{HI,"text":{"format":{"type":"json_object"}}}`, "gemini": `{HI,"generationConfig":{"responseMimeType":"application/json"}}`,
	},
	"JSON by a schema": {
		"openai":    `{HI,"response_format":{"type":"json_schema","json_schema":{"name":"answer","schema":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}}}}`,
		"responses": `{HI,"text":{"format":{"type":"json_schema","name":"answer","schema":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}}}}`,
		"anthropic": `{HI,"max_tokens":900,"output_config":{"format":{"type":"json_schema","schema":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}}}}`,
		"gemini":    `{HI,"generationConfig":{"responseMimeType":"application/json","responseJsonSchema":{"type":"object","properties":{"a":{"type":"string"}},"required":["a"],"additionalProperties":false}}}`,
	},
	"cache marks": {
		"openai":    `{"model":"MODEL","messages":[{"role":"user","content":[{"type":"text","text":"Hi","cache_control":{"type":"ephemeral","ttl":"1h"}}]}]}`,
		"anthropic": `{"model":"MODEL","max_tokens":9,"messages":[{"role":"user","content":[{"type":"text","text":"Hi","cache_control":{"type":"ephemeral","ttl":"1h"}}]}]}`,
	},
	"effort": {
		"openai": `{HI,"reasoning_effort":"low"}`, "responses": `{HI,"reasoning":{"effort":"low"}}`, "anthropic": `{HI,"max_tokens":9000,"output_config":{"effort":"low"}}`, "gemini": `{HI,"generationConfig":{"thinkingConfig":{"thinkingLevel":"LOW"}}}`,
	},
	"a budget of thoughts": {
		"anthropic": `{HI,"max_tokens":9000,"thinking":{"type":"enabled","budget_tokens":2000}}`, "gemini": `{HI,"generationConfig":{"thinkingConfig":{"thinkingBudget":2000}}}`,
	},
	"the end user": {
		"openai": `{HI,"user":"u"}`, "responses": `{HI,"user":"u"}`, "anthropic": `{HI,"max_tokens":9,"metadata":{"user_id":"u"}}`,
	},
	"names of speakers": {"openai": `{"model":"MODEL","messages":[{"role":"user","name":"ann","content":"Hi"}]}`},
	"tools that a provider runs": {
		"openai": `{HI,"tools":[{"type":"custom","custom":{"name":"c"}}]}`, "responses": `{HI,"tools":[{"type":"web_search"}]}`, "anthropic": `{HI,"max_tokens":9,"tools":[{"type":"web_search_20250305","name":"web_search"}]}`, "gemini": `{HI,"tools":[{"googleSearch":{}}]}`,
	},
	"parts that only one provider knows": {
		"openai":    `{"model":"MODEL","messages":[{"role":"user","content":[{"type":"text","text":"Hi"},{"type":"new","new":1}]}]}`,
		"responses": `{"model":"MODEL","input":[{"role":"user","content":"Hi"},{"type":"web_search_call","id":"w","status":"completed"}]}`,
		"anthropic": `{"model":"MODEL","max_tokens":9,"messages":[{"role":"user","content":[{"type":"text","text":"Hi"},{"type":"search_result","source":"s","title":"t","content":[]}]}]}`,
		"gemini":    `{"contents":[{"parts":[{"text":"Hi"},{"executableCode":{"language":"PYTHON","code":"1"}}]}]}`,
	},
}

// HI and TOOLS stand for a question, without and with tools.
var questions = map[string][2]string{
	"openai":    {`"model":"MODEL","messages":[{"role":"user","content":"Hi"}]`, `"tools":[{"type":"function","function":{"name":"f"}},{"type":"function","function":{"name":"g"}}]`},
	"responses": {`"model":"MODEL","input":"Hi"`, `"tools":[{"type":"function","name":"f","strict":null,"parameters":null},{"type":"function","name":"g","strict":null,"parameters":null}]`},
	"anthropic": {`"model":"MODEL","messages":[{"role":"user","content":"Hi"}]`, `"max_tokens":9,"tools":[{"name":"f","input_schema":{"type":"object","properties":{}}},{"name":"g","input_schema":{"type":"object","properties":{}}}]`},
	"gemini":    {`"contents":[{"parts":[{"text":"Hi"}]}]`, `"tools":[{"functionDeclarations":[{"name":"f"},{"name":"g"}]}]`},
}

// thinkers are models that think, by the wire of their provider.
var thinkers = map[string]string{"openai": "gpt-5", "anthropic": "claude-opus-4-5", "gemini": "gemini-3-flash", "responses": "gpt-5"}

// facts are what a request asks for, one by one.
func facts(r *chat.Request) []string {
	var out []string
	fact := func(format string, args ...any) { out = append(out, fmt.Sprintf(format, args...)) }
	compact := func(raw []byte) string {
		var b bytes.Buffer
		if json.Compact(&b, raw) != nil {
			return string(raw)
		}
		return b.String()
	}
	var part func(role string, p *chat.Part)
	part = func(role string, p *chat.Part) {
		switch p.Kind {
		case chat.TextPart:
			fact("%s: %s", role, p.Text)
		case chat.RefusalPart:
			fact("%s refuses: %s", role, p.Text)
		case chat.ImagePart, chat.DocumentPart, chat.AudioPart:
			fact("%s shows %s %s%s%s", role, p.Kind, p.Media.Data, p.Media.URL, p.Media.FileID)
			if p.Media.Detail != "" {
				fact("detail %s", p.Media.Detail)
			}
		case chat.ThinkingPart:
			fact("%s thinks: %s%s, proved to %s by %s", role, p.Text, p.Redacted, p.Signature.Of, p.Signature.Value)
		case chat.CallPart:
			fact("call %s: %s %s", p.Call.ID, p.Call.Name, compact([]byte(p.Call.Arguments)))
			if p.Signature.Value != "" {
				fact("call %s is proved to %s by %s", p.Call.ID, p.Signature.Of, p.Signature.Value)
			}
		case chat.ResultPart:
			for i := range p.Result.Parts {
				part("result of "+p.Result.CallID, &p.Result.Parts[i])
			}
			if p.Result.Error {
				fact("result of %s is a failure", p.Result.CallID)
			}
		default:
			fact("%s has a part of its own", role)
		}
		if p.Cache != nil {
			fact("cache %s", p.Cache.TTL)
		}
	}
	for _, m := range r.Messages {
		if m.Name != "" {
			fact("the speaker is %s", m.Name)
		}
		for i := range m.Parts {
			part(string(m.Role), &m.Parts[i])
		}
	}
	for _, t := range r.Tools {
		if t.Raw != nil {
			fact("a tool of the provider's")
			continue
		}
		parameters := compact(t.Parameters)
		if parameters == `{"type":"object","properties":{}}` {
			parameters = ""
		}
		fact("tool %s: %s %s", t.Name, t.Description, parameters)
		if t.Strict != nil && *t.Strict {
			fact("tool %s is strict", t.Name)
		}
	}
	if c := r.ToolChoice; c.Mode != "" {
		fact("choice %s %v", c.Mode, c.Names)
	}
	if r.ParallelTools != nil && !*r.ParallelTools {
		fact("one call at a time")
	}
	for name, f := range map[string]*float64{"temperature": r.Temperature, "top_p": r.TopP, "frequency": r.FrequencyPenalty, "presence": r.PresencePenalty} {
		if f != nil {
			fact("%s %g", name, *f)
		}
	}
	if r.TopK != nil {
		fact("top_k %d", *r.TopK)
	}
	if r.Seed != nil {
		fact("seed %d", *r.Seed)
	}
	if r.MaxTokens > 9 {
		fact("max %d", r.MaxTokens)
	}
	if len(r.Stop) > 0 {
		fact("stop %q", r.Stop)
	}
	if r.Logprobs != nil {
		fact("logprobs %d", *r.Logprobs)
	}
	if r.Format != nil {
		fact("format %s %s", r.Format.Kind, compact(r.Format.Schema))
	}
	if t := r.Reasoning; t != nil && (t.Effort != "" || t.Budget != nil) {
		budget := "-"
		if t.Budget != nil {
			budget = fmt.Sprint(*t.Budget)
		}
		fact("effort %s, budget %s", t.Effort, budget)
	}
	if r.User != "" {
		fact("for %s", r.User)
	}
	slices.Sort(out)
	return out
}

// otherwise are the features that a wire has other words for, which its own decoder reads as something else: nothing is lost,
// and nothing is named.
var otherwise = map[string][]string{
	"openai":    {"text", "system", "results of failed tools", "a budget of thoughts", "tool choice among some", "documents of text", "signed calls of Gemini"},
	"responses": {"system", "a budget of thoughts", "signed calls of Gemini"},
	"anthropic": {"effort", "tool choice among some", "refusals", "arguments that are no JSON", "signed calls of Gemini"},
	"gemini":    {"refusals", "a budget of thoughts", "arguments that are no JSON", "tool choice by name"},
}

// outcomes are what may become of a feature, from the best.
var outcomes = []string{"kept", "otherwise", "named", "refused"}

// TestFeatures: whatever a request of a wire asks for is asked on each other, or is named as lost, or the request is refused.
// The golden file is the table of what becomes of what.
func TestFeatures(t *testing.T) {
	var page []byte
	became := map[string]map[string]string{} // feature -> wire -> what becomes of it there
	for _, name := range slices.Sorted(maps.Keys(features)) {
		on := features[name]
		t.Run(name, func(t *testing.T) {
			page = fmt.Appendf(page, "\n# %s\n", name)
			became[name] = map[string]string{}
			for _, from := range slices.Sorted(maps.Keys(on)) {
				model := models
				if strings.Contains(name, "effort") || strings.Contains(name, "budget") {
					model = thinkers
				}
				q := questions[from]
				body := strings.NewReplacer("HI", q[0], "TOOLS", q[0]+","+q[1], "MODEL", "big").Replace(on[from])
				r, err := decoders[from]([]byte(strings.ReplaceAll(body, "MODEL", "big")))
				if err != nil {
					t.Fatalf("%s: %v", from, err)
				}
				r.Stream = false
				was := facts(r)
				page = fmt.Appendf(page, "=== %s\n%s\n", from, strings.Join(was, "\n"))
				for _, to := range slices.Sorted(maps.Keys(wires)) {
					if became[name][to] == "" {
						became[name][to] = "kept"
					}
					own := *r
					own.Model = model[to]
					out, dropped, err := wires[to].up.Encode(&own)
					if err != nil {
						e := chat.AsError(err)
						page = fmt.Appendf(page, "--- to %s\nrefused (%s): %s\n", to, e.Code, e.Message)
						became[name][to] = "refused"
						if e.Code != chat.CodeUnsupported {
							t.Errorf("%s to %s: %v", from, to, err)
						}
						continue
					}
					back, err := decoders[to](out)
					if err != nil {
						t.Fatalf("%s to %s: %v in %s", from, to, err, out)
					}
					is := facts(back)
					lost := without(was, is)
					page = fmt.Appendf(page, "--- to %s\n", to)
					for _, l := range lost {
						page = fmt.Appendf(page, "not: %s\n", l)
					}
					for _, l := range without(is, was) {
						page = fmt.Appendf(page, "but: %s\n", l)
					}
					for _, d := range dropped {
						page = fmt.Appendf(page, "named: %s\n", d)
					}
					what := "kept"
					if len(lost) > 0 {
						what = "otherwise"
						if len(dropped) > 0 {
							what = "named"
						}
					}
					if was := became[name][to]; from == to || slices.Index(outcomes, was) > slices.Index(outcomes, what) {
						what = was // on its own wire it is kept, and of others the least counts
					}
					became[name][to] = what
					switch {
					case from == to && (len(lost) > 0 || len(dropped) > 0):
						t.Errorf("%s loses %q, and names %q, on its own wire", from, lost, dropped)
					case len(lost) > 0 && len(dropped) == 0 && !slices.Contains(otherwise[to], name):
						t.Errorf("%s to %s: %q is lost without a word\n%s", from, to, lost, out)
					case len(lost) == 0 && len(dropped) > 0 && !strings.HasPrefix(dropped[0], "thoughtSignature"):
						t.Errorf("%s to %s: nothing is lost, and %q is named", from, to, dropped)
					}
				}
			}
		})
	}
	golden(t, "features.txt", page)
	documented(t, became)
}

// documented compares what becomes of features with the table of the page on dialects.
func documented(t *testing.T, became map[string]map[string]string) {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("..", "..", "docs", "dialects.md"))
	if err != nil {
		t.Fatal(err)
	}
	_, table, ok := strings.Cut(string(data), "| asked for | chat completions | responses | messages | Gemini |\n|---|---|---|---|---|\n")
	if !ok {
		t.Fatal("the table is not there")
	}
	rows := map[string]bool{}
	for line := range strings.Lines(table) {
		cells := strings.Split(strings.Trim(line, "| \n"), " | ")
		if len(cells) != 5 {
			break
		}
		rows[cells[0]] = true
		for i, wire := range []string{"openai", "responses", "anthropic", "gemini"} {
			says := strings.TrimRight(strings.Fields(cells[i+1])[0], ":;")
			if is := became[cells[0]][wire]; says != is {
				t.Errorf("docs/dialects.md says that %q is %s on %s, and it is %s", cells[0], says, wire, is)
			}
		}
	}
	for name := range became {
		if !rows[name] {
			t.Errorf("docs/dialects.md has no row for %q", name)
		}
	}
}

// without are those of a that are not in b.
func without(a, b []string) (out []string) {
	for _, s := range a {
		if !slices.Contains(b, s) {
			out = append(out, s)
		}
	}
	return out
}
