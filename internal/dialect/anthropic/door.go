package anthropic

import (
	"bytes"
	"encoding/json"
	"strconv"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// Door answers callers of messages.
type Door struct{}

var _ dialect.Door = Door{}

// Wire implements dialect.Door.
func (Door) Wire() chat.Wire { return chat.AnthropicMessages }

// Whole implements dialect.Door.
func (Door) Whole(m dialect.Meta, a dialect.Answer) []byte {
	if a.Wire == chat.AnthropicMessages && a.Raw != nil {
		return wholeRaw(a)
	}
	b := head(nil, m)
	b = append(b, `,"content":[`...)
	n := 0
	for _, p := range a.Message.Parts {
		from := len(b)
		if n > 0 {
			b = append(b, ',')
		}
		before := len(b)
		if b = appendBlock(b, p, a.Citations); len(b) == before {
			b = b[:from]
			continue
		}
		n++
	}
	b = append(b, `],"stop_reason":`...)
	b = appendReason(b, a)
	b = appendUsage(append(b, `,"usage":`...), a.Usage)
	if len(a.Dragoman) > 0 {
		b = append(append(b, `,"dragoman":`...), a.Dragoman...)
	}
	return append(b, '}')
}

func head(b []byte, m dialect.Meta) []byte {
	b = append(append(append(b, `{"id":"msg_`...), m.ID...), `","type":"message","role":"assistant","model":`...)
	return dialect.AppendString(b, m.Model)
}

func appendBlock(b []byte, p chat.Part, cited []chat.Citation) []byte {
	switch p.Kind {
	case chat.TextPart, chat.RefusalPart:
		if p.Text == "" {
			return b
		}
		b = dialect.AppendString(append(b, `{"type":"text","text":`...), p.Text)
		if len(cited) > 0 {
			b = append(b, `,"citations":[`...)
			for i, c := range cited {
				if i > 0 {
					b = append(b, ',')
				}
				b = appendCitation(b, c)
			}
			b = append(b, ']')
		}
	case chat.ThinkingPart:
		if p.Redacted != "" {
			return append(dialect.AppendString(append(b, `{"type":"redacted_thinking","data":`...), pack(p.Signature, p.Redacted)), '}')
		}
		b = dialect.AppendString(append(b, `{"type":"thinking","thinking":`...), p.Text)
		b = dialect.AppendString(append(b, `,"signature":`...), pack(p.Signature, ""))
	case chat.CallPart:
		b = dialect.AppendString(append(b, `{"type":"tool_use","id":`...), callID(p.Call.ID, p.Signature))
		b = dialect.AppendString(append(b, `,"name":`...), p.Call.Name)
		b = append(append(b, `,"input":`...), argumentsObject(p.Call.Arguments)...)
	default:
		return b
	}
	return append(b, '}')
}

// callID is the id by which callers know a call: in the alphabet of this wire.
func callID(id string, s chat.Signature) string {
	if id == "" {
		id = "call"
	}
	return dialect.PackCallID(strangeID.ReplaceAllString(id, "_"), s)
}

// appendCitation writes a citation: the provider's own as it is, ours as a place on the web.
func appendCitation(b []byte, c chat.Citation) []byte {
	if len(c.Raw) > 0 && gjson.GetBytes(c.Raw, "cited_text").Exists() {
		return append(b, c.Raw...)
	}
	b = dialect.AppendString(append(b, `{"type":"web_search_result_location","url":`...), c.URL)
	b = dialect.AppendString(append(b, `,"title":`...), c.Title)
	b = dialect.AppendString(append(b, `,"cited_text":`...), c.Quote)
	return append(b, `,"encrypted_index":""}`...)
}

func reasonOf(f chat.FinishReason, sequence string) string {
	switch f {
	case chat.FinishLength:
		return "max_tokens"
	case chat.FinishToolCalls:
		return "tool_use"
	case chat.FinishContentFilter, chat.FinishRefusal:
		return "refusal"
	case chat.FinishPause:
		return "pause_turn"
	}
	if sequence != "" {
		return "stop_sequence"
	}
	return "end_turn"
}

func appendReason(b []byte, a dialect.Answer) []byte {
	b = dialect.AppendString(b, reasonOf(a.Finish, a.StopSequence))
	b = append(b, `,"stop_sequence":`...)
	if a.StopSequence == "" {
		return append(b, "null"...)
	}
	return dialect.AppendString(b, a.StopSequence)
}

func appendUsage(b []byte, u chat.Usage) []byte {
	b = strconv.AppendInt(append(b, `{"input_tokens":`...), max(u.Input-u.CachedInput-u.CacheWrite, 0), 10)
	b = strconv.AppendInt(append(b, `,"cache_creation_input_tokens":`...), u.CacheWrite, 10)
	b = strconv.AppendInt(append(b, `,"cache_read_input_tokens":`...), u.CachedInput, 10)
	return append(strconv.AppendInt(append(b, `,"output_tokens":`...), u.Output, 10), '}')
}

// wholeRaw is the provider's own answer, with what was changed in it.
func wholeRaw(a dialect.Answer) []byte {
	body := a.Raw
	if a.Changed {
		body = bytes.Clone(body)
		texts := partsOf(a.Message.Parts, chat.TextPart)
		calls := partsOf(a.Message.Parts, chat.CallPart)
		i := 0
		said := false
		gjson.GetBytes(a.Raw, "content").ForEach(func(_, v gjson.Result) bool {
			at := "content." + strconv.Itoa(i)
			i++
			switch v.Get("type").String() {
			case "text": // several blocks were filtered as one text: all of it stands in the first
				text := ""
				if !said && len(texts) > 0 {
					for _, p := range texts {
						text += p.Text
					}
				}
				said = true
				body = set(body, at+".text", dialect.AppendString(nil, text))
			case "tool_use":
				if len(calls) > 0 {
					body = set(body, at+".input", argumentsObject(calls[0].Call.Arguments))
					calls = calls[1:]
				}
			}
			return true
		})
	}
	if len(a.Dragoman) > 0 {
		body = set(body, "dragoman", a.Dragoman)
	}
	return body
}

func partsOf(parts []chat.Part, kind chat.PartKind) (out []chat.Part) {
	for _, p := range parts {
		if p.Kind == kind {
			out = append(out, p)
		}
	}
	return out
}

func set(body []byte, path string, value []byte) []byte {
	if out, err := sjson.SetRawBytes(body, path, value); err == nil {
		return out
	}
	return body
}

// Error implements dialect.Door.
func (Door) Error(e *chat.Error, trace string) (status int, body []byte) {
	status, kind := statusOf(e)
	if dialect.OwnError(e, chat.Anthropic) {
		return e.Status, e.Raw
	}
	out := map[string]any{"type": "error", "error": map[string]string{"type": kind, "message": e.Error(), "code": string(e.Code)}} // code is ours
	if trace != "" {
		out["request_id"] = trace
	}
	body, err := json.Marshal(out)
	if err != nil {
		panic(err) // strings only
	}
	return status, body
}

// statusOf is the status and type of an error on this wire (platform.claude.com/docs/en/api/errors).
func statusOf(e *chat.Error) (int, string) {
	switch e.Code {
	case chat.CodeInvalidRequest, chat.CodeContextTooLong, chat.CodeContentFiltered, chat.CodeUnsupported:
		return 400, "invalid_request_error"
	case chat.CodeQuarantined:
		return 422, "invalid_request_error"
	case chat.CodeUnauthorized:
		return 401, "authentication_error"
	case chat.CodeForbidden:
		return 403, "permission_error"
	case chat.CodeNotFound:
		return 404, "not_found_error"
	case chat.CodeTooLarge:
		return 413, "request_too_large"
	case chat.CodeRateLimited, chat.CodeBudget:
		return 429, "rate_limit_error"
	case chat.CodeTimeout:
		return 504, "timeout_error"
	case chat.CodeOverloaded, chat.CodeLoading, chat.CodeUnavailable:
		return 529, "overloaded_error"
	case chat.CodeUpstream, chat.CodeUpstreamAuth, chat.CodeStreamBroken:
		return 502, "api_error"
	case chat.CodeCancelled:
		return 499, "api_error" // nobody reads it
	}
	return 500, "api_error"
}
