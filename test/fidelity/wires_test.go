package fidelity

import (
	"fmt"
	"strings"
)

// wire is one way to ask and to answer.
type wire struct {
	name string
	// request is what a caller sends. It names the model in its text, too: no two are the same.
	request func(model string, stream bool) (path, body string)
	// What a provider says: text are the events up to "Hello ", end those after it, whole all of it in one.
	text, end []string
	whole     string
	// complete says whether a caller takes a stream for a complete answer.
	complete func(stream string) bool
	// failed finds an error in a stream.
	failed func(stream string) bool
	// failure is an error of the provider's own.
	failure func(message string) string
	noStop  bool // it has no stop sequences
}

func contains(what ...string) func(string) bool {
	return func(s string) bool {
		for _, w := range what {
			if strings.Contains(s, w) {
				return true
			}
		}
		return false
	}
}

func data(json string) string          { return "data: " + json + "\n\n" }
func event(name, json string) string   { return "event: " + name + "\n" + data(json) }
func typed(kind, fields string) string { return event(kind, `{"type":"`+kind+`"`+fields+`}`) }

func chunk(delta, finish string) string {
	return data(`{"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[{"index":0,"delta":` + delta + `,"finish_reason":` + finish + `}]}`)
}

var openai = wire{
	name: "openai",
	request: func(model string, stream bool) (string, string) {
		return "/v1/chat/completions", fmt.Sprintf(`{"model":%q,"stream":%v,"messages":[{"role":"user","content":"Hi, %s"}]}`, model, stream, model)
	},
	text: []string{chunk(`{"role":"assistant","content":""}`, "null"), chunk(`{"content":"Hello "}`, "null")},
	end: []string{
		chunk(`{"content":"world"}`, "null"), chunk(`{}`, `"stop"`),
		data(`{"id":"c1","object":"chat.completion.chunk","created":1,"model":"m","choices":[],"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}}`), data("[DONE]"),
	},
	whole: `{"id":"c1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hello world"},"finish_reason":"stop"}],` +
		`"usage":{"prompt_tokens":10,"completion_tokens":2,"total_tokens":12}}`,
	complete: contains(`"finish_reason":"`, "[DONE]"),
	failed:   contains(`"error":{`),
	failure: func(message string) string {
		return `{"error":{"message":"` + message + `","type":"t","param":null,"code":"their_code"}}`
	},
}

var completions = wire{
	name: "completions",
	request: func(model string, stream bool) (string, string) {
		return "/v1/completions", fmt.Sprintf(`{"model":%q,"stream":%v,"prompt":"Hi, %s"}`, model, stream, model)
	},
	complete: openai.complete, failed: openai.failed,
}

var responses = wire{
	name: "responses",
	request: func(model string, stream bool) (string, string) {
		return "/v1/responses", fmt.Sprintf(`{"model":%q,"stream":%v,"store":false,"input":"Hi, %s"}`, model, stream, model)
	},
	text: []string{
		typed("response.created", `,"sequence_number":0,"response":{"id":"resp_1","object":"response","created_at":1,"status":"in_progress","model":"m","output":[]}`),
		typed("response.output_item.added", `,"sequence_number":1,"output_index":0,"item":{"id":"msg_1","type":"message","status":"in_progress","role":"assistant","content":[]}`),
		typed("response.content_part.added", `,"sequence_number":2,"item_id":"msg_1","output_index":0,"content_index":0,"part":{"type":"output_text","text":"","annotations":[]}`),
		typed("response.output_text.delta", `,"sequence_number":3,"item_id":"msg_1","output_index":0,"content_index":0,"delta":"Hello "`),
	},
	end: []string{
		typed("response.output_text.delta", `,"sequence_number":4,"item_id":"msg_1","output_index":0,"content_index":0,"delta":"world"`),
		typed("response.output_text.done", `,"sequence_number":5,"item_id":"msg_1","output_index":0,"content_index":0,"text":"Hello world"`),
		typed("response.output_item.done", `,"sequence_number":6,"output_index":0,"item":{"id":"msg_1","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hello world","annotations":[]}]}`),
		typed("response.completed", `,"sequence_number":7,"response":{"id":"resp_1","object":"response","created_at":1,"status":"completed","model":"m","output":[{"id":"msg_1","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hello world","annotations":[]}]}],"usage":{"input_tokens":10,"output_tokens":2,"total_tokens":12}}`),
	},
	whole: `{"id":"resp_1","object":"response","created_at":1,"status":"completed","model":"m","output":[{"id":"msg_1","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hello world","annotations":[]}]}],` +
		`"usage":{"input_tokens":10,"output_tokens":2,"total_tokens":12}}`,
	complete: contains("response.completed", "response.incomplete"),
	failed:   contains("response.failed", "event: error"),
	failure:  openai.failure,
	noStop:   true,
}

var anthropic = wire{
	name: "anthropic",
	request: func(model string, stream bool) (string, string) {
		return "/v1/messages", fmt.Sprintf(`{"model":%q,"stream":%v,"max_tokens":100,"messages":[{"role":"user","content":"Hi, %s"}]}`, model, stream, model)
	},
	text: []string{
		typed("message_start", `,"message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"stop_sequence":null,"usage":{"input_tokens":10,"output_tokens":1}}`),
		typed("content_block_start", `,"index":0,"content_block":{"type":"text","text":""}`), typed("ping", ""),
		typed("content_block_delta", `,"index":0,"delta":{"type":"text_delta","text":"Hello "}`),
	},
	end: []string{
		typed("content_block_delta", `,"index":0,"delta":{"type":"text_delta","text":"world"}`), typed("content_block_stop", `,"index":0`),
		typed("message_delta", `,"delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":2}`), typed("message_stop", ""),
	},
	whole:    `{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"Hello world"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":10,"output_tokens":2}}`,
	complete: contains(`"stop_reason":"`, "message_stop"),
	failed:   contains("event: error\n"),
	failure: func(message string) string {
		return `{"type":"error","error":{"type":"their_type","message":"` + message + `"},"request_id":"req_1"}`
	},
}

var gemini = wire{
	name: "gemini",
	request: func(model string, stream bool) (string, string) {
		method := "generateContent"
		if stream {
			method = "streamGenerateContent?alt=sse"
		}
		return "/v1beta/models/" + model + ":" + method, `{"contents":[{"role":"user","parts":[{"text":"Hi, ` + model + `"}]}]}`
	},
	text: []string{data(`{"candidates":[{"content":{"parts":[{"text":"Hello "}],"role":"model"},"index":0}],"modelVersion":"m","responseId":"r1"}`)},
	end: []string{
		data(`{"candidates":[{"content":{"parts":[{"text":"world"}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":2,"totalTokenCount":12},"modelVersion":"m","responseId":"r1"}`),
	},
	whole:    `{"candidates":[{"content":{"parts":[{"text":"Hello world"}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":10,"candidatesTokenCount":2,"totalTokenCount":12},"modelVersion":"m","responseId":"r1"}`,
	complete: contains(`"finishReason"`),
	failed:   contains(`"error":{`),
	failure: func(message string) string {
		return `{"error":{"code":400,"message":"` + message + `","status":"THEIR_STATUS"}}`
	},
}

// geminiList is Gemini's stream as a JSON list.
var geminiList = wire{
	name: "gemini, as a list",
	request: func(model string, stream bool) (string, string) {
		path, body := gemini.request(model, stream)
		return strings.TrimSuffix(path, "?alt=sse"), body
	},
	complete: gemini.complete, failed: gemini.failed,
}

var (
	doors     = []wire{openai, completions, responses, anthropic, gemini, geminiList}
	upstreams = []wire{openai, responses, anthropic, gemini}
)

// behind is the wire that a provider is asked on: one with /responses is asked there by callers of it only.
func behind(d, up wire) wire {
	if up.name == "responses" && d.name != "responses" {
		return openai
	}
	return up
}

// stream is all of a provider's stream.
func (w wire) stream() []string { return append(append([]string(nil), w.text...), w.end...) }
