package scripted

import (
	"encoding/json"
	"strings"
)

var geminiFinish = map[string]string{"": "STOP", "length": "MAX_TOKENS", "filter": "SAFETY"}

func (gemini) usage(u Usage) object {
	o := object{
		"promptTokenCount": u.Input, "candidatesTokenCount": u.Output - u.Reasoning, "totalTokenCount": u.Input + u.Output,
		"promptTokensDetails": []any{object{"modality": "TEXT", "tokenCount": u.Input}},
	}
	if u.Cached > 0 {
		o["cachedContentTokenCount"] = u.Cached
	}
	if u.Reasoning > 0 {
		o["thoughtsTokenCount"] = u.Reasoning
	}
	return o
}

func (f gemini) response(c *Conversation, s Step, parts []any, finish any) object {
	candidate := object{"content": object{"role": "model", "parts": parts}, "index": 0}
	if finish != nil {
		candidate["finishReason"] = finish
	}
	return object{"candidates": []any{candidate}, "usageMetadata": f.usage(s.Usage), "modelVersion": c.Model, "responseId": callID("", c, 0)}
}

// calls gives the first of several parallel calls a signature, as the vendor does.
func (gemini) calls(s Step) []any {
	var parts []any
	for i, call := range s.Calls {
		part := object{"functionCall": object{"name": call.Name, "args": json.RawMessage(call.Arguments)}}
		if i == 0 {
			part["thoughtSignature"] = sign(call.Name)
		}
		parts = append(parts, part)
	}
	return parts
}

func (f gemini) whole(c *Conversation, s Step) any {
	parts := []any{}
	if s.Thought != "" && c.thinking {
		parts = append(parts, object{"text": s.Thought, "thought": true})
	}
	if len(s.Text) > 0 {
		parts = append(parts, object{"text": strings.Join(s.Text, "")})
	}
	return f.response(c, s, append(parts, f.calls(s)...), geminiFinish[s.Finish])
}

func (f gemini) stream(c *Conversation, s Step) (text, rest []frame) {
	if s.Thought != "" && c.thinking {
		text = append(text, frame{data: f.response(c, s, []any{object{"text": s.Thought, "thought": true}}, nil)})
	}
	for _, t := range s.Text {
		text = append(text, frame{data: f.response(c, s, []any{object{"text": t}}, nil)})
	}
	last := f.calls(s)
	if len(last) == 0 {
		last = []any{object{"text": ""}}
	}
	return text, []frame{{data: f.response(c, s, last, geminiFinish[s.Finish])}}
}

func (gemini) failure(status int, message string) any {
	kind := "INVALID_ARGUMENT"
	switch {
	case status == 401:
		kind = "UNAUTHENTICATED"
	case status == 404:
		kind = "NOT_FOUND"
	case status == 429:
		kind = "RESOURCE_EXHAUSTED"
	case status == 503:
		kind = "UNAVAILABLE"
	case status >= 500:
		kind = "INTERNAL"
	}
	return object{"error": object{"code": status, "message": message, "status": kind}}
}
