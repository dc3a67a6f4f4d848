package assistant

import (
	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/route"
)

// media says what a request holds beside text.
type media struct{ images, documents, audio bool }

func mediaIn(r *chat.Request) (m media) {
	for i := range r.Messages {
		m.add(r.Messages[i].Parts)
	}
	return m
}

func (m *media) add(parts []chat.Part) {
	for i := range parts {
		switch p := &parts[i]; {
		case p.Kind == chat.ImagePart:
			m.images = true
		case p.Kind == chat.DocumentPart:
			m.documents = true
		case p.Kind == chat.AudioPart:
			m.audio = true
		case p.Result != nil:
			m.add(p.Result.Parts)
		}
	}
}

// needs are what a turn takes of the model that answers it. An assistant's prompt is text, whatever came in.
func (t *Turn) needs() (n route.Needs) {
	r := t.Request
	format := t.Definition.Output.format(r.Format)
	n.Schema = format != nil && format.Kind == chat.FormatSchema
	if r.ToolChoice.Mode != chat.ToolNone {
		for i := range r.Tools {
			n.Tools = n.Tools || len(r.Tools[i].Raw) == 0 // those that a provider runs are its own affair
		}
	}
	if t.Definition.Name == "" {
		n.Images, n.Documents, n.Audio = t.media.images, t.media.documents, t.media.audio
	}
	return n
}
