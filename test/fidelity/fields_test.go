package fidelity

import (
	"strings"
	"testing"
)

// rich are requests that hold, at every depth, fields that nobody knows, numbers that no float64 holds, and blanks that nobody
// would put there. MODEL stands for the model's name.
var rich = map[string]struct{ path, body string }{
	"openai": {"/v1/chat/completions", ` {"x_first" : {"a":[{"b":[9007199254740993,{"c":-9223372036854775808}]}]},
 "model" :"MODEL", "stream":true, "stream_options":{"include_usage":true,"x":[1]},
 "messages":[{"role":"system","content":"Be brief.","x_m":{"deep":[{"n":18446744073709551615}]}},
  {"role":"user","content":[{"type":"text","text":"Hi\u00e9 <b>","x_part":[[["x"]]]},{"type":"x_new_part","x":1.0}]},
  {"role":"assistant","content":null,"tool_calls":[{"id":"c1","type":"function","x_call":1e400,"function":{"name":"f","arguments":"{\"n\": 9007199254740993}","x_f":null}}]},
  {"role":"tool","tool_call_id":"c1","content":"ok","x_r":0.1000000000000000055511151231257827}],
 "tools":[{"type":"function","x_tool":{},"function":{"name":"f","x_fn":[],"parameters":{"type":"object","x_schema":true,"properties":{"n":{"const":9007199254740993}}}}}],
 "seed":9223372036854775807, "x_last":"\ud83d\ude00" } `},
	"responses": {"/v1/responses", `{"model":"MODEL","stream":true,"store":false, "x_top":{"a":[9007199254740993]},
 "input":[{"type":"message","role":"user","x_item":[{"y":18446744073709551615}],"content":[{"type":"input_text","text":"Hi","x_part":{"z":1e400}}]},
  {"type":"x_new_item","x":{"deep":[-9223372036854775808]}},
  {"type":"function_call","call_id":"c1","name":"f","arguments":"{\"n\": 9007199254740993}","x_call":true},
  {"type":"function_call_output","call_id":"c1","output":"ok","x_out":[null]}],
 "tools":[{"type":"function","name":"f","strict":false,"parameters":{"type":"object","properties":{}},"x_tool":1},{"type":"x_new_tool","x":[1]}],
 "reasoning":{"effort":"low","x_r":1}, "text":{"x_t":2}}`},
	"anthropic": {"/v1/messages", `{"model":"MODEL", "stream":true,"max_tokens" : 100,"x_top":{"a":[9007199254740993]},
 "system":[{"type":"text","text":"Be brief.","cache_control":{"type":"ephemeral","ttl":"1h","x_c":1},"x_s":[{}]}],
 "messages":[{"role":"user","x_m":-9223372036854775808,"content":[{"type":"text","text":"Hi","x_part":{"y":18446744073709551615}},{"type":"x_new_block","x":1.0}]},
  {"role":"assistant","content":[{"type":"tool_use","id":"t1","name":"f","input":{"n":9007199254740993},"x_use":1e400}]},
  {"role":"user","content":[{"type":"tool_result","tool_use_id":"t1","content":[{"type":"text","text":"ok","x_deep":[[1]]}],"x_result":true}]}],
 "tools":[{"name":"f","input_schema":{"type":"object","properties":{"n":{"const":9007199254740993}}},"x_tool":{}},{"type":"x_new_tool_20990101","name":"g","x":[1]}],
 "metadata":{"user_id":"u","x_meta":1}, "thinking":{"type":"disabled","x_think":1}}`},
	"gemini": {"/v1beta/models/MODEL:streamGenerateContent?alt=sse", `{ "xTop":{"a":[9007199254740993]},
 "systemInstruction":{"parts":[{"text":"Be brief.","xSys":1}],"xS":[]},
 "contents":[{"role":"user","xContent":-9223372036854775808,"parts":[{"text":"Hi","xPart":{"y":18446744073709551615}},{"xNewPart":{"z":1.0}}]},
  {"role":"model","parts":[{"functionCall":{"id":"c1","name":"f","args":{"n":9007199254740993},"xCall":1e400}}]},
  {"role":"user","parts":[{"functionResponse":{"id":"c1","name":"f","response":{"output":"ok"},"xResponse":[null]}}]}],
 "tools":[{"functionDeclarations":[{"name":"f","parametersJsonSchema":{"type":"object","properties":{"n":{"const":9007199254740993}}},"xFn":1}],"xNewTool":{}}],
 "generationConfig":{"maxOutputTokens":100,"xGen":{"q":[1]},"thinkingConfig":{"xThink":1}}}`},
}

// carried is what a provider is asked when a caller of its own wire sends what is rich.
func carried(t *testing.T, w wire) (sent, came string) {
	t.Helper()
	g := open(t, "")
	g.up.says(streamed(w.stream()...))
	r := rich[w.name]
	sent = strings.Replace(r.body, "MODEL", w.name+"/m", 1)
	if got := g.post(strings.Replace(r.path, "MODEL", w.name+"/m", 1), sent); got.status != 200 || !w.complete(got.body) {
		t.Fatalf("%d %s", got.status, got.body)
	}
	return sent, g.up.last().body
}

// untouched checks that a request goes up byte by byte.
func untouched(w wire) check {
	return check{"a request of " + w.name + " goes up on its own wire as it came, byte by byte, but for the model's name", func(t *testing.T) {
		sent, came := carried(t, w)
		if want := strings.Replace(sent, `"`+w.name+`/m"`, `"m"`, 1); came != want {
			t.Errorf("sent\n%s\nbut the provider got\n%s", want, came)
		}
	}}
}

// knownHere says that a provider gets each of the pieces.
func knownHere(name, path, body string, w wire, pieces ...string) check {
	return check{name, func(t *testing.T) {
		g := open(t, "")
		g.up.says(whole(w.whole))
		if got := g.post(path, body); got.status != 200 {
			t.Fatalf("%d %s", got.status, got.body)
		}
		for _, p := range pieces {
			if came := g.up.last().body; !strings.Contains(came, p) {
				t.Errorf("%s did not come up in\n%s", p, came)
			}
		}
	}}
}

// newer are fields that OpenAI added after most gateways were written.
var newer = []string{
	`"verbosity":"low"`, `"prediction":{"type":"content","content":"x"}`, `"modalities":["text","audio"]`, `"audio":{"voice":"alloy","format":"wav"}`, `"web_search_options":{"search_context_size":"low"}`,
	`"service_tier":"flex"`, `"prompt_cache_key":"k"`, `"prompt_cache_retention":"24h"`, `"safety_identifier":"s"`, `"store":true`, `"metadata":{"a":"b"}`, `"reasoning_effort":"xhigh"`, `"logit_bias":{"50256":-100}`,
	`"tool_choice":{"type":"allowed_tools","allowed_tools":{"mode":"auto","tools":[{"type":"function","function":{"name":"f"}}]}}`,
	`"tools":[{"type":"custom","custom":{"name":"c","format":{"type":"grammar","grammar":{"syntax":"lark","definition":"start: \"x\""}}}},{"type":"function","function":{"name":"f"}}]`,
}

const exact = `{"n": 9007199254740993, "least": -9223372036854775808}`

// requestChecks are promises on what a provider is asked.
var requestChecks = []check{
	untouched(openai), untouched(responses), untouched(anthropic), untouched(gemini),
	knownHere("newer fields of chat completions go up", "/v1/chat/completions", `{"model":"openai/m","messages":[{"role":"user","content":"Hi"}],`+strings.Join(newer, ",")+`}`, openai, newer...),
	knownHere("newer fields of responses go up", "/v1/responses", `{"model":"responses/m","store":false,"input":"Hi","truncation":"auto","service_tier":"priority","prompt_cache_key":"k","max_tool_calls":3,"metadata":{"a":"b"},"text":{"verbosity":"low"},`+
		`"tools":[{"type":"web_search","filters":{"allowed_domains":["a.b"]}},{"type":"mcp","server_label":"s","server_url":"https://a.b"},{"type":"image_generation"}],"include":["web_search_call.action.sources"]}`, responses,
		`"truncation":"auto"`, `"service_tier":"priority"`, `"prompt_cache_key":"k"`, `"max_tool_calls":3`, `"metadata":{"a":"b"}`, `"verbosity":"low"`, `"allowed_domains":["a.b"]`, `"server_label":"s"`, `"image_generation"`, `"web_search_call.action.sources"`),
	{"integers of 64 bits in the arguments of tools go up exactly, from every wire to every other", func(t *testing.T) {
		calls := map[string]string{
			"openai":    `{"model":"UP/m","messages":[{"role":"user","content":"Hi"},{"role":"assistant","tool_calls":[{"id":"c1","type":"function","function":{"name":"f","arguments":"{\"n\": 9007199254740993, \"least\": -9223372036854775808}"}}]},{"role":"tool","tool_call_id":"c1","content":"9007199254740993"}],"tools":[{"type":"function","function":{"name":"f","parameters":{"type":"object","properties":{"n":{"type":"integer","maximum":9223372036854775807}}}}}],"max_tokens":50}`,
			"responses": `{"model":"UP/m","store":false,"input":[{"role":"user","content":"Hi"},{"type":"function_call","call_id":"c1","name":"f","arguments":"{\"n\": 9007199254740993, \"least\": -9223372036854775808}"},{"type":"function_call_output","call_id":"c1","output":"9007199254740993"}],"tools":[{"type":"function","name":"f","strict":false,"parameters":{"type":"object","properties":{"n":{"type":"integer","maximum":9223372036854775807}}}}]}`,
			"anthropic": `{"model":"UP/m","max_tokens":50,"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"tool_use","id":"c1","name":"f","input":` + exact + `}]},{"role":"user","content":[{"type":"tool_result","tool_use_id":"c1","content":"9007199254740993"}]}],"tools":[{"name":"f","input_schema":{"type":"object","properties":{"n":{"type":"integer","maximum":9223372036854775807}}}}]}`,
			"gemini":    `{"contents":[{"role":"user","parts":[{"text":"Hi"}]},{"role":"model","parts":[{"functionCall":{"id":"c1","name":"f","args":` + exact + `}}]},{"role":"user","parts":[{"functionResponse":{"id":"c1","name":"f","response":{"output":"9007199254740993"}}}]}],"tools":[{"functionDeclarations":[{"name":"f","parametersJsonSchema":{"type":"object","properties":{"n":{"type":"integer","maximum":9223372036854775807}}}}]}]}`,
		}
		g := open(t, "")
		for _, d := range upstreams {
			for _, up := range upstreams {
				t.Run(d.name+" to "+up.name, func(t *testing.T) {
					g.up.says(whole(behind(d, up).whole))
					path, _ := d.request(up.name+"/m", false)
					if got := g.post(path, strings.Replace(calls[d.name], "UP", up.name, 1)); got.status != 200 {
						t.Fatalf("%d %s", got.status, got.body)
					}
					for number, times := range map[string]int{"9007199254740993": 2, "-9223372036854775808": 1, "9223372036854775807": 1} {
						if came := g.up.last().body; strings.Count(came, number) != times {
							t.Errorf("%s is not there %d times in\n%s", number, times, came)
						}
					}
				})
			}
		}
	}},
	{"a seed of 64 bits goes up exactly", func(t *testing.T) {
		g := open(t, "")
		g.up.says(whole(openai.whole))
		if got := g.post("/v1/chat/completions", `{"model":"openai/m","seed":9223372036854775807,"messages":[{"role":"user","content":"Hi"}]}`); got.status != 200 {
			t.Fatalf("%d %s", got.status, got.body)
		}
		if came := g.up.last().body; !strings.Contains(came, `"seed":9223372036854775807`) {
			t.Error(came)
		}
	}},
	{"the field dragoman is ours: it never goes up", func(t *testing.T) {
		g := open(t, "")
		for _, w := range upstreams {
			g.up.says(whole(w.whole))
			path, body := w.request(w.name+"/m", false)
			if got := g.post(path, strings.Replace(body, "{", `{"dragoman":{"feature":"x"},`, 1)); got.status != 200 {
				t.Fatalf("%s: %d %s", w.name, got.status, got.body)
			}
			if came := g.up.last().body; strings.Contains(came, "dragoman") {
				t.Errorf("%s: %s", w.name, came)
			}
		}
	}},
}
