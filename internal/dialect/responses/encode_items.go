package responses

import (
	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// message writes a message as items: what is said is a message item, and thoughts, calls and results are items of their own.
func (w *writer) message(m *chat.Message) {
	if m.Name != "" {
		w.drops(dialect.LostNames)
	}
	open := false // a message item is
	end := func() {
		if open {
			w.raw("]}")
			open = false
		}
	}
	for i := range m.Parts {
		p := &m.Parts[i]
		if p.Cache != nil {
			w.drops(dialect.LostCache)
		}
		switch p.Kind {
		case chat.ThinkingPart:
			id, encrypted, ok := ownReasoning(p.Signature)
			if !ok {
				w.drops(dialect.LostThoughts)
				continue
			}
			end()
			w.comma()
			w.b = appendReasoningIn(w.b, id, encrypted, p.Text)
		case chat.CallPart:
			end()
			w.comma()
			w.raw(`{"type":"function_call","call_id":`)
			w.text(p.Call.ID)
			w.raw(`,"name":`)
			w.text(p.Call.Name)
			w.raw(`,"arguments":`)
			w.text(p.Call.Arguments)
			w.raw("}")
		case chat.ResultPart:
			end()
			w.result(p.Result)
		case chat.OpaquePart:
			if !w.same() || m.Role == chat.Tool {
				w.drops(dialect.LostPart(p))
				continue
			}
			end()
			w.comma()
			w.b = append(w.b, p.Raw...)
		default:
			if m.Role == chat.Assistant && p.Media != nil {
				w.drops("media of the assistant")
				continue
			}
			if !open {
				w.comma()
				w.raw(`{"type":"message","role":`)
				switch m.Role {
				case chat.System:
					w.raw(`"developer"`)
				case chat.Assistant:
					w.raw(`"assistant"`)
				default:
					w.raw(`"user"`)
				}
				w.raw(`,"content":[`)
				open = true
			}
			w.part(p, m.Role == chat.Assistant)
		}
	}
	end()
}

func (w *writer) result(r *chat.ToolResult) {
	if r.Error {
		w.drops("is_error")
	}
	w.comma()
	w.raw(`{"type":"function_call_output","call_id":`)
	w.text(r.CallID)
	w.raw(`,"output":`)
	if onlyText(r.Parts) || len(r.Parts) == 0 {
		w.text(r.Text())
	} else {
		w.raw("[")
		for i := range r.Parts {
			w.part(&r.Parts[i], false)
		}
		w.raw("]")
	}
	w.raw("}")
}

// part writes a part of a message or a tool's output.
func (w *writer) part(p *chat.Part, assistant bool) {
	w.comma()
	switch p.Kind {
	case chat.RefusalPart:
		if assistant {
			w.raw(`{"type":"refusal","refusal":`)
			w.text(p.Text)
			w.raw("}")
			return
		}
		fallthrough
	case chat.TextPart, chat.ThinkingPart:
		if assistant {
			w.raw(`{"type":"output_text","text":`)
		} else {
			w.raw(`{"type":"input_text","text":`)
		}
		w.text(p.Text)
		w.raw("}")
	case chat.ImagePart:
		w.raw(`{"type":"input_image"`)
		w.media(p.Media, "image_url", "image_url")
		if p.Media.Detail != "" {
			w.field("detail")
			w.text(p.Media.Detail)
		}
		w.raw("}")
	case chat.DocumentPart:
		w.raw(`{"type":"input_file"`)
		w.media(p.Media, "file_url", "file_data")
		if p.Media.Data != "" { // refused without a name
			name := p.Media.Name
			if name == "" {
				name = "document.pdf"
			}
			w.field("filename")
			w.text(name)
		}
		w.raw("}")
	case chat.AudioPart:
		w.unsupported("audio")
	default:
		w.raw(`{"type":"input_text","text":""}`)
		w.drops(dialect.LostPart(p))
	}
}

func (w *writer) media(m *chat.Media, url, data string) {
	switch {
	case m.FileID != "":
		w.field("file_id")
		w.text(m.FileID)
	case m.URL != "":
		w.field(url)
		w.text(m.URL)
	default:
		w.field(data)
		mime := m.Type
		if mime == "" {
			mime = "application/octet-stream"
		}
		w.text("data:" + mime + ";base64," + m.Data)
	}
}

// appendReasoningIn writes a thought of OpenAI's as it is sent back.
func appendReasoningIn(b []byte, id, encrypted, text string) []byte {
	b = append(b, `{"type":"reasoning",`...)
	if id != "" {
		b = append(dialect.AppendString(append(b, `"id":`...), id), ',')
	}
	b = append(b, `"summary":[`...)
	if text != "" {
		b = append(dialect.AppendString(append(b, `{"type":"summary_text","text":`...), text), '}')
	}
	b = append(b, `],"encrypted_content":`...)
	return append(dialect.AppendString(b, encrypted), '}')
}
