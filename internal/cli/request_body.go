package cli

import (
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect/anthropic"
	"github.com/dragoman/dragoman/internal/dialect/completions"
	"github.com/dragoman/dragoman/internal/dialect/gemini"
	"github.com/dragoman/dragoman/internal/dialect/openai"
	"github.com/dragoman/dragoman/internal/dialect/responses"
)

// wires are the bodies that a command can read.
var wires = []chat.Wire{chat.OpenAIChat, chat.OpenAIResponses, chat.OpenAICompletions, chat.AnthropicMessages, chat.GeminiGenerate}

// decodeBody reads a request as it would come in at a door. wire may be "": then it is told by the body. model is for bodies that
// name none, as Gemini's.
func decodeBody(body []byte, wire chat.Wire, model string) (*chat.Request, error) {
	if !json.Valid(body) {
		return nil, fmt.Errorf("the body is not valid JSON")
	}
	if wire == "" {
		wire = sniff(gjson.ParseBytes(body))
	}
	if model != "" && wire != chat.GeminiGenerate && !gjson.GetBytes(body, "model").Exists() {
		body = append([]byte(fmt.Sprintf(`{"model":%q,`, model)), strings.TrimLeft(string(body), " \t\r\n{")...)
	}
	switch wire {
	case chat.OpenAIChat:
		return openai.DecodeRequest(body)
	case chat.OpenAIResponses:
		r, err := responses.DecodeRequest(body)
		if err != nil {
			return nil, err
		}
		return r.Request, nil
	case chat.OpenAICompletions:
		r, err := completions.DecodeRequest(body)
		if err != nil {
			return nil, err
		}
		return r.Request, nil
	case chat.AnthropicMessages:
		return anthropic.DecodeRequest(body, false)
	case chat.GeminiGenerate:
		return gemini.DecodeRequest(model, false, body)
	}
	return nil, &usageError{fmt.Errorf("--door %s is not known; it is one of %v", wire, wires)}
}

// sniff tells on which wire a body is by what only one of them has.
func sniff(body gjson.Result) chat.Wire {
	has := func(names ...string) bool {
		return slices.ContainsFunc(names, func(n string) bool { return body.Get(n).Exists() })
	}
	switch {
	case has("contents", "systemInstruction", "system_instruction", "generationConfig"):
		return chat.GeminiGenerate
	case has("input", "previous_response_id", "instructions"):
		return chat.OpenAIResponses
	case has("prompt"):
		return chat.OpenAICompletions
	case has("system", "anthropic_version", "stop_sequences", "thinking", "tools.0.input_schema"):
		return chat.AnthropicMessages
	}
	for _, kind := range body.Get("messages.#.content.#.type|@flatten").Array() {
		switch kind.String() {
		case "tool_use", "tool_result", "thinking", "image", "document":
			return chat.AnthropicMessages
		}
	}
	return chat.OpenAIChat
}
