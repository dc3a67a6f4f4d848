package anthropic

import (
	"encoding/base64"
	"regexp"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// messages writes the system prompt and the messages, in which user and assistant take turns.
func (e *encoder) messages(b []byte, r *chat.Request) []byte {
	rest := r.Messages
	var system []chat.Part
	for len(rest) > 0 && rest[0].Role == chat.System {
		system, rest = append(system, rest[0].Parts...), rest[1:]
	}
	if blocks := e.blocks(nil, system, r); len(blocks) > 0 {
		b = append(append(append(b, `,"system":[`...), blocks...), ']')
	}
	b = append(b, `,"messages":[`...)
	role, n := "", 0
	for _, m := range rest {
		own := "user"
		if m.Role == chat.Assistant {
			own = "assistant"
		}
		if m.Role == chat.System {
			e.drop("system messages within the conversation: sent as the user's")
		}
		if m.Name != "" {
			e.drop(dialect.LostNames)
		}
		blocks := e.blocks(nil, m.Parts, r)
		if len(blocks) == 0 {
			continue
		}
		if own == role {
			b = append(append(b, ','), blocks...)
			continue
		}
		if n == 0 && own == "assistant" {
			b = append(b, `{"role":"user","content":[{"type":"text","text":"(continue)"}]},`...) // the user comes first here
			e.drop("an answer at the beginning: a line of the user's was put before it")
		}
		if n > 0 {
			b = append(b, "]},"...)
		}
		b = append(append(append(append(b, `{"role":"`...), own...), `","content":[`...), blocks...)
		role = own
		n++
	}
	if n > 0 {
		b = append(b, "]}"...)
	}
	return append(b, ']')
}

func (e *encoder) blocks(b []byte, parts []chat.Part, r *chat.Request) []byte {
	for _, p := range parts {
		before := len(b)
		if before > 0 {
			b = append(b, ',')
		}
		from := len(b)
		if b = e.block(b, &p, r); len(b) == from {
			b = b[:before]
		}
	}
	return b
}

// block appends one block, or nothing.
func (e *encoder) block(b []byte, p *chat.Part, r *chat.Request) []byte {
	switch p.Kind {
	case chat.TextPart, chat.RefusalPart:
		if isBlank(p.Text) {
			return b // empty ones are refused
		}
		b = dialect.AppendString(append(b, `{"type":"text","text":`...), p.Text)
	case chat.ImagePart, chat.DocumentPart:
		b = e.media(b, p)
		if e.err != nil {
			return b
		}
	case chat.AudioPart:
		e.refuse("this model cannot listen to audio")
		return b
	case chat.ThinkingPart:
		if p.Signature.Of != chat.Anthropic {
			e.drop(dialect.LostThoughts)
			return b
		}
		if p.Redacted != "" {
			return append(dialect.AppendString(append(b, `{"type":"redacted_thinking","data":`...), p.Redacted), '}')
		}
		b = dialect.AppendString(append(b, `{"type":"thinking","thinking":`...), p.Text)
		return append(dialect.AppendString(append(b, `,"signature":`...), p.Signature.Value), '}')
	case chat.CallPart:
		b = dialect.AppendString(append(b, `{"type":"tool_use","id":`...), cleanID(p.Call.ID))
		b = dialect.AppendString(append(b, `,"name":`...), p.Call.Name)
		b = append(append(b, `,"input":`...), argumentsObject(p.Call.Arguments)...)
	case chat.ResultPart:
		b = dialect.AppendString(append(b, `{"type":"tool_result","tool_use_id":`...), cleanID(p.Result.CallID))
		if content := e.blocks(nil, p.Result.Parts, r); len(content) > 0 {
			b = append(append(append(b, `,"content":[`...), content...), ']')
		}
		if p.Result.Error {
			b = append(b, `,"is_error":true`...)
		}
	case chat.OpaquePart:
		if r.Wire == chat.AnthropicMessages {
			return append(b, p.Raw...)
		}
		e.drop(dialect.LostPart(p))
		return b
	}
	return append(e.mark(b, p.Cache), '}')
}

// strangeID is what an id must not have here.
var strangeID = regexp.MustCompile(`[^a-zA-Z0-9_-]`)

func cleanID(id string) string {
	id, _ = dialect.UnpackCallID(id)
	if id == "" {
		return "call"
	}
	return strangeID.ReplaceAllString(id, "_")
}

func (e *encoder) media(b []byte, p *chat.Part) []byte {
	m := p.Media
	if m.Detail != "" && m.Detail != "auto" {
		e.drop(dialect.LostDetail)
	}
	b = append(append(append(b, `{"type":"`...), p.Kind...), '"')
	if m.Name != "" && p.Kind == chat.DocumentPart {
		b = dialect.AppendString(append(b, `,"title":`...), m.Name)
	}
	switch text, ok := plainText(m); {
	case ok && p.Kind == chat.DocumentPart:
		b = dialect.AppendString(append(b, `,"source":{"type":"text","media_type":"text/plain","data":`...), text)
	case m.Data != "":
		b = dialect.AppendString(append(b, `,"source":{"type":"base64","media_type":`...), m.Type)
		b = dialect.AppendString(append(b, `,"data":`...), m.Data)
	case m.URL != "":
		b = dialect.AppendString(append(b, `,"source":{"type":"url","url":`...), m.URL)
	default:
		e.refuse("a file that was uploaded to another provider cannot be shown to this model; send it as data")
		return b
	}
	return append(b, '}')
}

// plainText is a document that is text.
func plainText(m *chat.Media) (string, bool) {
	if m.Type != "text/plain" || m.Data == "" {
		return "", false
	}
	b, err := base64.StdEncoding.DecodeString(m.Data)
	return string(b), err == nil
}
