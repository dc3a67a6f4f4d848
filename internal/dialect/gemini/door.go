package gemini

import (
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/sjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// Door answers callers of generateContent and streamGenerateContent.
type Door struct {
	// Array streams a JSON list in place of SSE events: streamGenerateContent without alt=sse.
	Array bool
}

var _ dialect.Door = Door{}

// Wire is gemini.generate.
func (Door) Wire() chat.Wire { return chat.GeminiGenerate }

// ContentType of a streamed answer.
func (d Door) ContentType() string {
	if d.Array {
		return "application/json; charset=UTF-8"
	}
	return "text/event-stream"
}

// NewStream encodes one streamed answer.
func (d Door) NewStream(m dialect.Meta) dialect.StreamEncoder {
	return &StreamEncoder{meta: m, array: d.Array}
}

// StreamEncoder writes an answer as chunks. Calls of tools, which come in pieces on other wires, are kept until the answer
// ends and then written whole, as is the finish reason, which takes the usage with it.
type StreamEncoder struct {
	meta     dialect.Meta
	array    bool
	begun    bool // the list
	finished bool // a finish reason was written
	passed   bool // an upstream's own event is out
	changed  bool // some text is not what its Raw says: metadata that repeats the answer must go
	calls    []chat.ToolCallPart
	said     said // what citations point into
	marks    []grounded
}

// Mark implements dialect.Marker: by the grounding of what was just said, in a chunk that says nothing. The last chunk has it again, with all
// others: the API's own clients read the last one.
func (e *StreamEncoder) Mark(dst []byte, m *dialect.Mark) ([]byte, bool) {
	if e.finished || e.passed {
		return dst, false
	}
	g := grounded{Citation: m.Citation, marked: true, score: m.Score}
	e.marks = append(e.marks, g)
	body := appendGrounding([]byte(`{"candidates":[{"content":{"parts":[{"text":""}],"role":"model"},"index":0`), []grounded{g}, &e.said)
	body = e.appendIdentity(append(body, "}]"...))
	if len(m.Field) > 0 {
		body = append(append(body, `,"dragoman":`...), m.Field...)
	}
	return e.chunk(dst, append(body, '}')), true
}

// Event appends a chunk.
func (e *StreamEncoder) Event(dst []byte, ev chat.Event, raw bool) []byte {
	e.said.text = append(e.said.text, ev.Text...)
	if ev.Wire == chat.GeminiGenerate && len(ev.Raw) > 0 && !endMark(ev.Raw) {
		if !e.passed { // what may have to follow is of the same answer
			e.passed = true
			if id := dialect.Parse(ev.Raw).Get("responseId").String(); id != "" {
				e.meta.ID = strings.Clone(id) // Raw does not last
			}
		}
		body := ev.Raw
		ok := true
		if !raw || e.changed {
			var changed bool
			if body, changed, ok = replaced(&ev, e.changed, raw); changed {
				e.changed = true
			}
		}
		if ok {
			if ev.Finish != "" {
				dst = e.flushCalls(dst)
				e.finished = true
			}
			return e.chunk(dst, body)
		}
	}
	for _, part := range ev.ToolCalls {
		e.collect(part)
	}
	parts := appendEventParts(nil, &ev)
	if len(parts) == 0 && len(ev.Logprobs) == 0 {
		return dst
	}
	body := append(append([]byte(`{"candidates":[{"content":{"parts":[`), parts...), `],"role":"model"},"index":0`...)
	if len(ev.Logprobs) > 0 {
		body = appendLogprobs(append(body, `,"logprobsResult":`...), ev.Logprobs)
	}
	body = append(body, "}]"...)
	return e.chunk(dst, append(e.appendIdentity(body), '}'))
}

func endMark(raw []byte) bool { return strings.TrimSpace(string(raw[:min(len(raw), 16)])) == "[DONE]" }

// collect appends a piece to its call.
func (e *StreamEncoder) collect(p chat.ToolCallPart) {
	i := slices.IndexFunc(e.calls, func(c chat.ToolCallPart) bool { return c.Index == p.Index })
	if i < 0 {
		e.calls = append(e.calls, p)
		return
	}
	c := &e.calls[i]
	c.Arguments += p.Arguments
	if p.ID != "" {
		c.ID = p.ID
	}
	if p.Name != "" {
		c.Name = p.Name
	}
	if p.Signature.Value != "" {
		c.Signature = p.Signature
	}
}

// flushCalls writes the calls that were kept.
func (e *StreamEncoder) flushCalls(dst []byte) []byte {
	if len(e.calls) == 0 {
		return dst
	}
	body := append(e.appendCalls([]byte(`{"candidates":[{"content":{"parts":[`)), `],"role":"model"},"index":0}]`...)
	return e.chunk(dst, append(e.appendIdentity(body), '}'))
}

func (e *StreamEncoder) appendCalls(dst []byte) []byte {
	slices.SortStableFunc(e.calls, func(a, b chat.ToolCallPart) int { return a.Index - b.Index })
	for i, c := range e.calls {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendCall(dst, c.ID, c.Name, c.Arguments, c.Signature)
	}
	e.calls = nil
	return dst
}

func appendCall(dst []byte, id, name, arguments string, sig chat.Signature) []byte {
	dst = append(dst, `{"functionCall":{`...)
	if id != "" {
		dst = append(appendString(append(dst, `"id":`...), id), ',')
	}
	dst = appendString(append(dst, `"name":`...), name)
	dst = append(appendArguments(append(dst, `,"args":`...), arguments), '}')
	return append(appendSignature(dst, sig), '}')
}

func appendSignature(dst []byte, sig chat.Signature) []byte {
	if sig.Value == "" {
		return dst
	}
	return appendString(append(dst, `,"thoughtSignature":`...), pack(sig))
}

// appendEventParts appends what an event says, but for its calls, as parts.
func appendEventParts(dst []byte, ev *chat.Event) []byte {
	if ev.Thinking != "" || ev.Signature.Value != "" {
		dst = appendThought(dst, ev.Thinking, ev.Signature)
	}
	if ev.Redacted != "" {
		of := ev.Signature.Of
		if of == "" {
			of = ev.Wire.Dialect()
		}
		dst = appendRedacted(comma(dst), of, ev.Redacted)
	}
	if ev.Text != "" {
		dst = append(appendString(append(comma(dst), `{"text":`...), ev.Text), '}')
	}
	if ev.Refusal != "" { // there is no other place for it
		dst = append(appendString(append(comma(dst), `{"text":`...), ev.Refusal), '}')
	}
	return dst
}

func comma(dst []byte) []byte {
	if len(dst) > 0 {
		return append(dst, ',')
	}
	return dst
}

func appendThought(dst []byte, text string, sig chat.Signature) []byte {
	dst = append(appendString(append(dst, `{"text":`...), text), `,"thought":true`...)
	return append(appendSignature(dst, sig), '}')
}

func appendRedacted(dst []byte, of chat.Dialect, value string) []byte {
	dst = append(dst, `{"text":"","thought":true,"thoughtSignature":`...)
	return append(appendString(dst, packRedacted(of, value)), '}')
}

// End writes the last chunk: calls, finish reason, citations, usage, and the field dragoman.
func (e *StreamEncoder) End(dst []byte, a dialect.Answer) []byte {
	body := []byte{'{'}
	if e.finished {
		dst = e.flushCalls(dst)
	}
	if !e.finished {
		body = append(body, `"candidates":[{"content":{"parts":[`...)
		if len(e.calls) > 0 {
			body = e.appendCalls(body)
		} else {
			body = append(body, `{"text":""}`...)
		}
		body = append(append(append(body, `],"role":"model"},"finishReason":"`...), finishReason(a.Finish)...), `","index":0`...)
		body = appendCitations(body, a.Citations, e.marks, &e.said)
		body = append(body, `}],"usageMetadata":`...)
		body = appendUsage(body, a.Usage)
		body = e.appendIdentity(body)
	} else if len(a.Dragoman) > 0 {
		body = e.appendIdentity(body)
		body = append(body[:1], body[2:]...) // without the comma before
	}
	if len(a.Dragoman) > 0 {
		body = append(append(body, `,"dragoman":`...), a.Dragoman...)
	}
	if len(body) > 1 {
		dst = e.chunk(dst, append(body, '}'))
	}
	if e.array {
		dst = append(e.begin(dst), ']')
	}
	return dst
}

// Fail writes an error object and no finish reason. Where the failure is the provider's own chunk or error, that is written.
func (e *StreamEncoder) Fail(dst []byte, err *chat.Error, trace string) []byte {
	body := err.Raw
	if !passes(err) && !ends(err) {
		_, body = Door{}.Error(withoutRaw(err), trace)
	}
	if v := strings.TrimSpace(string(body)); strings.HasPrefix(v, "[") { // a list around it
		_, body = Door{}.Error(withoutRaw(err), trace)
	}
	dst = e.chunk(dst, body)
	if e.array {
		dst = append(dst, ']')
	}
	return dst
}

// chunk appends a response as an event, or an element of the list. JSON keeps its line breaks between tokens only, where
// spaces do as well.
func (e *StreamEncoder) chunk(dst, body []byte) []byte {
	if e.array {
		if e.begun {
			dst = append(dst, ",\r\n"...)
		}
		dst = e.begin(dst)
	} else {
		dst = append(dst, "data: "...)
	}
	from := len(dst)
	dst = append(dst, body...)
	for i := from; i < len(dst); i++ {
		if dst[i] == '\n' || dst[i] == '\r' {
			dst[i] = ' '
		}
	}
	if !e.array {
		dst = append(dst, "\n\n"...)
	}
	return dst
}

func (e *StreamEncoder) begin(dst []byte) []byte {
	if !e.begun {
		e.begun = true
		dst = append(dst, '[')
	}
	return dst
}

func (e *StreamEncoder) appendIdentity(dst []byte) []byte { return appendIdentity(dst, e.meta) }

func appendIdentity(dst []byte, m dialect.Meta) []byte {
	dst = appendString(append(dst, `,"modelVersion":`...), TrimModel(m.Model))
	return appendString(append(dst, `,"responseId":`...), m.ID)
}

// finishReason is the API's word. Calls end with STOP there, as does a refusal that was said.
func finishReason(f chat.FinishReason) string {
	switch f {
	case chat.FinishLength:
		return "MAX_TOKENS"
	case chat.FinishContentFilter:
		return "SAFETY"
	case chat.FinishPause:
		return "OTHER"
	}
	return "STOP"
}

func appendUsage(dst []byte, u chat.Usage) []byte {
	field := func(name string, n int64, always bool) {
		if n != 0 || always {
			if dst[len(dst)-1] != '{' {
				dst = append(dst, ',')
			}
			dst = append(append(append(dst, '"'), name...), `":`...)
			dst = strconv.AppendInt(dst, n, 10)
		}
	}
	dst = append(dst, '{')
	field("promptTokenCount", u.Input, true)
	field("cachedContentTokenCount", u.CachedInput, false)
	field("candidatesTokenCount", max(0, u.Output-u.Reasoning), true)
	field("thoughtsTokenCount", min(u.Reasoning, u.Output), false)
	field("totalTokenCount", u.Total(), true)
	return append(dst, '}')
}

// Whole writes an unstreamed answer.
func (d Door) Whole(m dialect.Meta, a dialect.Answer) []byte {
	if a.Wire == chat.GeminiGenerate && len(a.Raw) > 0 && a.Raw[0] == '{' {
		if body, ok := wholeReplaced(&a); ok {
			return withDragoman(body, a)
		}
	}
	body := []byte(`{"candidates":[{"content":{"parts":[`)
	var text said
	n := 0
	next := func() {
		if n++; n > 1 {
			body = append(body, ',')
		}
	}
	for i := range a.Message.Parts {
		switch p := &a.Message.Parts[i]; p.Kind {
		case chat.TextPart, chat.RefusalPart:
			if p.Text == "" {
				continue
			}
			next()
			text.add(n-1, p.Text)
			body = appendString(append(body, `{"text":`...), p.Text)
			body = append(appendSignature(body, p.Signature), '}')
		case chat.ThinkingPart:
			next()
			if p.Redacted != "" {
				of := p.Signature.Of
				if of == "" {
					of = a.Wire.Dialect()
				}
				body = appendRedacted(body, of, p.Redacted)
				continue
			}
			body = appendThought(body, p.Text, p.Signature)
		case chat.CallPart:
			next()
			body = appendCall(body, p.Call.ID, p.Call.Name, p.Call.Arguments, p.Signature)
		}
	}
	if n == 0 {
		body = append(body, `{"text":""}`...)
	}
	body = append(append(append(body, `],"role":"model"},"finishReason":"`...), finishReason(a.Finish)...), `","index":0`...)
	if len(a.Logprobs) > 0 {
		body = appendLogprobs(append(body, `,"logprobsResult":`...), a.Logprobs)
	}
	body = appendCitations(body, a.Citations, nil, &text)
	body = appendUsage(append(body, `}],"usageMetadata":`...), a.Usage)
	body = append(appendIdentity(body, m), '}')
	return withDragoman(body, a)
}

func withDragoman(body []byte, a dialect.Answer) []byte {
	if len(a.Dragoman) == 0 {
		return body
	}
	out, err := sjson.SetRawBytes(body, "dragoman", a.Dragoman)
	if err != nil {
		return body
	}
	return out
}
