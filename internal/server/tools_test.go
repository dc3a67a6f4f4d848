package server_test

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/dragoman/dragoman/internal/assistant"
	"github.com/dragoman/dragoman/internal/observe"
	"github.com/dragoman/dragoman/internal/provider/providertest"
)

// withTools is an assistant with tools, and a policy of its own.
func withTools(more string) options {
	return options{extra: `
collections: {here: {path: .}}
assistants:
  helper: {instructions: Be brief., knowledge: [here], tools: {use: [search_knowledge, read_document, calculator, date_time], ` + more + `}}
`}
}

// sent is the conversation of a request to the provider.
type sent struct {
	Messages []struct {
		Role      string
		Content   any
		ToolCalls []call `json:"tool_calls"`
		CallID    string `json:"tool_call_id"`
	}
	Tools []struct {
		Function struct{ Name string }
	}
	ToolChoice any `json:"tool_choice"`
}

func (d *door) sent(n int) sent {
	d.t.Helper()
	var s sent
	if err := json.Unmarshal(d.first.Await(d.t, n).Body, &s); err != nil {
		d.t.Fatal(err)
	}
	return s
}

// last is the text of the last message.
func (s sent) last() string { return fmt.Sprint(s.Messages[len(s.Messages)-1].Content) }

func (d *door) trace(a *answer) *assistant.Trace {
	d.t.Helper()
	if err := d.app.Flush(d.t.Context()); err != nil {
		d.t.Fatal(err)
	}
	resp := d.do(d.t.Context(), "GET", "/api/traces/"+a.header.Get("x-dragoman-trace"), d.key, nil)
	defer resp.Body.Close()
	var tr assistant.Trace
	if err := json.NewDecoder(resp.Body).Decode(&tr); err != nil {
		d.t.Fatal(err)
	}
	return &tr
}

func TestToolsFromDoorToTrace(t *testing.T) {
	for _, stream := range []bool{false, true} {
		t.Run(fmt.Sprintf("stream=%v", stream), func(t *testing.T) {
			d := open(t, withTools(""))
			d.first.Script(
				providertest.Calls("Let me see.", providertest.Wanted{Name: "calculator", Arguments: `{"expression":"0.1+0.2"}`}, providertest.Wanted{Name: "read_document", Arguments: `{"path":"retry/backoff.go","first":6,"last":8}`}),
				providertest.Reply("It is 0.3 [", "1].", " Nothing is at [99]."),
			)
			a := d.chat(ask("assistant/helper", "how many years are orders kept, and what is 0.1+0.2?", object{"stream": stream}))
			if a.text != "Let me see.\n\nIt is 0.3 [1]. Nothing is at ." || a.finish != "stop" || len(a.calls) != 0 {
				t.Errorf("%q, %s, %v", a.text, a.finish, a.calls)
			}
			second := d.sent(1)
			if n := len(second.Tools); n != 4 {
				t.Errorf("%d tools", n)
			}
			m := second.Messages[len(second.Messages)-3:]
			if len(m[0].ToolCalls) != 2 || m[0].ToolCalls[0].ID == m[0].ToolCalls[1].ID || m[1].CallID != m[0].ToolCalls[0].ID || m[2].CallID != m[0].ToolCalls[1].ID {
				t.Errorf("calls and results don't belong together: %+v", m)
			}
			if got := fmt.Sprint(m[1].Content); got != "<tool_output tool=\"calculator\">\n0.3\n</tool_output>" {
				t.Errorf("the calculator told %q", got)
			}
			if got := second.last(); !strings.Contains(got, "Source: retry/backoff.go:6-8") || !strings.Contains(got, "Delay doubles with each attempt") {
				t.Errorf("the document is told as %q", got)
			}
			tr := d.trace(a)
			if len(tr.Tools) != 2 || len(tr.Tools[0].Calls) != 2 || tr.Tools[0].Cost == "" || len(tr.Attempts) != 2 {
				t.Fatalf("the trace has %+v", tr.Tools)
			}
			c := tr.Tools[0].Calls
			if c[0].Status != "ok" || c[0].Arguments != `{"expression":"0.1+0.2"}` || c[0].Bytes != 3 || c[0].Tokens == 0 || len(c[1].Sources) != 1 {
				t.Errorf("%+v", c)
			}
			if sum := d.books(); sum.Requests != 2 {
				t.Errorf("%+v", sum)
			}
		})
	}
}

func TestToolLoopThatNeverEnds(t *testing.T) {
	d := open(t, withTools("steps: 3"))
	n := 0
	d.first.Handle(func(r *providertest.Request) providertest.Answer {
		n++
		if strings.Contains(r.Field("tool_choice"), "none") {
			return providertest.Reply("I give up.")
		}
		return providertest.Call("calculator", fmt.Sprintf(`{"expression":"%d+1"}`, n))
	})
	a := d.chat(ask("assistant/helper", "count to infinity", object{"stream": true}))
	tr := d.trace(a)
	if a.text != "I give up." || a.finish != "stop" || len(tr.Tools) != 4 || !strings.Contains(tr.Tools[3].Final, "3 steps") {
		t.Errorf("%q %s %+v", a.text, a.finish, tr.Tools)
	}
	if last := d.sent(3); !strings.Contains(last.last(), "No more tools can be called") || len(last.Tools) != 4 {
		t.Errorf("it was asked %q", last.last())
	}
	if sum := d.books(); sum.Requests != 4 {
		t.Errorf("%+v", sum)
	}
}

// A model that calls tools although it must not gets none, and the caller an answer that says so.
func TestToolsAreCalledAgainstTheBound(t *testing.T) {
	d := open(t, withTools("steps: 1"))
	n := 0
	d.first.Handle(func(*providertest.Request) providertest.Answer {
		n++
		return providertest.Call("calculator", fmt.Sprintf(`{"expression":"%d"}`, n))
	})
	a := d.chat(ask("assistant/helper", "count", nil))
	if !strings.Contains(a.text, "No answer was reached") || a.finish != "stop" || len(a.calls) != 0 || n != 2 {
		t.Errorf("%q %s %v after %d", a.text, a.finish, a.calls, n)
	}
}

func TestRepeatedCallsAreNotMade(t *testing.T) {
	d := open(t, withTools("steps: 20"))
	n := 0
	d.first.Handle(func(r *providertest.Request) providertest.Answer {
		n++
		if strings.Contains(r.Field("tool_choice"), "none") {
			return providertest.Reply("done")
		}
		return providertest.Call("calculator", []string{`{"expression":"1+1"}`, `{ "expression" : "1+1" }`}[n%2])
	})
	a := d.chat(ask("assistant/helper", "again", nil))
	tr := d.trace(a)
	if a.text != "done" || len(tr.Tools) != 5 || tr.Tools[1].Calls[0].Status != "repeated" || !strings.Contains(tr.Tools[4].Final, "again and again") {
		t.Errorf("%q %+v", a.text, tr.Tools)
	}
}

func TestMalformedArgumentsAndUnknownTools(t *testing.T) {
	d := open(t, withTools(""))
	d.first.Script(
		providertest.Call("calculator", `{"expression": `),
		providertest.Call("calculator", `{"expresion": "1"}`),
		providertest.Call("calculator", `["1"]`),
		providertest.Call("no_such_tool", `{}`),
		providertest.Call("calculator", ``),
		providertest.Reply("sorry"),
	)
	a := d.chat(ask("assistant/helper", "hm", object{"stream": true}))
	if a.text != "sorry" {
		t.Errorf("%q %+v", a.text, a.failure)
	}
	for i, want := range []string{"not valid JSON", "expresion", "not a JSON object", "there is no tool", "expression"} {
		if got := d.sent(i + 1).last(); !strings.Contains(got, want) {
			t.Errorf("after call %d the model was told %q", i, got)
		}
	}
	for _, s := range d.trace(a).Tools[:5] {
		if s.Calls[0].Status != "failed" || s.Calls[0].Error == "" {
			t.Errorf("%+v", s.Calls)
		}
	}
}

// The caller declares a tool of its own. The model calls it together with one of ours, after a step with ours alone. The caller gets
// its own call only, and the next request goes on with everything.
func TestToolsOfTheCallerAreHandedBack(t *testing.T) {
	for _, stream := range []bool{false, true} {
		t.Run(fmt.Sprintf("stream=%v", stream), func(t *testing.T) {
			d := open(t, withTools(""))
			d.first.Script(
				providertest.Call("search_knowledge", `{"query":"Delay doubles attempt"}`),
				providertest.Calls("", providertest.Wanted{Name: "calculator", Arguments: `{"expression":"2^10"}`}, providertest.Wanted{Name: "open_file", Arguments: `{"name":"a.txt"}`}),
				providertest.Reply("All is known."),
			)
			own := []object{{"type": "function", "function": object{"name": "open_file", "parameters": object{"type": "object"}}}}
			a := d.chat(ask("assistant/helper", "what is in a.txt?", object{"tools": own, "stream": stream}))
			if a.finish != "tool_calls" || len(a.calls) != 1 || a.calls[0].Function.Name != "open_file" || a.calls[0].Function.Arguments != `{"name":"a.txt"}` {
				t.Fatalf("%s %+v", a.finish, a.calls)
			}
			next := []object{
				{"role": "user", "content": "what is in a.txt?"},
				{"role": "assistant", "content": nil, "tool_calls": []object{{"id": a.calls[0].ID, "type": "function", "function": object{"name": "open_file", "arguments": a.calls[0].Function.Arguments}}}},
				{"role": "tool", "tool_call_id": a.calls[0].ID, "content": "forty-two"},
			}
			b := d.chat(ask("assistant/helper", "", object{"messages": next, "tools": own, "stream": stream}))
			if b.text != "All is known." {
				t.Errorf("%q %+v", b.text, b.failure)
			}
			var got []string
			results := map[string]string{}
			for _, m := range d.sent(2).Messages {
				line := m.Role
				for _, c := range m.ToolCalls {
					line += " " + c.Function.Name
					results[c.ID] = c.Function.Name
				}
				if m.CallID != "" {
					line += " " + results[m.CallID]
				}
				got = append(got, line)
			}
			want := "system|user|assistant search_knowledge|tool search_knowledge|assistant calculator open_file|tool calculator|tool open_file"
			if strings.Join(got, "|") != want {
				t.Errorf("got  %s\nwant %s", strings.Join(got, "|"), want)
			}
			// Nobody else gets at what was done, whatever id they send; nor is it a response.
			other := d.do(t.Context(), "GET", "/v1/responses/steps_"+a.calls[0].ID, d.key, nil)
			other.Body.Close()
			if other.StatusCode != 404 {
				t.Errorf("the steps are a response: %d", other.StatusCode)
			}
		})
	}
}

func TestStreamsStayAliveWhileToolsRun(t *testing.T) {
	for path, body := range map[string][]byte{
		"/v1/chat/completions":       ask("assistant/helper", "hi", object{"stream": true}),
		"/v1/messages":               ask("assistant/helper", "hi", object{"stream": true, "max_tokens": 100}),
		"/v1/responses":              []byte(`{"model":"assistant/helper","input":"hi","stream":true}`),
		"/v1/chat/completions?asked": ask("assistant/helper", "hi", object{"stream": true, "dragoman": object{}}),
		"/v1/messages?asked":         ask("assistant/helper", "hi", object{"stream": true, "max_tokens": 100, "dragoman": object{}}),
		"/v1beta/models/assistant/helper:streamGenerateContent?alt=sse": []byte(`{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}`),
		"/v1beta/models/assistant/helper:streamGenerateContent":         []byte(`{"contents":[{"role":"user","parts":[{"text":"hi"}]}]}`),
	} {
		t.Run(path, func(t *testing.T) {
			d := open(t, withTools(""))
			d.first.Script(providertest.Call("calculator", `{"expression":"1"}`), providertest.Reply("one"))
			resp := d.do(t.Context(), "POST", path, d.key, body)
			defer resp.Body.Close()
			all, err := io.ReadAll(resp.Body)
			if err != nil || resp.StatusCode != 200 {
				t.Fatalf("%d %v %s", resp.StatusCode, err, all)
			}
			text := string(all)
			said := strings.Count(text, `"tool":"calculator","state":"running"`)
			switch {
			case strings.Contains(path, "v1beta"):
				if said != 0 || !strings.Contains(text, "one") {
					t.Errorf("%s", text)
				}
			case strings.HasSuffix(path, "asked"):
				if said != 1 || strings.Contains(text, "\n: ") {
					t.Errorf("%s", text)
				}
			default:
				if said != 1 || !strings.Contains(text, ": dragoman {") || strings.Contains(text, "data: {\"tool\"") {
					t.Errorf("%s", text)
				}
			}
			if strings.HasSuffix(path, "streamGenerateContent") {
				var list []any
				if err := json.Unmarshal(all, &list); err != nil {
					t.Errorf("%v: %s", err, all)
				}
			}
		})
	}
}

// A model without tools of its own is held to JSON by a schema, and its calls are as any others: ours are made, the caller's handed back.
func TestToolsByJSON(t *testing.T) {
	for _, stream := range []bool{false, true} {
		t.Run(fmt.Sprintf("stream=%v", stream), func(t *testing.T) {
			d := open(t, withTools("calling: json"))
			d.first.Script(
				providertest.Reply(`{"tool": "calc`, `ulator", "arguments": {"expression": "2^10"}}`),
				providertest.Reply(`{"tool": "open_file", "arguments": {"name": "a.txt"}}`),
				providertest.Reply(`{"tool": "final_`, `answer", "text": "It is \"1024\"`, `, and more`, `."}`),
			)
			own := []object{{"type": "function", "function": object{"name": "open_file", "parameters": object{"type": "object"}}}}
			messages := []object{{"role": "user", "content": "what is 2^10?"}}
			a := d.chat(ask("assistant/helper", "", object{"messages": messages, "tools": own, "stream": stream}))
			if a.finish != "tool_calls" || len(a.calls) != 1 || a.calls[0].Function.Arguments != `{"name": "a.txt"}` || a.text != "" {
				t.Fatalf("%s %q %+v %+v", a.finish, a.text, a.calls, a.failure)
			}
			messages = append(messages,
				object{"role": "assistant", "content": nil, "tool_calls": []object{{"id": a.calls[0].ID, "type": "function", "function": object{"name": "open_file", "arguments": a.calls[0].Function.Arguments}}}},
				object{"role": "tool", "tool_call_id": a.calls[0].ID, "content": "forty-two"})
			b := d.chat(ask("assistant/helper", "", object{"messages": messages, "tools": own, "stream": stream}))
			if b.text != `It is "1024", and more.` || b.finish != "stop" {
				t.Errorf("%q %s %+v", b.text, b.finish, b.failure)
			}
			if format := d.first.Await(t, 0).Field("response_format"); !strings.Contains(format, `"const":"calculator"`) || !strings.Contains(format, `"const":"open_file"`) || d.first.Await(t, 0).Field("tools") != "" {
				t.Errorf("it was asked for %s", format)
			}
			var roles []string
			last := d.sent(2)
			for _, m := range last.Messages {
				roles = append(roles, m.Role)
			}
			if strings.Join(roles, " ") != "system user assistant user assistant user" || !strings.Contains(last.last(), "forty-two") || !strings.Contains(fmt.Sprint(last.Messages[3].Content), "1024") {
				t.Errorf("%v: %s", roles, last.last())
			}
			if tr := d.trace(a); len(tr.Tools) != 2 || tr.Tools[0].Calls[0].Name != "calculator" {
				t.Errorf("%+v", tr.Tools)
			}
		})
	}
}

func TestToolsByJSONHaveABound(t *testing.T) {
	d := open(t, withTools("calling: json, steps: 2"))
	n := 0
	d.first.Handle(func(r *providertest.Request) providertest.Answer {
		if n++; !strings.Contains(r.Field("response_format"), "calculator") {
			return providertest.Reply(`{"tool": "final_answer", "text": "That is all."}`)
		}
		return providertest.Reply(fmt.Sprintf(`{"tool":"calculator","arguments":{"expression":"%d"}}`, n))
	})
	if a := d.chat(ask("assistant/helper", "count", nil)); a.text != "That is all." || n != 3 {
		t.Errorf("%q after %d", a.text, n)
	}
}

// Calls of tools are counted by assistant, tool and outcome; names that a model made up, or that are the caller's, get no label of their own.
func TestToolMetrics(t *testing.T) {
	o := withTools("")
	o.metrics = observe.New()
	d := open(t, o)
	d.first.Script(
		providertest.Call("calculator", `{"expression":"1+1"}`), providertest.Call("calculator", `{"expression":"1+1"}`), providertest.Call("calculator", `{"expr":1}`), providertest.Call("made_up", `{}`),
		providertest.Call("open_file", `{}`),
	)
	own := []object{{"type": "function", "function": object{"name": "open_file", "parameters": object{"type": "object"}}}}
	if a := d.chat(ask("assistant/helper", "hm", object{"tools": own})); a.finish != "tool_calls" {
		t.Fatalf("%q %+v", a.text, a.failure)
	}
	_, body := d.call("GET", "/metrics", d.key, "")
	for _, want := range []string{
		`{assistant="helper",outcome="ok",tool="calculator"} 1`, `{assistant="helper",outcome="repeated",tool="calculator"} 1`, `{assistant="helper",outcome="failed",tool="calculator"} 1`,
		`{assistant="helper",outcome="failed",tool="other"} 1`, `{assistant="helper",outcome="handed_back",tool="caller"} 1`,
	} {
		if !strings.Contains(body, "dragoman_tool_calls_total"+want) {
			t.Errorf("there is no %s", want)
		}
	}
	if !strings.Contains(body, `dragoman_tool_seconds_count{tool="calculator"} 2`) || strings.Contains(body, "made_up") {
		t.Errorf("%s", body)
	}
}
