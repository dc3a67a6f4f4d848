package scripted

import (
	"encoding/json"
	"strings"
)

var messagesStop = map[string]string{"": "end_turn", "length": "max_tokens", "filter": "refusal"}

func (messages) stop(s Step) string {
	if len(s.Calls) > 0 {
		return "tool_use"
	}
	return messagesStop[s.Finish]
}

func (messages) usage(u Usage) object {
	return object{
		"input_tokens": u.Input - u.Cached, "cache_read_input_tokens": u.Cached, "cache_creation_input_tokens": 0,
		"cache_creation": object{"ephemeral_5m_input_tokens": 0, "ephemeral_1h_input_tokens": 0},
		"output_tokens":  u.Output, "service_tier": "standard",
	}
}

func (f messages) whole(c *Conversation, s Step) any {
	content := []any{}
	if s.Thought != "" && c.thinking {
		content = append(content, object{"type": "thinking", "thinking": s.Thought, "signature": sign(s.Thought)})
	}
	if len(s.Text) > 0 {
		content = append(content, object{"type": "text", "text": strings.Join(s.Text, "")})
	}
	for i, call := range s.Calls {
		content = append(content, object{"type": "tool_use", "id": callID("toolu_01", c, i), "name": call.Name, "input": json.RawMessage(call.Arguments)})
	}
	return object{"id": callID("msg_01", c, 0), "type": "message", "role": "assistant", "model": c.Model, "content": content, "stop_reason": f.stop(s), "stop_sequence": nil, "usage": f.usage(s.Usage)}
}

func (f messages) stream(c *Conversation, s Step) (text, rest []frame) {
	event := func(kind string, fields object) frame {
		fields["type"] = kind
		return frame{event: kind, data: fields}
	}
	index := 0
	block := func(to []frame, start object, deltas ...object) []frame {
		to = append(to, event("content_block_start", object{"index": index, "content_block": start}))
		for _, d := range deltas {
			to = append(to, event("content_block_delta", object{"index": index, "delta": d}))
		}
		return to
	}
	end := func(to []frame) []frame {
		to = append(to, event("content_block_stop", object{"index": index}))
		index++
		return to
	}

	begun := f.usage(s.Usage)
	begun["output_tokens"] = 1
	text = append(text,
		event("message_start", object{"message": object{"id": callID("msg_01", c, 0), "type": "message", "role": "assistant", "model": c.Model, "content": []any{}, "stop_reason": nil, "stop_sequence": nil, "usage": begun}}),
		event("ping", object{}))
	if s.Thought != "" && c.thinking {
		deltas := []object{}
		for _, p := range pieces(s.Thought, 9) {
			deltas = append(deltas, object{"type": "thinking_delta", "thinking": p})
		}
		deltas = append(deltas, object{"type": "signature_delta", "signature": sign(s.Thought)})
		text = end(block(text, object{"type": "thinking", "thinking": "", "signature": ""}, deltas...))
	}
	if len(s.Text) > 0 {
		deltas := []object{}
		for _, t := range s.Text {
			deltas = append(deltas, object{"type": "text_delta", "text": t})
		}
		text = block(text, object{"type": "text", "text": ""}, deltas...)
		rest = end(rest)
	}
	for i, call := range s.Calls {
		deltas := []object{{"type": "input_json_delta", "partial_json": ""}}
		for _, p := range pieces(call.Arguments, 7) {
			deltas = append(deltas, object{"type": "input_json_delta", "partial_json": p})
		}
		rest = end(block(rest, object{"type": "tool_use", "id": callID("toolu_01", c, i), "name": call.Name, "input": object{}}, deltas...))
	}
	return text, append(rest,
		event("message_delta", object{"delta": object{"stop_reason": f.stop(s), "stop_sequence": nil}, "usage": object{"output_tokens": s.Usage.Output}}),
		event("message_stop", object{}))
}

func (messages) failure(status int, message string) any {
	kind := "invalid_request_error"
	switch {
	case status == 401:
		kind = "authentication_error"
	case status == 404:
		kind = "not_found_error"
	case status == 429:
		kind = "rate_limit_error"
	case status == 529:
		kind = "overloaded_error"
	case status >= 500:
		kind = "api_error"
	}
	return object{"type": "error", "error": object{"type": kind, "message": message}, "request_id": "req_01"}
}
