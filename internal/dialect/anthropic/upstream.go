package anthropic

import (
	"net/http"
	"time"
	"unicode/utf8"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// Version of the API that is spoken.
const Version = "2023-06-01"

// Upstream speaks to servers of messages.
type Upstream struct{}

var _ dialect.Upstream = Upstream{}

// Wire implements dialect.Upstream.
func (Upstream) Wire() chat.Wire { return chat.AnthropicMessages }

// Path implements dialect.Upstream.
func (Upstream) Path(*chat.Request) string { return "/v1/messages" }

// Authorize implements dialect.Upstream.
func (Upstream) Authorize(h http.Header, key string) {
	if h.Get("Anthropic-Version") == "" { // a caller's own stays
		h["Anthropic-Version"] = version
	}
	if key != "" {
		h["X-Api-Key"] = []string{key}
	}
}

var version = []string{Version}

// NewStream implements dialect.Upstream.
func (Upstream) NewStream() dialect.StreamDecoder { return &StreamDecoder{} }

// Failure implements dialect.Upstream.
func (Upstream) Failure(status int, body []byte, retryAfter time.Duration) *chat.Error {
	e := DecodeError(status, body, retryAfter)
	e.Raw, e.Wire = body, chat.AnthropicMessages
	return e
}

// StreamDecoder turns the events of a stream into ours.
type StreamDecoder struct {
	usage  chat.Usage
	blocks map[int64]*block // open ones
	calls  int
	said   int  // characters of the text so far
	ended  bool // message_stop, or a stop reason
	done   bool
	last   dialect.Repeat
}

// block is an open content block.
type block struct {
	kind  string
	call  int    // of a tool_use
	input string // that came with its start: used where no piece comes
	said  bool
	from  int // characters of text before it
}

// maxToolCalls bounds the calls of one answer.
const maxToolCalls = 128

func notMessages() *chat.Error {
	return &chat.Error{Code: chat.CodeUpstream, Message: "the provider sent what is no message"}
}

// Decode implements dialect.StreamDecoder.
func (d *StreamDecoder) Decode(name string, data []byte) (ev chat.Event, err error) {
	ev.Raw, ev.RawName, ev.Wire = data, name, chat.AnthropicMessages
	if d.last.Read(data, &ev) {
		d.said += utf8.RuneCountInString(ev.Text)
	} else {
		err = d.parse(data, &ev)
	}
	return ev, err
}

func (d *StreamDecoder) parse(data []byte, ev *chat.Event) error {
	if !dialect.Valid(data) {
		return notMessages()
	}
	text := string(data) // a copy: data is overwritten by the next event, and texts live on
	v := gjson.Parse(text)
	if !v.IsObject() {
		return notMessages()
	}
	switch v.Get("type").String() {
	case "message_start":
		m := v.Get("message")
		ev.ID, ev.Model = m.Get("id").String(), m.Get("model").String()
		ev.Usage = d.count(m.Get("usage"))
	case "content_block_start":
		d.start(v, ev)
	case "content_block_delta":
		d.delta(v, ev)
		d.last.Saw(data, dialect.PlaceIn(text, v.Get("delta.text")), ev)
	case "content_block_stop":
		d.stop(v, ev)
	case "message_delta":
		if reason := v.Get("delta.stop_reason"); reason.Type == gjson.String {
			ev.Finish, d.ended = finishOf(reason.Str), true
			ev.StopSequence = v.Get("delta.stop_sequence").String()
		}
		ev.Usage = d.count(v.Get("usage"))
	case "message_stop":
		d.ended, d.done = true, true
	case "error":
		return streamError(v.Get("error"), data)
	default:
		if ev.RawName == "error" {
			return streamError(v, data)
		}
	}
	return nil
}

func streamError(v gjson.Result, raw []byte) *chat.Error {
	e := decodeErrorObject(&errorObject{v.Get("type").String(), v.Get("message").String()}, 0)
	e.Raw, e.Wire = append([]byte(nil), raw...), chat.AnthropicMessages
	return e
}

func (d *StreamDecoder) start(v gjson.Result, ev *chat.Event) {
	if d.blocks == nil {
		d.blocks = map[int64]*block{}
	}
	b := v.Get("content_block")
	own := &block{kind: b.Get("type").String(), call: -1}
	if len(d.blocks) < 4*maxToolCalls {
		d.blocks[v.Get("index").Int()] = own
	}
	d.open(own, b, ev)
}

// open reads what a block begins with: in whole answers that is all.
func (d *StreamDecoder) open(own *block, b gjson.Result, ev *chat.Event) {
	switch own.kind {
	case "text":
		own.from = d.said
		text := b.Get("text").String()
		ev.Text += text
		d.said += utf8.RuneCountInString(text)
		ev.Citations = append(ev.Citations, citations(b.Get("citations"), own.from, d.said)...)
	case "thinking":
		ev.Thinking += b.Get("thinking").String()
		if s := b.Get("signature").String(); s != "" {
			ev.Signature = chat.Signature{Of: chat.Anthropic, Value: s}
		}
	case "redacted_thinking":
		ev.Redacted, ev.Signature = b.Get("data").String(), chat.Signature{Of: chat.Anthropic}
	case "tool_use":
		if d.calls == maxToolCalls {
			return
		}
		own.call = d.calls
		d.calls++
		own.input = b.Get("input").Raw
		ev.ToolCalls = append(ev.ToolCalls, chat.ToolCallPart{Index: own.call, ID: b.Get("id").String(), Name: b.Get("name").String()})
	}
}

func (d *StreamDecoder) delta(v gjson.Result, ev *chat.Event) {
	b, delta := d.blocks[v.Get("index").Int()], v.Get("delta")
	switch delta.Get("type").String() {
	case "text_delta":
		ev.Text = delta.Get("text").String()
		d.said += utf8.RuneCountInString(ev.Text)
	case "thinking_delta":
		ev.Thinking = delta.Get("thinking").String()
	case "signature_delta":
		ev.Signature = chat.Signature{Of: chat.Anthropic, Value: delta.Get("signature").String()}
	case "citations_delta":
		if b != nil {
			ev.Citations = citations(delta.Get("citation"), b.from, d.said)
		}
	case "input_json_delta":
		piece := delta.Get("partial_json").String()
		if b == nil || b.call < 0 || piece == "" {
			return
		}
		b.said = true
		ev.ToolCalls = []chat.ToolCallPart{{Index: b.call, Arguments: piece}}
	}
}

func (d *StreamDecoder) stop(v gjson.Result, ev *chat.Event) {
	i := v.Get("index").Int()
	b := d.blocks[i]
	if b == nil {
		return
	}
	delete(d.blocks, i)
	ev.BlockEnd = b.kind == "text"
	if b.call >= 0 && !b.said { // no piece came: the input is what the block began with
		input := b.input
		if input == "" {
			input = "{}"
		}
		ev.ToolCalls = []chat.ToolCallPart{{Index: b.call, Arguments: input}}
	}
}

// citations are of what a block has said: the characters between from and to.
func citations(v gjson.Result, from, to int) (out []chat.Citation) {
	list := []gjson.Result{v}
	if v.IsArray() {
		list = v.Array()
	}
	for _, c := range list {
		if !c.IsObject() {
			continue
		}
		one := chat.Citation{URL: c.Get("url").String(), Title: c.Get("title").String(), Quote: c.Get("cited_text").String(), Start: from, End: to, Document: -1, Raw: []byte(c.Raw)}
		if one.Title == "" {
			one.Title = c.Get("document_title").String()
		}
		if i := c.Get("document_index"); i.Type == gjson.Number {
			one.Document = int(i.Int())
		}
		out = append(out, one)
	}
	return out
}

func finishOf(s string) chat.FinishReason {
	switch s {
	case "max_tokens", "model_context_window_exceeded":
		return chat.FinishLength
	case "tool_use":
		return chat.FinishToolCalls
	case "refusal": // the vendor's filter stepped in
		return chat.FinishContentFilter
	case "pause_turn":
		return chat.FinishPause
	}
	return chat.FinishStop
}

// count brings the usage up to date: later counts replace earlier ones, field by field. This wire counts prompt tokens that
// were read from or written to the cache beside input_tokens; ours are all in Input.
func (d *StreamDecoder) count(v gjson.Result) *chat.Usage {
	if !v.IsObject() {
		return nil
	}
	u := &d.usage
	fresh := u.Input - u.CachedInput - u.CacheWrite
	set := func(field string, to *int64) {
		if n := v.Get(field); n.Type == gjson.Number {
			*to = min(max(n.Int(), 0), chat.MaxTokens)
		}
	}
	set("input_tokens", &fresh)
	set("cache_read_input_tokens", &u.CachedInput)
	set("cache_creation_input_tokens", &u.CacheWrite)
	if n := v.Get("cache_creation.ephemeral_1h_input_tokens"); n.Type == gjson.Number {
		u.CacheHour = min(max(n.Int(), 0), u.CacheWrite)
	}
	set("output_tokens", &u.Output)
	if n := v.Get("output_tokens_details.thinking_tokens"); n.Type == gjson.Number {
		u.Reasoning = n.Int()
	}
	u.Input = fresh + u.CachedInput + u.CacheWrite
	*u = u.Bounded()
	out := *u
	return &out
}

// Complete implements dialect.StreamDecoder.
func (d *StreamDecoder) Complete() bool { return d.ended }

// Ended implements dialect.StreamDecoder.
func (d *StreamDecoder) Ended() bool { return d.done }

// Whole implements dialect.Upstream.
func (Upstream) Whole(body []byte) (chat.Event, error) {
	if !dialect.Valid(body) {
		return chat.Event{}, notMessages()
	}
	v := dialect.Parse(body)
	if v.Get("type").String() == "error" {
		return chat.Event{}, streamError(v.Get("error"), body)
	}
	if !v.Get("content").IsArray() {
		return chat.Event{}, notMessages()
	}
	ev := chat.Event{
		Raw: body, Wire: chat.AnthropicMessages, Whole: true, ID: v.Get("id").String(), Model: v.Get("model").String(),
		Finish: finishOf(v.Get("stop_reason").String()), StopSequence: v.Get("stop_sequence").String(),
	}
	var d StreamDecoder
	ev.Usage = d.count(v.Get("usage"))
	var thoughts []chat.Part
	v.Get("content").ForEach(func(_, b gjson.Result) bool {
		own := &block{kind: b.Get("type").String(), call: -1}
		n := len(ev.ToolCalls)
		d.open(own, b, &ev)
		if own.call >= 0 && len(ev.ToolCalls) > n {
			ev.ToolCalls[n].Arguments = own.input
		}
		if ev.Thinking != "" || ev.Signature.Value != "" || ev.Redacted != "" {
			thoughts = append(thoughts, chat.Part{Kind: chat.ThinkingPart, Text: ev.Thinking, Signature: ev.Signature, Redacted: ev.Redacted})
			ev.Thinking, ev.Signature, ev.Redacted = "", chat.Signature{}, ""
		}
		return true
	})
	ev.Think(thoughts)
	return ev, nil
}
