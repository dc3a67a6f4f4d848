package scripted

import (
	"encoding/json"
	"fmt"
	"net/http"
	"strings"
)

// chat is OpenAI's chat completions.
type chat struct{}

type chatRequest struct {
	Model             string          `json:"model"`
	Messages          []chatMessage   `json:"messages"`
	Tools             []chatTool      `json:"tools"`
	ToolChoice        json.RawMessage `json:"tool_choice"`
	ParallelToolCalls *bool           `json:"parallel_tool_calls"`
	Stream            bool            `json:"stream"`
	StreamOptions     *struct {
		IncludeUsage       bool  `json:"include_usage"`
		IncludeObfuscation *bool `json:"include_obfuscation"`
	} `json:"stream_options"`
	MaxTokens           *int            `json:"max_tokens"`
	MaxCompletionTokens *int            `json:"max_completion_tokens"`
	Temperature         *float64        `json:"temperature"`
	TopP                *float64        `json:"top_p"`
	N                   *int            `json:"n"`
	Stop                json.RawMessage `json:"stop"`
	PresencePenalty     *float64        `json:"presence_penalty"`
	FrequencyPenalty    *float64        `json:"frequency_penalty"`
	LogitBias           map[string]int  `json:"logit_bias"`
	Logprobs            *bool           `json:"logprobs"`
	TopLogprobs         *int            `json:"top_logprobs"`
	User                *string         `json:"user"`
	Seed                *int            `json:"seed"`
	ResponseFormat      *struct {
		Type       string `json:"type"`
		JSONSchema *struct {
			Name        string          `json:"name"`
			Description string          `json:"description"`
			Schema      json.RawMessage `json:"schema"`
			Strict      *bool           `json:"strict"`
		} `json:"json_schema"`
	} `json:"response_format"`
	ReasoningEffort      *string           `json:"reasoning_effort"`
	Verbosity            *string           `json:"verbosity"`
	Metadata             map[string]string `json:"metadata"`
	Store                *bool             `json:"store"`
	ServiceTier          *string           `json:"service_tier"`
	Modalities           []string          `json:"modalities"`
	Prediction           json.RawMessage   `json:"prediction"`
	PromptCacheKey       *string           `json:"prompt_cache_key"`
	PromptCacheRetention *string           `json:"prompt_cache_retention"`
	SafetyIdentifier     *string           `json:"safety_identifier"`
}

type chatMessage struct {
	Role         string          `json:"role"`
	Content      json.RawMessage `json:"content"`
	Name         *string         `json:"name"`
	Refusal      *string         `json:"refusal"`
	Annotations  json.RawMessage `json:"annotations"`
	Audio        json.RawMessage `json:"audio"`
	FunctionCall json.RawMessage `json:"function_call"`
	ToolCalls    []struct {
		ID       string `json:"id"`
		Type     string `json:"type"`
		Function struct {
			Name      string `json:"name"`
			Arguments string `json:"arguments"`
		} `json:"function"`
	} `json:"tool_calls"`
	ToolCallID string `json:"tool_call_id"`
}

type chatTool struct {
	Type     string `json:"type"`
	Function *struct {
		Name        string          `json:"name"`
		Description string          `json:"description"`
		Parameters  json.RawMessage `json:"parameters"`
		Strict      *bool           `json:"strict"`
	} `json:"function"`
}

// longestCallID is the bound on an ID in chat completions, in bytes; the responses have another.
const longestCallID = 40

func (chat) read(r *http.Request, body []byte) (c Conversation, v violations) {
	var q chatRequest
	v.decode("body", body, &q)
	c = Conversation{Model: q.Model, Stream: q.Stream, usageInStream: q.StreamOptions != nil && q.StreamOptions.IncludeUsage}
	if q.Model == "" {
		v.add("you must provide a model parameter")
	}
	if len(q.Messages) == 0 {
		v.add("messages: empty array")
	}
	if q.StreamOptions != nil && !q.Stream {
		v.add("stream_options: only allowed when stream is true")
	}
	if len(q.Tools) == 0 && (!null(q.ToolChoice) || q.ParallelToolCalls != nil) {
		v.add("tool_choice and parallel_tool_calls are only allowed when tools are specified")
	}
	if q.Tools != nil && len(q.Tools) == 0 {
		v.add("tools: empty array")
	}
	if q.MaxTokens != nil && q.MaxCompletionTokens != nil {
		v.add("max_tokens and max_completion_tokens cannot both be set")
	}
	if q.MaxTokens != nil && *q.MaxTokens < 1 || q.MaxCompletionTokens != nil && *q.MaxCompletionTokens < 1 {
		v.add("max_tokens: too small")
	}
	if q.Temperature != nil && (*q.Temperature < 0 || *q.Temperature > 2) {
		v.add("temperature: %v is not from 0 to 2", *q.Temperature)
	}
	for i, t := range q.Tools {
		where := fmt.Sprintf("tools[%d]", i)
		if t.Type != "function" || t.Function == nil {
			v.add("%s: type %q, and there are functions only", where, t.Type)
			continue
		}
		c.Tools = append(c.Tools, v.tool(where+".function", t.Function.Name, t.Function.Parameters, false))
		if !null(t.Function.Parameters) {
			strict := t.Function.Strict != nil && *t.Function.Strict
			v.jsonSchema(where+".function.parameters", t.Function.Parameters, strict, strict)
		}
	}
	if f := q.ResponseFormat; f != nil {
		switch {
		case f.Type == "json_schema" && f.JSONSchema != nil:
			c.Schema = f.JSONSchema.Schema
			strict := f.JSONSchema.Strict != nil && *f.JSONSchema.Strict
			v.jsonSchema("response_format.json_schema.schema", c.Schema, strict, strict)
			if !toolName.MatchString(f.JSONSchema.Name) {
				v.add("response_format.json_schema.name: missing or wrong: %q", f.JSONSchema.Name)
			}
		case f.Type == "json_object":
			if !strings.Contains(strings.ToLower(string(body)), "json") {
				v.add("messages must contain the word json in some form to use json_object")
			}
		case f.Type != "text":
			v.add("response_format: type %q", f.Type)
		}
	}
	for i, m := range q.Messages {
		c.Messages = v.chatMessage(fmt.Sprintf("messages[%d]", i), m, &c.System, c.Messages)
	}
	v.paired(c.Messages)
	return c, v
}

func (v *violations) chatMessage(where string, m chatMessage, system *string, to []Message) []Message {
	text, images := v.chatContent(where, m)
	if m.Role != "assistant" && (m.ToolCalls != nil || m.Refusal != nil) || m.Role != "tool" && m.ToolCallID != "" {
		v.add("%s: has fields of another role than %s", where, m.Role)
	}
	switch m.Role {
	case "system", "developer":
		*system += text + "\n"
	case "user":
		return append(to, Message{Role: "user", Text: text, Images: images})
	case "tool":
		if m.ToolCallID == "" {
			v.add("%s: no tool_call_id", where)
		}
		return append(to, Message{Role: "user", Results: []Result{{ID: m.ToolCallID, Text: text}}})
	case "assistant":
		said := Message{Role: "assistant", Text: text}
		if m.ToolCalls != nil && len(m.ToolCalls) == 0 {
			v.add("%s.tool_calls: empty array", where)
		}
		for i, call := range m.ToolCalls {
			if call.Type != "function" || !toolName.MatchString(call.Function.Name) {
				v.add("%s.tool_calls[%d]: type %q, name %q", where, i, call.Type, call.Function.Name)
			}
			if len(call.ID) > longestCallID {
				v.add("%s.tool_calls[%d].id: string too long, expected at most %d: %q", where, i, longestCallID, call.ID)
			}
			v.arguments(fmt.Sprintf("%s.tool_calls[%d].arguments", where, i), call.Function.Arguments)
			said.Calls = append(said.Calls, Call{ID: call.ID, Name: call.Function.Name, Arguments: call.Function.Arguments})
		}
		return append(to, said)
	default:
		v.add("%s: role %q", where, m.Role)
	}
	return to
}

// chatContent returns the text and the images of a message.
func (v *violations) chatContent(where string, m chatMessage) (string, []string) {
	if null(m.Content) {
		if m.Role != "assistant" || m.ToolCalls == nil && m.Refusal == nil {
			v.add("%s.content: expected a string or an array, got null", where)
		}
		return "", nil
	}
	if m.Content[0] == '"' {
		return v.text(where+".content", m.Content), nil
	}
	var text strings.Builder
	var images []string
	parts := v.list(where+".content", m.Content)
	if len(parts) == 0 {
		v.add("%s.content: empty array", where)
	}
	for i, raw := range parts {
		where := fmt.Sprintf("%s.content[%d]", where, i)
		var part struct {
			Type     string
			Text     string
			ImageURL struct{ URL string } `json:"image_url"`
		}
		_ = json.Unmarshal(raw, &part)
		switch {
		case part.Type == "text":
			v.object(where, raw, "type text")
			text.WriteString(part.Text)
		case part.Type == "refusal" && m.Role == "assistant":
			v.object(where, raw, "type refusal")
		case part.Type == "image_url" && m.Role == "user":
			v.object(where, raw, "type image_url")
			images = append(images, v.dataURL(where, part.ImageURL.URL))
		case (part.Type == "input_audio" || part.Type == "file") && m.Role == "user":
			v.object(where, raw, "type input_audio file")
		default:
			v.add("%s: type %q in a message of role %s", where, part.Type, m.Role)
		}
	}
	return text.String(), images
}
