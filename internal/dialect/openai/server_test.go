package openai

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// TestServers: what each server refuses or calls otherwise is seen to, and what is left out is told. The shapes are made by hand
// after what the servers answer to them.
func TestServers(t *testing.T) {
	for _, c := range []struct {
		name, server, in, want string
		dropped                []string
	}{
		{"everything is left alone", "generic", `{"model": "m",  "x": {"y": 9007199254740993}, "max_completion_tokens": 5}`, `{"model": "m",  "x": {"y": 9007199254740993}, "max_completion_tokens": 5}`, nil},
		{"OpenAI's reasoning models", "openai", `{"model":"o4-mini","max_tokens":5}`, `{"model":"o4-mini","max_completion_tokens":5}`, nil},
		{"OpenAI's other models", "openai", `{"model":"gpt-4.1", "max_tokens":5}`, `{"model":"gpt-4.1", "max_tokens":5}`, nil},
		{"both bounds", "openai", `{"model":"o3","max_tokens":5,"max_completion_tokens":6}`, `{"model":"o3","max_completion_tokens":6}`, nil},
		{"Ollama's bound", "ollama", `{"max_completion_tokens":5,"model":"q"}`, `{"max_tokens":5,"model":"q"}`, nil},
		{"vLLM's roles", "vllm", `{"model":"q","messages":[{"role":"developer","content":"be brief"},{"role":"user","content":"hi", "x":1}]}`, `{"model":"q","messages":[{"role":"system","content":"be brief"},{"role":"user","content":"hi", "x":1}]}`, nil},
		{"vLLM, nothing to do", "vllm", `{"model":"q", "messages":[ {"role":"user","content":"hi"}]}`, `{"model":"q", "messages":[ {"role":"user","content":"hi"}]}`, nil},
		{
			"Mistral", "mistral",
			`{"model":"mistral-large-latest","stream":true,"stream_options":{"include_usage":true},"max_completion_tokens":9,"seed":7,"store":false,"user":"ann","logprobs":null,"messages":[
			{"role":"developer","content":"x"},{"role":"user","name":"ann","content":[{"type":"text","text":"hi"}]},
			{"role":"assistant","content":null,"refusal":null,"reasoning_content":"hm","tool_calls":[{"id":"call_abc123","type":"function","function":{"name":"f","arguments":"{}"}}]},
			{"role":"tool","name":"f","tool_call_id":"call_abc123","content":"1"}],"tool_choice":"required"}`,
			`{"model":"mistral-large-latest","stream":true,"max_tokens":9,"random_seed":7,"messages":[{"role":"system","content":"x"},{"role":"user","content":[{"type":"text","text":"hi"}]},` +
				`{"role":"assistant","content":null,"tool_calls":[{"id":"ID","type":"function","function":{"name":"f","arguments":"{}"}}]},{"role":"tool","name":"f","tool_call_id":"ID","content":"1"}],"tool_choice":"required"}`,
			[]string{"store", "user", "messages.name"},
		},
		{"Mistral's own ids", "mistral", `{"model":"m","messages":[{"role":"tool","tool_call_id":"aB3dE6gH9","content":"1"}]}`, `{"model":"m","messages":[{"role":"tool","tool_call_id":"aB3dE6gH9","content":"1"}]}`, nil},
		{
			"Groq", "groq", `{"model":"q","logprobs":true,"top_logprobs":2,"logit_bias":{},"messages":[{"role":"user","name":"a","content":"hi"},{"role":"assistant","content":"x","reasoning":"y","function_call":null}]}`,
			`{"model":"q","messages":[{"role":"user","content":"hi"},{"role":"assistant","content":"x"}]}`, []string{"logprobs", "top_logprobs", "logit_bias", "messages.name"},
		},
		{
			"DeepSeek", "deepseek",
			`{"model":"deepseek-chat","max_completion_tokens":5,"response_format":{"type":"json_schema","json_schema":{"name":"n","schema":{}}},"tools":[{"type":"function","function":{"name":"f"}},{"type":"custom","custom":{"name":"g"}}],"messages":[{"role":"assistant","content":"a","reasoning_content":"kept"}]}`,
			`{"model":"deepseek-chat","max_tokens":5,"response_format":{"type":"json_object"},"tools":[{"type":"function","function":{"name":"f"}}],"messages":[{"role":"assistant","content":"a","reasoning_content":"kept"}]}`,
			[]string{"response_format.json_schema: sent as json_object", "tools of the type custom"},
		},
		{
			"Cohere", "cohere", `{"model":"c","parallel_tool_calls":false,"store":null,"reasoning_effort":"low","tools":[{"type":"function","function":{"name":"f","strict":true,"parameters":{"n":9007199254740993}}}]}`,
			`{"model":"c","reasoning_effort":"high","tools":[{"type":"function","function":{"name":"f","parameters":{"n":9007199254740993}}}]}`,
			[]string{"parallel_tool_calls", "reasoning_effort low: sent as high", "tools.function.strict"},
		},
		{"Cohere, told not to think", "cohere", `{"model":"c", "reasoning_effort":"none"}`, `{"model":"c", "reasoning_effort":"none"}`, nil},
	} {
		t.Run(c.name, func(t *testing.T) {
			s, ok := ServerOf(c.server)
			if !ok {
				t.Fatal("not known")
			}
			out, dropped := s.Adapt([]byte(c.in))
			want := strings.ReplaceAll(c.want, "ID", shortID("call_abc123"))
			if string(out) != want {
				t.Errorf("\n%s\nnot\n%s", out, want)
			}
			if diff := cmp.Diff(c.dropped, dropped); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestServersProperty: whatever is left out, the result is valid JSON, adapting it again changes nothing, and messages keep their
// number and texts.
func TestServersProperty(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		text := rapid.StringMatching(`[ -~äß"\\\n]{0,12}`)
		body := map[string]any{"model": rapid.SampledFrom([]string{"o3", "m", ""}).Draw(t, "model")}
		for _, f := range []string{"max_tokens", "max_completion_tokens", "seed", "store", "logprobs", "user", "parallel_tool_calls", "random_seed", "reasoning_effort", text.Draw(t, "unknown")} {
			if rapid.Bool().Draw(t, f) {
				body[f] = rapid.SampledFrom([]any{nil, 1, true, "low"}).Draw(t, "value")
			}
		}
		var messages []any
		for range rapid.IntRange(0, 4).Draw(t, "messages") {
			m := map[string]any{"role": rapid.SampledFrom([]string{"developer", "system", "user", "assistant", "tool"}).Draw(t, "role"), "content": text.Draw(t, "text")}
			for _, f := range []string{"name", "tool_call_id", "reasoning_content", "refusal"} {
				if rapid.Bool().Draw(t, f) {
					m[f] = rapid.SampledFrom([]any{nil, text.Draw(t, "value")}).Draw(t, "what")
				}
			}
			messages = append(messages, m)
		}
		body["messages"] = messages
		in, err := json.Marshal(body)
		if err != nil {
			t.Fatal(err)
		}
		s := servers[rapid.SampledFrom([]string{"openai", "vllm", "ollama", "mistral", "groq", "deepseek", "cohere", "generic"}).Draw(t, "server")]
		out, _ := s.Adapt(in)
		var got struct{ Messages []struct{ Content string } }
		if !dialect.Valid(out) || json.Unmarshal(out, &got) != nil || len(got.Messages) != len(messages) {
			t.Fatalf("%s became %s", in, out)
		}
		for i, m := range got.Messages {
			if m.Content != messages[i].(map[string]any)["content"] {
				t.Fatalf("%s became %s", in, out)
			}
		}
		if again, dropped := s.Adapt(out); string(again) != string(out) || len(dropped) > 0 {
			t.Fatalf("%s, again: %s, %q", out, again, dropped)
		}
	})
}

func TestServerAt(t *testing.T) {
	for host, want := range map[string]string{
		"api.openai.com": "openai", "us.api.openai.com": "generic", "shop.openai.azure.com": "azure", "shop.services.ai.azure.com:443": "azure", "openai.azure.com.evil.test": "generic",
		"API.Mistral.ai": "mistral", "api.groq.com": "groq", "api.deepseek.com": "deepseek", "api.cohere.ai": "cohere", "x.eu-west-1.aws.endpoints.huggingface.cloud": "tgi", "10.0.0.5:8000": "generic",
	} {
		if got := ServerAt(host); got != want {
			t.Errorf("%s: %s, not %s", host, got, want)
		}
	}
}

// TestOddAnswers: shapes of answers and failures that some servers have.
func TestOddAnswers(t *testing.T) {
	decode := func(events ...string) (text, thought string, usage *chat.Usage, finish chat.FinishReason, err error) {
		d := &StreamDecoder{}
		for _, e := range events {
			var ev chat.Event
			if ev, err = d.Decode("", []byte(e)); err != nil {
				return
			}
			text, thought = text+ev.Text, thought+ev.Thinking
			if ev.Usage != nil {
				usage = ev.Usage
			}
			if ev.Finish != "" {
				finish = ev.Finish
			}
		}
		return
	}
	// Mistral's reasoning models send lists of parts.
	text, thought, usage, finish, err := decode(
		`{"id":"1","model":"magistral","choices":[{"index":0,"delta":{"role":"assistant","content":[{"type":"thinking","thinking":[{"type":"text","text":"Hm"}]}]},"finish_reason":null}]}`,
		`{"id":"1","choices":[{"index":0,"delta":{"content":[{"type":"thinking","thinking":[{"type":"text","text":", yes"}]}]}}]}`,
		`{"id":"1","choices":[{"index":0,"delta":{"content":[{"type":"text","text":"Tw"}]}}]}`,
		`{"id":"1","choices":[{"index":0,"delta":{"content":"elve"},"finish_reason":"model_length"}],"usage":{"prompt_tokens":10,"completion_tokens":5,"total_tokens":15}}`)
	if text != "Twelve" || thought != "Hm, yes" || usage == nil || usage.Output != 5 || finish != chat.FinishLength || err != nil {
		t.Errorf("Mistral: %q %q %+v %s %v", text, thought, usage, finish, err)
	}
	// Groq tells usage, and trouble, in a field of its own.
	_, _, usage, _, err = decode(`{"id":"1","choices":[{"index":0,"delta":{},"finish_reason":"stop"}],"x_groq":{"id":"req","usage":{"prompt_tokens":7,"completion_tokens":3,"total_tokens":10}}}`)
	if err != nil || usage == nil || usage.Input != 7 || usage.Output != 3 {
		t.Errorf("Groq: %+v, %v", usage, err)
	}
	_, _, _, _, err = decode(`{"id":"1","choices":[{"index":0,"delta":{}}],"x_groq":{"id":"req","error":"over_capacity"}}`)
	if e := chat.AsError(err); e == nil || e.Code != chat.CodeOverloaded {
		t.Errorf("Groq: %v", err)
	}
	// DeepSeek and vLLM give up with a finish reason.
	for _, reason := range []string{"insufficient_system_resource", "abort", "error"} {
		if _, _, _, _, err = decode(`{"id":"1","choices":[{"index":0,"delta":{"content":""},"finish_reason":"` + reason + `"}]}`); chat.AsError(err) == nil || !chat.AsError(err).Retryable() {
			t.Errorf("%s: %v", reason, err)
		}
	}
	// vLLM's older errors have no field error.
	if _, _, _, _, err = decode(`{"object":"error","message":"maximum context length is 4096 tokens","type":"BadRequestError","param":null,"code":400}`); chat.AsError(err) == nil || chat.AsError(err).Code != chat.CodeContextTooLong {
		t.Errorf("vLLM: %v", err)
	}
	for body, want := range map[string]string{
		`{"object":"error","message":{"detail":[{"type":"extra_forbidden","loc":["body","store"],"msg":"Extra inputs are not permitted","input":false}]},"type":"invalid_request_error"}`: "body.store: Extra inputs are not permitted",
		`{"detail":[{"type":"missing","loc":["body","messages",0],"msg":"Field required"}]}`:                                                                                              "body.messages.0: Field required",
		`{"error":"Input validation error: inputs tokens + max_new_tokens must be <= 4096","error_type":"validation"}`:                                                                    "Input validation error: inputs tokens + max_new_tokens must be <= 4096",
		`{"object":"error","message":"no","code":400}`: "no",
		`{"message":null,"error":{"message":"yes"}}`:   "yes",
	} {
		if e := DecodeError(422, []byte(body), 0); e.Message != want || e.Code != chat.CodeInvalidRequest {
			t.Errorf("%s: %s %q", body, e.Code, e.Message)
		}
	}
}

// TestAdaptedOnBothRoads: the caller's own body and a translated one are adapted alike, and what is left out is told.
func TestAdaptedOnBothRoads(t *testing.T) {
	s, _ := ServerOf("mistral")
	r, err := DecodeRequest([]byte(`{"model":"x","seed":7,"user":"ann","stream":true,"messages":[{"role":"user","content":"hi"}]}`))
	if err != nil {
		t.Fatal(err)
	}
	for road, body := range map[string][]byte{"forwarded": r.Body, "translated": nil} {
		own := *r
		own.Body, own.Model = body, "mistral-small-latest"
		out, dropped, err := Upstream{Server: &s}.Encode(&own)
		if err != nil || !strings.Contains(string(out), `"random_seed":7`) || strings.Contains(string(out), "stream_options") || strings.Contains(string(out), `"user":"ann"`) || !cmp.Equal(dropped, []string{"user"}) {
			t.Errorf("%s: %s %q %v", road, out, dropped, err)
		}
	}
}
