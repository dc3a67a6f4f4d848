package anthropic

import (
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
)

// StreamDecoder turns the events of a stream into ours.
type StreamDecoder struct {
	usage  chat.Usage
	blocks map[int]int // index of a tool_use block -> index of the call
	ended  bool
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

type errorObject struct {
	Type    string `json:"type"`
	Message string `json:"message"`
}

// add takes over the counts that u has. Input excludes cached tokens in this format; in ours it includes them.
func (d *StreamDecoder) add(u *usage) {
	if u == nil {
		return
	}
	uncached := d.usage.Input - d.usage.CachedInput - d.usage.CacheWrite
	for _, f := range []struct {
		from *int64
		to   *int64
	}{{u.Input, &uncached}, {u.CacheRead, &d.usage.CachedInput}, {u.CacheWrite, &d.usage.CacheWrite}, {u.Output, &d.usage.Output}} {
		if f.from != nil {
			*f.to = max(*f.from, 0)
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
			if d.blocks == nil {
				d.blocks = map[int]int{}
			}
			d.blocks[e.Index] = len(d.blocks)
			out.ToolCalls = []chat.ToolCallPart{{Index: d.blocks[e.Index], ID: b.ID, Name: b.Name}}
		}
	case "content_block_delta":
		switch e.Delta.Type {
		case "text_delta":
			out.Text = e.Delta.Text
		case "input_json_delta":
			if call, ok := d.blocks[e.Index]; ok && e.Delta.PartialJSON != "" {
				out.ToolCalls = []chat.ToolCallPart{{Index: call, Arguments: e.Delta.PartialJSON}}
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
		StopReason string `json:"stop_reason"`
		Usage      *usage `json:"usage"`
	}
	if err := json.Unmarshal(body, &m); err != nil || m.Content == nil {
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
			ev.ToolCalls = append(ev.ToolCalls, chat.ToolCallPart{Index: len(ev.ToolCalls), ID: b.ID, Name: b.Name, Arguments: string(b.Input)})
		}
	}
	return ev, nil
}

// DecodeError turns a failure into ours. retryAfter is how long the provider asks to wait.
func DecodeError(status int, body []byte, retryAfter time.Duration) *chat.Error {
	var b struct {
		Error *errorObject `json:"error"`
	}
	if err := json.Unmarshal(body, &b); err != nil {
		b.Error = nil // a proxy's page: the status has to do
	}
	e := decodeErrorObject(b.Error, status)
	e.RetryAfter = retryAfter
	return e
}

func decodeErrorObject(o *errorObject, status int) *chat.Error {
	e := &chat.Error{Code: chat.CodeUpstream, Status: status, Message: fmt.Sprintf("the provider failed (HTTP %d)", status)}
	if status == 0 {
		e.Message = "the provider broke off with an error"
	}
	kind := ""
	if o != nil {
		kind = o.Type
		if o.Message != "" {
			e.Message = strings.Join(strings.Fields(o.Message), " ")
			if len(e.Message) > 300 {
				e.Message = strings.ToValidUTF8(e.Message[:300], "") + "..."
			}
		}
	}
	switch {
	case status == 401 || status == 403 || kind == "authentication_error" || kind == "permission_error":
		e.Code, e.Message = chat.CodeUpstreamAuth, fmt.Sprintf("the provider refused the API key (HTTP %d); check it", status)
	case strings.Contains(e.Message, "prompt is too long") || strings.Contains(e.Message, "context window"):
		e.Code = chat.CodeContextTooLong
	case status == 404 || kind == "not_found_error":
		e.Code = chat.CodeNotFound
	case status == 413 || kind == "request_too_large":
		e.Code = chat.CodeTooLarge
	case status == 429 || kind == "rate_limit_error":
		e.Code = chat.CodeRateLimited
	case status == 529 || status == 503 || kind == "overloaded_error":
		e.Code = chat.CodeOverloaded
	case status == 504 || kind == "timeout_error":
		e.Code = chat.CodeTimeout
	case status == 400 || kind == "invalid_request_error":
		e.Code = chat.CodeInvalidRequest
	}
	return e
}
