package openai

import (
	"bytes"
	"encoding/json"
	"strings"

	"github.com/dragoman/dragoman/internal/chat"
)

// StreamDecoder turns the data of an upstream's events into ours.
type StreamDecoder struct {
	done     bool // "[DONE]" was seen
	finished bool // a finish reason was seen
	calls    toolCalls
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
	TotalTokens      int64          `json:"total_tokens"`
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
	if !isNull(c.Error) || name == "error" {
		if isNull(c.Error) {
			c.Error = data // {"message":...} by itself, in an event named error
		}
		return chat.Event{}, streamError(c.Error)
	}
	return d.event(c), nil
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
		for _, t := range delta.ToolCalls {
			index, ok := d.calls.index(t.Index, t.ID, t.Function.Name)
			if !ok {
				continue
			}
			ev.ToolCalls = append(ev.ToolCalls, chat.ToolCallPart{Index: index, ID: t.ID, Name: t.Function.Name, Arguments: t.Function.Arguments})
		}
		if choice.FinishReason != nil && *choice.FinishReason != "" {
			ev.Finish, d.finished = finishOf(*choice.FinishReason), true
			if ev.Finish == chat.FinishStop && len(d.calls.ids) > 0 {
				ev.Finish = chat.FinishToolCalls // Gemini says "stop"; clients call no tool after that
			}
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
	if u == nil || u.PromptTokens <= 0 && u.CompletionTokens <= 0 {
		return nil
	}
	out := &chat.Usage{Input: within(u.PromptTokens, mostTokens), Output: within(u.CompletionTokens, mostTokens)}
	cached, reasoning := u.CacheHit, int64(0)
	if hidden := within(u.TotalTokens, mostTokens) - out.Total(); hidden > 0 {
		// Gemini and xAI count the tokens that a model thinks with in the total alone, and charge for them.
		out.Output += hidden
		reasoning = hidden
	}
	if u.PromptDetails != nil {
		cached = max(cached, u.PromptDetails.CachedTokens)
	}
	if u.OutputDetails != nil {
		reasoning = max(reasoning, u.OutputDetails.ReasoningTokens)
	}
	out.CachedInput, out.Reasoning = within(cached, out.Input), within(reasoning, out.Output)
	return out
}

// mostTokens bounds what a provider may claim to have used, so that sums and prices of it stay numbers.
const mostTokens = 1 << 40

// within keeps a part to its whole: money is reckoned with the difference.
func within(n, whole int64) int64 { return min(max(n, 0), whole) }

// Complete says whether the stream may end here: servers differ in whether they send a finish reason or [DONE] last.
func (d *StreamDecoder) Complete() bool { return d.done || d.finished }

// Ended says that nothing more will come.
func (d *StreamDecoder) Ended() bool { return d.done }

// DecodeWhole reads the answer of a server that does not stream, as one event.
func DecodeWhole(body []byte) (chat.Event, error) {
	var c upstreamChunk
	err := json.Unmarshal(body, &c)
	if err == nil && !isNull(c.Error) {
		return chat.Event{}, streamError(c.Error)
	}
	if err != nil || len(c.Choices) == 0 {
		return chat.Event{}, &chat.Error{Code: chat.CodeUpstream, Message: "the provider sent what is no chat completion", Err: err}
	}
	var d StreamDecoder
	ev := d.event(c)
	if ev.Finish == "" {
		ev.Finish = chat.FinishStop
	}
	return ev, nil
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
