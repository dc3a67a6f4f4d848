package fidelity

import (
	"net/http"
	"strings"
	"testing"
)

// lost is a request with what another wire cannot express, and what of it is to be named.
type lost struct {
	door     wire
	provider string
	body     string
	names    []string
}

var losses = []lost{
	{openai, "anthropic", `"messages":[{"role":"user","name":"ann","content":"Hi"}],"seed":7,"logprobs":true,"logit_bias":{"1":2},"presence_penalty":1,"x_unknown":1`, []string{"seed", "logprobs", "logit_bias", "presence_penalty", "x_unknown", "names of speakers"}},
	{openai, "gemini", `"messages":[{"role":"user","content":"Hi"}],"user":"u","parallel_tool_calls":false,"tools":[{"type":"function","function":{"name":"f","strict":true}}],"service_tier":"flex"`, []string{"user", "parallel_tool_calls", "strict", "service_tier"}},
	{anthropic, "openai", `"max_tokens":10,"top_k":5,"messages":[{"role":"user","content":[{"type":"text","text":"Hi","cache_control":{"type":"ephemeral"}}]}],"container":"c","tools":[{"type":"web_search_20250305","name":"web_search"}]`, []string{"top_k", "cache_control", "container", "web_search"}},
	{anthropic, "gemini", `"max_tokens":10,"messages":[{"role":"user","content":"Hi"}],"mcp_servers":[]`, []string{"mcp_servers"}},
	{responses, "openai", `"store":false,"input":"Hi","truncation":"auto","max_tool_calls":1,"tools":[{"type":"web_search"}]`, []string{"truncation", "max_tool_calls", "web_search"}},
	{gemini, "openai", `"contents":[{"parts":[{"text":"Hi"}]}],"safetySettings":[],"generationConfig":{"topK":3,"speechConfig":{}}`, []string{"safetySettings", "top_k", "speechConfig"}},
	{gemini, "anthropic", `"contents":[{"parts":[{"text":"Hi"}]}],"cachedContent":"c","generationConfig":{"seed":3}`, []string{"cachedContent", "seed"}},
}

// deep are losses within messages, tools and settings.
var deep = []lost{
	{openai, "anthropic", `"messages":[{"role":"user","x_message":1,"content":[{"type":"text","text":"Hi","x_part":1}]}],"tools":[{"type":"function","function":{"name":"f","x_function":1}}],"stream_options":{"x_option":1},"response_format":{"type":"text","x_format":1}`,
		[]string{"messages.x_message", "messages.content.x_part", "tools.function.x_function", "stream_options.x_option", "response_format.x_format"}},
	{anthropic, "openai", `"max_tokens":10,"messages":[{"role":"user","content":[{"type":"document","source":{"type":"base64","media_type":"application/pdf","data":"AAAA"},"citations":{"enabled":true},"context":"c"}]}],"metadata":{"user_id":"u","x_meta":1},"tools":[{"name":"f","input_schema":{"type":"object"},"defer_loading":true}]`,
		[]string{"messages.content.citations", "messages.content.context", "metadata.x_meta", "tools.defer_loading"}},
	{responses, "openai", `"store":false,"input":[{"role":"user","x_item":1,"content":[{"type":"input_text","text":"Hi","x_part":1}]}],"reasoning":{"effort":"low","x_r":1}`, []string{"input.x_item", "input.content.x_part", "reasoning.x_r"}},
	{gemini, "openai", `"contents":[{"xContent":1,"parts":[{"text":"Hi","xPart":1}]}],"tools":[{"functionDeclarations":[{"name":"f","xFn":1}]}]`, []string{"contents.xContent", "contents.parts.xPart", "tools.functionDeclarations.xFn"}},
}

func named(list []lost) func(t *testing.T) {
	return func(t *testing.T) {
		g := open(t, "")
		for _, l := range list {
			up := map[string]wire{"openai": openai, "anthropic": anthropic, "gemini": gemini}[l.provider]
			for _, stream := range []bool{false, true} {
				g.up.says(whole(up.whole))
				path, body := l.door.request(l.provider+"/m", stream)
				own := `{`
				if l.door.name != "gemini" {
					own = strings.Split(body, `,"`)[0] + map[bool]string{true: `,"stream":true,`, false: `,`}[stream]
				}
				got := g.post(path, own+l.body+"}")
				header := got.header.Get("X-Dragoman-Dropped")
				trace := g.trace(got.header)
				for _, name := range l.names {
					if got.status != 200 || !strings.Contains(header, name) || !strings.Contains(trace, name) {
						t.Errorf("%s to %s, stream %v: %d, %s is not named in %q, or not in the trace", l.door.name, l.provider, stream, got.status, name, header)
					}
				}
			}
		}
	}
}

// trace is the record of a turn.
func (g *gateway) trace(h http.Header) string {
	req := g.request(g.t.Context(), "/api/traces/"+h.Get("X-Dragoman-Trace"), "")
	req.Method = http.MethodGet
	return g.do(req).body
}

// visibleChecks are promises on what another wire cannot express.
var visibleChecks = []check{
	{"what another wire cannot express is named in a header and in the trace", named(losses)},
	{"fields within messages, tools and settings that another wire does not know are named too", named(deep)},
	{"nothing is named where nothing is lost", func(t *testing.T) {
		g := open(t, "")
		for _, d := range doors {
			for _, up := range upstreams {
				g.up.says(whole(behind(d, up).whole))
				if got := g.ask(d, up.name, false); got.status != 200 || got.header.Get("X-Dragoman-Dropped") != "" {
					t.Errorf("%s to %s: %d %q", d.name, up.name, got.status, got.header.Get("X-Dragoman-Dropped"))
				}
			}
		}
	}},
	{"what a wire cannot do without is refused with a reason, and nothing is sent up", func(t *testing.T) {
		g := open(t, "")
		g.up.says(whole(anthropic.whole))
		for _, c := range []struct{ path, body string }{
			{"/v1/chat/completions", `{"model":"anthropic/m","messages":[{"role":"user","content":[{"type":"input_audio","input_audio":{"data":"AAAA","format":"wav"}}]}]}`},
			{"/v1/chat/completions", `{"model":"anthropic/m","messages":[{"role":"user","content":[{"type":"file","file":{"file_id":"file-1"}}]}]}`},
			{"/v1/messages", `{"model":"openai/m","max_tokens":9,"messages":[{"role":"user","content":[{"type":"image","source":{"type":"file","file_id":"f"}}]}]}`},
			{"/v1beta/models/anthropic/m:generateContent", `{"contents":[{"parts":[{"fileData":{"fileUri":"gs://a/b","mimeType":"application/pdf"}}]}]}`},
			{"/v1/responses", `{"model":"gemini/m","store":false,"input":[{"role":"user","content":[{"type":"input_file","file_id":"file-1"}]}]}`},
			{"/v1/embeddings", `{"model":"anthropic/m","input":"Hi"}`},
			{"/v1/rerank", `{"model":"gemini/m","query":"a","documents":["b"]}`},
			{"/v1/moderations", `{"model":"anthropic/m","input":"Hi"}`},
			{"/v1/chat/completions", `{"model":"openai/m","n":2,"messages":[{"role":"user","content":"Hi"}]}`},
			{"/v1/responses", `{"model":"openai/m","background":true,"input":"Hi"}`},
		} {
			if got := g.post(c.path, c.body); got.status != 400 || len(g.up.requests()) != 0 || !strings.Contains(got.body, `"message"`) {
				t.Errorf("%s: %d %s", c.body, got.status, got.body)
			}
		}
	}},
}
