package scripted

import (
	"encoding/json"
	"fmt"
	"net/http"
	"regexp"
	"strings"
)

// messages is Anthropic's messages.
type messages struct{}

type messagesRequest struct {
	Model      string            `json:"model"`
	MaxTokens  *int              `json:"max_tokens"`
	Messages   []messagesMessage `json:"messages"`
	System     json.RawMessage   `json:"system"`
	Tools      []json.RawMessage `json:"tools"`
	ToolChoice json.RawMessage   `json:"tool_choice"`
	Thinking   *struct {
		Type         string  `json:"type"`
		BudgetTokens *int    `json:"budget_tokens"`
		Display      *string `json:"display"`
	} `json:"thinking"`
	Metadata *struct {
		UserID *string `json:"user_id"`
	} `json:"metadata"`
	StopSequences     []string        `json:"stop_sequences"`
	Temperature       *float64        `json:"temperature"`
	TopP              *float64        `json:"top_p"`
	TopK              *int            `json:"top_k"`
	Stream            bool            `json:"stream"`
	ServiceTier       string          `json:"service_tier"`
	CacheControl      json.RawMessage `json:"cache_control"`
	OutputConfig      *outputConfig   `json:"output_config"`
	OutputFormat      json.RawMessage `json:"output_format"`
	ContextManagement json.RawMessage `json:"context_management"`
	Container         json.RawMessage `json:"container"`
}

type outputConfig struct {
	Effort string `json:"effort"`
	Format *struct {
		Type   string          `json:"type"`
		Schema json.RawMessage `json:"schema"`
	} `json:"format"`
}

type messagesMessage struct {
	Role    string          `json:"role"`
	Content json.RawMessage `json:"content"`
}

// blockFields are what each kind of block may have.
var blockFields = map[string]string{
	"text":              "type text cache_control citations",
	"image":             "type source cache_control",
	"document":          "type source cache_control citations title context",
	"tool_use":          "type id name input cache_control caller",
	"tool_result":       "type tool_use_id content is_error cache_control",
	"thinking":          "type thinking signature",
	"redacted_thinking": "type data",
}

var messagesID = regexp.MustCompile(`^[a-zA-Z0-9_-]+$`)

func (messages) read(r *http.Request, body []byte) (c Conversation, v violations) {
	var q messagesRequest
	v.decode("body", body, &q)
	c = Conversation{Model: q.Model, Stream: q.Stream}
	counting := strings.HasSuffix(r.URL.Path, "/count_tokens")
	if r.Header.Get("anthropic-version") == "" {
		v.add("anthropic-version: header is required")
	}
	if q.Model == "" {
		v.add("model: Field required")
	}
	if len(q.Messages) == 0 {
		v.add("messages: at least one message is required")
	}
	switch {
	case q.MaxTokens == nil && !counting:
		v.add("max_tokens: Field required")
	case q.MaxTokens != nil && *q.MaxTokens < 1:
		v.add("max_tokens: must be greater than or equal to 1")
	}
	v.sampling(q)
	if q.OutputConfig != nil && q.OutputConfig.Format != nil {
		c.Schema = q.OutputConfig.Format.Schema
		v.jsonSchema("output_config.format.schema", c.Schema, true, false)
	}
	c.thinking = q.Thinking != nil && q.Thinking.Type != "disabled"
	for i, raw := range q.Tools {
		v.messagesTool(fmt.Sprintf("tools.%d", i), raw, &c)
	}
	v.distinct(c.Tools)
	if len(q.Tools) == 0 && !null(q.ToolChoice) {
		v.add("tool_choice: may only be specified while providing tools")
	}
	if !null(q.System) {
		c.System = v.blocks("system", "system", q.System).Text
	}
	for i, m := range q.Messages {
		where := fmt.Sprintf("messages.%d", i)
		switch m.Role {
		case "user", "assistant":
			c.Messages = append(c.Messages, v.blocks(where+".content", m.Role, m.Content))
		case "system":
			if !strings.Contains(r.Header.Get("anthropic-beta"), "mid-conversation-system") {
				v.add("%s.role: system is no role of a message", where)
			}
			c.System += v.blocks(where+".content", "system", m.Content).Text
		default:
			v.add("%s.role: %q", where, m.Role)
		}
	}
	if len(c.Messages) > 0 && c.Messages[0].Role != "user" {
		v.add("messages: first message must use the user role")
	}
	turns := joined(c.Messages)
	v.paired(turns)
	if n := len(turns); q.Thinking != nil && q.Thinking.Type == "enabled" && n > 1 && len(turns[n-1].Results) > 0 && !turns[n-2].thought {
		v.add("messages: Expected `thinking` or `redacted_thinking` before `tool_use`, since thinking is enabled")
	}
	if n := strings.Count(string(body), `"cache_control":{`); n > 4 {
		v.add("a maximum of 4 blocks with cache_control may be provided, found %d", n)
	}
	return c, v
}

func (v *violations) sampling(q messagesRequest) {
	if q.Temperature != nil && (*q.Temperature < 0 || *q.Temperature > 1) {
		v.add("temperature: range: 0..1")
	}
	for _, s := range q.StopSequences {
		if strings.TrimSpace(s) == "" {
			v.add("stop_sequences: each stop sequence must contain non-whitespace")
		}
	}
	t := q.Thinking
	if t == nil {
		return
	}
	switch t.Type {
	case "enabled":
		if t.BudgetTokens == nil || *t.BudgetTokens < 1024 {
			v.add("thinking.budget_tokens: must be greater than or equal to 1024")
		} else if q.MaxTokens != nil && *t.BudgetTokens >= *q.MaxTokens {
			v.add("max_tokens must be greater than thinking.budget_tokens")
		}
		if q.Temperature != nil && *q.Temperature != 1 {
			v.add("temperature may only be set to 1 when thinking is enabled")
		}
		var choice struct{ Type string }
		if !null(q.ToolChoice) && json.Unmarshal(q.ToolChoice, &choice) == nil && choice.Type != "auto" && choice.Type != "none" {
			v.add("thinking may not be enabled when tool_choice forces tool use")
		}
	case "adaptive", "disabled":
		if t.BudgetTokens != nil {
			v.add("thinking.%s.budget_tokens: Extra inputs are not permitted", t.Type)
		}
	default:
		v.add("thinking.type: %q", t.Type)
	}
}

func (v *violations) messagesTool(where string, raw json.RawMessage, c *Conversation) {
	var t struct {
		Type        string          `json:"type"`
		Name        string          `json:"name"`
		InputSchema json.RawMessage `json:"input_schema"`
	}
	_ = json.Unmarshal(raw, &t)
	if t.Type != "" && t.Type != "custom" {
		return // the vendor's own: web_search_20250305 and others
	}
	v.object(where, raw, "type name description input_schema cache_control strict input_examples defer_loading eager_input_streaming allowed_callers")
	c.Tools = append(c.Tools, v.tool(where, t.Name, t.InputSchema, true))
	if !null(t.InputSchema) {
		v.jsonSchema(where+".input_schema", t.InputSchema, false, false)
	}
}

// blocks reads the content of a message.
func (v *violations) blocks(where, role string, content json.RawMessage) Message {
	m := Message{Role: role}
	if len(content) > 0 && content[0] == '"' {
		m.Text = v.text(where, content)
		if strings.TrimSpace(m.Text) == "" && role == "user" {
			v.add("%s: user messages must have non-empty content", where)
		}
		return m
	}
	list := v.list(where, content)
	if len(list) == 0 && role == "user" {
		v.add("%s: user messages must have non-empty content", where)
	}
	other := false
	for i, raw := range list {
		where := fmt.Sprintf("%s.%d", where, i)
		var b struct {
			Type      string          `json:"type"`
			Text      string          `json:"text"`
			ID        string          `json:"id"`
			Name      string          `json:"name"`
			Input     json.RawMessage `json:"input"`
			ToolUseID string          `json:"tool_use_id"`
			Content   json.RawMessage `json:"content"`
			Thinking  string          `json:"thinking"`
			Signature string          `json:"signature"`
			Source    json.RawMessage `json:"source"`
		}
		if err := json.Unmarshal(raw, &b); err != nil {
			v.add("%s: %v", where, err)
			continue
		}
		fields, known := blockFields[b.Type]
		if !known {
			v.add("%s: Input tag %q does not match any of the expected tags", where, b.Type)
			continue
		}
		v.object(where, raw, fields)
		switch b.Type {
		case "text":
			if strings.TrimSpace(b.Text) == "" {
				v.add("%s: text content blocks must contain non-whitespace text", where)
			}
			m.Text += b.Text
		case "tool_use":
			if role != "assistant" || !messagesID.MatchString(b.ID) || b.Name == "" {
				v.add("%s: tool_use of role %s, id %q, name %q", where, role, b.ID, b.Name)
			}
			v.arguments(where+".input", string(b.Input))
			m.Calls = append(m.Calls, Call{ID: b.ID, Name: b.Name, Arguments: string(b.Input)})
		case "tool_result":
			if role != "user" || other {
				v.add("%s: tool_result blocks come first, in a message of the user", where)
			}
			r := Result{ID: b.ToolUseID}
			if !null(b.Content) {
				inside := v.blocks(where+".content", "tool", b.Content)
				r.Text = inside.Text
				m.Images = append(m.Images, inside.Images...)
			}
			m.Results = append(m.Results, r)
			continue
		case "image":
			m.Images = append(m.Images, v.source(where+".source", b.Source))
		case "thinking":
			if role != "assistant" || b.Signature != sign(b.Thinking) {
				v.add("%s: Invalid `signature` in `thinking` block", where)
			}
			if len(m.Calls) > 0 || m.Text != "" {
				v.add("%s: thinking comes before what follows from it", where)
			}
			m.thought = true
		}
		other = true
	}
	return m
}

// joined puts messages of one role that follow each other together, as the vendor does.
func joined(all []Message) []Message {
	var out []Message
	for _, m := range all {
		if n := len(out); n > 0 && out[n-1].Role == m.Role {
			last := &out[n-1]
			last.Text += m.Text
			last.Calls = append(last.Calls[:len(last.Calls):len(last.Calls)], m.Calls...)
			last.Results = append(last.Results[:len(last.Results):len(last.Results)], m.Results...)
			continue
		}
		out = append(out, m)
	}
	return out
}
