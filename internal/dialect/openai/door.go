package openai

import (
	"bytes"
	"strconv"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
	"github.com/dragoman/dragoman/internal/dialect/fault"
	"github.com/dragoman/dragoman/internal/sse"
)

// Door answers callers of chat completions.
type Door struct{}

var _ dialect.Door = Door{}

// Wire implements dialect.Door.
func (Door) Wire() chat.Wire { return chat.OpenAIChat }

// Whole implements dialect.Door.
func (Door) Whole(m dialect.Meta, a dialect.Answer) []byte {
	if a.Wire == chat.OpenAIChat && a.Raw != nil {
		return wholeRaw(a)
	}
	b := head(nil, idOf(m), m, "chat.completion")
	b = append(b, `,"choices":[{"index":0,"message":{"role":"assistant"`...)
	b = appendMessage(b, a.Message, a.Citations)
	b = append(b, '}')
	if len(a.Logprobs) > 0 {
		b = append(appendLogprobs(append(b, `,"logprobs":{"content":`...), a.Logprobs), `,"refusal":null}`...)
	} else {
		b = append(b, `,"logprobs":null`...)
	}
	b = dialect.AppendString(append(b, `,"finish_reason":`...), finishName(a.Finish))
	b = append(b, "}]"...)
	b = appendUsage(append(b, `,"usage":`...), a.Usage)
	if len(a.Dragoman) > 0 {
		b = append(append(b, `,"dragoman":`...), a.Dragoman...)
	}
	return append(b, '}')
}

// wholeRaw is the provider's own answer, with what was changed in it.
func wholeRaw(a dialect.Answer) []byte {
	body := a.Raw
	if a.Changed {
		body = setMessage(bytes.Clone(body), "choices.0.message.", a.Message.Text(), a.Message.Calls())
	}
	if len(a.Dragoman) > 0 {
		if with, err := sjson.SetRawBytes(body, "dragoman", a.Dragoman); err == nil {
			body = with
		}
	}
	return body
}

// setMessage puts text and arguments into a message or a delta that has them.
func setMessage(body []byte, path, text string, calls []chat.ToolCall) []byte {
	set := func(field, value string) {
		old := gjson.GetBytes(body, path+field)
		if !old.Exists() && value == "" || old.Type == gjson.Null && value == "" || old.String() == value {
			return
		}
		if out, err := sjson.SetRawBytes(body, path+field, dialect.AppendString(nil, value)); err == nil {
			body = out
		}
	}
	set("content", text)
	for i, c := range calls {
		set("tool_calls."+strconv.Itoa(i)+".function.arguments", c.Arguments)
	}
	return body
}

// head opens an object of the answer.
func idOf(m dialect.Meta) string { return "chatcmpl-" + m.ID }

func head(b []byte, id string, m dialect.Meta, object string) []byte {
	b = append(dialect.AppendString(append(b, `{"id":`...), id), `,"object":"`...)
	b = append(append(b, object...), `","created":`...)
	b = strconv.AppendInt(b, m.Created.Unix(), 10)
	return dialect.AppendString(append(b, `,"model":`...), m.Model)
}

func appendMessage(b []byte, m chat.Message, citations []chat.Citation) []byte {
	var text, refusal, thinking string
	said, refused := false, false
	n := 0
	for _, p := range m.Parts {
		switch p.Kind {
		case chat.TextPart:
			text += p.Text
			said = true
		case chat.RefusalPart:
			refusal += p.Text
			refused = true
		case chat.ThinkingPart:
			thinking += p.Text
		case chat.CallPart:
			n++
		}
	}
	b = append(b, `,"content":`...)
	if said && !(text == "" && (n > 0 || refused)) {
		b = dialect.AppendString(b, text)
	} else {
		b = append(b, "null"...)
	}
	b = append(b, `,"refusal":`...)
	if refused {
		b = dialect.AppendString(b, refusal)
	} else {
		b = append(b, "null"...)
	}
	if thinking != "" {
		b = dialect.AppendString(append(b, `,"reasoning_content":`...), thinking)
	}
	details := 0
	for _, p := range m.Parts {
		if p.Kind == chat.ThinkingPart {
			if details == 0 {
				b = append(b, `,"reasoning_details":[`...)
			} else {
				b = append(b, ',')
			}
			b = appendThought(b, p.Text, p.Redacted, p.Signature, details)
			details++
		}
	}
	if details > 0 {
		b = append(b, ']')
	}
	i := 0
	for _, p := range m.Parts {
		if p.Kind != chat.CallPart {
			continue
		}
		if i == 0 {
			b = append(b, `,"tool_calls":[`...)
		} else {
			b = append(b, ',')
		}
		i++
		b = appendCall(b, -1, dialect.PackCallID(p.Call.ID, p.Signature), p.Call.Name, p.Call.Arguments)
	}
	if i > 0 {
		b = append(b, ']')
	}
	b = append(b, `,"annotations":`...)
	return appendAnnotations(b, citations)
}

// appendThought writes an entry of reasoning_details, in OpenRouter's format.
func appendThought(b []byte, text, redacted string, s chat.Signature, index int) []byte {
	format := ""
	for name, of := range formats {
		if of == s.Of {
			format = name
		}
	}
	switch {
	case redacted != "":
		b = dialect.AppendString(append(b, `{"type":"reasoning.encrypted","data":`...), redacted)
	default:
		b = dialect.AppendString(append(b, `{"type":"reasoning.text","text":`...), text)
		if s.Value != "" {
			b = dialect.AppendString(append(b, `,"signature":`...), s.Value)
		}
	}
	if format != "" {
		b = dialect.AppendString(append(b, `,"format":`...), format)
	}
	return append(strconv.AppendInt(append(b, `,"index":`...), int64(index), 10), '}')
}

// appendCall writes a call, or with an index of 0 or more a piece of one.
func appendCall(b []byte, index int, id, name, arguments string) []byte {
	b = append(b, '{')
	if index >= 0 {
		b = append(strconv.AppendInt(append(b, `"index":`...), int64(index), 10), ',')
	}
	if id != "" || index < 0 {
		b = append(dialect.AppendString(append(b, `"id":`...), id), `,"type":"function",`...)
	}
	b = append(b, `"function":{`...)
	if name != "" || index < 0 {
		b = append(dialect.AppendString(append(b, `"name":`...), name), ',')
	}
	b = dialect.AppendString(append(b, `"arguments":`...), arguments)
	return append(b, "}}"...)
}

func appendAnnotations(b []byte, citations []chat.Citation) []byte {
	b = append(b, '[')
	for i, c := range citations {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(append(b, `{"type":"url_citation","url_citation":{"start_index":`...), int64(c.Start), 10)
		b = strconv.AppendInt(append(b, `,"end_index":`...), int64(c.End), 10)
		b = dialect.AppendString(append(b, `,"url":`...), c.URL)
		b = dialect.AppendString(append(b, `,"title":`...), c.Title)
		b = append(b, "}}"...)
	}
	return append(b, ']')
}

func appendLogprobs(b []byte, tokens []chat.TokenLogprob) []byte {
	b = append(b, '[')
	for i, t := range tokens {
		if i > 0 {
			b = append(b, ',')
		}
		b = appendLogprob(b, t)
		b = append(b, `,"top_logprobs":[`...)
		for j, top := range t.Top {
			if j > 0 {
				b = append(b, ',')
			}
			b = append(appendLogprob(b, top), '}')
		}
		b = append(b, "]}"...)
	}
	return append(b, ']')
}

func appendLogprob(b []byte, t chat.TokenLogprob) []byte {
	b = dialect.AppendString(append(b, `{"token":`...), t.Token)
	b = strconv.AppendFloat(append(b, `,"logprob":`...), t.Logprob, 'g', -1, 64)
	b = append(b, `,"bytes":`...)
	if t.Bytes == nil {
		return append(b, "null"...)
	}
	b = append(b, '[')
	for i, c := range t.Bytes {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(b, int64(c), 10)
	}
	return append(b, ']')
}

func appendUsage(b []byte, u chat.Usage) []byte {
	b = strconv.AppendInt(append(b, `{"prompt_tokens":`...), u.Input, 10)
	b = strconv.AppendInt(append(b, `,"completion_tokens":`...), u.Output, 10)
	b = strconv.AppendInt(append(b, `,"total_tokens":`...), u.Total(), 10)
	b = strconv.AppendInt(append(b, `,"prompt_tokens_details":{"cached_tokens":`...), u.CachedInput, 10)
	if u.CacheWrite > 0 {
		b = strconv.AppendInt(append(b, `,"cache_write_tokens":`...), u.CacheWrite, 10)
	}
	b = strconv.AppendInt(append(b, `},"completion_tokens_details":{"reasoning_tokens":`...), u.Reasoning, 10)
	return append(b, "}}"...)
}

func finishName(f chat.FinishReason) string {
	switch f {
	case "", chat.FinishPause, chat.FinishRefusal:
		return string(chat.FinishStop)
	}
	return string(f)
}

// NewStream implements dialect.Door.
func (Door) NewStream(m dialect.Meta) dialect.StreamEncoder {
	return &streamEncoder{meta: m, id: idOf(m)}
}

type streamEncoder struct {
	meta     dialect.Meta
	id       string
	named    bool // the id is the provider's
	begun    bool // the chunk that says who speaks is out
	finished bool // a chunk with a finish reason is out
	usage    bool // the chunk with the usage is out
	thought  int  // index of the thought that is being told
	cited    int  // citations that stood in chunks which were handed on
	buf      []byte
}

// Event implements dialect.StreamEncoder.
func (s *streamEncoder) Event(dst []byte, ev chat.Event, raw bool) []byte {
	if ev.Wire == chat.OpenAIChat && ev.Raw != nil && !ev.Whole {
		return s.pass(dst, ev, raw)
	}
	if !ev.Says() && len(ev.Logprobs) == 0 {
		return dst // the end is told at the end
	}
	s.usage = false // of the answer that this one goes on with
	b := s.chunk()
	b = append(b, `,"choices":[{"index":0,"delta":{`...)
	from := len(b)
	comma := func() {
		if len(b) > from {
			b = append(b, ',')
		}
	}
	if !s.begun {
		b = append(b, `"role":"assistant"`...)
		s.begun = true
	}
	if ev.Text != "" {
		comma()
		b = dialect.AppendString(append(b, `"content":`...), ev.Text)
	}
	if ev.Refusal != "" {
		comma()
		b = dialect.AppendString(append(b, `"refusal":`...), ev.Refusal)
	}
	if ev.Thinking != "" || ev.Signature.Value != "" || ev.Redacted != "" {
		comma()
		if ev.Thinking != "" {
			b = append(dialect.AppendString(append(b, `"reasoning_content":`...), ev.Thinking), ',')
		}
		b = append(appendThought(append(b, `"reasoning_details":[`...), ev.Thinking, ev.Redacted, ev.Signature, s.thought), ']')
		if ev.Signature.Value != "" || ev.Redacted != "" {
			s.thought++
		}
	}
	if len(ev.ToolCalls) > 0 {
		comma()
		b = append(b, `"tool_calls":[`...)
		for i, c := range ev.ToolCalls {
			if i > 0 {
				b = append(b, ',')
			}
			b = appendCall(b, c.Index, dialect.PackCallID(c.ID, signatureOf(c)), c.Name, c.Arguments)
		}
		b = append(b, ']')
	}
	b = append(b, '}')
	if len(ev.Logprobs) > 0 {
		b = append(appendLogprobs(append(b, `,"logprobs":{"content":`...), ev.Logprobs), '}')
	}
	b = append(b, `,"finish_reason":null}]}`...)
	s.buf = b
	return sse.Append(dst, "", b)
}

// signatureOf is the signature that travels in a call's id: only the piece with the id can carry it.
func signatureOf(c chat.ToolCallPart) chat.Signature {
	if c.ID == "" {
		return chat.Signature{}
	}
	return c.Signature
}

// pass hands an upstream's own chunk on.
func (s *streamEncoder) pass(dst []byte, ev chat.Event, raw bool) []byte {
	if ev.Usage != nil && ev.Finish == "" && !ev.Says() && !s.meta.Request.IncludeUsage {
		return dst // asked for by us, for the books
	}
	s.usage = s.usage || ev.Usage != nil
	if !s.named { // what may have to follow is of the same answer
		if id := gjson.GetBytes(ev.Raw, "id").String(); id != "" {
			s.id, s.named = id, true
		}
	}
	s.begun = true
	s.cited += len(ev.Citations)
	s.finished = s.finished || ev.Finish != ""
	data := ev.Raw
	if !raw {
		calls := make([]chat.ToolCall, len(ev.ToolCalls))
		for i, c := range ev.ToolCalls {
			calls[i].Arguments = c.Arguments
		}
		data = setMessage(bytes.Clone(data), "choices.0.delta.", ev.Text, calls)
	}
	return sse.Append(dst, ev.RawName, data)
}

// chunk opens a chunk in the encoder's buffer.
func (s *streamEncoder) chunk() []byte { return head(s.buf[:0], s.id, s.meta, "chat.completion.chunk") }

// End implements dialect.StreamEncoder.
func (s *streamEncoder) End(dst []byte, a dialect.Answer) []byte {
	a.Citations = a.Citations[min(s.cited, len(a.Citations)):] // the first ones: nothing is handed on after what is not
	if !s.finished || len(a.Dragoman) > 0 || len(a.Citations) > 0 {
		b := append(s.chunk(), `,"choices":[{"index":0,"delta":{`...)
		if !s.begun {
			b = append(b, `"role":"assistant","content":""`...)
			if len(a.Citations) > 0 {
				b = append(b, ',')
			}
		}
		if len(a.Citations) > 0 {
			b = appendAnnotations(append(b, `"annotations":`...), a.Citations)
		}
		b = append(b, `},"finish_reason":`...)
		b = append(dialect.AppendString(b, finishName(a.Finish)), "}]"...)
		if len(a.Dragoman) > 0 {
			b = append(append(b, `,"dragoman":`...), a.Dragoman...)
		}
		b = append(b, '}')
		s.buf = b
		dst = sse.Append(dst, "", b)
	}
	if s.meta.Request.IncludeUsage && !s.usage {
		b := append(s.chunk(), `,"choices":[],"usage":`...)
		b = append(appendUsage(b, a.Usage), '}')
		s.buf = b
		dst = sse.Append(dst, "", b)
	}
	return append(dst, "data: [DONE]\n\n"...)
}

// Fail implements dialect.StreamEncoder: an error event, and no [DONE] after it.
func (s *streamEncoder) Fail(dst []byte, e *chat.Error, trace string) []byte {
	_, body := Door{}.Error(e, trace)
	return sse.Append(dst, "", body)
}

// Error implements dialect.Door.
func (Door) Error(e *chat.Error, trace string) (status int, body []byte) {
	return fault.Encode(e, trace)
}

// Remark is a chunk that says nothing of the answer, and has a field dragoman.
func Remark(m dialect.Meta, dragoman []byte) []byte {
	b := append(head(nil, idOf(m), m, "chat.completion.chunk"), `,"choices":[{"index":0,"delta":{},"finish_reason":null}],"dragoman":`...)
	return append(append(b, dragoman...), '}')
}
