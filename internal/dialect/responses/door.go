package responses

import (
	"encoding/json"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
	"github.com/dragoman/dragoman/internal/dialect/fault"
)

// Door answers callers of /v1/responses. The zero value serves every request; one with Request also repeats the
// previous_response_id that Expand took out of the body.
type Door struct {
	Request *Request
}

var _ dialect.Door = Door{}

// Wire is chat.OpenAIResponses.
func (Door) Wire() chat.Wire { return chat.OpenAIResponses }

// NewStream encodes one streamed answer. Its result is a *StreamEncoder.
func (d Door) NewStream(m dialect.Meta) dialect.StreamEncoder { return d.encoder(m) }

func (d Door) encoder(m dialect.Meta) *StreamEncoder {
	e := &StreamEncoder{object: newObject(m, d.Request), names: namesOf(m.Request), hexID: m.ID}
	if m.Request != nil && m.Request.Wire == chat.OpenAIResponses && m.Request.Body != nil {
		dialect.Parse(m.Request.Body).Get("include").ForEach(func(_, v gjson.Result) bool {
			e.encrypted = e.encrypted || v.Str == includeEncrypted
			return true
		})
	}
	return e
}

// Whole encodes an unstreamed answer.
func (d Door) Whole(m dialect.Meta, a dialect.Answer) []byte {
	if len(a.Raw) > 0 && a.Wire == chat.OpenAIResponses {
		raw := a.Raw
		if a.Changed {
			raw = rewritten(raw, a)
		}
		if len(a.Dragoman) > 0 {
			raw = dialect.Splice(raw, []dialect.Patch{dialect.SetField(raw, "dragoman", a.Dragoman)})
		}
		return raw
	}
	e := d.encoder(m)
	status, incomplete := e.whole(a)
	return e.object.append(nil, state{status: status, incomplete: incomplete, output: e.items, usage: &a.Usage, dragoman: a.Dragoman})
}

// whole makes the items of a complete answer.
func (e *StreamEncoder) whole(a dialect.Answer) (status, incomplete string) {
	e.begun = true
	var scratch []byte // the events are not wanted
	first := true
	for i := range a.Message.Parts {
		ev := eventOf(&a.Message.Parts[i], len(e.calls))
		if ev.Text != "" && first {
			ev.Logprobs, ev.Citations, first = a.Logprobs, a.Citations, false
		}
		scratch = e.say(scratch[:0], &ev)
	}
	status, incomplete = statusFor(a.Finish, e.refused)
	scratch = e.closeItem(scratch[:0], status)
	e.closeCalls(scratch[:0], status, false)
	return status, incomplete
}

// Output returns the items of an answer that was not streamed, as Whole shows them, for storing: thoughts have with them what
// brings them back to their provider, also where the caller has not asked for it. Of a streamed answer StreamEncoder.Items are
// the ones that the caller has seen.
func Output(m dialect.Meta, a dialect.Answer) []json.RawMessage {
	if len(a.Raw) > 0 && a.Wire == chat.OpenAIResponses {
		raw := a.Raw
		if a.Changed {
			raw = rewritten(raw, a)
		}
		var out []json.RawMessage
		for _, item := range gjson.GetBytes(raw, "output").Array() {
			out = append(out, json.RawMessage(item.Raw))
		}
		return out
	}
	e := Door{}.encoder(m)
	e.encrypted = true
	e.whole(a)
	return e.Items()
}

// ID is the id of an answer that was not streamed, as Whole shows it.
func ID(m dialect.Meta, a dialect.Answer) string {
	if len(a.Raw) > 0 && a.Wire == chat.OpenAIResponses {
		return gjson.GetBytes(a.Raw, "id").String()
	}
	return "resp_" + m.ID
}

// rewritten is an upstream's answer with the texts of a in place of its own. All text goes to the first part that has text.
func rewritten(raw []byte, a dialect.Answer) []byte {
	was, err := Upstream{}.Whole(raw)
	if err != nil {
		return raw
	}
	var text, refusal, thinking string
	var calls []chat.ToolCall
	for _, p := range a.Message.Parts {
		switch p.Kind {
		case chat.TextPart:
			text += p.Text
		case chat.RefusalPart:
			refusal += p.Text
		case chat.ThinkingPart:
			thinking += p.Text
		case chat.CallPart:
			calls = append(calls, *p.Call)
		}
	}
	var patches []dialect.Patch
	put := func(v gjson.Result, s *string) {
		patches = append(patches, dialect.Patch{At: dialect.Place(raw, v), JSON: dialect.AppendString(nil, *s)})
		*s = "" // what follows of its kind is part of it by now
	}
	empty := func(v gjson.Result) {
		if v.IsArray() && v.Get("0").Exists() { // they speak of the text that was
			patches = append(patches, dialect.Patch{At: dialect.Place(raw, v), JSON: []byte("[]")})
		}
	}
	thought := was.Thinking
	for _, p := range was.Thoughts {
		thought += p.Text
	}
	sameText, sameRefusal, sameThinking := text == was.Text, refusal == was.Refusal, thinking == thought
	called := 0
	output := dialect.Parse(raw).Get("output")
	output.ForEach(func(_, item gjson.Result) bool {
		switch item.Get("type").String() {
		case "message":
			item.Get("content").ForEach(func(_, p gjson.Result) bool {
				if v := p.Get("text"); v.Exists() && !sameText {
					put(v, &text)
					empty(p.Get("annotations"))
					empty(p.Get("logprobs"))
				}
				if v := p.Get("refusal"); v.Exists() && !sameRefusal {
					put(v, &refusal)
				}
				return true
			})
		case "reasoning":
			for _, list := range []string{"summary", "content"} {
				item.Get(list).ForEach(func(_, p gjson.Result) bool {
					if v := p.Get("text"); v.Exists() && !sameThinking {
						put(v, &thinking)
					}
					return true
				})
			}
		case "function_call", "custom_tool_call", "local_shell_call":
			if called < len(calls) {
				c := calls[called]
				for name, s := range map[string]string{"arguments": c.Arguments, "input": customInput(c.Arguments)} {
					if v := item.Get(name); v.Type == gjson.String && v.Str != s {
						put(v, &s)
					}
				}
				if v := item.Get("action"); v.IsObject() && v.Raw != c.Arguments && isObject(c.Arguments) {
					patches = append(patches, dialect.Patch{At: dialect.Place(raw, v), JSON: []byte(c.Arguments)})
				}
			}
			called++
		}
		return true
	})
	if !sameText && text != "" || !sameRefusal && refusal != "" { // there was no place for it
		var parts []byte
		if text != "" && !sameText {
			parts = appendTextPart(parts, text, nil, nil)
		}
		if refusal != "" && !sameRefusal {
			if len(parts) > 0 {
				parts = append(parts, ',')
			}
			parts = appendRefusalPart(parts, refusal)
		}
		item := appendMessage(nil, "msg_"+gjson.GetBytes(raw, "id").String(), "completed", parts)
		if output.Get("0").Exists() {
			item = append([]byte{','}, item...)
		}
		end := dialect.Place(raw, output).End - 1
		patches = append(patches, dialect.Patch{At: chat.Span{Start: end, End: end}, JSON: item})
	}
	// What the whole answer says of its text once more, at some servers.
	if v := dialect.Parse(raw).Get("output_text"); v.Type == gjson.String && !sameText {
		patches = append(patches, dialect.Patch{At: dialect.Place(raw, v), JSON: dialect.AppendString(nil, a.Message.Text())})
	}
	return dialect.Splice(raw, patches)
}

// Error is how a failure looks. A provider's own error of an OpenAI wire is passed on as it is.
func (Door) Error(e *chat.Error, trace string) (status int, body []byte) {
	return fault.Encode(e, trace)
}
