package responses

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// Fields of items, in the order of their places.
const (
	iType = iota
	iRole
	iContent
	iID
	iCallID
	iName
	iNamespace
	iArguments
	iInput
	iOutput
	iSummary
	iEncrypted
	iAction
	iCount
)

var itemFields = [iCount]string{
	"type", "role", "content", "id", "call_id", "name", "namespace", "arguments", "input", "output", "summary", "encrypted_content", "action",
}

// input reads the items of a request into messages and returns them as they came. More may follow from a previous response,
// so that there may be none.
func (d *decoder) input(v gjson.Result, continues bool) []json.RawMessage {
	switch {
	case v.Type == gjson.String:
		d.out.Messages = append(d.out.Messages, chat.Message{Role: chat.User, Parts: []chat.Part{{Kind: chat.TextPart, Text: v.Str, At: dialect.Place(d.body, v)}}})
		item := append([]byte(`{"type":"message","role":"user","content":[{"type":"input_text","text":`), v.Raw...)
		return []json.RawMessage{append(item, `}]}`...)}
	case v.IsArray():
		var items []json.RawMessage
		v.ForEach(func(_, item gjson.Result) bool {
			d.item(item, fmt.Sprintf("input.%d", len(items)))
			items = append(items, json.RawMessage(item.Raw))
			return d.err == nil
		})
		if len(items) == 0 && !continues {
			d.fail("input", "input must hold at least one item")
		}
		return items
	case !v.Exists() && continues:
		return nil
	case !v.Exists():
		d.fail("input", "input is missing; it is a string or a list of items")
	default:
		d.fail("input", "input must be a string or a list of items")
	}
	return nil
}

// add appends parts to the message that is being read where it has the same role: what an assistant says, thinks and calls in
// one turn is one message, though it is many items.
func (d *decoder) add(role chat.Role, parts ...chat.Part) {
	if n := len(d.out.Messages); n > 0 && (role == chat.Assistant || role == chat.Tool) && d.out.Messages[n-1].Role == role {
		d.out.Messages[n-1].Parts = append(d.out.Messages[n-1].Parts, parts...)
		return
	}
	d.out.Messages = append(d.out.Messages, chat.Message{Role: role, Parts: parts})
}

func (d *decoder) item(item gjson.Result, at string) {
	if !item.IsObject() {
		d.fail(at, "%s must be an object", at)
		return
	}
	var f [iCount]gjson.Result
	if twice := dialect.Fields(item, itemFields[:], f[:], nil); twice != "" {
		d.fail(at+"."+twice, "%s stands there twice; send it once", twice)
		return
	}
	kind := f[iType].String()
	switch {
	case kind == "message" || kind == "" && f[iRole].Exists():
		d.message(&f, at)
	case kind == "function_call":
		if v := f[iArguments]; v.Type == gjson.String {
			d.call(&f, flatName(f[iNamespace].String(), f[iName].String()), v.Str, v, at)
		} else {
			d.call(&f, flatName(f[iNamespace].String(), f[iName].String()), v.Raw, v, at)
		}
	case kind == "custom_tool_call":
		if _, ok := d.str(f[iInput], at+".input"); ok {
			d.call(&f, flatName(f[iNamespace].String(), f[iName].String()), customArguments(f[iInput].Str), f[iInput], at)
		}
	case kind == "local_shell_call":
		d.call(&f, localShell, f[iAction].Raw, f[iAction], at)
	case kind == "function_call_output" || kind == "custom_tool_call_output" || kind == "local_shell_call_output":
		d.result(&f, at)
	case kind == "reasoning":
		d.thought(item, &f, at)
	case kind == "":
		d.fail(at+".type", "%s.type is missing; it is message, function_call, function_call_output, reasoning, ...", at)
	case strings.HasSuffix(kind, "_output") || strings.HasSuffix(kind, "_response"):
		d.add(chat.User, chat.Part{Kind: chat.OpaquePart, Raw: json.RawMessage(item.Raw)})
	default: // calls of tools that the provider runs, references to items that it has stored
		d.add(chat.Assistant, chat.Part{Kind: chat.OpaquePart, Raw: json.RawMessage(item.Raw)})
	}
}

func (d *decoder) message(f *[iCount]gjson.Result, at string) {
	var role chat.Role
	switch f[iRole].String() {
	case "system", "developer":
		role = chat.System
	case "user":
		role = chat.User
	case "assistant":
		role = chat.Assistant
	default:
		d.fail(at+".role", "%s.role must be system, developer, user or assistant", at)
		return
	}
	if !f[iContent].Exists() {
		d.fail(at+".content", "%s.content is missing", at)
		return
	}
	d.add(role, d.content(f[iContent], at+".content")...)
}

var partFields = []string{"type", "text", "refusal", "image_url", "file_id", "detail", "file_url", "file_data", "filename", "input_audio"}

// content reads a string or a list of parts.
func (d *decoder) content(v gjson.Result, at string) []chat.Part {
	if v.Type == gjson.String {
		return []chat.Part{{Kind: chat.TextPart, Text: v.Str, At: dialect.Place(d.body, v)}}
	}
	if !v.IsArray() {
		d.fail(at, "%s must be a string or a list of parts", at)
		return nil
	}
	var parts []chat.Part
	v.ForEach(func(_, p gjson.Result) bool {
		parts = append(parts, d.part(p, at, len(parts)))
		return d.err == nil
	})
	return parts
}

func (d *decoder) part(p gjson.Result, in string, i int) chat.Part {
	at := func(field string) string { return fmt.Sprintf("%s.%d%s", in, i, field) }
	var f [10]gjson.Result
	if !p.IsObject() {
		d.fail(at(""), "%s must be an object", at(""))
		return chat.Part{}
	}
	if twice := dialect.Fields(p, partFields, f[:], nil); twice != "" {
		d.fail(at("."+twice), "%s stands there twice; send it once", twice)
		return chat.Part{}
	}
	switch f[0].String() {
	case "input_text", "output_text", "text", "summary_text", "reasoning_text":
		text, _ := d.str(f[1], at(".text"))
		return chat.Part{Kind: chat.TextPart, Text: text, At: dialect.Place(d.body, f[1])}
	case "refusal":
		text, _ := d.str(f[2], at(".refusal"))
		return chat.Part{Kind: chat.RefusalPart, Text: text, At: dialect.Place(d.body, f[2])}
	case "input_image":
		m := &chat.Media{FileID: f[4].String(), Detail: f[5].String()}
		url := f[3].String()
		if f[3].IsObject() {
			url = f[3].Get("url").String()
		}
		m.Type, m.URL, m.Data = splitURL(url)
		if m.URL == "" && m.Data == "" && m.FileID == "" {
			d.fail(at(".image_url"), "%s must have an image_url or a file_id", at(""))
		}
		return chat.Part{Kind: chat.ImagePart, Media: m}
	case "input_file":
		m := &chat.Media{FileID: f[4].String(), URL: f[6].String(), Name: f[8].String()}
		if data := f[7].String(); data != "" {
			if strings.HasPrefix(data, "data:") {
				m.Type, _, m.Data = splitURL(data)
			} else {
				m.Data = data
			}
			if m.Type == "" && strings.HasSuffix(strings.ToLower(m.Name), ".pdf") {
				m.Type = "application/pdf"
			}
		}
		if m.URL == "" && m.Data == "" && m.FileID == "" {
			d.fail(at(""), "%s must have a file_url, file_data or a file_id", at(""))
		}
		return chat.Part{Kind: chat.DocumentPart, Media: m}
	case "input_audio":
		return chat.Part{Kind: chat.AudioPart, Media: &chat.Media{Type: "audio/" + f[9].Get("format").String(), Data: f[9].Get("data").String()}}
	case "":
		d.fail(at(".type"), "%s is missing; it is input_text, input_image, input_file, output_text or refusal", at(".type"))
	}
	return chat.Part{Kind: chat.OpaquePart, Raw: json.RawMessage(p.Raw)}
}

// splitURL takes a data URL apart; any other URL is returned as it is.
func splitURL(url string) (mime, link, data string) {
	rest, ok := strings.CutPrefix(url, "data:")
	if !ok {
		return "", url, ""
	}
	head, data, ok := strings.Cut(rest, ",")
	mime, base64 := strings.CutSuffix(head, ";base64")
	if !ok || !base64 {
		return "", url, "" // percent-encoded text: rare, and left to the provider
	}
	mime, _, _ = strings.Cut(mime, ";")
	return mime, "", data
}

func (d *decoder) call(f *[iCount]gjson.Result, name, arguments string, from gjson.Result, at string) {
	id := f[iCallID].String()
	if id == "" {
		id = f[iID].String()
	}
	if id == "" {
		d.fail(at+".call_id", "%s.call_id is missing; the output of the call refers to it", at)
		return
	}
	if name == "" {
		d.fail(at+".name", "%s.name is missing; it names the tool that was called", at)
		return
	}
	id, signature := dialect.UnpackCallID(id)
	d.add(chat.Assistant, chat.Part{Kind: chat.CallPart, Call: &chat.ToolCall{ID: id, Name: name, Arguments: arguments}, Signature: signature, At: dialect.Place(d.body, from)})
}

func (d *decoder) result(f *[iCount]gjson.Result, at string) {
	id := f[iCallID].String()
	if id == "" {
		id = f[iID].String()
	}
	if id == "" {
		d.fail(at+".call_id", "%s.call_id is missing; it says which call this is the output of", at)
		return
	}
	if !f[iOutput].Exists() {
		d.fail(at+".output", "%s.output is missing", at)
		return
	}
	id, _ = dialect.UnpackCallID(id)
	part := chat.Part{Kind: chat.ResultPart, Result: &chat.ToolResult{CallID: id, Parts: d.content(f[iOutput], at+".output")}}
	if parts := part.Result.Parts; len(parts) == 1 && parts[0].Kind == chat.TextPart {
		part.At = parts[0].At
	}
	d.add(chat.Tool, part)
}

// thought reads a reasoning item: a part for each of its texts, the last one with the signature.
func (d *decoder) thought(item gjson.Result, f *[iCount]gjson.Result, at string) {
	var parts []chat.Part
	for _, list := range []int{iSummary, iContent} {
		if f[list].IsArray() {
			for _, p := range d.content(f[list], at+"."+itemFields[list]) {
				if p.Kind == chat.TextPart {
					p.Kind = chat.ThinkingPart
					parts = append(parts, p)
				}
			}
		}
	}
	encrypted := f[iEncrypted].String()
	if encrypted == "" {
		if len(parts) == 0 { // stored at the provider, which knows it by its id
			parts = []chat.Part{{Kind: chat.OpaquePart, Raw: json.RawMessage(item.Raw)}}
		}
		d.add(chat.Assistant, parts...)
		return
	}
	last := chat.Part{Kind: chat.ThinkingPart}
	if p, ok := unpack(encrypted); ok {
		last.Text, last.Signature, last.Redacted = p.Text, chat.Signature{Of: p.Of, Value: p.Value}, p.Redacted
	} else {
		last.Signature = ownSignature(f[iID].String(), encrypted)
	}
	if n := len(parts); n > 0 {
		parts[n-1].Signature, parts[n-1].Redacted = last.Signature, last.Redacted
	} else {
		parts = append(parts, last)
	}
	d.add(chat.Assistant, parts...)
}
