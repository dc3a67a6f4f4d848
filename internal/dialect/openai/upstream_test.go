package openai

import (
	"encoding/json"
	"os"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/sse"
)

// answer is what a stream's events add up to.
type answer struct {
	Text, ID, Model string
	Calls           []chat.ToolCall
	Finish          chat.FinishReason
	Usage           chat.Usage
}

func (a *answer) add(ev chat.Event) {
	a.Text += ev.Text
	for _, p := range ev.ToolCalls {
		for len(a.Calls) <= p.Index {
			a.Calls = append(a.Calls, chat.ToolCall{})
		}
		c := &a.Calls[p.Index]
		c.ID, c.Name, c.Arguments = c.ID+p.ID, c.Name+p.Name, c.Arguments+p.Arguments
	}
	if ev.Finish != "" {
		a.Finish = ev.Finish
	}
	if ev.Usage != nil {
		a.Usage = *ev.Usage
	}
	if ev.ID != "" {
		a.ID, a.Model = ev.ID, ev.Model
	}
}

// TestStreams decodes streams in the manner of each kind of server. Where they leave the format: Gemini numbers no calls,
// ends them with "stop", and counts thinking in the total alone; Ollama numbers every call 0.
func TestStreams(t *testing.T) {
	calls := func(first, second string) []chat.ToolCall {
		return []chat.ToolCall{{ID: first, Name: "get_weather", Arguments: `{"city":"Ulm"}`}, {ID: second, Name: "get_time", Arguments: "{}"}}
	}
	for file, want := range map[string]answer{
		"openai":         {Text: "Grüße, 世界\n", ID: "chatcmpl-B9MHDbslfkBeAs8l4bebGdFOJ6PeG", Model: "gpt-4.1-mini-2025-04-14", Finish: chat.FinishStop, Usage: chat.Usage{Input: 2019, CachedInput: 1920, Output: 5, Reasoning: 2}},
		"openai_tools":   {ID: "chatcmpl-T", Model: "gpt-4.1-2025-04-14", Calls: calls("call_DdmO9pD3xa9XTPNJ32zg2hcA", "call_ABCaGtVHGvQEgPUXGkZmYVmM"), Finish: chat.FinishToolCalls, Usage: chat.Usage{Input: 81, Output: 34}},
		"gemini_tools":   {ID: "wPckaYT", Model: "gemini-2.5-flash", Calls: calls("jm4owj31", "k9s1"), Finish: chat.FinishToolCalls, Usage: chat.Usage{Input: 20, Output: 533, Reasoning: 382}},
		"ollama":         {ID: "chatcmpl-607", Model: "qwen2.5-coder:1.5b", Calls: calls("call_u0", "call_u1"), Finish: chat.FinishToolCalls, Usage: chat.Usage{Input: 30, Output: 12}},
		"vllm_reasoning": {Text: "42", ID: "chatcmpl-7f", Model: "Qwen/Qwen3-32B", Finish: chat.FinishLength, Usage: chat.Usage{Input: 11, Output: 9}},
		"openrouter":     {Text: "Hi", ID: "gen-1", Model: "deepseek/deepseek-chat", Finish: chat.FinishStop, Usage: chat.Usage{Input: 9, CachedInput: 4, Output: 2}},
	} {
		t.Run(file, func(t *testing.T) {
			f, err := os.Open("testdata/" + file + ".sse")
			if err != nil {
				t.Fatal(err)
			}
			defer f.Close()
			var d StreamDecoder
			var got answer
			for r := sse.NewReader(f, 1<<20); !d.Ended(); {
				raw, err := r.Next()
				if err != nil {
					t.Fatal(err)
				}
				ev, err := d.Decode(raw.Name, raw.Data)
				if err != nil {
					t.Fatal(err)
				}
				got.add(ev)
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Error(diff)
			}
		})
	}
}

func TestCallsWithoutNumbers(t *testing.T) {
	var d StreamDecoder
	var got answer
	for _, data := range []string{
		`{"choices":[{"delta":{"tool_calls":[{"id":"a","function":{"name":"f","arguments":"{\"x\":"}}]}}]}`,
		`{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"1}"}}]}}]}`,
		`{"choices":[{"delta":{"tool_calls":[{"function":{"name":"g","arguments":"{"}}]}}]}`,
		`{"choices":[{"delta":{"tool_calls":[{"function":{"arguments":"}"}}]}}]}`,
	} {
		ev, err := d.Decode("", []byte(data))
		if err != nil {
			t.Fatal(err)
		}
		got.add(ev)
	}
	want := []chat.ToolCall{{ID: "a", Name: "f", Arguments: `{"x":1}`}, {Name: "g", Arguments: "{}"}}
	if diff := cmp.Diff(want, got.Calls); diff != "" {
		t.Error(diff)
	}
}

// TestUsageStaysWhole: money is reckoned from these counts, whatever a server claims.
func TestUsageStaysWhole(t *testing.T) {
	for in, want := range map[string]chat.Usage{
		`{"prompt_tokens":5,"completion_tokens":1,"prompt_tokens_details":{"cached_tokens":900},"completion_tokens_details":{"reasoning_tokens":7}}`: {Input: 5, CachedInput: 5, Output: 1, Reasoning: 1},
		`{"prompt_tokens":-5,"completion_tokens":2,"prompt_cache_hit_tokens":-1,"completion_tokens_details":{"reasoning_tokens":-7}}`:                {Output: 2},
		`{"prompt_tokens":9223372036854775807,"completion_tokens":9223372036854775807}`:                                                              {Input: 1 << 40, Output: 1 << 40},
	} {
		if got := readUsage(gjson.Parse(in)); *got != want {
			t.Errorf("%s: %+v, want %+v", in, *got, want)
		}
	}
}

func TestDecodeError(t *testing.T) {
	for name, c := range map[string]struct {
		status int
		body   string
		want   chat.Code
	}{
		"bad key":               {401, `{"error":{"message":"Incorrect API key provided: sk-12"}}`, chat.CodeUpstreamAuth},
		"bad key, Gemini":       {400, `[{"error":{"code":400,"message":"API key not valid. Please pass a valid API key.","status":"INVALID_ARGUMENT"}}]`, chat.CodeUpstreamAuth},
		"no credit":             {402, `{"error":{"message":"Insufficient Balance"}}`, chat.CodeUpstreamAuth},
		"not allowed":           {403, ``, chat.CodeUpstreamAuth},
		"no such model":         {404, `{"error":{"message":"model x not found"}}`, chat.CodeNotFound},
		"too slow":              {408, ``, chat.CodeTimeout},
		"too large":             {413, ``, chat.CodeTooLarge},
		"rate":                  {429, `{"error":{"message":"Rate limit; maximum context length is not the matter"}}`, chat.CodeRateLimited},
		"broken":                {500, `{"error":"boom"}`, chat.CodeUpstream},
		"a page":                {502, `<html>`, chat.CodeUpstream},
		"busy":                  {503, ``, chat.CodeOverloaded},
		"gateway timeout":       {504, ``, chat.CodeTimeout},
		"faulty":                {422, `{"detail":"no"}`, chat.CodeInvalidRequest},
		"filtered, Azure":       {400, `{"error":{"code":"content_filter","message":"filtered"}}`, chat.CodeContentFiltered},
		"too long, OpenAI":      {400, `{"error":{"message":"This model's maximum context length is 8192 tokens","code":"context_length_exceeded"}}`, chat.CodeContextTooLong},
		"too long, llama.cpp":   {400, `{"error":{"code":400,"message":"request (4390 tokens) exceeds the available context size (4096 tokens), try increasing it","type":"exceed_context_size_error"}}`, chat.CodeContextTooLong},
		"too long, later":       {500, `{"error":{"code":500,"message":"Context size has been exceeded.","type":"server_error"}}`, chat.CodeContextTooLong},
		"too long, Gemini":      {400, `[{"error":{"code":400,"message":"The input token count (1200000) exceeds the maximum number of tokens allowed (1048576)."}}]`, chat.CodeContextTooLong},
		"in stream, llama.cpp":  {0, `{"code":400,"message":"the request exceeds the available context size.","type":"exceed_context_size_error"}`, chat.CodeContextTooLong},
		"in stream, OpenRouter": {0, `{"code":429,"message":"slow down"}`, chat.CodeRateLimited},
		"in stream, by name":    {0, `{"code":"rate_limit_exceeded","message":"slow down"}`, chat.CodeRateLimited},
		"in stream, as text":    {0, `{"code":"503","message":"no"}`, chat.CodeOverloaded},
		"in stream, nothing":    {0, `{}`, chat.CodeUpstream},
	} {
		e := DecodeError(c.status, []byte(c.body), 3*time.Second)
		if c.status == 0 {
			e = streamError(json.RawMessage(c.body))
		}
		if e.Code != c.want || e.Status != c.status || e.Message == "" {
			t.Errorf("%s: %+v, want %s", name, e, c.want)
		}
	}
}

func TestDecodeWhole(t *testing.T) {
	ev, err := Upstream{}.Whole([]byte(`{"id":"x","model":"m","choices":[{"index":0,"message":{"role":"assistant","content":null,"tool_calls":[{"id":"a","type":"function","function":{"name":"f","arguments":"{}"}},{"id":"b","type":"function","function":{"name":"g","arguments":"{}"}}]},"finish_reason":"tool_calls"}],"usage":{"prompt_tokens":3,"completion_tokens":1}}`))
	if err != nil || len(ev.ToolCalls) != 2 || ev.ToolCalls[1].Index != 1 || ev.Finish != chat.FinishToolCalls || ev.Usage.Input != 3 {
		t.Errorf("%+v, %v", ev, err)
	}
	_, err = Upstream{}.Whole([]byte(`{"error":{"code":429,"message":"slow down"}}`))
	if e := chat.AsError(err); e.Code != chat.CodeRateLimited || e.Message != "slow down" {
		t.Errorf("an error with status 200 came out as %v", err)
	}
}
