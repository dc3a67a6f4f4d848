package openai

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
)

// StreamDecoder turns the data of an upstream's events into ours.
type StreamDecoder struct {
	done     bool // "[DONE]" was seen
	finished bool // a finish reason was seen
}

// upstreamChunk is what a chunk of a stream, or a whole answer, may hold.
type upstreamChunk struct {
	ID      string          `json:"id"`
	Model   string          `json:"model"`
	Choices []upstreamPart  `json:"choices"`
	Usage   *upstreamUsage  `json:"usage"`
	Error   json.RawMessage `json:"error"`
}

type upstreamPart struct {
	Delta        upstreamDelta  `json:"delta"`
	Message      *upstreamDelta `json:"message"`
	FinishReason *string        `json:"finish_reason"`
}

type upstreamDelta struct {
	Content   *string `json:"content"`
	Refusal   *string `json:"refusal"`
	ToolCalls []struct {
		Index    *int   `json:"index"`
		ID       string `json:"id"`
		Function struct {
			Name      string `json:"name"`
			Arguments string `json:"arguments"`
		} `json:"function"`
	} `json:"tool_calls"`
}

type upstreamUsage struct {
	PromptTokens     int64          `json:"prompt_tokens"`
	CompletionTokens int64          `json:"completion_tokens"`
	PromptDetails    *promptDetails `json:"prompt_tokens_details"`
	OutputDetails    *outputDetails `json:"completion_tokens_details"`
	CacheHit         int64          `json:"prompt_cache_hit_tokens"` // DeepSeek's name
}

// Decode reads the data of one event. It returns an *chat.Error for an error within the stream or data that is none of the
// dialect.
func (d *StreamDecoder) Decode(name string, data []byte) (chat.Event, error) {
	if bytes.Equal(bytes.TrimSpace(data), []byte("[DONE]")) {
		d.done = true
		return chat.Event{}, nil
	}
	var c upstreamChunk
	if err := json.Unmarshal(data, &c); err != nil {
		return chat.Event{}, &chat.Error{Code: chat.CodeUpstream, Message: "the provider sent what is no chat completion", Err: err}
	}
	if len(c.Error) > 0 && !bytes.Equal(c.Error, []byte("null")) || name == "error" {
		return chat.Event{}, streamError(c.Error)
	}
	ev := d.event(c)
	return ev, nil
}

func (d *StreamDecoder) event(c upstreamChunk) chat.Event {
	ev := chat.Event{ID: c.ID, Model: c.Model, Usage: c.Usage.decode()}
	for _, choice := range c.Choices[:min(1, len(c.Choices))] {
		delta := choice.Delta
		if choice.Message != nil {
			delta = *choice.Message
		}
		for _, t := range []*string{delta.Content, delta.Refusal} {
			if t != nil {
				ev.Text += *t
			}
		}
		for i, t := range delta.ToolCalls {
			index := i
			if t.Index != nil {
				index = *t.Index
			}
			if index < 0 || index > 127 {
				continue
			}
			ev.ToolCalls = append(ev.ToolCalls, chat.ToolCallPart{Index: index, ID: t.ID, Name: t.Function.Name, Arguments: t.Function.Arguments})
		}
		if choice.FinishReason != nil && *choice.FinishReason != "" {
			ev.Finish, d.finished = finishOf(*choice.FinishReason), true
		}
	}
	return ev
}

func finishOf(s string) chat.FinishReason {
	switch s {
	case "length", "max_tokens":
		return chat.FinishLength
	case "tool_calls", "function_call":
		return chat.FinishToolCalls
	case "content_filter":
		return chat.FinishContentFilter
	}
	return chat.FinishStop
}

func (u *upstreamUsage) decode() *chat.Usage {
	if u == nil || u.PromptTokens == 0 && u.CompletionTokens == 0 {
		return nil
	}
	out := &chat.Usage{Input: max(u.PromptTokens, 0), Output: max(u.CompletionTokens, 0), CachedInput: u.CacheHit}
	if u.PromptDetails != nil {
		out.CachedInput = max(out.CachedInput, u.PromptDetails.CachedTokens)
	}
	if u.OutputDetails != nil {
		out.Reasoning = u.OutputDetails.ReasoningTokens
	}
	return out
}

// Complete says whether the stream may end here: servers differ in whether they send a finish reason or [DONE] last.
func (d *StreamDecoder) Complete() bool { return d.done || d.finished }

// Ended says that nothing more will come.
func (d *StreamDecoder) Ended() bool { return d.done }

// DecodeWhole reads the answer of a server that does not stream, as one event.
func DecodeWhole(body []byte) (chat.Event, error) {
	var c upstreamChunk
	if err := json.Unmarshal(body, &c); err != nil || len(c.Choices) == 0 {
		return chat.Event{}, &chat.Error{Code: chat.CodeUpstream, Message: "the provider sent what is no chat completion", Err: err}
	}
	var d StreamDecoder
	ev := d.event(c)
	if ev.Finish == "" {
		ev.Finish = chat.FinishStop
	}
	return ev, nil
}

func streamError(raw json.RawMessage) *chat.Error {
	message := errorMessage(raw)
	if message == "" {
		message = "the provider broke off with an error"
	}
	code := chat.CodeUpstream
	low := strings.ToLower(message)
	if strings.Contains(low, "overloaded") || strings.Contains(low, "capacity") {
		code = chat.CodeOverloaded
	}
	return &chat.Error{Code: code, Message: message}
}

// errorMessage finds the sentence in an error object or string.
func errorMessage(raw json.RawMessage) string {
	var text string
	if json.Unmarshal(raw, &text) == nil {
		return trimmed(text)
	}
	var obj struct {
		Message string          `json:"message"`
		Error   json.RawMessage `json:"error"`
		Detail  json.RawMessage `json:"detail"`
	}
	if json.Unmarshal(raw, &obj) != nil {
		var list []json.RawMessage // Gemini wraps its errors in a list
		if json.Unmarshal(raw, &list) == nil && len(list) > 0 {
			return errorMessage(list[0])
		}
		return ""
	}
	switch {
	case obj.Message != "":
		return trimmed(obj.Message)
	case len(obj.Error) > 0:
		return errorMessage(obj.Error)
	case len(obj.Detail) > 0:
		return errorMessage(obj.Detail)
	}
	return ""
}

// DecodeError turns an upstream's failure into ours. retryAfter is how long the provider asks to wait. The message is the
// provider's own where it has one, except where it could hold our key.
func DecodeError(status int, body []byte, retryAfter time.Duration) *chat.Error {
	e := &chat.Error{Status: status, RetryAfter: retryAfter, Message: errorMessage(body)}
	low := strings.ToLower(string(body[:min(len(body), 4<<10)]))
	switch {
	case status == 401 || status == 403:
		e.Code, e.Message = chat.CodeUpstreamAuth, fmt.Sprintf("the provider refused the API key (HTTP %d); check it", status)
	case strings.Contains(low, "context_length") || strings.Contains(low, "context length") || strings.Contains(low, "maximum context") || strings.Contains(low, "prompt is too long"):
		e.Code = chat.CodeContextTooLong
	case status == 404:
		e.Code = chat.CodeNotFound
	case status == 408:
		e.Code = chat.CodeTimeout
	case status == 413:
		e.Code = chat.CodeTooLarge
	case status == 429:
		e.Code = chat.CodeRateLimited
	case status == 503 || status == 529:
		e.Code = chat.CodeOverloaded
	case status == 504:
		e.Code = chat.CodeTimeout
	case status == 400 || status == 422:
		e.Code = chat.CodeInvalidRequest
		if strings.Contains(low, "content_filter") || strings.Contains(low, "content_policy") {
			e.Code = chat.CodeContentFiltered
		}
	case status >= 500:
		e.Code = chat.CodeUpstream
	case status >= 300 && status < 400:
		e.Code, e.Message = chat.CodeUpstream, fmt.Sprintf("the provider redirects (HTTP %d); set base_url to where it is", status)
	default:
		e.Code = chat.CodeUpstream
	}
	if e.Message == "" {
		e.Message = fmt.Sprintf("the provider failed (HTTP %d)", status)
	}
	return e
}

// DecodeModels reads the names of GET /models.
func DecodeModels(body []byte) ([]string, error) {
	var list struct {
		Data []struct {
			ID string `json:"id"`
		} `json:"data"`
	}
	if err := json.Unmarshal(body, &list); err != nil {
		return nil, &chat.Error{Code: chat.CodeUpstream, Message: "the provider's list of models cannot be read", Err: err}
	}
	names := make([]string, 0, len(list.Data))
	for _, m := range list.Data {
		if m.ID != "" {
			names = append(names, strings.TrimPrefix(m.ID, "models/")) // Gemini's prefix
		}
	}
	return names, nil
}
