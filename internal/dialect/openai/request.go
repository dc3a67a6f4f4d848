// Package openai translates between the OpenAI chat completions format and the vocabulary of package chat, in both
// directions: requests and answers at our door, and those of upstream servers. It is pure: no I/O, no clock.
//
// Source: the API reference of OpenAI's chat completions, and what the official Python and Node SDKs accept.
package openai

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"github.com/dragoman/dragoman/internal/chat"
)

// request is the part of a chat completion request that is understood; what else it holds goes to Request.Extra.
type request struct {
	Model               string          `json:"model"`
	Messages            []message       `json:"messages"`
	Tools               []tool          `json:"tools,omitempty"`
	ToolChoice          json.RawMessage `json:"tool_choice,omitempty"`
	MaxTokens           *int            `json:"max_tokens,omitempty"`
	MaxCompletionTokens *int            `json:"max_completion_tokens,omitempty"`
	Temperature         *float64        `json:"temperature,omitempty"`
	TopP                *float64        `json:"top_p,omitempty"`
	Stop                json.RawMessage `json:"stop,omitempty"`
	Seed                *int64          `json:"seed,omitempty"`
	User                string          `json:"user,omitempty"`
	Stream              bool            `json:"stream,omitempty"`
	StreamOptions       *streamOptions  `json:"stream_options,omitempty"`
	N                   *int            `json:"n,omitempty"`
	Dragoman            json.RawMessage `json:"dragoman,omitempty"`
}

type streamOptions struct {
	IncludeUsage bool `json:"include_usage"`
}

type message struct {
	Role       string          `json:"role"`
	Content    json.RawMessage `json:"content"`
	Name       string          `json:"name,omitempty"`
	ToolCalls  []toolCall      `json:"tool_calls,omitempty"`
	ToolCallID string          `json:"tool_call_id,omitempty"`
}

type part struct {
	Type     string    `json:"type"`
	Text     string    `json:"text,omitempty"`
	Refusal  string    `json:"refusal,omitempty"`
	ImageURL *imageURL `json:"image_url,omitempty"`
}

type imageURL struct {
	URL string `json:"url"`
}

type tool struct {
	Type     string   `json:"type"`
	Function function `json:"function"`
}

type function struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	Parameters  json.RawMessage `json:"parameters,omitempty"`
	Strict      *bool           `json:"strict,omitempty"`
}

type toolCall struct {
	ID       string       `json:"id"`
	Type     string       `json:"type"`
	Function calledMethod `json:"function"`
}

type calledMethod struct {
	Name      string `json:"name"`
	Arguments string `json:"arguments"`
}

// known are the fields of request, which don't go to Extra.
var known = []string{"model", "messages", "tools", "tool_choice", "max_tokens", "max_completion_tokens", "temperature", "top_p", "stop", "seed", "user", "stream", "stream_options", "n", "dragoman"}

// DecodeRequest reads the body of POST /v1/chat/completions. Errors are *chat.Error with code CodeInvalidRequest and the
// field at fault.
func DecodeRequest(body []byte) (*chat.Request, error) {
	var r request
	if err := json.Unmarshal(body, &r); err != nil {
		if te, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
			return nil, invalid(te.Field, fmt.Sprintf("%s must be a %s, not a %s", te.Field, typeName(te.Type.String()), te.Value))
		}
		return nil, invalid("", "the body is not valid JSON: "+err.Error())
	}
	if r.Model == "" {
		return nil, invalid("model", "model is missing; GET /v1/models lists those there are")
	}
	if len(r.Messages) == 0 {
		return nil, invalid("messages", "messages must hold at least one message")
	}
	if r.N != nil && *r.N != 1 {
		return nil, invalid("n", "n must be 1: send the request several times for several answers")
	}
	if t := r.Temperature; t != nil && (*t < 0 || *t > 2) {
		return nil, invalid("temperature", "temperature must be between 0 and 2")
	}
	if p := r.TopP; p != nil && (*p < 0 || *p > 1) {
		return nil, invalid("top_p", "top_p must be between 0 and 1")
	}
	out := &chat.Request{Model: r.Model, Temperature: r.Temperature, TopP: r.TopP, Seed: r.Seed, User: r.User, Stream: r.Stream, Dragoman: r.Dragoman}
	out.IncludeUsage = r.StreamOptions != nil && r.StreamOptions.IncludeUsage
	for _, max := range []*int{r.MaxTokens, r.MaxCompletionTokens} {
		if max == nil {
			continue
		}
		if *max < 1 {
			return nil, invalid("max_completion_tokens", "the number of tokens must be at least 1")
		}
		out.MaxTokens = *max
	}
	var err error
	if out.Stop, err = decodeStop(r.Stop); err != nil {
		return nil, err
	}
	for i, m := range r.Messages {
		cm, err := decodeMessage(m, fmt.Sprintf("messages.%d", i))
		if err != nil {
			return nil, err
		}
		out.Messages = append(out.Messages, cm)
	}
	for i, t := range r.Tools {
		if t.Type != "function" || t.Function.Name == "" {
			return nil, invalid(fmt.Sprintf("tools.%d", i), "a tool must have the type function and a function with a name")
		}
		out.Tools = append(out.Tools, chat.ToolDefinition(t.Function))
	}
	if out.ToolChoice, err = decodeToolChoice(r.ToolChoice); err != nil {
		return nil, err
	}
	var all map[string]json.RawMessage
	if err := json.Unmarshal(body, &all); err != nil {
		return nil, invalid("", "the body must be a JSON object")
	}
	// encoding/json takes "Messages" for messages: kept here as well, it would go upstream past everything that looks at
	// messages.
	maps.DeleteFunc(all, func(k string, _ json.RawMessage) bool {
		return slices.ContainsFunc(known, func(name string) bool { return strings.EqualFold(k, name) })
	})
	if len(all) > 0 {
		out.Extra = all
	}
	return out, nil
}

func typeName(goType string) string {
	switch {
	case strings.HasPrefix(goType, "[]"):
		return "list"
	case strings.Contains(goType, "int"), strings.Contains(goType, "float"):
		return "number"
	case strings.Contains(goType, "bool"):
		return "boolean"
	case strings.Contains(goType, "string"):
		return "string"
	}
	return "object"
}

func invalid(param, message string) *chat.Error {
	return &chat.Error{Code: chat.CodeInvalidRequest, Param: param, Message: message}
}

func isNull(raw json.RawMessage) bool { return len(raw) == 0 || bytes.Equal(raw, []byte("null")) }

func decodeStop(raw json.RawMessage) ([]string, error) {
	if isNull(raw) {
		return nil, nil
	}
	var one string
	if json.Unmarshal(raw, &one) == nil {
		return []string{one}, nil
	}
	var several []string
	if json.Unmarshal(raw, &several) != nil {
		return nil, invalid("stop", "stop must be a string or a list of strings")
	}
	return several, nil
}

func decodeToolChoice(raw json.RawMessage) (string, error) {
	if isNull(raw) {
		return "", nil
	}
	wrong := invalid("tool_choice", "tool_choice must be none, auto, required, or name a function")
	var mode string
	if json.Unmarshal(raw, &mode) == nil {
		if mode != "none" && mode != "auto" && mode != "required" {
			return "", wrong
		}
		return mode, nil
	}
	var named struct {
		Function struct{ Name string } `json:"function"`
	}
	if json.Unmarshal(raw, &named) != nil || named.Function.Name == "" {
		return "", wrong
	}
	return named.Function.Name, nil
}

func decodeMessage(m message, at string) (chat.Message, error) {
	out := chat.Message{Name: m.Name, CallID: m.ToolCallID}
	switch m.Role {
	case "system", "developer":
		out.Role = chat.System
	case "user":
		out.Role = chat.User
	case "assistant":
		out.Role = chat.Assistant
	case "tool":
		out.Role = chat.Tool
		if m.ToolCallID == "" {
			return out, invalid(at+".tool_call_id", "tool_call_id is missing; it says which call this is the result of")
		}
	default:
		return out, invalid(at+".role", fmt.Sprintf("the role %q is not known; it is system, developer, user, assistant or tool", m.Role))
	}
	for i, c := range m.ToolCalls {
		if c.ID == "" || c.Function.Name == "" {
			return out, invalid(fmt.Sprintf("%s.tool_calls.%d", at, i), "a tool call must have an id and a function with a name")
		}
		out.ToolCalls = append(out.ToolCalls, chat.ToolCall{ID: c.ID, Name: c.Function.Name, Arguments: c.Function.Arguments})
	}
	if isNull(m.Content) {
		if len(out.ToolCalls) == 0 {
			return out, invalid(at+".content", "the content is missing")
		}
		return out, nil
	}
	var text string
	if json.Unmarshal(m.Content, &text) == nil {
		out.Parts = []chat.Part{{Kind: chat.TextPart, Text: text}}
		return out, nil
	}
	var parts []part
	if err := json.Unmarshal(m.Content, &parts); err != nil {
		return out, invalid(at+".content", "content must be a string or a list of parts")
	}
	for i, p := range parts {
		switch {
		case p.Type == "text":
			out.Parts = append(out.Parts, chat.Part{Kind: chat.TextPart, Text: p.Text})
		case p.Type == "refusal":
			out.Parts = append(out.Parts, chat.Part{Kind: chat.TextPart, Text: p.Refusal})
		case p.Type == "image_url" && p.ImageURL != nil && p.ImageURL.URL != "":
			out.Parts = append(out.Parts, chat.Part{Kind: chat.ImagePart, URL: p.ImageURL.URL})
		default:
			return out, invalid(fmt.Sprintf("%s.content.%d", at, i), fmt.Sprintf("parts of type %q are not supported; text and image_url are", p.Type))
		}
	}
	return out, nil
}

// EncodeRequest writes a request for an upstream server: always as a stream that ends with its usage.
func EncodeRequest(r *chat.Request) ([]byte, error) {
	out := map[string]any{}
	for k, v := range r.Extra {
		out[k] = v
	}
	out["model"], out["stream"], out["stream_options"] = r.Model, true, streamOptions{true}
	messages := make([]message, 0, len(r.Messages))
	for _, m := range r.Messages {
		messages = append(messages, encodeMessage(m))
	}
	out["messages"] = messages
	if len(r.Tools) > 0 {
		tools := make([]tool, len(r.Tools))
		for i, t := range r.Tools {
			tools[i] = tool{"function", function(t)}
		}
		out["tools"] = tools
	}
	switch r.ToolChoice {
	case "":
	case "auto", "none", "required":
		out["tool_choice"] = r.ToolChoice
	default:
		out["tool_choice"] = map[string]any{"type": "function", "function": map[string]string{"name": r.ToolChoice}}
	}
	if r.MaxTokens > 0 {
		// The older name: every server that speaks the dialect knows it; OpenAI's reasoning models alone want the newer.
		name := "max_tokens"
		if wantsCompletionTokens(r.Model) {
			name = "max_completion_tokens"
		}
		out[name] = r.MaxTokens
	}
	if r.Temperature != nil && !wantsCompletionTokens(r.Model) {
		out["temperature"] = *r.Temperature
	}
	if r.TopP != nil {
		out["top_p"] = *r.TopP
	}
	if len(r.Stop) > 0 {
		out["stop"] = r.Stop
	}
	if r.Seed != nil {
		out["seed"] = *r.Seed
	}
	if r.User != "" {
		out["user"] = r.User
	}
	return marshal(out)
}

// wantsCompletionTokens says whether a model is one of OpenAI's that reason: they refuse max_tokens and temperature.
func wantsCompletionTokens(model string) bool {
	for _, p := range []string{"o1", "o3", "o4", "gpt-5", "gpt-6"} {
		if model == p || strings.HasPrefix(model, p+"-") || strings.HasPrefix(model, p+".") {
			return true
		}
	}
	return false
}

func encodeMessage(m chat.Message) message {
	out := message{Role: string(m.Role), Name: m.Name, ToolCallID: m.CallID}
	for _, c := range m.ToolCalls {
		out.ToolCalls = append(out.ToolCalls, toolCall{c.ID, "function", calledMethod{c.Name, c.Arguments}})
	}
	images := false
	for _, p := range m.Parts {
		images = images || p.Kind == chat.ImagePart
	}
	switch {
	case len(m.Parts) == 0 && len(out.ToolCalls) > 0:
		out.Content = json.RawMessage("null")
	case !images && len(m.Parts) <= 1:
		out.Content = mustMarshal(m.Text())
	default:
		parts := make([]part, len(m.Parts))
		for i, p := range m.Parts {
			parts[i] = part{Type: "text", Text: p.Text}
			if p.Kind == chat.ImagePart {
				parts[i] = part{Type: "image_url", ImageURL: &imageURL{p.URL}}
			}
		}
		out.Content = mustMarshal(parts)
	}
	return out
}

// marshal encodes without escaping <, > and &: a body is not a web page.
func marshal(v any) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return nil, fmt.Errorf("encode for the openai dialect: %w", err)
	}
	return bytes.TrimSuffix(b.Bytes(), []byte("\n")), nil
}

// mustMarshal encodes values of which encoding cannot fail: strings, numbers and structs of them.
func mustMarshal(v any) json.RawMessage {
	b, err := marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
