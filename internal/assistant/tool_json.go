package assistant

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"slices"
	"strconv"
	"strings"
	"unicode/utf16"
	"unicode/utf8"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/route"
)

// Models that cannot call tools in their API's way, small ones on this machine above all, are held by a JSON Schema to either a call or an
// answer. To everybody else (the loop, the trace, the caller) these calls are as any others.

// Calling says how a model calls tools.
type Calling string

// The ways. The zero value goes by what is known of the model.
const (
	CallNative Calling = "native" // by its API's fields
	CallJSON   Calling = "json"   // by what it writes
)

// byJSON says whether a model has to be held by a schema.
func (e *Engine) byJSON(m route.Model, c Calling) bool {
	if c != "" {
		return c == CallJSON
	}
	if e.Router.Can != nil {
		if a := e.Router.Can(m); a.Known {
			return !a.Tools
		}
	}
	return m.Local && m.Small
}

// finalAnswer is what such a model writes in the place of a tool's name to answer. The first thing that it writes is a choice among
// names: a small model takes the one that the question speaks of far more often than it decides to call something at all.
const finalAnswer = "final_answer"

// jsonNote tells such a model what tools there are.
func jsonNote(tools []chat.ToolDefinition) string {
	var b strings.Builder
	b.WriteString("\n\nYou write one JSON object, and nothing else. These are the tools:\n")
	for _, d := range tools {
		fmt.Fprintf(&b, "- %s: %s Arguments: %s\n", d.Name, d.Description, plainSchema(d.Parameters))
	}
	b.WriteString("- " + finalAnswer + ": answers the user, when you know enough.")
	return b.String()
}

// jsonReminder stands at the end of the prompt, where small models look.
func jsonReminder(tools []chat.ToolDefinition) string {
	names := make([]string, len(tools))
	for i, d := range tools {
		names[i] = d.Name
	}
	return "\n\nReply with one JSON object: {\"tool\": NAME, \"arguments\": {...}} calls a tool (" + strings.Join(names, ", ") + "), {\"tool\": \"" + finalAnswer + "\", \"text\": ...} answers. If a tool is named above, call it first."
}

// jsonEnough stands at the end of results: small models call on and on.
const jsonEnough = "\n\nIf that is enough, answer the question: {\"tool\": \"" + finalAnswer + "\", \"text\": ...}"

// jsonFormat is the schema of a call or an answer. answer is what the answer has to be like; nil: a text.
func jsonFormat(tools []chat.ToolDefinition, answer json.RawMessage) *chat.Format {
	if answer == nil {
		answer = json.RawMessage(`{"type":"string"}`)
	}
	var either []any
	for _, d := range tools {
		either = append(either, map[string]any{
			"type": "object", "properties": ordered{{"tool", map[string]any{"const": d.Name}}, {"arguments", plainSchema(d.Parameters)}},
			"required": []string{"tool", "arguments"}, "additionalProperties": false,
		})
	}
	either = append(either, map[string]any{
		"type": "object", "properties": ordered{{"tool", map[string]any{"const": finalAnswer}}, {"text", answer}}, "required": []string{"tool", "text"}, "additionalProperties": false,
	})
	schema, err := json.Marshal(map[string]any{"anyOf": either})
	if err != nil {
		return nil // schemas that were read as JSON are written as JSON
	}
	return &chat.Format{Kind: chat.FormatSchema, Name: "step", Schema: schema}
}

// ordered is an object whose fields keep their order: grammars have them written in it, and the choice is to come first.
type ordered []struct {
	name  string
	value any
}

// MarshalJSON implements json.Marshaler.
func (o ordered) MarshalJSON() ([]byte, error) {
	out := []byte{'{'}
	for i, f := range o {
		name, err := json.Marshal(f.name)
		if err != nil {
			return nil, err
		}
		value, err := json.Marshal(f.value)
		if err != nil {
			return nil, err
		}
		if i > 0 {
			out = append(out, ',')
		}
		out = append(append(append(out, name...), ':'), value...)
	}
	return append(out, '}'), nil
}

// plainSchema leaves of a schema what grammars are made of everywhere; arguments are checked against all of it when they have come.
func plainSchema(schema json.RawMessage) json.RawMessage {
	var v any
	if json.Unmarshal(schema, &v) != nil {
		return json.RawMessage(`{"type":"object"}`)
	}
	b, err := json.Marshal(plainValue(v))
	if err != nil {
		return json.RawMessage(`{"type":"object"}`)
	}
	return b
}

func plainValue(v any) any {
	x, ok := v.(map[string]any)
	if !ok {
		return v
	}
	out := map[string]any{}
	for k, v := range x {
		switch k {
		case "type", "enum", "const", "required", "description":
			out[k] = v
		case "additionalProperties":
			if b, ok := v.(bool); ok {
				out[k] = b
			}
		case "items":
			out[k] = plainValue(v)
		case "properties":
			p, ok := v.(map[string]any)
			if !ok {
				continue
			}
			fields := map[string]any{}
			for name, s := range p {
				fields[name] = plainValue(s)
			}
			out[k] = fields
		}
	}
	return out
}

// asText writes calls and results as such a model reads and writes them.
func asText(messages []chat.Message) []chat.Message {
	var out []chat.Message
	for _, m := range messages {
		var text strings.Builder
		for _, p := range m.Parts {
			switch {
			case p.Call != nil:
				args := p.Call.Arguments
				if !validJSON(args) {
					args = "{}"
				}
				name, err := json.Marshal(p.Call.Name)
				if err != nil {
					continue
				}
				fmt.Fprintf(&text, `{"tool": %s, "arguments": %s}`, name, args)
			case p.Result != nil:
				text.WriteString(p.Result.Text())
			default:
				text.WriteString(p.Text)
			}
			text.WriteByte('\n')
		}
		role := m.Role
		if role == chat.Tool {
			role = chat.User
		}
		said := strings.TrimSpace(text.String())
		if n := len(out); n > 0 && out[n-1].Role == role { // templates of small models want turns to alternate
			out[n-1] = chat.NewText(role, out[n-1].Text()+"\n"+said)
			continue
		}
		out = append(out, chat.NewText(role, said))
	}
	return out
}

// malformed is how what is neither a call nor an answer is told of to the model.
const malformed = "malformed_json"

// jsonCalls reads what such a model writes, and makes calls and an answer of it. The text of an answer comes as it is written.
type jsonCalls struct {
	chat.Stream
	text    string // what was written and not passed on
	answers bool   // it writes a text that is an answer
	over    bool   // the answer's text has ended
	parsed  bool   // all is said
	left    []*chat.Event
}

// More says whether the next event may be at hand already.
func (j *jsonCalls) More() bool {
	m, ok := j.Stream.(interface{ More() bool })
	return len(j.left) > 0 || ok && m.More()
}

// Next implements chat.Stream.
func (j *jsonCalls) Next() (*chat.Event, error) {
	for {
		if len(j.left) > 0 {
			ev := j.left[0]
			j.left = j.left[1:]
			return ev, nil
		}
		ev, err := j.Stream.Next()
		if errors.Is(err, io.EOF) && !j.parsed {
			j.end(&chat.Event{})
			continue
		}
		if err != nil {
			return nil, err
		}
		out := *ev
		out.Raw = nil
		j.text += ev.Text
		out.Text, out.ToolCalls = j.answer(), ev.ToolCalls
		if ev.Finish != "" || ev.Whole {
			j.end(&out)
			continue
		}
		return &out, nil
	}
}

// answer is what can be passed on of the text of an answer.
func (j *jsonCalls) answer() string {
	if !j.answers {
		rest := j.text
		for _, next := range []string{"{", `"tool"`, ":", `"` + finalAnswer + `"`, ",", `"text"`, ":", `"`} {
			var ok bool
			if rest, ok = strings.CutPrefix(strings.TrimLeft(rest, " \t\r\n"), next); !ok {
				return ""
			}
		}
		j.answers, j.text = true, rest
	}
	if j.over {
		return ""
	}
	said, n, over := unquote(j.text)
	j.text, j.over = j.text[n:], over
	return said
}

// unquote reads the beginning of a JSON string, behind its quotation mark, as far as it is whole: n bytes of it.
func unquote(s string) (out string, n int, over bool) {
	var b strings.Builder
	for n < len(s) {
		switch c := s[n]; {
		case c == '"':
			return b.String(), n + 1, true
		case c != '\\':
			_, size := utf8.DecodeRuneInString(s[n:])
			if !utf8.FullRuneInString(s[n:]) {
				return b.String(), n, false
			}
			b.WriteString(s[n : n+size])
			n += size
		case n+1 == len(s):
			return b.String(), n, false
		case s[n+1] == 'u':
			r, size := escaped(s[n:])
			if size == 0 {
				return b.String(), n, false
			}
			b.WriteRune(r)
			n += size
		default:
			if i := strings.IndexByte(`"\/bfnrt`, s[n+1]); i >= 0 {
				b.WriteByte("\"\\/\b\f\n\r\t"[i])
			} else {
				b.WriteByte(s[n+1])
			}
			n += 2
		}
	}
	return b.String(), n, false
}

// escaped reads \uXXXX, and the second half of a pair; size is 0 where more has to come.
func escaped(s string) (r rune, size int) {
	unit := func(s string) rune {
		v, err := strconv.ParseUint(s, 16, 16)
		if err != nil {
			return utf8.RuneError
		}
		return rune(v)
	}
	if len(s) < 6 {
		return 0, 0
	}
	if r = unit(s[2:6]); !utf16.IsSurrogate(r) {
		return r, 6
	}
	if len(s) < 12 {
		if len(s) > 6 && !strings.HasPrefix(`\u`, s[6:min(len(s), 8)]) {
			return utf8.RuneError, 6
		}
		return 0, 0
	}
	if strings.HasPrefix(s[6:], `\u`) {
		return utf16.DecodeRune(r, unit(s[8:12])), 12
	}
	return utf8.RuneError, 6
}

// end makes of all that was written what it is. last is the event that ended it, with what of an answer's text came with it.
func (j *jsonCalls) end(last *chat.Event) {
	if !j.parsed && !j.answers {
		j.parsed = true
		j.whole(last)
	}
	j.parsed = true
	j.left = append(j.left, last)
}

func (j *jsonCalls) whole(last *chat.Event) {
	var step struct {
		Tool      string
		Arguments json.RawMessage
		Text      json.RawMessage
	}
	text := strings.TrimSpace(j.text)
	switch err := json.Unmarshal([]byte(text), &step); {
	case err == nil && step.Tool == finalAnswer && len(step.Text) > 0:
		last.Text = string(step.Text) // an object: the answer has a form of its own
		var words string
		if json.Unmarshal(step.Text, &words) == nil {
			last.Text = words
		}
	case err == nil && step.Tool != "" && step.Tool != finalAnswer:
		last.ToolCalls = []chat.ToolCallPart{{Name: step.Tool, Arguments: string(step.Arguments)}}
	case strings.HasPrefix(text, "{"):
		last.ToolCalls = []chat.ToolCallPart{{Name: malformed}}
	default: // a server that does not hold its models to a schema: it has said something all the same
		last.Text = j.text
	}
	if last.Finish == chat.FinishStop && len(last.ToolCalls) > 0 {
		last.Finish = chat.FinishToolCalls
	}
	j.text = ""
}

// answerSchema is what an answer of a format is like; nil: a text.
func answerSchema(f *chat.Format) json.RawMessage {
	switch {
	case f == nil:
		return nil
	case f.Schema == nil:
		return json.RawMessage(`{"type":"object"}`)
	}
	return f.Schema
}

// declare puts the tools into a request, in the way in which its model calls them.
func (t *Turn) declare(out *chat.Request, tail []chat.Message) {
	tools := t.definitions()
	if !t.tools.json {
		out.Tools = tools
		out.Messages = append(out.Messages, tail...)
		return
	}
	answer := answerSchema(out.Format)
	out.Tools, out.ToolChoice, out.ParallelTools = nil, chat.ToolChoice{}, nil
	out.Format = jsonFormat(tools, answer)
	n := len(out.Messages) - 1
	question := chat.NewText(chat.User, out.Messages[n].Text()+jsonReminder(tools))
	out.Messages = append(slices.Clone(out.Messages[:n]), asText(append([]chat.Message{question}, tail...))...)
}

// describe is what the prompt says of tools.
func (t *Turn) describe() string {
	if t.tools.json {
		return toolsNote + jsonNote(t.definitions())
	}
	return toolsNote
}
