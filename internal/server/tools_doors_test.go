package server_test

import (
	"encoding/json"
	"fmt"
	"io"
	"strings"
	"testing"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/provider/providertest"
)

// Calls of the caller's tools are handed back in the way of each API, and the next request goes on with the steps that the caller never
// saw, also where it adds words to the results, or refers to what is stored in place of sending it again.
func TestCallsAreHandedBackThroughEveryDoor(t *testing.T) {
	schema := object{"type": "object", "properties": object{"name": object{"type": "string"}}}
	const question = "what is in a.txt?"
	for name, c := range map[string]struct {
		path   string
		first  object
		id     string // where the id of the call is in the answer
		finish string // where it is said why it ended, and how
		next   func(first object, answer gjson.Result, id string) object
		text   string // where the text of the second answer is
	}{
		"messages": {
			"/v1/messages",
			object{"model": "assistant/helper", "max_tokens": 500, "tools": []object{{"name": "open_file", "input_schema": schema}}, "messages": []object{{"role": "user", "content": question}}},
			`content.#(type=="tool_use").id`, "stop_reason=tool_use",
			func(first object, answer gjson.Result, id string) object {
				first["messages"] = append(first["messages"].([]object), object{"role": "assistant", "content": json.RawMessage(answer.Get("content").Raw)}, object{"role": "user", "content": []object{
					{"type": "tool_result", "tool_use_id": id, "content": "forty-two"}, {"type": "text", "text": "(a reminder)"},
				}})
				return first
			}, "content.0.text",
		},
		"gemini": {
			"/v1beta/models/assistant/helper:generateContent",
			object{"tools": []object{{"functionDeclarations": []object{{"name": "open_file", "parameters": schema}}}}, "contents": []object{{"role": "user", "parts": []object{{"text": question}}}}},
			"candidates.0.content.parts.#(functionCall).functionCall.id", "candidates.0.finishReason=STOP",
			func(first object, answer gjson.Result, id string) object {
				first["contents"] = append(first["contents"].([]object), object{"role": "model", "parts": json.RawMessage(answer.Get("candidates.0.content.parts").Raw)},
					object{"role": "user", "parts": []object{{"functionResponse": object{"id": id, "name": "open_file", "response": object{"output": "forty-two"}}}}})
				return first
			}, "candidates.0.content.parts.0.text",
		},
		"responses": {
			"/v1/responses",
			object{"model": "assistant/helper", "tools": []object{{"type": "function", "name": "open_file", "parameters": schema}}, "input": question},
			`output.#(type=="function_call").call_id`, "status=completed",
			func(first object, answer gjson.Result, id string) object {
				first["previous_response_id"] = answer.Get("id").Str
				first["input"] = []object{{"type": "function_call_output", "call_id": id, "output": "forty-two"}}
				return first
			}, `output.#(type=="message").content.0.text`,
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, withTools(""))
			d.first.Script(
				providertest.Call("calculator", `{"expression":"2^10"}`),
				providertest.Calls("", providertest.Wanted{Name: "open_file", Arguments: `{"name":"a.txt"}`}, providertest.Wanted{Name: "calculator", Arguments: `{"expression":"2^11"}`}),
				providertest.Reply("All is known."),
			)
			post := func(body object) gjson.Result {
				t.Helper()
				b, err := json.Marshal(body)
				if err != nil {
					t.Fatal(err)
				}
				resp := d.do(t.Context(), "POST", c.path, d.key, b)
				defer resp.Body.Close()
				data, err := io.ReadAll(resp.Body)
				if err != nil || resp.StatusCode != 200 {
					t.Fatalf("%d %v %s", resp.StatusCode, err, data)
				}
				return gjson.ParseBytes(data)
			}
			answer := post(c.first)
			id := answer.Get(c.id).Str
			where, what, _ := strings.Cut(c.finish, "=")
			if id == "" || answer.Get(where).Str != what || strings.Contains(answer.Raw, "calculator") && name != "responses" {
				t.Fatalf("%s", answer.Raw)
			}
			if got := post(c.next(c.first, answer, id)).Get(c.text).Str; got != "All is known." {
				t.Errorf("it says %q", got)
			}
			var said []string
			for _, m := range d.sent(2).Messages {
				line := m.Role
				for _, call := range m.ToolCalls {
					line += " " + call.Function.Name
				}
				if m.CallID != "" {
					for _, want := range []string{"1024", "2048", "forty-two"} {
						if strings.Contains(fmt.Sprint(m.Content), want) {
							line += " " + want
						}
					}
				}
				said = append(said, line)
			}
			want := "system|user|assistant calculator|tool 1024|assistant open_file calculator|tool 2048|tool forty-two"
			if got := strings.TrimSuffix(strings.Join(said, "|"), "|user"); got != want { // the reminder stays
				t.Errorf("got  %s\nwant %s", got, want)
			}
		})
	}
}
