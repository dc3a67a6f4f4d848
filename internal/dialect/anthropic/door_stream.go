package anthropic

import (
	"bytes"
	"slices"
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
	"github.com/dragoman/dragoman/internal/sse"
)

// NewStream implements dialect.Door.
func (Door) NewStream(m dialect.Meta) dialect.StreamEncoder {
	return &streamEncoder{meta: m, open: none}
}

// none is the kind of no block.
const none chat.PartKind = ""

// streamEncoder writes blocks one after the other, as this wire has them: pieces of a call that come while another is open wait
// until it is closed.
type streamEncoder struct {
	meta    dialect.Meta
	begun   bool // message_start is out
	reason  bool // a stop reason is out
	stopped bool // message_stop is out
	index   int  // of the open block, or of the next
	open    chat.PartKind
	call    int    // the open call
	input   []byte // its arguments so far
	waiting []*waitingCall
	calls   int // begun so far
	buf     []byte
}

// waitingCall is a call that began while another was open.
type waitingCall struct {
	index     int
	id, name  string
	signature chat.Signature
	arguments []byte
}

// Event implements dialect.StreamEncoder.
func (s *streamEncoder) Event(dst []byte, ev chat.Event, raw bool) []byte {
	if ev.Wire == chat.AnthropicMessages && ev.Raw != nil && !ev.Whole {
		return s.pass(dst, ev, raw)
	}
	if !ev.Says() && len(ev.Citations) == 0 {
		return s.start(dst, ev.Usage)
	}
	dst = s.start(dst, ev.Usage)
	if ev.Redacted != "" {
		dst = s.close(dst)
		dst = s.event(dst, "content_block_start", func(b []byte) []byte {
			return append(dialect.AppendString(append(s.at(b), `,"content_block":{"type":"redacted_thinking","data":`...), pack(ev.Signature, ev.Redacted)), "}"...)
		})
		s.open = chat.OpaquePart
		dst = s.close(dst)
	}
	if ev.Thinking != "" {
		dst = s.begin(dst, chat.ThinkingPart, `{"type":"thinking","thinking":"","signature":""}`)
		dst = s.delta(dst, `{"type":"thinking_delta","thinking":`, ev.Thinking)
	}
	if ev.Signature.Value != "" && ev.Redacted == "" {
		dst = s.begin(dst, chat.ThinkingPart, `{"type":"thinking","thinking":"","signature":""}`)
		dst = s.delta(dst, `{"type":"signature_delta","signature":`, pack(ev.Signature, ""))
		dst = s.close(dst)
	}
	if text := ev.Text + ev.Refusal; text != "" {
		dst = s.begin(dst, chat.TextPart, `{"type":"text","text":""}`)
		dst = s.delta(dst, `{"type":"text_delta","text":`, text)
	}
	for _, c := range ev.Citations {
		dst = s.begin(dst, chat.TextPart, `{"type":"text","text":""}`)
		dst = s.event(dst, "content_block_delta", func(b []byte) []byte {
			return append(appendCitation(append(s.at(b), `,"delta":{"type":"citations_delta","citation":`...), c), '}')
		})
	}
	for _, c := range ev.ToolCalls {
		dst = s.toolCall(dst, c)
	}
	return dst
}

// start opens the message.
func (s *streamEncoder) start(dst []byte, u *chat.Usage) []byte {
	if s.begun {
		return dst
	}
	s.begun = true
	var usage chat.Usage
	if u != nil {
		usage = *u
	}
	return s.event(dst, "message_start", func(b []byte) []byte {
		b = head(append(b, `,"message":`...), s.meta)
		b = append(b, `,"content":[],"stop_reason":null,"stop_sequence":null,"usage":`...)
		return append(appendUsage(b, usage), '}')
	})
}

// Mark implements dialect.Marker: by a piece of text that says nothing. The vendor's clients pass over every ping.
func (s *streamEncoder) Mark(dst []byte, m *dialect.Mark) ([]byte, bool) {
	if len(m.Field) == 0 || s.open != chat.TextPart {
		return dst, false
	}
	return s.event(dst, "content_block_delta", func(b []byte) []byte {
		return append(append(s.at(b), `,"delta":{"type":"text_delta","text":""},"dragoman":`...), m.Field...)
	}), true
}

// event writes an event; more appends its fields after the type.
func (s *streamEncoder) event(dst []byte, name string, more func([]byte) []byte) []byte {
	b := append(append(append(s.buf[:0], `{"type":"`...), name...), '"')
	s.buf = append(more(b), '}')
	return sse.Append(dst, name, s.buf)
}

func (s *streamEncoder) at(b []byte) []byte {
	return strconv.AppendInt(append(b, `,"index":`...), int64(s.index), 10)
}

// begin makes a block of a kind the open one.
func (s *streamEncoder) begin(dst []byte, kind chat.PartKind, block string) []byte {
	if s.open == kind {
		return dst
	}
	dst = s.close(dst)
	s.open = kind
	return s.event(dst, "content_block_start", func(b []byte) []byte {
		return append(append(s.at(b), `,"content_block":`...), block...)
	})
}

func (s *streamEncoder) delta(dst []byte, kind, text string) []byte {
	return s.event(dst, "content_block_delta", func(b []byte) []byte {
		return append(dialect.AppendString(append(append(s.at(b), `,"delta":`...), kind...), text), '}')
	})
}

// close ends the open block.
func (s *streamEncoder) close(dst []byte) []byte {
	if s.open == none {
		return dst
	}
	dst = s.event(dst, "content_block_stop", s.at)
	s.open = none
	s.index++
	return dst
}

// toolCall writes a piece of a call, or keeps it until its turn comes.
func (s *streamEncoder) toolCall(dst []byte, c chat.ToolCallPart) []byte {
	if s.open == chat.CallPart && s.call == c.Index && c.Name == "" {
		if c.Arguments == "" {
			return dst
		}
		s.input = append(s.input, c.Arguments...)
		return s.delta(dst, `{"type":"input_json_delta","partial_json":`, c.Arguments)
	}
	i := slices.IndexFunc(s.waiting, func(w *waitingCall) bool { return w.index == c.Index })
	if i < 0 && c.Index < s.calls && s.open != chat.CallPart {
		return dst // a piece for a call that is closed
	}
	// Arguments that are whole JSON are complete: the next call need not wait.
	if i >= 0 || s.open == chat.CallPart && !gjson.ValidBytes(s.input) {
		var w *waitingCall
		if i >= 0 {
			w = s.waiting[i]
		} else {
			w = &waitingCall{index: c.Index}
			s.waiting = append(s.waiting, w)
		}
		w.id, w.name, w.arguments = w.id+c.ID, w.name+c.Name, append(w.arguments, c.Arguments...)
		if c.Signature.Value != "" {
			w.signature = c.Signature
		}
		return dst
	}
	return s.beginCall(dst, c.Index, callID(c.ID, c.Signature), c.Name, c.Arguments)
}

func (s *streamEncoder) beginCall(dst []byte, index int, id, name, arguments string) []byte {
	dst = s.close(dst)
	s.open, s.call, s.calls = chat.CallPart, index, max(s.calls, index+1)
	s.input = append(s.input[:0], arguments...)
	dst = s.event(dst, "content_block_start", func(b []byte) []byte {
		b = dialect.AppendString(append(s.at(b), `,"content_block":{"type":"tool_use","id":`...), id)
		return append(dialect.AppendString(append(b, `,"name":`...), name), `,"input":{}}`...)
	})
	if arguments != "" {
		dst = s.delta(dst, `{"type":"input_json_delta","partial_json":`, arguments)
	}
	return dst
}

// finishCalls writes the calls that waited.
func (s *streamEncoder) finishCalls(dst []byte) []byte {
	for _, w := range s.waiting {
		dst = s.beginCall(dst, w.index, callID(w.id, w.signature), w.name, string(w.arguments))
	}
	s.waiting = nil
	return dst
}

// pass hands an upstream's own event on.
func (s *streamEncoder) pass(dst []byte, ev chat.Event, raw bool) []byte {
	s.begun = true
	v := gjson.ParseBytes(ev.Raw)
	switch v.Get("type").String() {
	case "content_block_start":
		s.index = int(v.Get("index").Int())
		s.open = chat.OpaquePart
		if v.Get("content_block.type").String() == "text" {
			s.open = chat.TextPart
		}
	case "content_block_stop":
		s.open = none
		s.index = int(v.Get("index").Int()) + 1
	case "message_delta":
		s.reason = s.reason || ev.Finish != ""
	case "message_stop":
		s.stopped = true
	}
	data := ev.Raw
	if !raw {
		data = bytes.Clone(data)
		switch {
		case v.Get("delta.type").String() == "text_delta":
			data = set(data, "delta.text", dialect.AppendString(nil, ev.Text))
		case v.Get("content_block.type").String() == "text":
			data = set(data, "content_block.text", dialect.AppendString(nil, ev.Text))
		case v.Get("delta.type").String() == "input_json_delta" && len(ev.ToolCalls) > 0:
			data = set(data, "delta.partial_json", dialect.AppendString(nil, ev.ToolCalls[0].Arguments))
		}
	}
	return sse.Append(dst, ev.RawName, data)
}

// End implements dialect.StreamEncoder.
func (s *streamEncoder) End(dst []byte, a dialect.Answer) []byte {
	if s.stopped {
		return dst
	}
	dst = s.start(dst, &a.Usage)
	if !s.reason {
		for _, c := range a.Citations {
			if s.open == chat.TextPart && len(c.Raw) == 0 { // ours are known at the end only
				dst = s.event(dst, "content_block_delta", func(b []byte) []byte {
					return append(appendCitation(append(s.at(b), `,"delta":{"type":"citations_delta","citation":`...), c), '}')
				})
			}
		}
		dst = s.finishCalls(s.close(dst))
		dst = s.close(dst)
		dst = s.event(dst, "message_delta", func(b []byte) []byte {
			b = append(appendReason(append(b, `,"delta":{"stop_reason":`...), a), '}')
			b = appendUsage(append(b, `,"usage":`...), a.Usage)
			if len(a.Dragoman) > 0 {
				b = append(append(b, `,"dragoman":`...), a.Dragoman...)
			}
			return b
		})
	}
	return s.event(dst, "message_stop", func(b []byte) []byte { return b })
}

// Fail implements dialect.StreamEncoder: an error event, and no message_stop after it.
func (s *streamEncoder) Fail(dst []byte, e *chat.Error, trace string) []byte {
	_, body := Door{}.Error(e, trace)
	return sse.Append(dst, "error", body)
}
