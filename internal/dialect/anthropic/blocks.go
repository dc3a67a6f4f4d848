package anthropic

import (
	"encoding/base64"
	"fmt"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

func (d *decoder) system(v gjson.Result) error {
	if !v.Exists() || v.Type == gjson.Null {
		return nil
	}
	parts, err := d.content(v, "system")
	if err != nil {
		return err
	}
	if len(parts) > 0 {
		d.req.Messages = append([]chat.Message{{Role: chat.System, Parts: parts}}, d.req.Messages...)
	}
	return nil
}

func (d *decoder) messages(v gjson.Result) (err error) {
	if !v.IsArray() || len(v.Raw) < 3 {
		return invalid("messages", "messages must be a list of at least one message")
	}
	i := 0
	v.ForEach(func(_, m gjson.Result) bool {
		err = d.message(m, "messages."+strconv.Itoa(i))
		i++
		return err == nil
	})
	if err == nil && i == 0 {
		err = invalid("messages", "messages must be a list of at least one message")
	}
	return err
}

// message reads a message. Results of tools, which stand in a user's message here, become a message of their own.
func (d *decoder) message(m gjson.Result, at string) error {
	content := m.Get("content")
	if content.Type != gjson.String && !content.IsArray() {
		return invalid(at+".content", "content must be a string or a list of blocks")
	}
	parts, err := d.content(content, at+".content")
	if err != nil {
		return err
	}
	switch role := m.Get("role").String(); role {
	case "assistant":
		d.req.Messages = append(d.req.Messages, chat.Message{Role: chat.Assistant, Parts: parts})
	case "system":
		d.req.Messages = append(d.req.Messages, chat.Message{Role: chat.System, Parts: parts})
	case "user":
		var results, rest []chat.Part
		for _, p := range parts {
			if p.Kind == chat.ResultPart {
				results = append(results, p)
			} else {
				rest = append(rest, p)
			}
		}
		if len(results) > 0 {
			d.req.Messages = append(d.req.Messages, chat.Message{Role: chat.Tool, Parts: results})
		}
		if len(rest) > 0 || len(results) == 0 {
			d.req.Messages = append(d.req.Messages, chat.Message{Role: chat.User, Parts: rest})
		}
	default:
		return invalid(at+".role", fmt.Sprintf("the role %q is not known; it is user or assistant", role))
	}
	return nil
}

// content reads a string or a list of blocks.
func (d *decoder) content(v gjson.Result, at string) (parts []chat.Part, err error) {
	if v.Type == gjson.String {
		return []chat.Part{{Kind: chat.TextPart, Text: v.String(), At: dialect.Place(d.body, v)}}, nil
	}
	if !v.IsArray() {
		return nil, invalid(at, "must be a string or a list of blocks")
	}
	i := 0
	v.ForEach(func(_, b gjson.Result) bool {
		var p chat.Part
		p, err = d.block(b, at, i)
		parts = append(parts, p)
		i++
		return err == nil
	})
	return parts, err
}

func (d *decoder) block(b gjson.Result, at string, i int) (p chat.Part, err error) {
	fail := func(what string) (chat.Part, error) {
		return p, invalid(at+"."+strconv.Itoa(i), what)
	}
	p.Cache = cacheMark(b.Get("cache_control"))
	switch kind := b.Get("type").String(); kind {
	case "text":
		t := b.Get("text")
		if t.Type != gjson.String {
			return fail("a text block needs a text")
		}
		p.Kind, p.Text, p.At = chat.TextPart, t.String(), dialect.Place(d.body, t)
	case "image", "document":
		p.Kind = map[string]chat.PartKind{"image": chat.ImagePart, "document": chat.DocumentPart}[kind]
		s := b.Get("source")
		m := &chat.Media{Type: s.Get("media_type").String(), Name: b.Get("title").String()}
		switch s.Get("type").String() {
		case "base64":
			m.Data = s.Get("data").String()
		case "url":
			m.URL = s.Get("url").String()
		case "file":
			m.FileID = s.Get("file_id").String()
		case "text": // a document given as it is
			return chat.Part{Kind: chat.DocumentPart, Cache: p.Cache, Media: &chat.Media{Type: "text/plain", Name: m.Name, Data: base64.StdEncoding.EncodeToString([]byte(s.Get("data").String()))}}, nil
		case "content":
			return chat.Part{Kind: chat.OpaquePart, Text: kind, Raw: []byte(b.Raw), Cache: p.Cache}, nil
		default:
			return fail("the type of a source is base64, url, file, text or content")
		}
		if m.Data == "" && m.URL == "" && m.FileID == "" {
			return fail("the source is empty")
		}
		p.Media = m
	case "tool_use":
		input := b.Get("input")
		id, sig := dialect.UnpackCallID(b.Get("id").String())
		if id == "" || b.Get("name").String() == "" || !input.IsObject() {
			return fail("a tool_use block needs an id, a name and an input that is an object")
		}
		p.Kind, p.Signature, p.At = chat.CallPart, sig, dialect.Place(d.body, input)
		p.Call = &chat.ToolCall{ID: id, Name: b.Get("name").String(), Arguments: input.Raw}
	case "tool_result":
		return d.toolResult(b, p, at, i)
	case "thinking":
		p.Kind, p.Text = chat.ThinkingPart, b.Get("thinking").String()
		p.Signature, p.Redacted = unpack(b.Get("signature").String())
	case "redacted_thinking":
		p.Kind = chat.ThinkingPart
		p.Signature, p.Redacted = unpack(b.Get("data").String())
		if p.Redacted == "" {
			p.Redacted, p.Signature = p.Signature.Value, chat.Signature{Of: p.Signature.Of}
		}
	case "":
		return fail("a block needs a type")
	default: // server tools and what comes later
		p.Kind, p.Text, p.Raw = chat.OpaquePart, kind, []byte(b.Raw)
	}
	return p, nil
}

func (d *decoder) toolResult(b gjson.Result, p chat.Part, at string, i int) (chat.Part, error) {
	id, _ := dialect.UnpackCallID(b.Get("tool_use_id").String())
	if id == "" {
		return p, invalid(at+"."+strconv.Itoa(i), "a tool_result block needs the tool_use_id that it answers")
	}
	p.Kind, p.Result = chat.ResultPart, &chat.ToolResult{CallID: id, Error: b.Get("is_error").Bool()}
	content := b.Get("content")
	if !content.Exists() || content.Type == gjson.Null {
		return p, nil
	}
	parts, err := d.content(content, at+"."+strconv.Itoa(i)+".content")
	p.Result.Parts = parts
	if content.Type == gjson.String {
		p.At = dialect.Place(d.body, content)
	}
	return p, err
}

// packMark begins a signature that is another provider's, or none: callers send it back unchanged.
const packMark = "dragoman."

// pack writes the signature of a thought, and what only its provider can read, for callers of this wire.
func pack(s chat.Signature, redacted string) string {
	if s.Of == chat.Anthropic || s.Of == "" && redacted == "" {
		return s.Value + redacted
	}
	return packMark + string(s.Of) + "." + base64.RawURLEncoding.EncodeToString([]byte(s.Value)) + "." + base64.RawURLEncoding.EncodeToString([]byte(redacted))
}

// unpack undoes pack.
func unpack(v string) (s chat.Signature, redacted string) {
	if v == "" {
		return s, ""
	}
	own := chat.Signature{Of: chat.Anthropic, Value: v}
	rest, ok := strings.CutPrefix(v, packMark)
	fields := strings.Split(rest, ".")
	if !ok || len(fields) != 3 {
		return own, ""
	}
	value, err := base64.RawURLEncoding.DecodeString(fields[1])
	hidden, err2 := base64.RawURLEncoding.DecodeString(fields[2])
	if err != nil || err2 != nil {
		return own, ""
	}
	return chat.Signature{Of: chat.Dialect(fields[0]), Value: string(value)}, string(hidden)
}
