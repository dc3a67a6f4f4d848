package assistant

import (
	"strings"

	"github.com/dragoman/dragoman/internal/chat"
)

// answer collects what a turn says.
type answer struct {
	parts    []*answerPart
	calls    []*answerPart // by index
	logprobs []chat.TokenLogprob
	quoted   []chat.Citation
	raw      []byte // the provider's whole answer
	wire     chat.Wire
	changed  bool
}

// answerPart is a part of the answer that grows.
type answerPart struct {
	kind      chat.PartKind
	text      strings.Builder // of a call: its arguments
	call      chat.ToolCall
	signature chat.Signature
	redacted  string
}

// maxCalls bounds the calls of one answer.
const maxCalls = 128

// firstPiece is the room that a text which comes in pieces begins with, in bytes.
const firstPiece = 64

func (a *answer) add(ev *chat.Event, raw bool) {
	if ev.Thinking != "" {
		a.last(chat.ThinkingPart).text.WriteString(ev.Thinking)
	}
	if ev.Signature.Value != "" {
		p := a.last(chat.ThinkingPart)
		p.signature = chat.Signature{Of: ev.Signature.Of, Value: p.signature.Value + ev.Signature.Value}
	}
	if ev.Redacted != "" {
		a.parts = append(a.parts, &answerPart{kind: chat.ThinkingPart, redacted: ev.Redacted, signature: ev.Signature})
	}
	if ev.Text != "" {
		p := a.last(chat.TextPart)
		if !ev.Whole && p.text.Len() == 0 {
			p.text.Grow(firstPiece)
		}
		p.text.WriteString(ev.Text)
	}
	if ev.Refusal != "" {
		a.last(chat.RefusalPart).text.WriteString(ev.Refusal)
	}
	for _, c := range ev.ToolCalls {
		for len(a.calls) <= c.Index && c.Index < maxCalls {
			p := &answerPart{kind: chat.CallPart}
			a.calls, a.parts = append(a.calls, p), append(a.parts, p)
		}
		if c.Index >= len(a.calls) {
			continue
		}
		p := a.calls[c.Index]
		p.call.ID, p.call.Name = p.call.ID+c.ID, p.call.Name+c.Name
		p.text.WriteString(c.Arguments)
		if c.Signature.Value != "" {
			p.signature = c.Signature
		}
	}
	a.logprobs = append(a.logprobs, ev.Logprobs...)
	a.quoted = append(a.quoted, ev.Citations...)
	if ev.Whole && ev.Raw != nil {
		a.raw, a.wire, a.changed = ev.Raw, ev.Wire, !raw
	}
}

// last is the part that more of a kind belongs to: the last one, where it is of that kind and not signed off.
func (a *answer) last(kind chat.PartKind) *answerPart {
	if n := len(a.parts); n > 0 && a.parts[n-1].kind == kind && a.parts[n-1].redacted == "" && (a.parts[n-1].signature.Value == "" || kind != chat.ThinkingPart) {
		return a.parts[n-1]
	}
	p := &answerPart{kind: kind}
	a.parts = append(a.parts, p)
	return p
}

// text is what was said in words.
func (a *answer) text() string {
	var b strings.Builder
	for _, p := range a.parts {
		if p.kind == chat.TextPart {
			b.WriteString(p.text.String())
		}
	}
	return b.String()
}

func (a *answer) message() chat.Message {
	m := chat.Message{Role: chat.Assistant, Parts: make([]chat.Part, 0, len(a.parts))}
	for _, p := range a.parts {
		out := chat.Part{Kind: p.kind, Signature: p.signature, Redacted: p.redacted}
		if p.kind == chat.CallPart {
			call := p.call
			call.Arguments = p.text.String()
			out.Call = &call
		} else {
			out.Text = p.text.String()
		}
		m.Parts = append(m.Parts, out)
	}
	if len(m.Parts) == 0 {
		m.Parts = []chat.Part{{Kind: chat.TextPart}}
	}
	return m
}
