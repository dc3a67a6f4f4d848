package server

import (
	"encoding/json"

	"github.com/dragoman/dragoman/internal/assistant"
	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
	"github.com/dragoman/dragoman/internal/dialect/openai"
	"github.com/dragoman/dragoman/internal/sse"
)

var (
	_ assistant.Teller    = (*sink)(nil)
	_ assistant.Annotator = (*sink)(nil)
)

// Tell implements assistant.Teller: while tools run, the stream says so.
func (o *sink) Tell(p assistant.Progress) error { return o.remark(map[string]any{"tool": p}) }

// Annotate implements assistant.Annotator: in the wire's own way where it has one.
func (o *sink) Annotate(a assistant.Annotation) error {
	found := map[string]any{"sentence": a}
	enc, ok := o.enc.(dialect.Marker)
	if !ok {
		return o.remark(found)
	}
	m := dialect.Mark{Citation: chat.Citation{Start: a.Start, End: a.End, Document: -1}, Score: a.Score}
	if list := o.turn.Sources(); a.Source > 0 && a.Source <= len(list) {
		c := list[a.Source-1].Citation()
		m.Citation.URL, m.Citation.Title = c.URL(), c.Title
	}
	if len(o.req.Dragoman) > 0 {
		var err error
		if m.Field, err = json.Marshal(found); err != nil {
			return err
		}
	}
	buf := o.unsent()
	if *buf, ok = enc.Mark(*buf, &m); !ok {
		return o.remark(found)
	}
	return o.Flush()
}

// remark says something beside the answer. Whoever sets the request's field dragoman gets it in that of an event, where the wire has a
// kind of event that says nothing else; others get a comment, which every reader of event streams passes over. Google's SDKs take any
// line for JSON: they get an empty one.
func (o *sink) remark(what map[string]any) error {
	if o.out == nil {
		return nil
	}
	told, err := json.Marshal(what)
	if err != nil {
		return err
	}
	buf, reads := o.unsent(), len(o.req.Dragoman) > 0
	switch wire := o.door.Wire(); {
	case wire == chat.GeminiGenerate:
		*buf = append(*buf, '\n')
	case wire == chat.OpenAIChat && reads:
		*buf = sse.Append(*buf, "", openai.Remark(o.meta, told))
	case wire == chat.AnthropicMessages && reads:
		*buf = sse.Append(*buf, "ping", append(append([]byte(`{"type":"ping","dragoman":`), told...), '}'))
	default:
		*buf = append(append(append(*buf, ": dragoman "...), told...), "\n\n"...)
	}
	return o.Flush()
}
