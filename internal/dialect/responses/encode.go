package responses

import (
	"fmt"
	"strconv"
	"strings"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// writer writes a request that came on another wire, or was made here.
type writer struct {
	b       []byte
	r       *chat.Request
	dropped []string
	err     error
}

func (w *writer) raw(s string)       { w.b = append(w.b, s...) }
func (w *writer) text(s string)      { w.b = dialect.AppendString(w.b, s) }
func (w *writer) float(f float64)    { w.b = strconv.AppendFloat(w.b, f, 'g', -1, 64) }
func (w *writer) integer(n int)      { w.b = strconv.AppendInt(w.b, int64(n), 10) }
func (w *writer) boolean(v bool)     { w.b = strconv.AppendBool(w.b, v) }
func (w *writer) field(name string)  { w.comma(); w.text(name); w.raw(":") }
func (w *writer) same() bool         { return w.r.Wire == chat.OpenAIResponses }
func (w *writer) drops(names string) { w.dropped = appendOnce(w.dropped, names) }

// comma separates what follows from what stands before it.
func (w *writer) comma() {
	switch w.b[len(w.b)-1] {
	case '{', '[', ':', ',':
	default:
		w.raw(",")
	}
}

func appendOnce(list []string, s string) []string {
	for _, have := range list {
		if have == s {
			return list
		}
	}
	return append(list, s)
}

// encodeForeign writes a request from the vocabulary.
func encodeForeign(r *chat.Request) ([]byte, []string, error) {
	w := &writer{b: make([]byte, 0, 4<<10), r: r}
	for _, name := range dialect.Unmapped(r) {
		w.drops(name)
	}
	w.raw("{")
	w.field("model")
	w.text(r.Model)
	messages := r.Messages
	if len(messages) > 0 && messages[0].Role == chat.System && onlyText(messages[0].Parts) {
		w.field("instructions")
		w.text(messages[0].Text())
		messages = messages[1:]
	}
	w.field("input")
	w.raw("[")
	for i := range messages {
		w.message(&messages[i])
	}
	w.raw("]")
	w.tools()
	w.settings()
	w.field("store")
	w.boolean(false) // the conversation is kept here or by the caller, not at the provider
	w.field("stream")
	w.boolean(r.Stream)
	w.raw("}")
	if w.err != nil {
		return nil, nil, w.err
	}
	return w.b, w.dropped, nil
}

func onlyText(parts []chat.Part) bool {
	for _, p := range parts {
		if p.Kind != chat.TextPart {
			return false
		}
	}
	return len(parts) > 0
}

func (w *writer) settings() {
	r := w.r
	if r.MaxTokens > 0 {
		w.field("max_output_tokens")
		w.integer(max(r.MaxTokens, 16)) // fewer are refused
	}
	if r.Temperature != nil {
		w.field("temperature")
		w.float(*r.Temperature)
	}
	if r.TopP != nil {
		w.field("top_p")
		w.float(*r.TopP)
	}
	for _, f := range []struct {
		name string
		set  bool
	}{{"top_k", r.TopK != nil}, {"seed", r.Seed != nil}, {"stop", len(r.Stop) > 0},
		{"frequency_penalty", r.FrequencyPenalty != nil}, {"presence_penalty", r.PresencePenalty != nil}} {
		if f.set {
			w.drops(f.name)
		}
	}
	if r.ParallelTools != nil {
		w.field("parallel_tool_calls")
		w.boolean(*r.ParallelTools)
	}
	if r.User != "" {
		w.field("user")
		w.text(r.User)
	}
	if f := r.Format; f != nil {
		w.field("text")
		w.raw(`{"format":{"type":`)
		if f.Kind == chat.FormatSchema && len(f.Schema) > 0 {
			w.raw(`"json_schema"`)
			w.field("name")
			name := f.Name
			if name == "" {
				name = "answer" // required here
			}
			w.text(name)
			if f.Description != "" {
				w.field("description")
				w.text(f.Description)
			}
			w.field("schema")
			w.b = append(w.b, f.Schema...)
			w.field("strict")
			w.boolean(f.Strict != nil && *f.Strict)
		} else {
			w.raw(`"json_object"`)
		}
		w.raw("}}")
	}
	w.reasoning()
}

func (w *writer) reasoning() {
	r := w.r
	var include []string
	if reasons(r) {
		include = append(include, includeEncrypted)
	}
	if r.Logprobs != nil {
		include = append(include, includeLogprobs)
		if *r.Logprobs > 0 {
			w.field("top_logprobs")
			w.integer(*r.Logprobs)
		}
	}
	if len(include) > 0 {
		w.field("include")
		w.raw(`["` + strings.Join(include, `","`) + `"]`)
	}
	if r.Reasoning == nil {
		return
	}
	effort := r.Reasoning.Effort
	if b := r.Reasoning.Budget; effort == "" && b != nil {
		effort = effortOf(*b)
	}
	visible := r.Reasoning.Visible != nil && *r.Reasoning.Visible
	if effort == "" && !visible {
		return
	}
	w.field("reasoning")
	w.raw("{")
	if effort != "" {
		w.field("effort")
		w.text(effort)
	}
	if visible {
		w.field("summary")
		w.raw(`"auto"`)
	}
	w.raw("}")
}

// effortOf is the effort that a budget of thinking tokens stands for. The bounds lie between what other gateways map the
// efforts to: low 1,024-2,048, medium 4,096-8,192, high from 16,384.
func effortOf(budget int) string {
	switch {
	case budget < 0:
		return ""
	case budget == 0:
		return "none"
	case budget <= 3000:
		return "low"
	case budget <= 12000:
		return "medium"
	}
	return "high"
}

// reasons says whether the answer may hold reasoning: models that don't reason refuse to be asked for its encrypted content.
func reasons(r *chat.Request) bool {
	if r.Reasoning != nil && r.Reasoning.Effort != "none" {
		return true
	}
	for _, p := range []string{"o1", "o3", "o4", "gpt-5", "gpt-6"} {
		if r.Model == p || strings.HasPrefix(r.Model, p+"-") || strings.HasPrefix(r.Model, p+".") {
			return true
		}
	}
	return false
}

func (w *writer) tools() {
	if len(w.r.Tools) > 0 {
		w.field("tools")
		w.raw("[")
		for _, t := range w.r.Tools {
			switch {
			case t.Raw != nil && !w.same():
				w.drops(dialect.LostTool(t))
			case t.Raw != nil:
				w.comma()
				w.b = append(w.b, t.Raw...)
			default:
				w.function(t)
			}
		}
		w.raw("]")
	}
	c := w.r.ToolChoice
	switch {
	case c.Mode == chat.ToolDefault:
	case c.Mode == chat.ToolNamed && len(c.Names) > 0:
		w.field("tool_choice")
		w.raw(`{"type":"function","name":`)
		w.text(c.Names[0])
		w.raw("}")
	case len(c.Names) > 0:
		w.field("tool_choice")
		w.raw(`{"type":"allowed_tools","mode":"` + string(c.Mode) + `","tools":[`)
		for _, name := range c.Names {
			w.comma()
			w.raw(`{"type":"function","name":`)
			w.text(name)
			w.raw("}")
		}
		w.raw("]}")
	default:
		w.field("tool_choice")
		w.text(string(c.Mode))
	}
}

func (w *writer) function(t chat.ToolDefinition) {
	if t.Cache != nil {
		w.drops(dialect.LostCache)
	}
	w.comma()
	w.raw(`{"type":"function","name":`)
	w.text(t.Name)
	if t.Description != "" {
		w.field("description")
		w.text(t.Description)
	}
	w.field("parameters")
	if len(t.Parameters) > 0 {
		w.b = append(w.b, t.Parameters...)
	} else {
		w.raw(`{"type":"object","properties":{}}`)
	}
	w.field("strict") // true where it is not said, unlike on other wires
	w.boolean(t.Strict != nil && *t.Strict)
	w.raw("}")
}

func (w *writer) unsupported(what string) {
	if w.err == nil {
		w.err = &chat.Error{Code: chat.CodeUnsupported, Message: fmt.Sprintf("%s cannot be sent over the Responses API; choose a model whose provider has another dialect", what)}
	}
}
