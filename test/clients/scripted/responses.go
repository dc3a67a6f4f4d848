package scripted

import (
	"encoding/json"
	"fmt"
	"net/http"
)

// responses is OpenAI's responses, without state: previous_response_id is refused.
type responses struct{}

type responsesRequest struct {
	Model             string            `json:"model"`
	Input             json.RawMessage   `json:"input"`
	Instructions      *string           `json:"instructions"`
	Tools             []json.RawMessage `json:"tools"`
	ToolChoice        json.RawMessage   `json:"tool_choice"`
	ParallelToolCalls *bool             `json:"parallel_tool_calls"`
	Stream            bool              `json:"stream"`
	StreamOptions     json.RawMessage   `json:"stream_options"`
	MaxOutputTokens   *int              `json:"max_output_tokens"`
	MaxToolCalls      *int              `json:"max_tool_calls"`
	Temperature       *float64          `json:"temperature"`
	TopP              *float64          `json:"top_p"`
	TopLogprobs       *int              `json:"top_logprobs"`
	Truncation        *string           `json:"truncation"`
	Store             *bool             `json:"store"`
	Background        *bool             `json:"background"`
	Include           []string          `json:"include"`
	Metadata          map[string]string `json:"metadata"`
	ClientMetadata    map[string]string `json:"client_metadata"`
	User              *string           `json:"user"`
	SafetyIdentifier  *string           `json:"safety_identifier"`
	PromptCacheKey    *string           `json:"prompt_cache_key"`
	ServiceTier       *string           `json:"service_tier"`
	Reasoning         *struct {
		Effort  *string `json:"effort"`
		Summary *string `json:"summary"`
		Context *string `json:"context"`
	} `json:"reasoning"`
	Text *struct {
		Verbosity *string `json:"verbosity"`
		Format    *struct {
			Type        string          `json:"type"`
			Name        string          `json:"name"`
			Description *string         `json:"description"`
			Schema      json.RawMessage `json:"schema"`
			Strict      *bool           `json:"strict"`
		} `json:"format"`
	} `json:"text"`
}

// itemFields are what each kind of item may have.
var itemFields = map[string]string{
	"message":                 "type id role content status phase",
	"reasoning":               "type id summary content encrypted_content status",
	"function_call":           "type id call_id name namespace arguments status",
	"function_call_output":    "type id call_id output status",
	"custom_tool_call":        "type id call_id name input status",
	"custom_tool_call_output": "type id call_id output",
}

func (responses) read(r *http.Request, body []byte) (c Conversation, v violations) {
	var q responsesRequest
	v.decode("body", body, &q)
	c = Conversation{Model: q.Model, Stream: q.Stream}
	if q.Model == "" {
		v.add("Missing required parameter: 'model'")
	}
	if q.Instructions != nil {
		c.System = *q.Instructions + "\n"
	}
	if q.Text != nil && q.Text.Format != nil && q.Text.Format.Type == "json_schema" {
		c.Schema = q.Text.Format.Schema
		strict := q.Text.Format.Strict != nil && *q.Text.Format.Strict
		v.jsonSchema("text.format.schema", c.Schema, strict, strict)
		if !toolName.MatchString(q.Text.Format.Name) {
			v.add("text.format.name: %q", q.Text.Format.Name)
		}
	}
	for _, i := range q.Include {
		c.thinking = c.thinking || i == "reasoning.encrypted_content"
	}
	for i, raw := range q.Tools {
		v.responsesTool(fmt.Sprintf("tools[%d]", i), raw, &c)
	}
	if len(q.Input) > 0 && q.Input[0] == '"' {
		c.Messages = []Message{{Role: "user", Text: v.text("input", q.Input)}}
		return c, v
	}
	items := v.list("input", q.Input)
	if len(items) == 0 {
		v.add("input: empty array")
	}
	calls, outputs := map[string]string{}, map[string]bool{}
	for i, raw := range items {
		v.item(fmt.Sprintf("input[%d]", i), raw, &c, calls, outputs)
	}
	for id := range calls {
		if !outputs[id] {
			v.add("No tool output found for function call %s.", id)
		}
	}
	return c, v
}

func (v *violations) responsesTool(where string, raw json.RawMessage, c *Conversation) {
	var t struct {
		Type       string          `json:"type"`
		Name       string          `json:"name"`
		Parameters json.RawMessage `json:"parameters"`
		Strict     *bool           `json:"strict"`
	}
	_ = json.Unmarshal(raw, &t)
	switch t.Type {
	case "function":
		v.object(where, raw, "type name description parameters strict defer_loading")
		c.Tools = append(c.Tools, v.tool(where, t.Name, t.Parameters, true))
		if !null(t.Parameters) {
			strict := t.Strict != nil && *t.Strict
			v.jsonSchema(where+".parameters", t.Parameters, strict, strict)
		}
	case "custom":
		v.object(where, raw, "type name description format")
		c.Tools = append(c.Tools, Tool{Name: t.Name, Freeform: true})
	case "":
		v.add("%s: Missing required parameter: 'type'", where)
	}
}

// item reads one item of the input. The calls are kept with their kinds.
func (v *violations) item(where string, raw json.RawMessage, c *Conversation, calls map[string]string, outputs map[string]bool) {
	var it struct {
		Type             string          `json:"type"`
		ID               string          `json:"id"`
		Role             string          `json:"role"`
		Content          json.RawMessage `json:"content"`
		CallID           string          `json:"call_id"`
		Name             string          `json:"name"`
		Arguments        string          `json:"arguments"`
		Input            string          `json:"input"`
		Output           json.RawMessage `json:"output"`
		EncryptedContent string          `json:"encrypted_content"`
	}
	if err := json.Unmarshal(raw, &it); err != nil {
		v.add("%s: %v", where, err)
		return
	}
	if it.Type == "" && it.Role != "" {
		it.Type = "message"
	}
	fields, known := itemFields[it.Type]
	if !known {
		v.add("%s: Invalid value %q for 'type'", where, it.Type)
		return
	}
	v.object(where, raw, fields)
	switch it.Type {
	case "message":
		text, images := v.responsesContent(where, it.Role, it.Content)
		switch it.Role {
		case "system", "developer":
			c.System += text + "\n"
		case "user", "assistant":
			c.Messages = append(c.Messages, Message{Role: it.Role, Text: text, Images: images})
		default:
			v.add("%s.role: %q", where, it.Role)
		}
	case "reasoning":
		if it.EncryptedContent != sign("reasoning") {
			v.add("%s: The encrypted content could not be verified", where)
		}
	case "function_call", "custom_tool_call":
		if it.CallID == "" || calls[it.CallID] != "" || it.Name == "" {
			v.add("%s: call_id %q is empty or taken, or the name is missing", where, it.CallID)
		}
		calls[it.CallID] = it.Type
		call := Call{ID: it.CallID, Name: it.Name, Arguments: it.Arguments}
		if it.Type == "custom_tool_call" {
			call.Arguments, call.Freeform = it.Input, true
		} else {
			v.arguments(where+".arguments", it.Arguments)
		}
		c.Messages = append(c.Messages, Message{Role: "assistant", Calls: []Call{call}})
	case "function_call_output", "custom_tool_call_output":
		if calls[it.CallID]+"_output" != it.Type || outputs[it.CallID] {
			v.add("%s: No tool call found for %s with call_id %q, or it had its output", where, it.Type, it.CallID)
		}
		outputs[it.CallID] = true
		text, images := v.responsesContent(where, "user", it.Output)
		c.Messages = append(c.Messages, Message{Role: "user", Results: []Result{{ID: it.CallID, Text: text}}, Images: images})
	}
}

// responsesContent returns the text and the images of a message or of an output.
func (v *violations) responsesContent(where, role string, content json.RawMessage) (text string, images []string) {
	if len(content) > 0 && content[0] == '"' {
		return v.text(where, content), nil
	}
	for i, raw := range v.list(where+".content", content) {
		where := fmt.Sprintf("%s.content[%d]", where, i)
		var part struct {
			Type     string
			Text     string
			ImageURL string `json:"image_url"`
		}
		_ = json.Unmarshal(raw, &part)
		switch {
		case part.Type == "input_text" && role != "assistant":
			v.object(where, raw, "type text")
			text += part.Text
		case part.Type == "output_text" && role == "assistant":
			v.object(where, raw, "type text annotations logprobs")
			text += part.Text
		case part.Type == "refusal" && role == "assistant":
		case part.Type == "input_image" && role == "user":
			v.object(where, raw, "type image_url detail")
			images = append(images, v.dataURL(where, part.ImageURL))
		case part.Type == "input_file" && role == "user":
		default:
			v.add("%s: Invalid value %q for 'type' in role %s", where, part.Type, role)
		}
	}
	return text, images
}
