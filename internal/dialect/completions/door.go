package completions

import (
	"encoding/json"
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
	"github.com/dragoman/dragoman/internal/dialect/fault"
)

// Door answers callers of /v1/completions. Thoughts and tool calls have no place in such an answer and are left out; a refusal
// is text.
type Door struct{}

var _ dialect.Door = Door{}

// Wire is chat.OpenAICompletions.
func (Door) Wire() chat.Wire { return chat.OpenAICompletions }

// NewStream encodes one streamed answer.
func (Door) NewStream(m dialect.Meta) dialect.StreamEncoder {
	e := &StreamEncoder{m: m, usage: m.Request != nil && m.Request.IncludeUsage}
	e.echo = echoed(m)
	return e
}

// echoed is the prompt that the answer is to begin with.
func echoed(m dialect.Meta) string {
	if m.Request == nil || m.Request.Wire != chat.OpenAICompletions || !dialect.Parse(m.Request.Body).Get("echo").Bool() {
		return ""
	}
	prompt, _, _ := texts(m.Request)
	return prompt
}

// StreamEncoder writes one answer as a stream.
type StreamEncoder struct {
	m      dialect.Meta
	usage  bool   // the caller wants it
	echo   string // what is still to be said before the answer
	finish bool
	ended  bool
	offset int // of the next token in the answer, in characters
}

func appendHead(dst []byte, m *dialect.Meta) []byte {
	dst = dialect.AppendString(append(dst, `{"id":`...), "cmpl-"+m.ID)
	dst = strconv.AppendInt(append(dst, `,"object":"text_completion","created":`...), m.Created.Unix(), 10)
	return dialect.AppendString(append(dst, `,"model":`...), m.Model)
}

func appendChoice(dst []byte, text string, probs []chat.TokenLogprob, offset int, finish chat.FinishReason) []byte {
	dst = dialect.AppendString(append(dst, `{"text":`...), text)
	dst = appendLogprobs(append(dst, `,"index":0,"logprobs":`...), probs, offset)
	dst = append(dst, `,"finish_reason":`...)
	switch finish {
	case "":
		dst = append(dst, "null"...)
	case chat.FinishLength:
		dst = append(dst, `"length"`...)
	case chat.FinishContentFilter, chat.FinishRefusal:
		dst = append(dst, `"content_filter"`...)
	default:
		dst = append(dst, `"stop"`...)
	}
	return append(dst, '}')
}

// Event appends what an event says; see dialect.StreamEncoder.
func (e *StreamEncoder) Event(dst []byte, ev chat.Event, raw bool) []byte {
	if e.ended {
		return dst
	}
	if len(ev.Raw) > 0 && ev.Wire == chat.OpenAICompletions && !ev.Whole {
		return e.pass(dst, &ev, raw)
	}
	if e.echo != "" {
		dst = e.chunk(dst, e.echo, nil, "")
		e.echo = ""
	}
	if text := ev.Text + ev.Refusal; text != "" || ev.Finish != "" {
		dst = e.chunk(dst, text, ev.Logprobs, ev.Finish)
	}
	return dst
}

func (e *StreamEncoder) chunk(dst []byte, text string, probs []chat.TokenLogprob, finish chat.FinishReason) []byte {
	e.finish = e.finish || finish != ""
	dst = appendHead(append(dst, "data: "...), &e.m)
	dst = appendChoice(append(dst, `,"choices":[`...), text, probs, e.offset, finish)
	e.offset += len([]rune(text))
	return append(dst, "]}\n\n"...)
}

// pass handles an event of this wire.
func (e *StreamEncoder) pass(dst []byte, ev *chat.Event, raw bool) []byte {
	e.echo = "" // upstream has been asked for it
	if string(ev.Raw) == "[DONE]" {
		return dst // End writes it
	}
	e.finish = e.finish || ev.Finish != ""
	v := dialect.Parse(ev.Raw)
	choice := v.Get("choices.0")
	if !choice.Exists() {
		if ev.Text != "" {
			dst = e.chunk(dst, ev.Text, nil, "")
		}
		if !e.usage {
			return dst // it was we who asked for it
		}
		e.usage = false
		return appendData(dst, ev.Raw)
	}
	body := ev.Raw
	if text := choice.Get("text"); !raw && text.String() != ev.Text {
		patches := []dialect.Patch{{At: dialect.Place(body, text), JSON: dialect.AppendString(nil, ev.Text)}}
		if p := choice.Get("logprobs"); p.IsObject() { // they would tell what was said
			patches = append(patches, dialect.Patch{At: dialect.Place(body, p), JSON: []byte("null")})
		}
		if !text.Exists() {
			return e.chunk(dst, ev.Text, nil, ev.Finish)
		}
		body = dialect.Splice(body, patches)
	}
	return appendData(dst, body)
}

// appendData appends an event; a line break in its data would end it.
func appendData(dst, data []byte) []byte {
	dst = append(dst, "data: "...)
	for _, c := range data {
		if c == '\n' || c == '\r' {
			c = ' ' // white space between JSON's tokens
		}
		dst = append(dst, c)
	}
	return append(dst, "\n\n"...)
}

// End closes a complete answer.
func (e *StreamEncoder) End(dst []byte, a dialect.Answer) []byte {
	if e.ended {
		return dst
	}
	e.ended = true
	if !e.finish {
		finish := a.Finish
		if finish == "" {
			finish = chat.FinishStop
		}
		dst = e.chunk(dst, e.echo, nil, finish)
	}
	if e.usage || len(a.Dragoman) > 0 {
		dst = append(appendHead(append(dst, "data: "...), &e.m), `,"choices":[]`...)
		if e.usage {
			dst = appendUsage(append(dst, `,"usage":`...), &a.Usage)
		}
		if len(a.Dragoman) > 0 {
			dst = append(append(dst, `,"dragoman":`...), a.Dragoman...)
		}
		dst = append(dst, "}\n\n"...)
	}
	return append(dst, "data: [DONE]\n\n"...)
}

// Fail ends a stream that cannot be completed: an error, and no end mark.
func (e *StreamEncoder) Fail(dst []byte, err *chat.Error, trace string) []byte {
	if e.ended {
		return dst
	}
	e.ended = true
	_, body := fault.Encode(err, trace)
	return appendData(dst, body)
}

// Whole encodes an unstreamed answer.
func (Door) Whole(m dialect.Meta, a dialect.Answer) []byte {
	text := a.Message.Text()
	if len(a.Raw) > 0 && a.Wire == chat.OpenAICompletions {
		body := a.Raw
		if was := dialect.Parse(body).Get("choices.0.text"); a.Changed && was.Type == gjson.String && was.Str != text {
			patches := []dialect.Patch{{At: dialect.Place(body, was), JSON: dialect.AppendString(nil, text)}}
			if p := dialect.Parse(body).Get("choices.0.logprobs"); p.IsObject() {
				patches = append(patches, dialect.Patch{At: dialect.Place(body, p), JSON: []byte("null")})
			}
			body = dialect.Splice(body, patches)
		}
		if len(a.Dragoman) > 0 {
			body = dialect.Splice(body, []dialect.Patch{dialect.SetField(body, "dragoman", a.Dragoman)})
		}
		return body
	}
	finish := a.Finish
	if finish == "" {
		finish = chat.FinishStop
	}
	echo := echoed(m)
	dst := appendHead(nil, &m)
	dst = appendChoice(append(dst, `,"choices":[`...), echo+text, a.Logprobs, len([]rune(echo)), finish)
	dst = appendUsage(append(dst, `],"usage":`...), &a.Usage)
	if len(a.Dragoman) > 0 {
		dst = append(append(dst, `,"dragoman":`...), a.Dragoman...)
	}
	return append(dst, '}')
}

// Error is how a failure looks. A provider's own error of an OpenAI wire is passed on as it is.
func (Door) Error(e *chat.Error, trace string) (status int, body []byte) {
	return fault.Encode(e, trace)
}

func appendUsage(dst []byte, u *chat.Usage) []byte {
	dst = strconv.AppendInt(append(dst, `{"prompt_tokens":`...), u.Input, 10)
	dst = strconv.AppendInt(append(dst, `,"completion_tokens":`...), u.Output, 10)
	dst = strconv.AppendInt(append(dst, `,"total_tokens":`...), u.Total(), 10)
	dst = strconv.AppendInt(append(dst, `,"prompt_tokens_details":{"cached_tokens":`...), u.CachedInput, 10)
	dst = strconv.AppendInt(append(dst, `},"completion_tokens_details":{"reasoning_tokens":`...), u.Reasoning, 10)
	return append(dst, "}}"...)
}

// appendLogprobs writes the legacy shape: four lists side by side.
func appendLogprobs(dst []byte, list []chat.TokenLogprob, offset int) []byte {
	if len(list) == 0 {
		return append(dst, "null"...)
	}
	each := func(name string, value func(t *chat.TokenLogprob)) {
		dst = append(append(append(dst, '"'), name...), `":[`...)
		for i := range list {
			if i > 0 {
				dst = append(dst, ',')
			}
			value(&list[i])
		}
		dst = append(dst, ']')
	}
	dst = append(dst, '{')
	each("tokens", func(t *chat.TokenLogprob) { dst = dialect.AppendString(dst, t.Token) })
	dst = append(dst, ',')
	each("token_logprobs", func(t *chat.TokenLogprob) { dst = appendFloat(dst, t.Logprob) })
	dst = append(dst, ',')
	each("top_logprobs", func(t *chat.TokenLogprob) {
		dst = append(dst, '{')
		for j, top := range t.Top {
			if j > 0 {
				dst = append(dst, ',')
			}
			dst = appendFloat(append(dialect.AppendString(dst, top.Token), ':'), top.Logprob)
		}
		dst = append(dst, '}')
	})
	dst = append(dst, ',')
	each("text_offset", func(t *chat.TokenLogprob) {
		dst = strconv.AppendInt(dst, int64(offset), 10)
		offset += len([]rune(t.Token))
	})
	return append(dst, '}')
}

// appendFloat writes a number; JSON has none that are infinite, and a token that cannot come has -9999 at OpenAI.
func appendFloat(dst []byte, f float64) []byte {
	if b, err := json.Marshal(f); err == nil {
		return append(dst, b...)
	}
	return append(dst, "-9999.0"...)
}
