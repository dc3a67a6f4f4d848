package scripted

import (
	"strings"
)

func (responses) usage(u Usage) object {
	return object{
		"input_tokens": u.Input, "input_tokens_details": object{"cached_tokens": u.Cached},
		"output_tokens": u.Output, "output_tokens_details": object{"reasoning_tokens": u.Reasoning},
		"total_tokens": u.Input + u.Output,
	}
}

// items returns what an answer consists of, complete.
func (responses) items(c *Conversation, s Step) []object {
	var items []object
	if s.Thought != "" && c.thinking {
		items = append(items, object{"type": "reasoning", "id": callID("rs_", c, 0), "summary": []any{object{"type": "summary_text", "text": s.Thought}}, "encrypted_content": sign("reasoning")})
	}
	if len(s.Text) > 0 {
		items = append(items, object{"type": "message", "id": callID("msg_", c, 0), "role": "assistant", "status": "completed", "content": []any{object{"type": "output_text", "text": strings.Join(s.Text, ""), "annotations": []any{}, "logprobs": []any{}}}})
	}
	for i, call := range s.Calls {
		item := object{"type": "function_call", "id": callID("fc_", c, i), "call_id": callID("call_", c, i), "name": call.Name, "arguments": call.Arguments, "status": "completed"}
		if call.Freeform {
			item = object{"type": "custom_tool_call", "id": callID("ctc_", c, i), "call_id": callID("call_", c, i), "name": call.Name, "input": call.Arguments, "status": "completed"}
		}
		items = append(items, item)
	}
	return items
}

func (f responses) response(c *Conversation, s Step, status string, output []object) object {
	o := object{
		"id": callID("resp_", c, 0), "object": "response", "created_at": 1750000000, "status": status, "model": c.Model, "output": output, "error": nil, "incomplete_details": nil,
		"instructions": nil, "metadata": object{}, "parallel_tool_calls": true, "temperature": 1, "tool_choice": "auto", "tools": []any{}, "top_p": 1, "usage": nil,
	}
	if output == nil {
		o["output"] = []any{}
	}
	switch {
	case status == "in_progress":
	case s.Finish == "length":
		o["status"], o["incomplete_details"] = "incomplete", object{"reason": "max_output_tokens"}
	case s.Finish == "filter":
		o["status"], o["incomplete_details"] = "incomplete", object{"reason": "content_filter"}
	}
	if status != "in_progress" {
		o["usage"] = f.usage(s.Usage)
	}
	return o
}

func (f responses) whole(c *Conversation, s Step) any {
	return f.response(c, s, "completed", f.items(c, s))
}

func (f responses) stream(c *Conversation, s Step) (text, rest []frame) {
	number := 0
	event := func(kind string, fields object) frame {
		fields["type"], fields["sequence_number"] = kind, number
		number++
		return frame{event: kind, data: fields}
	}
	text = append(text,
		event("response.created", object{"response": f.response(c, s, "in_progress", nil)}),
		event("response.in_progress", object{"response": f.response(c, s, "in_progress", nil)}))
	items := f.items(c, s)
	for i, item := range items {
		id := item["id"]
		begun := object{}
		for name, value := range item {
			begun[name] = value
		}
		begun["status"] = "in_progress"
		switch item["type"] {
		case "reasoning":
			begun = object{"type": "reasoning", "id": id, "summary": []any{}}
			at := func(more object) object {
				more["item_id"], more["output_index"], more["summary_index"] = id, i, 0
				return more
			}
			text = append(text, event("response.output_item.added", object{"output_index": i, "item": begun}),
				event("response.reasoning_summary_part.added", at(object{"part": object{"type": "summary_text", "text": ""}})))
			for _, p := range pieces(s.Thought, 9) {
				text = append(text, event("response.reasoning_summary_text.delta", at(object{"delta": p})))
			}
			text = append(text, event("response.reasoning_summary_text.done", at(object{"text": s.Thought})),
				event("response.reasoning_summary_part.done", at(object{"part": object{"type": "summary_text", "text": s.Thought}})),
				event("response.output_item.done", object{"output_index": i, "item": item}))
		case "message":
			begun["content"] = []any{}
			part := func(t string) object {
				return object{"type": "output_text", "text": t, "annotations": []any{}, "logprobs": []any{}}
			}
			at := func(more object) object {
				more["item_id"], more["output_index"], more["content_index"] = id, i, 0
				return more
			}
			text = append(text, event("response.output_item.added", object{"output_index": i, "item": begun}), event("response.content_part.added", at(object{"part": part("")})))
			for _, t := range s.Text {
				text = append(text, event("response.output_text.delta", at(object{"delta": t, "logprobs": []any{}})))
			}
			all := strings.Join(s.Text, "")
			rest = append(rest, event("response.output_text.done", at(object{"text": all, "logprobs": []any{}})), event("response.content_part.done", at(object{"part": part(all)})),
				event("response.output_item.done", object{"output_index": i, "item": item}))
		default:
			field, kind := "arguments", "response.function_call_arguments"
			if item["type"] == "custom_tool_call" {
				field, kind = "input", "response.custom_tool_call_input"
			}
			full := item[field].(string)
			begun[field] = ""
			rest = append(rest, event("response.output_item.added", object{"output_index": i, "item": begun}))
			for _, p := range pieces(full, 7) {
				rest = append(rest, event(kind+".delta", object{"item_id": id, "output_index": i, "delta": p}))
			}
			rest = append(rest, event(kind+".done", object{"item_id": id, "output_index": i, field: full, "name": item["name"]}),
				event("response.output_item.done", object{"output_index": i, "item": item}))
		}
	}
	last := f.response(c, s, "completed", items)
	return text, append(rest, event("response."+last["status"].(string), object{"response": last}))
}

func (responses) failure(status int, message string) any { return chat{}.failure(status, message) }
