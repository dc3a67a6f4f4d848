// Package anthropic translates between the vocabulary of package chat and Anthropic's messages format, as an upstream
// speaks it. It is pure: no I/O, no clock.
//
// Source: Anthropic's API reference for messages and streaming, version 2023-06-01.
package anthropic

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/dragoman/dragoman/internal/chat"
)

// Version is the value of the anthropic-version header that this package speaks.
const Version = "2023-06-01"

// defaultMaxTokens is sent where the caller names no bound, since the format wants one.
const defaultMaxTokens = 4096

type request struct {
	Model       string    `json:"model"`
	MaxTokens   int       `json:"max_tokens"`
	System      string    `json:"system,omitempty"`
	Messages    []message `json:"messages"`
	Tools       []tool    `json:"tools,omitempty"`
	ToolChoice  *choice   `json:"tool_choice,omitempty"`
	Temperature *float64  `json:"temperature,omitempty"`
	TopP        *float64  `json:"top_p,omitempty"`
	Stop        []string  `json:"stop_sequences,omitempty"`
	Metadata    *metadata `json:"metadata,omitempty"`
	Stream      bool      `json:"stream"`
}

type metadata struct {
	UserID string `json:"user_id"`
}

type message struct {
	Role    string  `json:"role"`
	Content []block `json:"content"`
}

type block struct {
	Type      string          `json:"type"`
	Text      string          `json:"text,omitempty"`
	Source    *source         `json:"source,omitempty"`
	ID        string          `json:"id,omitempty"`
	Name      string          `json:"name,omitempty"`
	Input     json.RawMessage `json:"input,omitempty"`
	ToolUseID string          `json:"tool_use_id,omitempty"`
	Content   string          `json:"content,omitempty"`
}

type source struct {
	Type      string `json:"type"` // "base64" or "url"
	MediaType string `json:"media_type,omitempty"`
	Data      string `json:"data,omitempty"`
	URL       string `json:"url,omitempty"`
}

type tool struct {
	Name        string          `json:"name"`
	Description string          `json:"description,omitempty"`
	InputSchema json.RawMessage `json:"input_schema"`
}

type choice struct {
	Type string `json:"type"`
	Name string `json:"name,omitempty"`
}

// EncodeRequest writes a request, always as a stream. What the format has no place for (seed, fields of other dialects) is
// left out.
func EncodeRequest(r *chat.Request) ([]byte, error) {
	out := request{Model: r.Model, MaxTokens: r.MaxTokens, TopP: r.TopP, Stop: r.Stop, Stream: true}
	if out.MaxTokens == 0 {
		out.MaxTokens = defaultMaxTokens
	}
	if r.Temperature != nil {
		t := min(*r.Temperature, 1) // the scale ends at 1 here
		out.Temperature = &t
		out.TopP = nil // newer models refuse both
	}
	if r.User != "" {
		out.Metadata = &metadata{r.User}
	}
	var system []string
	for _, m := range r.Messages {
		if m.Role == chat.System {
			system = append(system, m.Text())
			continue
		}
		role, blocks, err := encodeMessage(m)
		if err != nil {
			return nil, err
		}
		if len(blocks) == 0 {
			continue // the format refuses empty messages
		}
		if n := len(out.Messages); n > 0 && out.Messages[n-1].Role == role {
			out.Messages[n-1].Content = append(out.Messages[n-1].Content, blocks...)
			continue
		}
		out.Messages = append(out.Messages, message{role, blocks})
	}
	out.System = strings.Join(system, "\n\n")
	if len(out.Messages) == 0 {
		return nil, &chat.Error{Code: chat.CodeInvalidRequest, Param: "messages", Message: "there is no user message to answer; add one"}
	}
	for _, t := range r.Tools {
		schema := t.Parameters
		if len(schema) == 0 || string(schema) == "null" {
			schema = json.RawMessage(`{"type":"object","properties":{}}`)
		}
		out.Tools = append(out.Tools, tool{t.Name, t.Description, schema})
	}
	if len(out.Tools) > 0 {
		out.ToolChoice = encodeChoice(r.ToolChoice)
	}
	body, err := json.Marshal(out)
	if err != nil {
		return nil, fmt.Errorf("encode for the anthropic dialect: %w", err)
	}
	return body, nil
}

func encodeChoice(c string) *choice {
	switch c {
	case "":
		return nil
	case "auto", "none":
		return &choice{Type: c}
	case "required":
		return &choice{Type: "any"}
	}
	return &choice{Type: "tool", Name: c}
}

func encodeMessage(m chat.Message) (role string, blocks []block, err error) {
	if m.Role == chat.Tool {
		return "user", []block{{Type: "tool_result", ToolUseID: m.CallID, Content: m.Text()}}, nil
	}
	for _, p := range m.Parts {
		switch {
		case p.Kind == chat.ImagePart:
			blocks = append(blocks, block{Type: "image", Source: imageSource(p.URL)})
		case strings.TrimSpace(p.Text) != "":
			blocks = append(blocks, block{Type: "text", Text: p.Text})
		}
	}
	for _, c := range m.ToolCalls {
		input := json.RawMessage(c.Arguments)
		if strings.TrimSpace(c.Arguments) == "" {
			input = json.RawMessage("{}")
		}
		var object map[string]json.RawMessage
		if err := json.Unmarshal(input, &object); err != nil || object == nil {
			return "", nil, &chat.Error{Code: chat.CodeInvalidRequest, Param: "messages", Message: fmt.Sprintf("the arguments of the tool call %q are not a JSON object", c.ID)}
		}
		blocks = append(blocks, block{Type: "tool_use", ID: c.ID, Name: c.Name, Input: input})
	}
	return string(m.Role), blocks, nil
}

// imageSource reads a data URL ("data:image/png;base64,...") or passes another URL on.
func imageSource(url string) *source {
	if rest, ok := strings.CutPrefix(url, "data:"); ok {
		if media, data, ok := strings.Cut(rest, ";base64,"); ok {
			return &source{Type: "base64", MediaType: media, Data: data}
		}
	}
	return &source{Type: "url", URL: url}
}
