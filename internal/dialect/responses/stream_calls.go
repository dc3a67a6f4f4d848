package responses

import (
	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// maxCalls bounds the calls of one answer: an index beyond it is an upstream's mistake and not worth memory.
const maxCalls = 1024

// call appends a piece of a tool call. Calls may come interleaved, since each is an item of its own.
func (e *StreamEncoder) call(dst []byte, p *chat.ToolCallPart) []byte {
	if p.Index < 0 || p.Index >= maxCalls {
		return dst
	}
	for len(e.calls) <= p.Index {
		e.calls = append(e.calls, nil)
	}
	c := e.calls[p.Index]
	if c == nil {
		dst = e.closeItem(dst, "completed")
		dst = e.closeCalls(dst, "completed", true)
		c = e.newCall(p)
		e.calls[p.Index] = c
		dst = index(e.event(dst, "response.output_item.added"), `,"output_index":`, c.place)
		dst = append(dst, `,"item":`...)
		if c.kind == kindLocalShell {
			dst = appendCall(dst, c.id, "in_progress", c.callID, c.name, `{"type":"exec","command":[],"env":{}}`, e.names)
		} else {
			dst = appendCall(dst, c.id, "in_progress", c.callID, c.name, "", e.names)
		}
		dst = closeEvent(dst)
	}
	if c.done || p.Arguments == "" {
		return dst
	}
	c.arguments = append(c.arguments, p.Arguments...)
	switch c.kind {
	case kindFunction:
		dst = at(e.event(dst, "response.function_call_arguments.delta"), c.id, c.place)
		dst = closeEvent(dialect.AppendString(append(dst, `,"delta":`...), p.Arguments))
	case kindCustom:
		dst = e.customDelta(dst, c, c.input.add(p.Arguments))
	}
	return dst
}

// shownName is what a tool is called on this wire.
func (e *StreamEncoder) shownName(flat string) string {
	if n, ok := e.names[flat]; ok {
		return n.name
	}
	return flat
}

func (e *StreamEncoder) customDelta(dst []byte, c *openCall, piece string) []byte {
	if piece == "" {
		return dst
	}
	dst = at(e.event(dst, "response.custom_tool_call_input.delta"), c.id, c.place)
	return closeEvent(dialect.AppendString(append(dst, `,"delta":`...), piece))
}

func (e *StreamEncoder) newCall(p *chat.ToolCallPart) *openCall {
	c := &openCall{place: len(e.items), callID: dialect.PackCallID(p.ID, p.Signature), name: p.Name, kind: e.names[p.Name].kind}
	c.id = e.nextID
	e.nextID = ""
	if c.id == "" {
		c.id = e.itemID(kindPrefixes[c.kind])
	}
	if p.ID == "" { // the caller has to name the call in its answer
		c.callID = dialect.PackCallID(e.itemID("call_"), p.Signature)
	}
	e.items = append(e.items, nil)
	return c
}

// closeCalls closes the calls that are open; with surely, only those to which nothing can be added: their arguments are a
// complete object.
func (e *StreamEncoder) closeCalls(dst []byte, status string, surely bool) []byte {
	for _, c := range e.calls {
		if c == nil || c.done || surely && !isObject(string(c.arguments)) {
			continue
		}
		c.done = true
		arguments := string(c.arguments)
		switch c.kind {
		case kindFunction:
			dst = at(e.event(dst, "response.function_call_arguments.done"), c.id, c.place)
			dst = dialect.AppendString(append(dst, `,"name":`...), e.shownName(c.name))
			dst = closeEvent(dialect.AppendString(append(dst, `,"arguments":`...), arguments))
		case kindCustom:
			whole, rest := c.input.finish()
			arguments = whole
			dst = e.customDelta(dst, c, rest)
			dst = at(e.event(dst, "response.custom_tool_call_input.done"), c.id, c.place)
			dst = closeEvent(dialect.AppendString(append(dst, `,"input":`...), whole))
		}
		dst = e.itemDone(dst, c.place, appendCall(nil, c.id, status, c.callID, c.name, arguments, e.names))
	}
	return dst
}

// End closes a complete answer.
func (e *StreamEncoder) End(dst []byte, a dialect.Answer) []byte {
	if e.ended {
		return dst
	}
	dst = e.begin(dst)
	if len(e.items) == 0 {
		for i := range a.Message.Parts {
			ev := eventOf(&a.Message.Parts[i], len(e.calls))
			dst = e.say(dst, &ev)
		}
	}
	for i := range a.Citations {
		if c := &a.Citations[i]; len(c.Raw) == 0 { // ours are known at the end only
			dst = e.note(dst, c)
		}
	}
	status, incomplete := statusFor(a.Finish, e.refused)
	dst = e.closeItem(dst, status)
	dst = e.closeCalls(dst, status, false)
	e.ended = true
	name := "response.completed"
	if incomplete != "" {
		name = "response.incomplete"
	}
	dst = append(e.event(dst, name), `,"response":`...)
	return closeEvent(e.object.append(dst, state{status: status, incomplete: incomplete, output: e.items, usage: &a.Usage, dragoman: a.Dragoman}))
}

// eventOf says a part of a complete message; index is the next call's.
func eventOf(p *chat.Part, index int) chat.Event {
	switch p.Kind {
	case chat.TextPart:
		return chat.Event{Text: p.Text}
	case chat.RefusalPart:
		return chat.Event{Refusal: p.Text}
	case chat.ThinkingPart:
		return chat.Event{Thinking: p.Text, Signature: p.Signature, Redacted: p.Redacted}
	case chat.CallPart:
		return chat.Event{ToolCalls: []chat.ToolCallPart{{Index: index, ID: p.Call.ID, Name: p.Call.Name, Arguments: p.Call.Arguments, Signature: p.Signature}}}
	}
	return chat.Event{}
}

// Fail ends a stream that cannot be completed.
func (e *StreamEncoder) Fail(dst []byte, err *chat.Error, trace string) []byte {
	if e.ended {
		return dst
	}
	e.ended = true
	if out, ok := e.passFailure(dst, err); ok {
		return out
	}
	dst = e.begin(dst)
	dst = append(e.event(dst, "response.failed"), `,"response":`...)
	return closeEvent(e.object.append(dst, state{status: "failed", fault: faultOf(err, trace), output: e.items}))
}
