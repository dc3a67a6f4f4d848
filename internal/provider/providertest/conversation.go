package providertest

import (
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
)

// conversation is one answer under way.
type conversation struct {
	w            http.ResponseWriter
	wire         wire
	left, closed <-chan struct{}
	begun        bool
	stream       bool // the caller asked for a stream

	// What is said to a caller who asked for a whole answer.
	said  strings.Builder
	calls []object // name, arguments

	called int // calls that were streamed
}

// wire is a dialect's way to say things.
type wire interface {
	begin(c *conversation) // before the first piece of an answer
	text(c *conversation, piece string)
	call(c *conversation, name string, arguments []string)
	end(c *conversation, finish string) // finish in OpenAI's words
	whole(text string, calls []object, finish string) string
	failure(message string) string
}

// event sends one event of the stream.
func (c *conversation) event(name, data string) {
	c.w.Header().Set("Content-Type", "text/event-stream")
	if name != "" {
		fmt.Fprintf(c.w, "event: %s\n", name)
	}
	fmt.Fprintf(c.w, "data: %s\n\n", data)
	c.w.(http.Flusher).Flush()
}

func (c *conversation) begin() {
	if !c.begun {
		c.begun = true
		c.wire.begin(c)
	}
}

func (c *conversation) text(pieces []string) {
	if !c.stream {
		for _, p := range pieces {
			c.said.WriteString(p)
		}
		return
	}
	c.begin()
	for _, p := range pieces {
		c.wire.text(c, p)
	}
}

func (c *conversation) call(name string, arguments []string) {
	if !c.stream {
		c.calls = append(c.calls, object{"name": name, "arguments": strings.Join(arguments, "")})
		return
	}
	c.begin()
	c.wire.call(c, name, arguments)
	c.called++
}

func (c *conversation) end(finish string) {
	if c.stream {
		c.wire.end(c, finish)
		return
	}
	c.w.Header().Set("Content-Type", "application/json")
	io.WriteString(c.w, c.wire.whole(c.said.String(), c.calls, finish))
}

// cut breaks the connection in the midst of the answer.
func (c *conversation) cut() {
	if !c.stream {
		c.w.Header().Set("Content-Type", "application/json")
		c.w.Header().Set("Content-Length", "1000")
		io.WriteString(c.w, c.wire.whole(c.said.String(), nil, "stop")[:20])
		c.w.(http.Flusher).Flush()
	}
	panic(http.ErrAbortHandler)
}

func mustJSON(v any) string {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return string(b)
}

// Usage is what every whole answer reports, as a field of OpenAI's JSON; Anthropic's says the same in its words.
const Usage = `"usage":{"prompt_tokens":100,"completion_tokens":20,"total_tokens":120,"prompt_tokens_details":{"cached_tokens":40}}`

type object = map[string]any

// callID names the call that is about to be streamed: in each answer anew, as servers of open models do.
func callID(c *conversation) string { return fmt.Sprintf("call_%d", c.called+1) }

// openaiWire speaks chat completions.
type openaiWire struct{}

func (openaiWire) delta(c *conversation, delta object, finish any) {
	c.event("", mustJSON(object{
		"id": "chatcmpl-test", "object": "chat.completion.chunk", "created": 1, "model": "test-model",
		"choices": []any{object{"index": 0, "delta": delta, "finish_reason": finish}},
	}))
}

func (w openaiWire) begin(c *conversation) {
	w.delta(c, object{"role": "assistant", "content": ""}, nil)
}

func (w openaiWire) text(c *conversation, piece string) { w.delta(c, object{"content": piece}, nil) }

func (w openaiWire) call(c *conversation, name string, arguments []string) {
	w.delta(c, object{"tool_calls": []any{object{"index": c.called, "id": callID(c), "type": "function", "function": object{"name": name, "arguments": ""}}}}, nil)
	for _, a := range arguments {
		w.delta(c, object{"tool_calls": []any{object{"index": c.called, "function": object{"arguments": a}}}}, nil)
	}
}

func (w openaiWire) end(c *conversation, finish string) {
	w.delta(c, object{}, finish)
	c.event("", `{"id":"chatcmpl-test","object":"chat.completion.chunk","created":1,"model":"test-model","choices":[],`+Usage+`}`)
	c.event("", "[DONE]")
}

func (openaiWire) whole(text string, calls []object, finish string) string {
	message := object{"role": "assistant", "content": text}
	if len(calls) > 0 {
		var list []any
		for i, c := range calls {
			list = append(list, object{"id": fmt.Sprintf("call_%d", i+1), "type": "function", "function": c})
		}
		message["tool_calls"] = list
	}
	return `{"id":"chatcmpl-test","object":"chat.completion","created":1,"model":"test-model","choices":[` +
		mustJSON(object{"index": 0, "message": message, "finish_reason": finish}) + `],` + Usage + `}`
}

func (openaiWire) failure(message string) string {
	return mustJSON(object{"error": object{"message": message, "type": "test", "code": nil}})
}

// anthropicWire speaks messages. The first content block is text, even where it stays empty.
type anthropicWire struct{}

const anthropicInput = `"input_tokens":60,"cache_read_input_tokens":40,"cache_creation_input_tokens":0,"output_tokens":`

func (anthropicWire) begin(c *conversation) {
	c.event("message_start", `{"type":"message_start","message":{"id":"msg_test","type":"message","role":"assistant","model":"test-model","content":[],"stop_reason":null,"usage":{`+anthropicInput+`1}}}`)
	c.event("content_block_start", `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}`)
	c.event("ping", `{"type":"ping"}`)
}

func (anthropicWire) text(c *conversation, piece string) {
	c.event("content_block_delta", mustJSON(object{"type": "content_block_delta", "index": 0, "delta": object{"type": "text_delta", "text": piece}}))
}

func (anthropicWire) call(c *conversation, name string, arguments []string) {
	at := c.called + 1
	c.event("content_block_start", mustJSON(object{"type": "content_block_start", "index": at, "content_block": object{"type": "tool_use", "id": callID(c), "name": name, "input": object{}}}))
	for _, a := range arguments {
		c.event("content_block_delta", mustJSON(object{"type": "content_block_delta", "index": at, "delta": object{"type": "input_json_delta", "partial_json": a}}))
	}
	c.event("content_block_stop", mustJSON(object{"type": "content_block_stop", "index": at}))
}

func (anthropicWire) end(c *conversation, finish string) {
	c.event("content_block_stop", `{"type":"content_block_stop","index":0}`)
	c.event("message_delta", `{"type":"message_delta","delta":{"stop_reason":"`+anthropicReason(finish)+`","stop_sequence":null},"usage":{`+anthropicInput+`20}}`)
	c.event("message_stop", `{"type":"message_stop"}`)
}

func anthropicReason(finish string) string {
	if finish == "tool_calls" {
		return "tool_use"
	}
	return "end_turn"
}

func (anthropicWire) whole(text string, calls []object, finish string) string {
	content := []any{object{"type": "text", "text": text}}
	for i, c := range calls {
		content = append(content, object{"type": "tool_use", "id": fmt.Sprintf("call_%d", i+1), "name": c["name"], "input": json.RawMessage(c["arguments"].(string))})
	}
	return `{"id":"msg_test","type":"message","role":"assistant","model":"test-model","stop_reason":"` + anthropicReason(finish) + `","stop_sequence":null,"content":` +
		mustJSON(content) + `,"usage":{` + anthropicInput + `20}}`
}

func (anthropicWire) failure(message string) string {
	return mustJSON(object{"type": "error", "error": object{"type": "api_error", "message": message}})
}
