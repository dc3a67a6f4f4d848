package anthropic

import (
	"bytes"
	"encoding/json"
	"fmt"
	"regexp"
	"slices"
	"strconv"

	"github.com/tidwall/gjson"
	"github.com/tidwall/sjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// packedID is what dialect.PackCallID appends.
var packedID = regexp.MustCompile(`__sig_[oag][A-Za-z0-9_-]+`)

// Encode implements dialect.Upstream.
func (Upstream) Encode(r *chat.Request) (body []byte, dropped []string, err error) {
	if r.Wire == chat.AnthropicMessages && r.Body != nil && !strangeThoughts(r) {
		body, err = forward(r)
		return body, nil, err
	}
	e := &encoder{}
	body = e.request(r)
	return body, e.dropped, e.err
}

// strangeThoughts says whether the conversation has thoughts of another provider: Anthropic refuses them.
func strangeThoughts(r *chat.Request) bool {
	for _, m := range r.Messages {
		for _, p := range m.Parts {
			if p.Kind == chat.ThinkingPart && p.Signature.Of != chat.Anthropic {
				return true
			}
		}
	}
	return false
}

// forward is the request's own body with the needed fields rewritten.
func forward(r *chat.Request) ([]byte, error) {
	patches := dialect.ChangedParts(r)
	var dragoman, stream bool
	dialect.Parse(r.Body).ForEach(func(k, v gjson.Result) bool {
		switch k.Str {
		case "model":
			if v.String() != r.Model {
				patches = append(patches, dialect.Patch{At: dialect.Place(r.Body, v), JSON: dialect.AppendString(nil, r.Model)})
			}
		case "stream":
			stream = true
			if v.Bool() != r.Stream {
				patches = append(patches, dialect.Patch{At: dialect.Place(r.Body, v), JSON: strconv.AppendBool(nil, r.Stream)})
			}
		case "dragoman":
			dragoman = true
		}
		return true
	})
	if r.Stream && !stream {
		open := bytes.IndexByte(r.Body, '{') + 1
		patches = append(patches, dialect.Patch{At: chat.Span{Start: open, End: open}, JSON: []byte(`"stream":true,`)})
	}
	body := dialect.Splice(r.Body, patches)
	if bytes.Contains(body, []byte("__sig_")) {
		body = packedID.ReplaceAll(body, nil)
	}
	if dragoman {
		var err error
		if body, err = sjson.DeleteBytes(body, "dragoman"); err != nil {
			return nil, fmt.Errorf("take the field dragoman out: %w", err)
		}
	}
	return body, nil
}

// encoder writes a request that came on another wire, or was made here.
type encoder struct {
	dropped []string
	err     error
	marks   int // cache marks so far
}

func (e *encoder) drop(what string) {
	if !slices.Contains(e.dropped, what) {
		e.dropped = append(e.dropped, what)
	}
}

func (e *encoder) refuse(why string) {
	if e.err == nil {
		e.err = &chat.Error{Code: chat.CodeUnsupported, Message: why}
	}
}

// defaultMax is how long an answer may be where the caller does not say: this wire wants a number, and all models take it.
const defaultMax = 8192

func (e *encoder) request(r *chat.Request) []byte {
	b := append(make([]byte, 0, 1024+len(r.Source)), `{"model":`...)
	b = dialect.AppendString(b, r.Model)
	if r.Stream {
		b = append(b, `,"stream":true`...)
	}
	limit, thinking, budget := e.length(r)
	b = strconv.AppendInt(append(b, `,"max_tokens":`...), int64(limit), 10)
	b = append(b, thinking...)
	b = e.messages(b, r)
	b = e.tools(b, r)
	b = e.sampling(b, r, budget != 0)
	if f := r.Format; f != nil && len(f.Schema) > 0 {
		b = append(append(append(b, `,"output_config":{"format":{"type":"json_schema","schema":`...), e.closed(f.Schema)...), "}}"...)
		if f.Description != "" {
			e.drop("response_format.json_schema.description")
		}
	} else if f != nil {
		e.drop("response_format json_object: say in the prompt that the answer is to be JSON, or give a schema")
	}
	if r.User != "" {
		b = append(dialect.AppendString(append(b, `,"metadata":{"user_id":`...), r.User), '}')
	}
	for _, name := range dialect.Unmapped(r) {
		v := gjson.GetBytes(r.Source, gjson.Escape(name))
		if r.Wire != chat.AnthropicMessages || !v.Exists() {
			e.drop(name)
			continue
		}
		b = append(append(dialect.AppendString(append(b, ','), name), ':'), v.Raw...)
	}
	return append(b, '}')
}

// length is how long the answer may be, thoughts included.
func (e *encoder) length(r *chat.Request) (limit int, thinking []byte, budget int) {
	if limit = r.MaxTokens; limit == 0 {
		limit = defaultMax
	}
	if thinking, budget = e.thinking(r); budget >= limit {
		limit = budget + defaultMax // the budget is part of it here
	}
	return limit, thinking, budget
}

// MaxTokens is how long the answer to a request may be, as Encode writes it.
func (Upstream) MaxTokens(r *chat.Request) int {
	limit, _, _ := (&encoder{}).length(r)
	return limit
}

// budgets are how many tokens of thoughts an effort is worth; see docs/dialects.md.
var budgets = map[string]int{"minimal": 1024, "low": 2048, "medium": 8192, "high": 16384, "xhigh": 32768, "max": 63999}

// thinking writes whether the model is to think, and returns how many tokens at most; -1 for as many as it likes.
func (e *encoder) thinking(r *chat.Request) ([]byte, int) {
	if r.Reasoning == nil {
		return nil, 0
	}
	budget := budgets[r.Reasoning.Effort]
	if r.Reasoning.Budget != nil {
		budget = *r.Reasoning.Budget
	}
	switch {
	case budget == 0:
		return nil, 0
	case callsWithoutThoughts(r.Messages):
		e.drop("thinking: the last tool calls came without the thoughts before them, which this provider wants back")
		return nil, 0
	case budget < 0:
		return []byte(`,"thinking":{"type":"adaptive"}`), -1
	}
	budget = max(budget, 1024)
	return append(strconv.AppendInt([]byte(`,"thinking":{"type":"enabled","budget_tokens":`), int64(budget), 10), '}'), budget
}

// callsWithoutThoughts says whether the conversation goes on after tool calls whose message has no thought of this provider.
func callsWithoutThoughts(messages []chat.Message) bool {
	for i := len(messages) - 1; i >= 0; i-- {
		m := messages[i]
		if m.Role == chat.User {
			return false // a new turn begins: earlier thoughts are not asked for
		}
		if m.Role != chat.Assistant || len(m.Calls()) == 0 {
			continue
		}
		for _, p := range m.Parts {
			if p.Kind == chat.ThinkingPart && p.Signature.Of == chat.Anthropic {
				return false
			}
		}
		return true
	}
	return false
}

func (e *encoder) sampling(b []byte, r *chat.Request, thinks bool) []byte {
	if thinks && (r.Temperature != nil && *r.Temperature != 1 || r.TopK != nil) {
		e.drop("temperature, top_k: not while the model thinks")
	} else {
		if r.Temperature != nil {
			t := *r.Temperature
			if t > 1 {
				e.drop("temperature above 1: 1 is the most here")
				t = 1
			}
			b = strconv.AppendFloat(append(b, `,"temperature":`...), t, 'g', -1, 64)
		}
		if r.TopK != nil {
			b = strconv.AppendInt(append(b, `,"top_k":`...), int64(*r.TopK), 10)
		}
	}
	if r.TopP != nil {
		if r.Temperature != nil && *r.TopP != 1 {
			e.drop("top_p beside temperature: newer models take one of them")
		} else if r.Temperature == nil {
			b = strconv.AppendFloat(append(b, `,"top_p":`...), *r.TopP, 'g', -1, 64)
		}
	}
	if len(r.Stop) > 0 {
		b = append(b, `,"stop_sequences":[`...)
		n := 0
		for _, s := range r.Stop {
			if s == "" || isBlank(s) {
				e.drop("stop sequences of blanks only")
				continue
			}
			if n > 0 {
				b = append(b, ',')
			}
			n++
			b = dialect.AppendString(b, s)
		}
		b = append(b, ']')
	}
	if r.Seed != nil {
		e.drop("seed")
	}
	if r.Logprobs != nil {
		e.drop("logprobs")
	}
	if r.FrequencyPenalty != nil && *r.FrequencyPenalty != 0 || r.PresencePenalty != nil && *r.PresencePenalty != 0 {
		e.drop("frequency_penalty, presence_penalty")
	}
	return b
}

func isBlank(s string) bool { return len(bytes.TrimSpace([]byte(s))) == 0 }

func (e *encoder) tools(b []byte, r *chat.Request) []byte {
	n := 0
	for _, t := range r.Tools {
		if c := r.ToolChoice; c.Mode != chat.ToolNamed && len(c.Names) > 0 && !slices.Contains(c.Names, t.Name) {
			continue
		}
		if len(t.Raw) > 0 && r.Wire != chat.AnthropicMessages {
			e.drop(dialect.LostTool(t))
			continue
		}
		if n == 0 {
			b = append(b, `,"tools":[`...)
		} else {
			b = append(b, ',')
		}
		n++
		if len(t.Raw) > 0 {
			b = append(b, t.Raw...)
			continue
		}
		b = dialect.AppendString(append(b, `{"name":`...), t.Name)
		if t.Description != "" {
			b = dialect.AppendString(append(b, `,"description":`...), t.Description)
		}
		b = append(b, `,"input_schema":`...)
		if gjson.GetBytes(t.Parameters, "type").String() == "object" {
			b = append(b, t.Parameters...)
		} else {
			b = append(b, objectSchema(t.Parameters)...)
		}
		if t.Strict != nil {
			b = strconv.AppendBool(append(b, `,"strict":`...), *t.Strict)
		}
		b = append(e.mark(b, t.Cache), '}')
	}
	if n == 0 {
		return b
	}
	b = append(b, ']')
	c, parallel := r.ToolChoice, r.ParallelTools
	if c.Mode == chat.ToolDefault && (parallel == nil || *parallel) {
		return b
	}
	b = append(b, `,"tool_choice":{"type":`...)
	switch c.Mode {
	case chat.ToolRequired:
		b = append(b, `"any"`...)
	case chat.ToolNone:
		b = append(b, `"none"`...)
	case chat.ToolNamed:
		b = dialect.AppendString(append(b, `"tool","name":`...), c.Names[0])
	default:
		b = append(b, `"auto"`...)
	}
	if parallel != nil && !*parallel && c.Mode != chat.ToolNone {
		b = append(b, `,"disable_parallel_tool_use":true`...)
	}
	return append(b, '}')
}

// objectSchema is a schema of the type that this wire wants.
func objectSchema(schema []byte) []byte {
	if len(schema) == 0 || !gjson.ParseBytes(schema).IsObject() {
		return []byte(`{"type":"object","properties":{}}`)
	}
	out, err := sjson.SetBytes(bytes.Clone(schema), "type", "object")
	if err != nil {
		return []byte(`{"type":"object","properties":{}}`)
	}
	return out
}

// mark writes a cache mark. More than four are refused by the provider; the first ones, on what changes least, are kept.
func (e *encoder) mark(b []byte, c *chat.CacheMark) []byte {
	if c == nil {
		return b
	}
	if e.marks == 4 {
		e.drop(dialect.LostCache + " beyond the fourth")
		return b
	}
	e.marks++
	b = append(b, `,"cache_control":{"type":"ephemeral"`...)
	if c.TTL != "" {
		b = dialect.AppendString(append(b, `,"ttl":`...), c.TTL)
	}
	return append(b, '}')
}

// argumentsObject is a call's arguments as the object that this wire wants. What is none is kept whole under one name.
func argumentsObject(arguments string) []byte {
	if gjson.Valid(arguments) && gjson.Parse(arguments).IsObject() {
		return []byte(arguments)
	}
	if isBlank(arguments) {
		return []byte("{}")
	}
	b, err := json.Marshal(map[string]string{"arguments": arguments})
	if err != nil {
		return []byte("{}") // a string always encodes
	}
	return b
}
