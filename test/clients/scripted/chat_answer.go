package scripted

import "strings"

type object = map[string]any

var chatFinish = map[string]string{"": "stop", "length": "length", "filter": "content_filter"}

func (chat) finish(s Step) string {
	if len(s.Calls) > 0 {
		return "tool_calls"
	}
	return chatFinish[s.Finish]
}

func (chat) usage(u Usage) object {
	return object{
		"prompt_tokens": u.Input, "completion_tokens": u.Output, "total_tokens": u.Input + u.Output,
		"prompt_tokens_details":     object{"cached_tokens": u.Cached, "audio_tokens": 0},
		"completion_tokens_details": object{"reasoning_tokens": u.Reasoning, "audio_tokens": 0, "accepted_prediction_tokens": 0, "rejected_prediction_tokens": 0},
	}
}

func (f chat) whole(c *Conversation, s Step) any {
	message := object{"role": "assistant", "content": strings.Join(s.Text, ""), "refusal": nil, "annotations": []any{}}
	if len(s.Calls) > 0 {
		if len(s.Text) == 0 {
			message["content"] = nil
		}
		var calls []any
		for i, call := range s.Calls {
			calls = append(calls, object{"id": callID("call_", c, i), "type": "function", "function": object{"name": call.Name, "arguments": call.Arguments}})
		}
		message["tool_calls"] = calls
	}
	return object{
		"id": callID("chatcmpl-", c, 0), "object": "chat.completion", "created": 1750000000, "model": c.Model, "service_tier": "default", "system_fingerprint": "fp_1",
		"choices": []any{object{"index": 0, "message": message, "logprobs": nil, "finish_reason": f.finish(s)}},
		"usage":   f.usage(s.Usage),
	}
}

func (f chat) stream(c *Conversation, s Step) (text, rest []frame) {
	chunk := func(choices []any, usage any) frame {
		o := object{"id": callID("chatcmpl-", c, 0), "object": "chat.completion.chunk", "created": 1750000000, "model": c.Model, "service_tier": "default", "system_fingerprint": "fp_1", "choices": choices}
		if c.usageInStream {
			o["usage"] = usage
		}
		return frame{data: o}
	}
	delta := func(d object, finish any) frame {
		return chunk([]any{object{"index": 0, "delta": d, "logprobs": nil, "finish_reason": finish}}, nil)
	}
	text = append(text, delta(object{"role": "assistant", "content": "", "refusal": nil}, nil))
	for _, t := range s.Text {
		text = append(text, delta(object{"content": t}, nil))
	}
	for i, call := range s.Calls {
		rest = append(rest, delta(object{"tool_calls": []any{object{"index": i, "id": callID("call_", c, i), "type": "function", "function": object{"name": call.Name, "arguments": ""}}}}, nil))
		for _, piece := range pieces(call.Arguments, 7) {
			rest = append(rest, delta(object{"tool_calls": []any{object{"index": i, "function": object{"arguments": piece}}}}, nil))
		}
	}
	rest = append(rest, delta(object{}, f.finish(s)))
	if c.usageInStream {
		rest = append(rest, chunk([]any{}, f.usage(s.Usage)))
	}
	return text, append(rest, frame{data: done})
}

func (chat) failure(status int, message string) any {
	kind, code := "invalid_request_error", any(nil)
	switch {
	case status == 401:
		code = "invalid_api_key"
	case status == 404:
		code = "model_not_found"
	case status == 429:
		kind, code = "requests", "rate_limit_exceeded"
	case status >= 500:
		kind = "server_error"
	}
	return object{"error": object{"message": message, "type": kind, "param": nil, "code": code}}
}
