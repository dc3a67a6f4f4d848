package scripted

import (
	"encoding/json"
	"net/http"
	"strings"
)

// completions is OpenAI's legacy completions, as servers have them that fill in a middle: what is to be completed is the
// conversation's one message.
type completions struct{}

type completionsRequest struct {
	Model         string `json:"model"`
	Prompt        string `json:"prompt"` // the vendor takes lists, too
	Suffix        string `json:"suffix"`
	MaxTokens     *int   `json:"max_tokens"`
	Stream        bool   `json:"stream"`
	StreamOptions *struct {
		IncludeUsage bool `json:"include_usage"`
	} `json:"stream_options"`
	Temperature      *float64        `json:"temperature"`
	TopP             *float64        `json:"top_p"`
	Stop             json.RawMessage `json:"stop"`
	Echo             *bool           `json:"echo"`
	Logprobs         *int            `json:"logprobs"`
	N                *int            `json:"n"`
	BestOf           *int            `json:"best_of"`
	PresencePenalty  *float64        `json:"presence_penalty"`
	FrequencyPenalty *float64        `json:"frequency_penalty"`
	Seed             *int            `json:"seed"`
	User             *string         `json:"user"`
}

func (completions) read(_ *http.Request, body []byte) (c Conversation, v violations) {
	var q completionsRequest
	v.decode("body", body, &q)
	if q.Model == "" || q.Prompt == "" {
		v.add("you must provide a model and a prompt")
	}
	if q.StreamOptions != nil && !q.Stream {
		v.add("stream_options: only allowed when stream is true")
	}
	if q.MaxTokens != nil && *q.MaxTokens < 1 {
		v.add("max_tokens: too small")
	}
	return Conversation{
		Model: q.Model, Stream: q.Stream, Suffix: q.Suffix, Messages: []Message{{Role: "user", Text: q.Prompt}},
		usageInStream: q.StreamOptions != nil && q.StreamOptions.IncludeUsage,
	}, v
}

func (completions) body(c *Conversation, choices []any, usage any) object {
	o := object{"id": callID("cmpl-", c, 0), "object": "text_completion", "created": 1750000000, "model": c.Model, "choices": choices}
	if usage != nil {
		o["usage"] = usage
	}
	return o
}

func (completions) choice(text string, finish any) []any {
	return []any{object{"text": text, "index": 0, "logprobs": nil, "finish_reason": finish}}
}

func (f completions) whole(c *Conversation, s Step) any {
	return f.body(c, f.choice(strings.Join(s.Text, ""), chatFinish[s.Finish]), chat{}.usage(s.Usage))
}

func (f completions) stream(c *Conversation, s Step) (text, rest []frame) {
	for _, t := range s.Text {
		text = append(text, frame{data: f.body(c, f.choice(t, nil), nil)})
	}
	rest = append(rest, frame{data: f.body(c, f.choice("", chatFinish[s.Finish]), nil)})
	if c.usageInStream {
		rest = append(rest, frame{data: f.body(c, []any{}, chat{}.usage(s.Usage))})
	}
	return text, append(rest, frame{data: done})
}

func (completions) failure(status int, message string) any { return chat{}.failure(status, message) }
