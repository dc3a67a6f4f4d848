package gemini

import (
	"mime"
	"path"
	"strings"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// media writes a part with an image, a document or audio.
func (e *encoder) media(p *chat.Part) error {
	m := p.Media
	if m.Detail != "" && m.Detail != "auto" {
		e.drop(dialect.LostDetail)
	}
	kind := m.Type
	if kind == "" {
		kind = guessType(m)
	}
	c := config{}
	if kind != "" {
		c.string("mimeType", kind)
	}
	field := "fileData"
	switch {
	case m.Data != "":
		if kind == "" {
			return unsupported("messages", "a file is sent without its MIME type, which Gemini wants; say what it is")
		}
		field = "inlineData"
		c.string("data", m.Data)
	case m.FileID != "":
		if !strings.Contains(m.FileID, "://") && !strings.HasPrefix(m.FileID, "files/") {
			return unsupported("messages", "the file %q was uploaded to another provider; send its content as base64", m.FileID)
		}
		c.string("fileUri", m.FileID)
	case e.model.takesWebFiles() || watchable(m.URL):
		c.string("fileUri", m.URL)
	default:
		return unsupported("messages", "%s does not fetch files from the web; send their content as base64", e.r.Model)
	}
	e.dst = append(append(append(e.dst, '{', '"'), field...), `":{`...)
	e.dst = append(append(e.dst, c.dst...), "}}"...)
	return nil
}

// watchable says whether an address is of a video that all models take.
func watchable(url string) bool {
	for _, host := range []string{"https://www.youtube.com/", "https://youtube.com/", "https://youtu.be/"} {
		if strings.HasPrefix(url, host) {
			return true
		}
	}
	return false
}

// guessType is the MIME type that a file's name or address tells.
func guessType(m *chat.Media) string {
	for _, name := range []string{m.Name, m.URL} {
		name, _, _ = strings.Cut(name, "?")
		ext := strings.ToLower(path.Ext(name))
		for _, known := range [][2]string{{".jpg", "image/jpeg"}, {".jpeg", "image/jpeg"}, {".png", "image/png"}, {".webp", "image/webp"}, {".gif", "image/gif"},
			{".pdf", "application/pdf"}, {".wav", "audio/wav"}, {".mp3", "audio/mp3"}, {".txt", "text/plain"}, {".mp4", "video/mp4"}} {
			if ext == known[0] {
				return known[1]
			}
		}
		if ext != "" && len(ext) < 8 {
			if kind, _, err := mime.ParseMediaType(mime.TypeByExtension(ext)); err == nil {
				return kind
			}
		}
	}
	return ""
}
