package gemini

import (
	"encoding/json"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// contents reads the conversation. Successive contents of the model are one message: the SDKs keep each chunk of a stream
// as a content of its own.
func (d *decoder) contents(v gjson.Result) {
	if !v.IsArray() && !v.IsObject() {
		d.fail("contents", "contents must be a list of contents")
		return
	}
	i := 0
	each(v, func(c gjson.Result) bool {
		d.content(i, c)
		i++
		return d.err == nil
	})
}

func (d *decoder) content(index int, c gjson.Result) {
	w := where{list: "contents", index: index, part: -1}
	if !c.IsObject() {
		d.fail(w.String(), "%s must be an object with parts", w)
		return
	}
	var role string
	var parts gjson.Result
	if twice := fields(c, func(name string, v gjson.Result) bool {
		switch name {
		case "role":
			role = d.textAt(w, "role", v)
		case "parts":
			parts = v
		default:
			d.unmapped("contents." + name)
		}
		return true
	}); twice != "" {
		d.twice(w.String(), twice)
	}
	speaker := chat.User
	switch role {
	case "", "user", "function":
	case "model":
		speaker = chat.Assistant
	default:
		d.fail(w.field("role"), "%q is no role; use user or model, and systemInstruction for instructions", role)
		return
	}
	n := 0
	each(parts, func(v gjson.Result) bool {
		w.part = n
		p, ok := d.part(w, v)
		if n++; ok && d.err == nil {
			d.add(speaker, p)
		}
		return d.err == nil
	})
}

// add appends a part to the conversation. A result stands on a message of its own role; one user content may give two messages.
func (d *decoder) add(role chat.Role, p chat.Part) {
	if p.Kind == chat.ResultPart {
		role = chat.Tool
	}
	last := len(d.r.Messages) - 1
	if last < 0 || d.r.Messages[last].Role != role {
		d.r.Messages = append(d.r.Messages, chat.Message{Role: role})
		last++
	}
	m := &d.r.Messages[last]
	if p.Kind == chat.ThinkingPart && p.Signature.Value != "" && p.Signature.Of != chat.Gemini {
		p = joinThought(m, p)
	}
	m.Parts = append(m.Parts, p)
}

// joinThought takes the pieces of a foreign thought, which was streamed to this caller and then signed, off the message and
// returns it in one: its provider checks the signature against the whole.
func joinThought(m *chat.Message, end chat.Part) chat.Part {
	from := len(m.Parts)
	for from > 0 && m.Parts[from-1].Kind == chat.ThinkingPart && m.Parts[from-1].Signature.Value == "" && m.Parts[from-1].Redacted == "" {
		from--
	}
	pieces := m.Parts[from:]
	switch {
	case len(pieces) == 0:
		return end
	case len(pieces) == 1 && end.Text == "":
		end.Text, end.At = pieces[0].Text, pieces[0].At
	default:
		var b strings.Builder
		for _, p := range pieces {
			b.WriteString(p.Text)
		}
		b.WriteString(end.Text)
		end.Text, end.At = b.String(), chat.Span{}
	}
	m.Parts = m.Parts[:from]
	return end
}

// part reads a part; false where it says nothing.
func (d *decoder) part(w where, v gjson.Result) (chat.Part, bool) {
	var kind, signature, other string
	var data gjson.Result
	var thought bool
	if !v.IsObject() {
		d.fail(w.String(), "%s must be an object", w)
		return chat.Part{}, false
	}
	twice := fields(v, func(name string, x gjson.Result) bool {
		switch name {
		case "text", "inlineData", "fileData", "functionCall", "functionResponse", "executableCode", "codeExecutionResult", "toolCall", "toolResponse":
			if kind != "" {
				d.fail(w.String(), "%s has both %s and %s; a part has one of them", w, kind, name)
				return false
			}
			kind, data = name, x
		case "thought":
			thought = d.boolAt(w, "thought", x)
		case "thoughtSignature":
			signature = d.textAt(w, "thoughtSignature", x)
		case "videoMetadata", "mediaResolution", "partMetadata":
			d.unmapped("contents.parts." + name)
		default:
			other = name
		}
		return d.err == nil
	})
	if twice != "" {
		d.twice(w.String(), twice)
	}
	if d.err != nil {
		return chat.Part{}, false
	}
	if kind != "" && other != "" {
		d.unmapped("contents.parts." + other)
	}
	sig, redacted := unpack(signature)
	p := chat.Part{Signature: sig, Redacted: redacted}
	switch kind {
	case "text", "":
		if kind == "" && signature == "" {
			p.Kind, p.Raw = chat.OpaquePart, json.RawMessage(v.Raw)
			return p, other != "" // a kind of part that is newer than this; an empty one says nothing
		}
		if kind == "text" {
			p.Text, p.At = d.textAt(w, "text", data), dialect.Place(d.body, data)
		}
		p.Kind = chat.TextPart
		if thought || redacted != "" || p.Text == "" && sig.Value != "" {
			p.Kind = chat.ThinkingPart
		}
		return p, p.Text != "" || p.Kind == chat.ThinkingPart && (sig.Value != "" || redacted != "")
	case "inlineData", "fileData":
		d.media(w.in(kind), &p, data)
	case "functionCall":
		d.call(w.in(kind), &p, data)
	case "functionResponse":
		d.result(w.in(kind), &p, data)
	default:
		p.Kind, p.Raw = chat.OpaquePart, json.RawMessage(v.Raw)
	}
	return p, d.err == nil
}

func (d *decoder) media(w where, p *chat.Part, v gjson.Result) {
	m := &chat.Media{}
	if twice := fields(v, func(name string, x gjson.Result) bool {
		switch name {
		case "mimeType":
			m.Type = d.textAt(w, "mimeType", x)
		case "data":
			m.Data = standardBase64(d.textAt(w, "data", x))
		case "displayName":
			m.Name = d.textAt(w, "displayName", x)
		case "fileUri":
			if uri := d.textAt(w, "fileUri", x); ofGoogle(uri) {
				m.FileID = uri
			} else {
				m.URL = uri
			}
		default:
			d.unmapped("contents.parts." + name)
		}
		return d.err == nil
	}); twice != "" {
		d.twice(w.String(), twice)
	}
	if m.Data == "" && m.URL == "" && m.FileID == "" {
		d.fail(w.String(), "%s has no content; send data or fileUri", w)
	}
	p.Media, p.Kind = m, chat.DocumentPart
	switch major, _, _ := strings.Cut(m.Type, "/"); major {
	case "image":
		p.Kind = chat.ImagePart
	case "audio":
		p.Kind = chat.AudioPart
	}
}

// ofGoogle says whether a URI means a file that only Google can read.
func ofGoogle(uri string) bool {
	rest, web := strings.CutPrefix(uri, "https://")
	host, path, _ := strings.Cut(rest, "/")
	return !web && !strings.HasPrefix(uri, "http://") || strings.HasSuffix(host, ".googleapis.com") && strings.Contains("/"+path, "/files/")
}

func (d *decoder) call(w where, p *chat.Part, v gjson.Result) {
	c := &chat.ToolCall{}
	var args gjson.Result
	if twice := fields(v, func(name string, x gjson.Result) bool {
		switch name {
		case "id":
			c.ID = d.textAt(w, "id", x)
		case "name":
			c.Name = d.textAt(w, "name", x)
		case "args":
			if args = x; !x.IsObject() {
				d.fail(w.field("args"), "%s.args must be an object", w)
			}
		default:
			d.unmapped("contents.parts.functionCall." + name)
		}
		return d.err == nil
	}); twice != "" {
		d.twice(w.String(), twice)
	}
	if c.Name == "" {
		d.fail(w.field("name"), "%s has no name; send the name of the function", w)
	}
	if c.ID == "" {
		c.ID = w.callID()
	}
	c.Arguments = argumentsOf(args)
	p.Kind, p.Call, p.At = chat.CallPart, c, dialect.Place(d.body, args)
	d.calls.add(c.ID, c.Name)
}

func (d *decoder) result(w where, p *chat.Part, v gjson.Result) {
	res := &chat.ToolResult{}
	var response, parts gjson.Result
	if twice := fields(v, func(name string, x gjson.Result) bool {
		switch name {
		case "id":
			res.CallID = d.textAt(w, "id", x)
		case "name":
			res.Name = d.textAt(w, "name", x)
		case "response":
			if response = x; !x.IsObject() {
				d.fail(w.field("response"), "%s.response must be an object", w)
			}
		case "parts":
			parts = x
		default:
			d.unmapped("contents.parts.functionResponse." + name)
		}
		return d.err == nil
	}); twice != "" {
		d.twice(w.String(), twice)
	}
	if res.Name == "" && res.CallID == "" {
		d.fail(w.field("name"), "%s has no name; send the name of the function that it answers", w)
	}
	p.Kind, p.Result = chat.ResultPart, res
	if response.Exists() {
		text, at, failed := responseText(response)
		p.At, res.Error = dialect.Place(d.body, at), failed
		res.Parts = append(res.Parts, chat.Part{Kind: chat.TextPart, Text: text, At: p.At})
	}
	n := 0
	each(parts, func(x gjson.Result) bool {
		inner, ok := d.part(where{list: w.String(), index: -1, part: n}, x)
		if n++; ok && inner.Media != nil {
			res.Parts = append(res.Parts, inner)
		}
		return d.err == nil
	})
	d.answer(w, res)
}

// system reads the systemInstruction: a content, of which the role means nothing; some clients send a string.
func (d *decoder) system(v gjson.Result) []chat.Part {
	if v.Type == gjson.String {
		return []chat.Part{{Kind: chat.TextPart, Text: v.Str, At: dialect.Place(d.body, v)}}
	}
	var parts []chat.Part
	n := 0
	if twice := fields(v, func(name string, v gjson.Result) bool {
		if name != "parts" {
			return true
		}
		each(v, func(v gjson.Result) bool {
			p, ok := d.part(where{list: "systemInstruction", index: -1, part: n}, v)
			if n++; ok && p.Kind != chat.CallPart && p.Kind != chat.ResultPart {
				parts = append(parts, p)
			}
			return d.err == nil
		})
		return d.err == nil
	}); twice != "" {
		d.twice("systemInstruction", twice)
	}
	return parts
}
