package anthropic

import (
	"encoding/json"
	"slices"

	"github.com/dragoman/dragoman/internal/chat"
)

// StreamDecoder turns the events of a stream into ours.
type StreamDecoder struct {
	usage chat.Usage
	calls []call
	ended bool
}

// call is a tool_use block; its place in the list is the index of the call.
type call struct {
	block     int
	arguments bool // some have come
	closed    bool
}

// maxToolCalls bounds the calls of one answer.
const maxToolCalls = 128

// call finds the call that a block is, -1 where it is none.
func (d *StreamDecoder) call(block int) int {
	return slices.IndexFunc(d.calls, func(c call) bool { return c.block == block && !c.closed })
}

type event struct {
	Type    string `json:"type"`
	Index   int    `json:"index"`
	Message *struct {
		ID    string `json:"id"`
		Model string `json:"model"`
		Usage *usage `json:"usage"`
	} `json:"message"`
	ContentBlock *struct {
		Type string `json:"type"`
		Text string `json:"text"`
		ID   string `json:"id"`
		Name string `json:"name"`
	} `json:"content_block"`
	Delta struct {
		Type        string `json:"type"`
		Text        string `json:"text"`
		PartialJSON string `json:"partial_json"`
		StopReason  string `json:"stop_reason"`
	} `json:"delta"`
	Usage *usage       `json:"usage"`
	Error *errorObject `json:"error"`
}

type usage struct {
	Input      *int64 `json:"input_tokens"`
	CacheWrite *int64 `json:"cache_creation_input_tokens"`
	CacheRead  *int64 `json:"cache_read_input_tokens"`
	Output     *int64 `json:"output_tokens"`
}

// add takes over the counts that u has. Input excludes cached tokens in this format; in ours it includes them.
func (d *StreamDecoder) add(u *usage) {
	if u == nil {
		return
	}
	const most = 1 << 40 // so that sums and prices stay numbers, whatever a server claims
	uncached := d.usage.Input - d.usage.CachedInput - d.usage.CacheWrite
	for _, f := range []struct {
		from *int64
		to   *int64
	}{{u.Input, &uncached}, {u.CacheRead, &d.usage.CachedInput}, {u.CacheWrite, &d.usage.CacheWrite}, {u.Output, &d.usage.Output}} {
		if f.from != nil {
			*f.to = min(max(*f.from, 0), most)
		}
	}
	d.usage.Input = uncached + d.usage.CachedInput + d.usage.CacheWrite
}

// Decode reads one event. It returns an *chat.Error for an error within the stream or data that is none of the dialect.
func (d *StreamDecoder) Decode(_ string, data []byte) (chat.Event, error) {
	var e event
	if err := json.Unmarshal(data, &e); err != nil || e.Type == "" {
		return chat.Event{}, &chat.Error{Code: chat.CodeUpstream, Message: "the provider sent what is no message event", Err: err}
	}
	var out chat.Event
	switch e.Type {
	case "message_start":
		if e.Message != nil {
			out.ID, out.Model = e.Message.ID, e.Message.Model
			d.add(e.Message.Usage)
		}
	case "content_block_start":
		if b := e.ContentBlock; b != nil && b.Type == "text" {
			out.Text = b.Text
		} else if b != nil && b.Type == "tool_use" {
			if d.call(e.Index) >= 0 || len(d.calls) == maxToolCalls {
				break
			}
			d.calls = append(d.calls, call{block: e.Index})
			out.ToolCalls = []chat.ToolCallPart{{Index: len(d.calls) - 1, ID: b.ID, Name: b.Name}}
		}
	case "content_block_delta":
		switch e.Delta.Type {
		case "text_delta":
			out.Text = e.Delta.Text
		case "input_json_delta":
			if i := d.call(e.Index); i >= 0 && e.Delta.PartialJSON != "" {
				d.calls[i].arguments = true
				out.ToolCalls = []chat.ToolCallPart{{Index: i, Arguments: e.Delta.PartialJSON}}
			}
		}
	case "content_block_stop":
		if i := d.call(e.Index); i >= 0 {
			d.calls[i].closed = true
			if !d.calls[i].arguments { // a call without arguments; "" would be no JSON
				out.ToolCalls = []chat.ToolCallPart{{Index: i, Arguments: "{}"}}
			}
		}
	case "message_delta":
		d.add(e.Usage)
		if e.Delta.StopReason != "" {
			out.Finish = finishOf(e.Delta.StopReason)
			u := d.usage
			out.Usage = &u
		}
	case "message_stop":
		d.ended = true
	case "error":
		return out, decodeErrorObject(e.Error, 0)
	}
	return out, nil
}

// Complete says whether the stream may end here.
func (d *StreamDecoder) Complete() bool { return d.ended }

// Ended says that nothing more will come.
func (d *StreamDecoder) Ended() bool { return d.ended }

func finishOf(reason string) chat.FinishReason {
	switch reason {
	case "max_tokens", "model_context_window_exceeded":
		return chat.FinishLength
	case "tool_use":
		return chat.FinishToolCalls
	case "refusal":
		return chat.FinishContentFilter
	}
	return chat.FinishStop
}

// DecodeWhole reads the answer of a server that does not stream, as one event.
func DecodeWhole(body []byte) (chat.Event, error) {
	var m struct {
		ID      string `json:"id"`
		Model   string `json:"model"`
		Content []struct {
			Type  string          `json:"type"`
			Text  string          `json:"text"`
			ID    string          `json:"id"`
			Name  string          `json:"name"`
			Input json.RawMessage `json:"input"`
		} `json:"content"`
		StopReason string       `json:"stop_reason"`
		Usage      *usage       `json:"usage"`
		Error      *errorObject `json:"error"`
	}
	err := json.Unmarshal(body, &m)
	if err == nil && m.Error != nil {
		return chat.Event{}, decodeErrorObject(m.Error, 0)
	}
	if err != nil || m.Content == nil {
		return chat.Event{}, &chat.Error{Code: chat.CodeUpstream, Message: "the provider sent what is no message", Err: err}
	}
	var d StreamDecoder
	d.add(m.Usage)
	ev := chat.Event{ID: m.ID, Model: m.Model, Finish: finishOf(m.StopReason), Usage: &d.usage}
	for _, b := range m.Content {
		switch b.Type {
		case "text":
			ev.Text += b.Text
		case "tool_use":
			if len(b.Input) == 0 {
				b.Input = json.RawMessage("{}")
			}
			ev.ToolCalls = append(ev.ToolCalls, chat.ToolCallPart{Index: len(ev.ToolCalls), ID: b.ID, Name: b.Name, Arguments: string(b.Input)})
		}
	}
	return ev, nil
}
