package fidelity

import (
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

// What a server says that has chat completions only: thoughts, two calls at once whose pieces come mixed and with the second
// one first, usage with what was cached and thought in a last chunk without choices.
const (
	chatWhole = `{"id":"c1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","reasoning_content":"Two cities.","content":"Looking.","tool_calls":[` +
		`{"id":"call_a","type":"function","function":{"name":"weather","arguments":"{\"city\": \"Köln\"}"}},{"id":"call_b","type":"function","function":{"name":"weather","arguments":"{\"city\": \"Oslo\"}"}}]},"finish_reason":"tool_calls"}],` + chatUsage + `}`
	chatUsage = `"usage":{"prompt_tokens":1200,"completion_tokens":60,"total_tokens":1260,"prompt_tokens_details":{"cached_tokens":1000},"completion_tokens_details":{"reasoning_tokens":20}}`
)

var chatStream = []string{
	chunk(`{"role":"assistant","content":""}`, "null"), chunk(`{"reasoning_content":"Two "}`, "null"), chunk(`{"reasoning_content":"cities."}`, "null"), chunk(`{"content":"Looking."}`, "null"), chunk(`{}`, "null"),
	chunk(`{"tool_calls":[{"index":1,"id":"call_b","type":"function","function":{"name":"weather","arguments":""}}]}`, "null"),
	chunk(`{"tool_calls":[{"index":0,"id":"call_a","type":"function","function":{"name":"weather","arguments":"{\"ci"}}]}`, "null"),
	chunk(`{"tool_calls":[{"index":1,"function":{"arguments":"{\"city\": \"Os"}}]}`, "null"),
	chunk(`{"tool_calls":[{"index":0,"function":{"arguments":"ty\": \"K\\u00"}},{"index":1,"function":{"arguments":"lo\"}"}}]}`, "null"),
	chunk(`{"tool_calls":[{"index":0,"function":{"arguments":"f6ln\"}"}}]}`, "null"), chunk(`{}`, `"tool_calls"`),
	data(`{"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[],` + chatUsage + `}`), data("[DONE]"),
}

// told is an answer, in the same words for every door.
type told struct{ thought, text, calls, stop, usage string }

var wantTold = told{"Two cities.", "Looking.", "weather Köln, weather Oslo", "calls", "1200 in, 1000 cached, 60 out, 20 thought"}

// callsOf writes calls down in one order; ids must be there and differ.
func callsOf(t *testing.T, calls [][3]string) string { // id, name, arguments
	t.Helper()
	var out, ids []string
	for _, c := range calls {
		if c[0] == "" || slices.Contains(ids, c[0]) || !gjson.Valid(c[2]) {
			t.Errorf("call %q", c)
		}
		ids = append(ids, c[0])
		out = append(out, c[1]+" "+gjson.Get(c[2], "city").Str)
	}
	slices.Sort(out)
	return strings.Join(out, ", ")
}

// readMessages reads an answer of /v1/messages, which does not say how much was thought.
func readMessages(t *testing.T, body string) (out told) {
	v := gjson.Parse(body)
	var calls [][3]string
	for _, b := range v.Get("content").Array() {
		switch b.Get("type").Str {
		case "thinking":
			out.thought += b.Get("thinking").Str
		case "text":
			out.text += b.Get("text").Str
		case "tool_use":
			calls = append(calls, [3]string{b.Get("id").Str, b.Get("name").Str, b.Get("input").Raw})
		}
	}
	out.calls = callsOf(t, calls)
	out.stop = strings.Replace(v.Get("stop_reason").Str, "tool_use", "calls", 1)
	u := v.Get("usage")
	cached := u.Get("cache_read_input_tokens").Int()
	out.usage = fmt.Sprintf("%d in, %d cached, %d out, 20 thought", u.Get("input_tokens").Int()+cached+u.Get("cache_creation_input_tokens").Int(), cached, u.Get("output_tokens").Int())
	return out
}

// messagesOf puts the events of a stream together to the message that it tells, as the vendor's SDK does. Blocks come one after
// the other.
func messagesOf(t *testing.T, stream string) string {
	var content []map[string]string
	open, usage, stop := false, map[string]int64{}, ""
	for _, json := range events(stream) {
		v := gjson.Parse(json)
		v.Get("usage").ForEach(func(k, n gjson.Result) bool { usage[k.Str] = n.Int(); return true })
		v.Get("message.usage").ForEach(func(k, n gjson.Result) bool { usage[k.Str] = n.Int(); return true })
		switch v.Get("type").Str {
		case "content_block_start":
			if open || v.Get("index").Int() != int64(len(content)) {
				t.Errorf("out of order: %s", json)
			}
			b := v.Get("content_block")
			open, content = true, append(content, map[string]string{"type": b.Get("type").Str, "id": b.Get("id").Str, "name": b.Get("name").Str})
		case "content_block_delta":
			if !open || v.Get("index").Int() != int64(len(content)-1) {
				t.Errorf("out of order: %s", json)
			}
			d := v.Get("delta")
			b := content[len(content)-1]
			b["text"] += d.Get("text").Str
			b["thinking"] += d.Get("thinking").Str
			b["input"] += d.Get("partial_json").Str
		case "content_block_stop":
			open = false
		case "message_delta":
			stop = v.Get("delta.stop_reason").Str
		}
	}
	b := []byte(`{"content":[`)
	for i, c := range content {
		if i > 0 {
			b = append(b, ',')
		}
		input := c["input"]
		if input == "" {
			input = "null"
		}
		b = fmt.Appendf(b, `{"type":%q,"id":%q,"name":%q,"text":%q,"thinking":%q,"input":%s}`, c["type"], c["id"], c["name"], c["text"], c["thinking"], input)
	}
	return string(fmt.Appendf(b, `],"stop_reason":%q,"usage":{"input_tokens":%d,"cache_read_input_tokens":%d,"cache_creation_input_tokens":%d,"output_tokens":%d}}`,
		stop, usage["input_tokens"], usage["cache_read_input_tokens"], usage["cache_creation_input_tokens"], usage["output_tokens"]))
}

func readResponse(t *testing.T, body string) (out told) {
	v := gjson.Parse(body)
	var calls [][3]string
	for _, item := range v.Get("output").Array() {
		switch item.Get("type").Str {
		case "reasoning":
			for _, s := range append(item.Get("summary").Array(), item.Get("content").Array()...) {
				out.thought += s.Get("text").Str
			}
		case "message":
			out.text += item.Get("content.0.text").Str
		case "function_call":
			calls = append(calls, [3]string{item.Get("call_id").Str, item.Get("name").Str, item.Get("arguments").Str})
		}
	}
	if out.calls = callsOf(t, calls); v.Get("status").Str == "completed" && len(calls) > 0 {
		out.stop = "calls"
	}
	u := v.Get("usage")
	out.usage = fmt.Sprintf("%d in, %d cached, %d out, %d thought", u.Get("input_tokens").Int(), u.Get("input_tokens_details.cached_tokens").Int(), u.Get("output_tokens").Int(), u.Get("output_tokens_details.reasoning_tokens").Int())
	return out
}

// responseOf is the response that a stream ends with; its pieces must say the same.
func responseOf(t *testing.T, stream string) string {
	var last, text, thought string
	arguments := map[int64]string{}
	for _, json := range events(stream) {
		v := gjson.Parse(json)
		switch v.Get("type").Str {
		case "response.output_text.delta":
			text += v.Get("delta").Str
		case "response.reasoning_summary_text.delta", "response.reasoning_text.delta":
			thought += v.Get("delta").Str
		case "response.function_call_arguments.delta":
			arguments[v.Get("output_index").Int()] += v.Get("delta").Str
		case "response.completed":
			last = v.Get("response").Raw
		}
	}
	got := readResponse(t, last)
	if text != got.text || thought != got.thought {
		t.Errorf("%q and %q were streamed, and in the end there is %+v", text, thought, got)
	}
	for i, a := range arguments {
		if b := gjson.Get(last, fmt.Sprintf("output.%d.arguments", i)).Str; a != b {
			t.Errorf("%q was streamed, and in the end there is %q", a, b)
		}
	}
	return last
}

func readGemini(t *testing.T, chunks ...string) (out told) {
	var calls [][3]string
	for _, c := range chunks {
		v := gjson.Parse(c)
		for _, p := range v.Get("candidates.0.content.parts").Array() {
			switch {
			case p.Get("functionCall").Exists():
				calls = append(calls, [3]string{p.Get("functionCall.id").Str, p.Get("functionCall.name").Str, p.Get("functionCall.args").Raw})
			case p.Get("thought").Bool():
				out.thought += p.Get("text").Str
			default:
				out.text += p.Get("text").Str
			}
		}
		if v.Get("candidates.0.finishReason").Str == "STOP" {
			out.stop = "calls"
		}
		if u := v.Get("usageMetadata"); u.Exists() {
			out.usage = fmt.Sprintf("%d in, %d cached, %d out, %d thought", u.Get("promptTokenCount").Int(), u.Get("cachedContentTokenCount").Int(), u.Get("candidatesTokenCount").Int()+u.Get("thoughtsTokenCount").Int(), u.Get("thoughtsTokenCount").Int())
		}
	}
	out.calls = callsOf(t, calls)
	return out
}

// Conversations with two calls and their results, in the words of each door.
var conversations = map[string]string{
	"anthropic": `{"model":"MODEL","max_tokens":500,"stream":STREAM,"system":"Be brief.","stop_sequences":["END","STOP"],"thinking":{"type":"enabled","budget_tokens":2000},"tool_choice":{"type":"any"},` +
		`"messages":[{"role":"user","content":"Hi"},{"role":"assistant","content":[{"type":"thinking","thinking":"Two.","signature":"c2ln"},{"type":"tool_use","id":"t1","name":"weather","input":{"city":"Köln"}},{"type":"tool_use","id":"t2","name":"weather","input":{"city":"Oslo"}}]},` +
		`{"role":"user","content":[{"type":"tool_result","tool_use_id":"t2","content":"rain","is_error":true},{"type":"tool_result","tool_use_id":"t1","content":[{"type":"text","text":"sun"}]},{"type":"text","text":"And?"}]}],` +
		`"tools":[{"name":"weather","description":"The weather.","input_schema":{"type":"object","properties":{"city":{"type":"string"}}}}]}`,
	"responses": `{"model":"MODEL","stream":STREAM,"store":false,"instructions":"Be brief.","max_output_tokens":500,"tool_choice":"required","reasoning":{"effort":"low","summary":"auto"},` +
		`"input":[{"role":"user","content":"Hi"},{"type":"reasoning","id":"rs_1","summary":[{"type":"summary_text","text":"Two."}]},{"type":"function_call","call_id":"t1","name":"weather","arguments":"{\"city\":\"Köln\"}"},{"type":"function_call","call_id":"t2","name":"weather","arguments":"{\"city\":\"Oslo\"}"},` +
		`{"type":"function_call_output","call_id":"t2","output":"rain"},{"type":"function_call_output","call_id":"t1","output":[{"type":"input_text","text":"sun"}]},{"role":"user","content":"And?"}],` +
		`"tools":[{"type":"function","name":"weather","description":"The weather.","strict":false,"parameters":{"type":"object","properties":{"city":{"type":"string"}}}}]}`,
	"gemini": `{"systemInstruction":{"parts":[{"text":"Be brief."}]},"generationConfig":{"maxOutputTokens":500,"stopSequences":["END","STOP"],"thinkingConfig":{"includeThoughts":true,"thinkingBudget":2000}},"toolConfig":{"functionCallingConfig":{"mode":"ANY"}},` +
		`"contents":[{"role":"user","parts":[{"text":"Hi"}]},{"role":"model","parts":[{"text":"Two.","thought":true},{"functionCall":{"id":"t1","name":"weather","args":{"city":"Köln"}}},{"functionCall":{"id":"t2","name":"weather","args":{"city":"Oslo"}}}]},` +
		`{"role":"user","parts":[{"functionResponse":{"id":"t2","name":"weather","response":{"output":"rain"}}},{"functionResponse":{"id":"t1","name":"weather","response":{"output":"sun"}}},{"text":"And?"}]}],` +
		`"tools":[{"functionDeclarations":[{"name":"weather","description":"The weather.","parametersJsonSchema":{"type":"object","properties":{"city":{"type":"string"}}}}]}]}`,
}

func converse(g *gateway, d wire, model string, stream bool) reply {
	path, _ := d.request(model, stream)
	return g.post(path, strings.NewReplacer("MODEL", model, "STREAM", fmt.Sprint(stream)).Replace(conversations[d.name]))
}

// chatOnlyChecks are promises on /v1/messages, /v1/responses and Gemini's door over a server that has chat completions only.
var chatOnlyChecks = []check{
	{"a conversation with parallel calls and their results goes to a server of chat completions whole, from every door", func(t *testing.T) {
		g := open(t, "")
		g.up.says(whole(openai.whole))
		for _, d := range []wire{anthropic, responses, gemini} {
			if got := converse(g, d, "openai/m", false); got.status != 200 {
				t.Fatalf("%s: %d %s", d.name, got.status, got.body)
			}
			v := gjson.Parse(g.up.last().body)
			var roles, results []string
			for _, m := range v.Get("messages").Array() {
				roles = append(roles, m.Get("role").Str)
				if m.Get("role").Str == "tool" {
					results = append(results, m.Get("tool_call_id").Str+" "+strings.TrimPrefix(m.Get("content").Str, "Error: "))
				}
			}
			slices.Sort(results)
			if strings.Join(roles, " ") != "system user assistant tool tool user" || strings.Join(results, ", ") != "t1 sun, t2 rain" {
				t.Errorf("%s: %v, %v in %s", d.name, roles, results, v.Raw)
			}
			if v.Get("messages.2.tool_calls.#.id").Raw != `["t1","t2"]` || v.Get("tools.0.function.name").Str != "weather" || v.Get("tool_choice").Str != "required" || v.Get("max_tokens").Int() != 500 {
				t.Errorf("%s: %s", d.name, v.Raw)
			}
			if want := `["END","STOP"]`; !d.noStop && v.Get("stop").Raw != want {
				t.Errorf("%s: stop %s", d.name, v.Get("stop").Raw)
			}
		}
	}},
	{"thinking that is asked for becomes an effort where the server's model takes one", func(t *testing.T) {
		g := open(t, "")
		g.up.says(whole(openai.whole))
		for _, d := range []wire{anthropic, responses, gemini} {
			converse(g, d, "openai/gpt-5-test", false)
			if v := gjson.Parse(g.up.last().body); v.Get("reasoning_effort").Str != "low" || v.Get("max_completion_tokens").Int() != 500 {
				t.Errorf("%s: %s", d.name, v.Raw)
			}
		}
	}},
	{"/v1/messages over chat completions: thoughts, parallel calls, cached tokens, whole and streamed", func(t *testing.T) {
		g := open(t, "")
		g.up.says(whole(chatWhole))
		if got := readMessages(t, converse(g, anthropic, "openai/m", false).body); got != wantTold {
			t.Errorf("%+v", got)
		}
		g.up.says(streamed(chatStream...))
		stream := converse(g, anthropic, "openai/m", true).body
		if got := readMessages(t, messagesOf(t, stream)); got != wantTold {
			t.Errorf("%+v\n%s", got, stream)
		}
	}},
	{"/v1/responses over chat completions: thoughts, parallel calls, cached tokens, whole and streamed", func(t *testing.T) {
		g := open(t, "")
		g.up.says(whole(chatWhole))
		if got := readResponse(t, converse(g, responses, "openai/m", false).body); got != wantTold {
			t.Errorf("%+v", got)
		}
		g.up.says(streamed(chatStream...))
		stream := converse(g, responses, "openai/m", true).body
		if got := readResponse(t, responseOf(t, stream)); got != wantTold {
			t.Errorf("%+v\n%s", got, stream)
		}
	}},
	{"Gemini's door over chat completions: thoughts, parallel calls, cached tokens, whole and streamed", func(t *testing.T) {
		g := open(t, "")
		g.up.says(whole(chatWhole))
		if got := readGemini(t, converse(g, gemini, "openai/m", false).body); got != wantTold {
			t.Errorf("%+v", got)
		}
		g.up.says(streamed(chatStream...))
		stream := converse(g, gemini, "openai/m", true).body
		if got := readGemini(t, events(stream)...); got != wantTold {
			t.Errorf("%+v\n%s", got, stream)
		}
	}},
	{"/v1/messages says which stop sequence ended an answer, where the server tells", func(t *testing.T) {
		g := open(t, "")
		ends := strings.Replace(openai.whole, `"finish_reason":"stop"`, `"finish_reason":"stop","stop_reason":"END"`, 1)
		g.up.says(whole(ends))
		if v := gjson.Parse(converse(g, anthropic, "openai/m", false).body); v.Get("stop_reason").Str != "stop_sequence" || v.Get("stop_sequence").Str != "END" {
			t.Error(v.Raw)
		}
		g.up.says(streamed(append(append([]string(nil), openai.text...), data(`{"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":{},"finish_reason":"stop","stop_reason":"END"}]}`), data("[DONE]"))...))
		if got := converse(g, anthropic, "openai/m", true).body; !strings.Contains(got, `"stop_reason":"stop_sequence","stop_sequence":"END"`) {
			t.Error(got)
		}
	}},
	{"/v1/responses over chat completions are stored, continued by previous_response_id, and deleted", func(t *testing.T) {
		g := open(t, "")
		g.up.says(whole(openai.whole))
		first := gjson.Get(g.post("/v1/responses", `{"model":"openai/m","input":"One?"}`).body, "id").Str
		g.up.says(streamed(openai.stream()...))
		stream := g.post("/v1/responses", `{"model":"openai/m","input":"Two?","stream":true,"previous_response_id":"`+first+`"}`).body
		if got := gjson.Get(g.up.last().body, "messages.#.content").Raw; got != `["One?","Hello world","Two?"]` {
			t.Errorf("asked %s", g.up.last().body)
		}
		second := gjson.Get(events(stream)[0], "response.id").Str
		g.up.says(whole(openai.whole))
		g.post("/v1/responses", `{"model":"openai/m","input":"Three?","previous_response_id":"`+second+`"}`)
		if got := gjson.Get(g.up.last().body, "messages.#.content").Raw; got != `["One?","Hello world","Two?","Hello world","Three?"]` {
			t.Errorf("asked %s", g.up.last().body)
		}
		for range 2 {
			req := g.request(t.Context(), "/v1/responses/"+first, "")
			req.Method = "DELETE"
			g.do(req)
		}
		if got := g.post("/v1/responses", `{"model":"openai/m","input":"Four?","previous_response_id":"`+first+`"}`); got.status != 400 || shaped(responses, got.body) != nil {
			t.Errorf("%d %s", got.status, got.body)
		}
	}},
	{"tokens can be counted for a server that counts none", func(t *testing.T) {
		g := open(t, "")
		if n := gjson.Get(g.post("/v1/messages/count_tokens", `{"model":"openai/m","messages":[{"role":"user","content":"How long is it?"}]}`).body, "input_tokens").Int(); n < 3 || n > 30 {
			t.Errorf("%d", n)
		}
		if n := gjson.Get(g.post("/v1beta/models/openai/m:countTokens", `{"contents":[{"parts":[{"text":"How long is it?"}]}]}`).body, "totalTokens").Int(); n < 3 || n > 30 {
			t.Errorf("%d", n)
		}
		if n := len(g.up.requests()); n != 0 {
			t.Errorf("%d requests", n)
		}
	}},
	{"a completion with a suffix is asked of a chat in words", func(t *testing.T) {
		g := open(t, "")
		g.up.says(whole(openai.whole))
		got := g.post("/v1/completions", `{"model":"openai/m","prompt":"func add(a, b int) int {","suffix":"}"}`)
		if came := g.up.last(); gjson.Get(got.body, "choices.0.text").Str != "Hello world" || came.path != "/v1/chat/completions" || !strings.Contains(came.body, "func add(a, b int) int {") {
			t.Errorf("%s for %s", got.body, came.body)
		}
	}},
}
