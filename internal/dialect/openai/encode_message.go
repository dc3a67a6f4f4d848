package openai

import (
	"strings"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// message appends a message, or the several that it takes.
func (e *encoder) message(b []byte, m *chat.Message, first *bool) []byte {
	sep := func(b []byte) []byte {
		if !*first {
			b = append(b, ',')
		}
		*first = false
		return b
	}
	if m.Role == chat.Tool {
		var seen []chat.Part // what tools returned that a tool message cannot hold
		for _, p := range m.Parts {
			if p.Kind != chat.ResultPart {
				continue
			}
			text := p.Result.Text()
			if p.Result.Error && !strings.HasPrefix(strings.ToLower(text), "error") {
				text = "Error: " + text // the dialect has no mark for it
			}
			for _, q := range p.Result.Parts {
				if q.Kind == chat.ImagePart || q.Kind == chat.DocumentPart {
					seen = append(seen, q)
				}
			}
			if text == "" && len(seen) > 0 {
				text = "(see the attachment below)"
			}
			b = dialect.AppendString(append(sep(b), `{"role":"tool","tool_call_id":`...), p.Result.CallID)
			b = dialect.AppendString(append(b, `,"content":`...), text)
			b = append(b, '}')
		}
		if len(seen) > 0 {
			e.drop("attachments of tool results: sent as a user message")
			b = append(sep(b), `{"role":"user","content":`...)
			b = append(e.parts(b, append([]chat.Part{{Kind: chat.TextPart, Text: "The attachment that the tool returned:"}}, seen...)), '}')
		}
		return b
	}
	var content []chat.Part
	var calls []chat.Part
	var refusal string
	for _, p := range m.Parts {
		switch {
		case p.Kind == chat.CallPart:
			calls = append(calls, p)
		case p.Kind == chat.ThinkingPart:
			e.drop(dialect.LostThoughts)
		case p.Kind == chat.RefusalPart && m.Role == chat.Assistant:
			refusal += p.Text
		case p.Kind == chat.OpaquePart:
			e.drop(dialect.LostPart(&p))
		default:
			content = append(content, p)
		}
		if p.Cache != nil {
			e.drop(dialect.LostCache)
		}
	}
	if len(content) == 0 && len(calls) == 0 && refusal == "" && len(m.Parts) > 0 {
		return b // nothing is left of it
	}
	b = append(append(append(sep(b), `{"role":"`...), m.Role...), '"')
	if m.Name != "" {
		b = dialect.AppendString(append(b, `,"name":`...), m.Name)
	}
	b = append(b, `,"content":`...)
	if len(content) == 0 && (len(calls) > 0 || refusal != "") {
		b = append(b, "null"...)
	} else {
		b = e.content(b, content)
	}
	if refusal != "" {
		b = dialect.AppendString(append(b, `,"refusal":`...), refusal)
	}
	for i, p := range calls {
		if i == 0 {
			b = append(b, `,"tool_calls":[`...)
		} else {
			b = append(b, ',')
		}
		b = dialect.AppendString(append(b, `{"id":`...), p.Call.ID)
		b = dialect.AppendString(append(b, `,"type":"function","function":{"name":`...), p.Call.Name)
		b = dialect.AppendString(append(b, `,"arguments":`...), p.Call.Arguments)
		b = append(b, "}}"...)
	}
	if len(calls) > 0 {
		b = append(b, ']')
	}
	return append(b, '}')
}

// content is a string where it can be: not all servers take lists.
func (e *encoder) content(b []byte, parts []chat.Part) []byte {
	for _, p := range parts {
		if p.Kind != chat.TextPart && p.Kind != chat.RefusalPart {
			return e.parts(b, parts)
		}
	}
	return dialect.AppendString(b, chat.Message{Parts: parts}.Text())
}

func (e *encoder) parts(b []byte, parts []chat.Part) []byte {
	b = append(b, '[')
	for i, p := range parts {
		if i > 0 {
			b = append(b, ',')
		}
		switch p.Kind {
		case chat.ImagePart:
			b = dialect.AppendString(append(b, `{"type":"image_url","image_url":{"url":`...), e.url(p.Media, "an image"))
			if p.Media.Detail != "" {
				b = dialect.AppendString(append(b, `,"detail":`...), p.Media.Detail)
			}
			b = append(b, "}}"...)
		case chat.AudioPart:
			format := strings.TrimPrefix(p.Media.Type, "audio/")
			if format == "mpeg" {
				format = "mp3"
			}
			if p.Media.Data == "" {
				e.refuse("audio by reference is not possible with this model; send it as data")
			}
			b = dialect.AppendString(append(b, `{"type":"input_audio","input_audio":{"data":`...), p.Media.Data)
			b = append(dialect.AppendString(append(b, `,"format":`...), format), "}}"...)
		case chat.DocumentPart:
			b = e.document(b, p.Media)
		default:
			b = append(dialect.AppendString(append(b, `{"type":"text","text":`...), p.Text), '}')
		}
	}
	return append(b, ']')
}

func (e *encoder) document(b []byte, m *chat.Media) []byte {
	if m.Data == "" {
		e.refuse("a document by its URL or by the id of another provider's file is not possible with this model; send it as data")
	}
	b = append(b, `{"type":"file","file":{"filename":`...)
	name := m.Name
	if name == "" {
		name = "document.pdf"
	}
	b = dialect.AppendString(b, name)
	b = dialect.AppendString(append(b, `,"file_data":`...), "data:"+m.Type+";base64,"+m.Data)
	return append(b, "}}"...)
}

func (e *encoder) url(m *chat.Media, what string) string {
	switch {
	case m.Data != "":
		return "data:" + m.Type + ";base64," + m.Data
	case m.URL == "":
		e.refuse(what + " that was uploaded to another provider cannot be shown to this model; send it as data")
	}
	return m.URL
}

func (e *encoder) refuse(why string) {
	if e.err == nil {
		e.err = &chat.Error{Code: chat.CodeUnsupported, Message: why}
	}
}
