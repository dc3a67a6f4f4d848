package openai

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

func (d *decoder) messages() (err error) {
	i := 0
	d.list.ForEach(func(_, m gjson.Result) bool {
		err = d.message(m, "messages."+strconv.Itoa(i))
		i++
		return err == nil
	})
	return err
}

func (d *decoder) message(m gjson.Result, at string) error {
	if !m.IsObject() {
		return invalid(at, "a message must be an object, not a "+typeOf(m))
	}
	var out chat.Message
	var role, callID string
	var content, calls gjson.Result
	var err error
	m.ForEach(func(k, v gjson.Result) bool {
		switch k.Str {
		case "role":
			err = text(v, at+".role", &role)
		case "content":
			content = v
		case "name":
			if v.Type == gjson.String {
				out.Name = v.String()
			}
		case "tool_calls":
			calls = v
		case "tool_call_id":
			err = text(v, at+".tool_call_id", &callID)
		case "reasoning_content", "reasoning":
			if v.Type == gjson.String && v.String() != "" && !hasThoughts(out.Parts) {
				out.Parts = append(out.Parts, chat.Part{Kind: chat.ThinkingPart, Text: v.String()})
			}
		case "reasoning_details":
			out.Parts = append(withoutThoughts(out.Parts), thoughts(v)...)
		case "refusal":
			if v.Type == gjson.String && v.String() != "" {
				out.Parts = append(out.Parts, chat.Part{Kind: chat.RefusalPart, Text: v.String(), At: dialect.Place(d.body, v)})
			}
		}
		return err == nil
	})
	if err != nil {
		return err
	}
	switch role {
	case "system", "developer":
		out.Role = chat.System
	case "user":
		out.Role = chat.User
	case "assistant":
		out.Role = chat.Assistant
	case "tool", "function":
		out.Role = chat.Tool
		if role == "function" { // before there were ids
			callID = out.Name
		}
		if callID == "" {
			return invalid(at+".tool_call_id", "tool_call_id is missing; it says which call this is the result of")
		}
		return d.result(out, callID, content, at)
	case "":
		return invalid(at+".role", "the role is missing; it is system, developer, user, assistant or tool")
	default:
		return invalid(at+".role", fmt.Sprintf("the role %q is not known; it is system, developer, user, assistant or tool", role))
	}
	parts, _, err := d.content(content, at)
	if err != nil {
		return err
	}
	out.Parts = append(out.Parts, parts...)
	if err := d.calls(&out, calls, m.Get("function_call"), at); err != nil {
		return err
	}
	if (!content.Exists() || content.Type == gjson.Null) && len(out.Parts) == 0 && !m.Get("audio").Exists() {
		return invalid(at+".content", "the content is missing")
	}
	d.req.Messages = append(d.req.Messages, out)
	return nil
}

// result reads a tool's result. Results that follow each other become one message: other dialects want them so.
func (d *decoder) result(m chat.Message, callID string, content gjson.Result, at string) error {
	if !content.Exists() || content.Type == gjson.Null {
		return invalid(at+".content", "the content is missing")
	}
	parts, span, err := d.content(content, at)
	if err != nil {
		return err
	}
	id, _ := dialect.UnpackCallID(callID)
	p := chat.Part{Kind: chat.ResultPart, Result: &chat.ToolResult{CallID: id, Parts: parts}, At: span}
	if all := d.req.Messages; len(all) > 0 && all[len(all)-1].Role == chat.Tool {
		all[len(all)-1].Parts = append(all[len(all)-1].Parts, p)
		return nil
	}
	m.Parts, m.Name = []chat.Part{p}, ""
	d.req.Messages = append(d.req.Messages, m)
	return nil
}

// content reads a string or a list of parts; span is where a string stands.
func (d *decoder) content(v gjson.Result, at string) (parts []chat.Part, span chat.Span, err error) {
	switch {
	case !v.Exists() || v.Type == gjson.Null:
		return nil, span, nil
	case v.Type == gjson.String:
		span = dialect.Place(d.body, v)
		return []chat.Part{{Kind: chat.TextPart, Text: v.String(), At: span}}, span, nil
	case !v.IsArray():
		return nil, span, invalid(at+".content", "content must be a string or a list of parts")
	}
	i := 0
	v.ForEach(func(_, p gjson.Result) bool {
		var part chat.Part
		part, err = d.part(p, at+".content."+strconv.Itoa(i))
		parts = append(parts, part)
		i++
		return err == nil
	})
	return parts, span, err
}

func (d *decoder) part(p gjson.Result, at string) (chat.Part, error) {
	kind := p.Get("type").String()
	switch kind {
	case "text", "refusal":
		t := p.Get(kind)
		if t.Type != gjson.String {
			return chat.Part{}, invalid(at, "a part of type "+kind+" needs the field "+kind)
		}
		out := chat.Part{Kind: chat.TextPart, Text: t.String(), At: dialect.Place(d.body, t)}
		if kind == "refusal" {
			out.Kind = chat.RefusalPart
		}
		if c := p.Get("cache_control"); c.IsObject() { // OpenRouter's, LiteLLM's way to Anthropic's cache
			out.Cache = &chat.CacheMark{TTL: c.Get("ttl").String()}
		}
		return out, nil
	case "image_url":
		u := p.Get("image_url.url")
		if u.Type != gjson.String || u.String() == "" {
			return chat.Part{}, invalid(at, "an image_url needs a url")
		}
		m := mediaOf(u.String())
		m.Detail = p.Get("image_url.detail").String()
		return chat.Part{Kind: chat.ImagePart, Media: m}, nil
	case "input_audio":
		a := p.Get("input_audio")
		format := a.Get("format").String()
		if a.Get("data").String() == "" || format == "" {
			return chat.Part{}, invalid(at, "input_audio needs data and a format")
		}
		if format == "mp3" {
			format = "mpeg"
		}
		return chat.Part{Kind: chat.AudioPart, Media: &chat.Media{Type: "audio/" + format, Data: a.Get("data").String()}}, nil
	case "file":
		f := p.Get("file")
		m := &chat.Media{FileID: f.Get("file_id").String()}
		if data := f.Get("file_data").String(); data != "" {
			m = mediaOf(data)
			if m.URL != "" { // bare base64
				m = &chat.Media{Type: "application/pdf", Data: data}
			}
		} else if m.FileID == "" {
			return chat.Part{}, invalid(at, "a file needs file_data or a file_id")
		}
		m.Name = f.Get("filename").String()
		return chat.Part{Kind: chat.DocumentPart, Media: m}, nil
	case "":
		return chat.Part{}, invalid(at+".type", "a part of a message needs a type: text, image_url, input_audio, file or refusal")
	}
	return chat.Part{Kind: chat.OpaquePart, Text: kind, Raw: []byte(p.Raw)}, nil
}

// mediaOf splits a data URL; any other stays one.
func mediaOf(u string) *chat.Media {
	rest, ok := strings.CutPrefix(u, "data:")
	if !ok {
		return &chat.Media{URL: u}
	}
	kind, data, ok := strings.Cut(rest, ",")
	kind, isBase64 := strings.CutSuffix(kind, ";base64")
	if !ok || !isBase64 {
		return &chat.Media{URL: u}
	}
	kind, _, _ = strings.Cut(kind, ";")
	return &chat.Media{Type: kind, Data: data}
}

func (d *decoder) calls(out *chat.Message, calls, legacy gjson.Result, at string) error {
	if legacy.IsObject() { // before there were ids
		name := legacy.Get("name").String()
		args := legacy.Get("arguments")
		out.Parts = append(out.Parts, chat.Part{Kind: chat.CallPart, Call: &chat.ToolCall{ID: name, Name: name, Arguments: args.String()}, At: dialect.Place(d.body, args)})
	}
	if !calls.Exists() || calls.Type == gjson.Null {
		return nil
	}
	for i, c := range calls.Array() {
		f := c.Get("function")
		args := f.Get("arguments")
		if c.Get("type").String() == "custom" {
			f, args = c.Get("custom"), c.Get("custom.input")
		}
		id := c.Get("id").String()
		if id == "" || f.Get("name").String() == "" {
			return invalid(fmt.Sprintf("%s.tool_calls.%d", at, i), "a tool call must have an id and a function with a name")
		}
		p := chat.Part{Kind: chat.CallPart, At: dialect.Place(d.body, args)}
		id, p.Signature = dialect.UnpackCallID(id)
		if s := c.Get("extra_content.google.thought_signature"); s.Type == gjson.String { // Gemini's place for it in this dialect
			p.Signature = chat.Signature{Of: chat.Gemini, Value: s.String()}
		}
		p.Call = &chat.ToolCall{ID: id, Name: f.Get("name").String(), Arguments: args.String()}
		out.Parts = append(out.Parts, p)
	}
	return nil
}

// formats are the names of whose thoughts reasoning_details hold.
var formats = map[string]chat.Dialect{"anthropic-claude-v1": chat.Anthropic, "google-gemini-v1": chat.Gemini, "openai-responses-v1": chat.OpenAI}

// thoughts reads reasoning_details, in which our own door gives thoughts with their signatures.
func thoughts(v gjson.Result) (parts []chat.Part) {
	for _, t := range v.Array() {
		of := formats[t.Get("format").String()]
		switch t.Get("type").String() {
		case "reasoning.text", "reasoning.summary":
			p := chat.Part{Kind: chat.ThinkingPart, Text: t.Get("text").String() + t.Get("summary").String()}
			if s := t.Get("signature").String(); s != "" && of != "" {
				p.Signature = chat.Signature{Of: of, Value: s}
			}
			// A stream's pieces may come back as they were sent.
			if n := len(parts); n > 0 && parts[n-1].Signature.Value == "" && parts[n-1].Redacted == "" {
				parts[n-1].Text += p.Text
				parts[n-1].Signature = p.Signature
				continue
			}
			parts = append(parts, p)
		case "reasoning.encrypted":
			parts = append(parts, chat.Part{Kind: chat.ThinkingPart, Redacted: t.Get("data").String(), Signature: chat.Signature{Of: of}})
		}
	}
	return parts
}

func hasThoughts(parts []chat.Part) bool {
	for _, p := range parts {
		if p.Kind == chat.ThinkingPart {
			return true
		}
	}
	return false
}

func withoutThoughts(parts []chat.Part) []chat.Part {
	out := parts[:0]
	for _, p := range parts {
		if p.Kind != chat.ThinkingPart {
			out = append(out, p)
		}
	}
	return out
}
