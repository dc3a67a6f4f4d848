package responses

import (
	"bytes"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
	"github.com/dragoman/dragoman/internal/dialect/fault"
)

// StreamDecoder reads the events of one answer.
type StreamDecoder struct {
	begun   bool
	ended   bool
	said    bool // something of the answer has been told
	refused bool
	texts   map[int64]bool // whether a text has come in pieces, by the places of its item and part
	calls   map[int64]*call
}

var _ dialect.StreamDecoder = (*StreamDecoder)(nil)

// call is a tool call of an answer.
type call struct {
	index  int
	custom bool
	pieces bool // arguments have come in pieces
	done   bool
}

// Decode reads an SSE event; see dialect.StreamDecoder.
func (d *StreamDecoder) Decode(name string, data []byte) (chat.Event, error) {
	raw := bytes.Clone(data)
	ev := chat.Event{Raw: raw, RawName: name, Wire: chat.OpenAIResponses}
	if string(raw) == "[DONE]" { // not of this wire, but some servers send it
		return ev, nil
	}
	if !dialect.Valid(raw) {
		return chat.Event{}, badAnswer()
	}
	v := dialect.Parse(raw)
	kind := v.Get("type").String()
	if kind == "" {
		kind = name
	}
	place := v.Get("output_index").Int()
	switch kind {
	case "response.created", "response.queued", "response.in_progress":
		d.names(v.Get("response"), &ev)
	case "response.output_text.delta":
		ev.Text = v.Get("delta").String()
		d.piece(place, v.Get("content_index").Int())
		v.Get("logprobs").ForEach(func(_, l gjson.Result) bool {
			ev.Logprobs = append(ev.Logprobs, logprob(l))
			return true
		})
	case "response.output_text.done":
		if d.piece(place, v.Get("content_index").Int()) {
			ev.Text = v.Get("text").String()
		}
	case "response.refusal.delta":
		ev.Refusal = v.Get("delta").String()
		d.piece(place, v.Get("content_index").Int())
	case "response.refusal.done":
		if d.piece(place, v.Get("content_index").Int()) {
			ev.Refusal = v.Get("refusal").String()
		}
	case "response.output_text.annotation.added":
		ev.Citations = []chat.Citation{citation(v.Get("annotation"))}
	case "response.reasoning_summary_text.delta", "response.reasoning_summary.delta":
		ev.Thinking = d.thought(place, ofSummary+v.Get("summary_index").Int()) + v.Get("delta").String()
	case "response.reasoning_text.delta", "response.reasoning.delta":
		ev.Thinking = d.thought(place, ofReasoning+v.Get("content_index").Int()) + v.Get("delta").String()
	case "response.output_item.added":
		d.item(place, v.Get("item"), false, &ev)
	case "response.output_item.done":
		d.item(place, v.Get("item"), true, &ev)
	case "response.function_call_arguments.delta", "response.custom_tool_call_input.delta":
		d.arguments(place, v.Get("delta").String(), false, &ev)
	case "response.function_call_arguments.done":
		d.arguments(place, v.Get("arguments").String(), true, &ev)
	case "response.custom_tool_call_input.done":
		d.arguments(place, v.Get("input").String(), true, &ev)
	case "response.completed", "response.incomplete":
		d.ends(v.Get("response"), &ev)
	case "response.failed", "response.cancelled":
		d.ended = true
		return chat.Event{}, fault.InStream(v.Get("response.error"), raw, chat.OpenAIResponses)
	case "error":
		d.ended = true
		if e := v.Get("error"); e.IsObject() {
			return chat.Event{}, fault.InStream(e, raw, chat.OpenAIResponses)
		}
		return chat.Event{}, fault.InStream(v, raw, chat.OpenAIResponses)
	case "":
		if e := v.Get("error"); e.Exists() {
			d.ended = true
			return chat.Event{}, fault.InStream(e, raw, chat.OpenAIResponses)
		}
		return chat.Event{}, badAnswer()
	}
	if ev.Refusal != "" {
		d.refused = true
	} else if ev.Text != "" {
		d.refused = false
	}
	d.said = d.said || ev.Says()
	return ev, nil
}

// Complete says whether the last event has come.
func (d *StreamDecoder) Complete() bool { return d.ended }

// Ended says the same: nothing follows the last event.
func (d *StreamDecoder) Ended() bool { return d.ended }

func (d *StreamDecoder) names(response gjson.Result, ev *chat.Event) {
	if !d.begun {
		d.begun = true
		ev.ID, ev.Model = response.Get("id").String(), response.Get("model").String()
	}
}

// Places of texts within an item.
const (
	ofText      = 0
	ofSummary   = 1 << 20
	ofReasoning = 2 << 20
	perItem     = 4 << 20
)

// piece notes that a text is being told and says whether that is new.
func (d *StreamDecoder) piece(item, part int64) bool {
	at := item*perItem + part
	if d.texts[at] {
		return false
	}
	if d.texts == nil {
		d.texts = map[int64]bool{}
	}
	d.texts[at] = true
	return true
}

// thought returns what separates a piece of a thought from the one before it.
func (d *StreamDecoder) thought(item, part int64) string {
	if !d.piece(item, part) {
		return ""
	}
	if d.texts[item*perItem+part-1] { // another paragraph of the same thought
		return "\n\n"
	}
	return ""
}

// item reads an item that begins, or is complete: then what was not told in pieces is told now.
func (d *StreamDecoder) item(place int64, item gjson.Result, done bool, ev *chat.Event) {
	switch kind := item.Get("type").String(); kind {
	case "function_call", "custom_tool_call":
		d.begin(place, item, kind == "custom_tool_call", ev)
		if done {
			whole := item.Get("arguments").String()
			if kind == "custom_tool_call" {
				whole = item.Get("input").String()
			}
			d.arguments(place, whole, true, ev)
		}
	case "local_shell_call":
		if done && d.calls[place] == nil {
			d.begin(place, item, false, ev)
			ev.ToolCalls[0].Name, ev.ToolCalls[0].Arguments = localShell, item.Get("action").Raw
		}
	case "reasoning":
		if !done {
			return
		}
		for i, s := range item.Get("summary").Array() {
			if p := ofSummary + int64(i); !d.texts[place*perItem+p] {
				ev.Thinking += d.thought(place, p) + s.Get("text").String()
			}
		}
		for i, s := range item.Get("content").Array() {
			if p := ofReasoning + int64(i); !d.texts[place*perItem+p] {
				ev.Thinking += d.thought(place, p) + s.Get("text").String()
			}
		}
		if encrypted := item.Get("encrypted_content").String(); encrypted != "" {
			if p, ours := unpack(encrypted); ours { // a gateway like this one
				ev.Signature, ev.Redacted = chat.Signature{Of: p.Of, Value: p.Value}, p.Redacted
			} else {
				ev.Signature = ownSignature(item.Get("id").String(), encrypted)
			}
		}
	case "message":
		if !done {
			return
		}
		for i, p := range item.Get("content").Array() {
			if !d.piece(place, ofText+int64(i)) {
				continue
			}
			ev.Text += p.Get("text").String()
			ev.Refusal += p.Get("refusal").String()
			p.Get("annotations").ForEach(func(_, a gjson.Result) bool {
				ev.Citations = append(ev.Citations, citation(a))
				return true
			})
			p.Get("logprobs").ForEach(func(_, l gjson.Result) bool {
				ev.Logprobs = append(ev.Logprobs, logprob(l))
				return true
			})
		}
	}
}

func (d *StreamDecoder) begin(place int64, item gjson.Result, custom bool, ev *chat.Event) {
	if d.calls[place] != nil {
		return
	}
	if d.calls == nil {
		d.calls = map[int64]*call{}
	}
	c := &call{index: len(d.calls), custom: custom}
	d.calls[place] = c
	id := item.Get("call_id").String()
	if id == "" {
		id = item.Get("id").String()
	}
	id, signature := dialect.UnpackCallID(id)
	ev.ToolCalls = append(ev.ToolCalls, chat.ToolCallPart{Index: c.index, ID: id, Signature: signature,
		Name: flatName(item.Get("namespace").String(), item.Get("name").String())})
}

// arguments reads a piece of a call's arguments, or all of them.
func (d *StreamDecoder) arguments(place int64, s string, whole bool, ev *chat.Event) {
	c := d.calls[place]
	if c == nil || c.done {
		return
	}
	first := !c.pieces
	if !whole {
		c.pieces = true
	} else {
		c.done = true
		if c.pieces {
			s = ""
		}
	}
	if c.custom {
		s = escaped(s)
		if first {
			s = `{"input":"` + s
		}
		if whole {
			s += `"}`
		}
	}
	if s == "" {
		return
	}
	if n := len(ev.ToolCalls); n > 0 && ev.ToolCalls[n-1].Index == c.index {
		ev.ToolCalls[n-1].Arguments += s
		return
	}
	ev.ToolCalls = append(ev.ToolCalls, chat.ToolCallPart{Index: c.index, Arguments: s})
}

// escaped is s as it stands within a JSON string.
func escaped(s string) string {
	b := dialect.AppendString(nil, s)
	return string(b[1 : len(b)-1])
}

// ends reads the response object of the last event, or of an unstreamed answer.
func (d *StreamDecoder) ends(response gjson.Result, ev *chat.Event) {
	d.ended = true
	d.names(response, ev)
	if !d.said {
		place := int64(0)
		var thoughts []chat.Part
		response.Get("output").ForEach(func(_, item gjson.Result) bool {
			d.item(place, item, true, ev)
			place++
			if ev.Thinking != "" || ev.Signature.Value != "" || ev.Redacted != "" {
				thoughts = append(thoughts, chat.Part{Kind: chat.ThinkingPart, Text: ev.Thinking, Signature: ev.Signature, Redacted: ev.Redacted})
				ev.Thinking, ev.Signature, ev.Redacted = "", chat.Signature{}, ""
			}
			return true
		})
		ev.Think(thoughts)
		d.refused = ev.Refusal != "" && ev.Text == ""
	}
	switch {
	case response.Get("status").String() == "incomplete":
		switch response.Get("incomplete_details.reason").String() {
		case "content_filter":
			ev.Finish = chat.FinishContentFilter
		case pauseReason:
			ev.Finish = chat.FinishPause
		default:
			ev.Finish = chat.FinishLength
		}
	case len(d.calls) > 0:
		ev.Finish = chat.FinishToolCalls
	case d.refused:
		ev.Finish = chat.FinishRefusal
	default:
		ev.Finish = chat.FinishStop
	}
	if u := response.Get("usage"); u.IsObject() {
		count := func(path string) int64 { return u.Get(path).Int() }
		usage := chat.Usage{Input: count("input_tokens"), CachedInput: count("input_tokens_details.cached_tokens"),
			CacheWrite: count("input_tokens_details.cache_write_tokens"), Output: count("output_tokens"),
			Reasoning: count("output_tokens_details.reasoning_tokens")}.Bounded()
		ev.Usage = &usage
	}
}

// pauseReason is the reason of an incomplete response that is ours alone: a turn is to be sent again.
const pauseReason = "pause"

func logprob(l gjson.Result) chat.TokenLogprob {
	out := chat.TokenLogprob{Token: l.Get("token").String(), Logprob: l.Get("logprob").Num}
	if b := l.Get("bytes"); b.IsArray() {
		out.Bytes = []byte{}
		b.ForEach(func(_, n gjson.Result) bool {
			out.Bytes = append(out.Bytes, byte(n.Int()))
			return true
		})
	}
	l.Get("top_logprobs").ForEach(func(_, t gjson.Result) bool {
		if !t.Get("top_logprobs").Exists() { // one level
			out.Top = append(out.Top, logprob(t))
		}
		return true
	})
	return out
}

func citation(a gjson.Result) chat.Citation {
	return chat.Citation{Start: int(a.Get("start_index").Int()), End: int(a.Get("end_index").Int()), URL: a.Get("url").String(),
		Title: firstOf(a.Get("title").String(), a.Get("filename").String()), Document: -1, Raw: []byte(a.Raw)}
}

func firstOf(a, b string) string {
	if a != "" {
		return a
	}
	return b
}
