package providertest

import "fmt"

// responsesWire speaks OpenAI's responses. Its first item is a message, its second a call.
type responsesWire struct{}

const responsesUsage = `"usage":{"input_tokens":100,"input_tokens_details":{"cached_tokens":40},"output_tokens":20,"output_tokens_details":{"reasoning_tokens":0},"total_tokens":120}`

func (responsesWire) event(c *conversation, kind string, fields object) {
	fields["type"] = kind
	c.event(kind, mustJSON(fields))
}

func (responsesWire) response(status, output, more string) string {
	return `{"id":"resp_test","object":"response","created_at":1,"status":"` + status + `","model":"test-model","output":[` + output + `]` + more + `}`
}

func (w responsesWire) begin(c *conversation) {
	c.event("response.created", `{"type":"response.created","response":`+w.response("in_progress", "", "")+`}`)
}

func (w responsesWire) text(c *conversation, piece string) {
	w.event(c, "response.output_text.delta", object{"item_id": "msg_test", "output_index": 0, "content_index": 0, "delta": piece})
}

func responsesCall(name, arguments string, number int) object {
	return object{"type": "function_call", "id": fmt.Sprintf("fc_%d", number), "call_id": fmt.Sprintf("call_%d", number), "name": name, "arguments": arguments, "status": "completed"}
}

func (w responsesWire) call(c *conversation, name string, arguments []string) {
	n := c.called + 1
	w.event(c, "response.output_item.added", object{"output_index": n, "item": responsesCall(name, "", n)})
	all := ""
	for _, a := range arguments {
		all += a
		w.event(c, "response.function_call_arguments.delta", object{"item_id": fmt.Sprintf("fc_%d", n), "output_index": n, "delta": a})
	}
	w.event(c, "response.output_item.done", object{"output_index": n, "item": responsesCall(name, all, n)})
}

func (w responsesWire) end(c *conversation, _ string) {
	c.event("response.completed", `{"type":"response.completed","response":`+w.response("completed", "", ","+responsesUsage)+`}`)
}

func (w responsesWire) whole(text string, calls []object, _ string) string {
	output := mustJSON(object{"type": "message", "id": "msg_test", "status": "completed", "role": "assistant", "content": []any{object{"type": "output_text", "text": text, "annotations": []any{}}}})
	for i, c := range calls {
		output += "," + mustJSON(responsesCall(c["name"].(string), c["arguments"].(string), i+1))
	}
	return w.response("completed", output, ","+responsesUsage)
}

func (responsesWire) failure(message string) string {
	return mustJSON(object{"error": object{"message": message, "type": "server_error", "code": nil, "param": nil}})
}
