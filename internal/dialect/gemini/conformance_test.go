package gemini

import (
	"testing"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect/dialecttest"
)

func TestConformance(t *testing.T) {
	dialecttest.Conformance(t, dialecttest.Wire{
		Up: Upstream{}, Door: Door{}, Decode: func(b []byte) (*chat.Request, error) { return DecodeRequest("big", true, b) },
		Request: `{ "contents":[{"role":"user","parts":[{"text":"Hi"}]}],"x":{"y":[9007199254740993]}}`,
		Stream: `data: {"candidates":[{"content":{"parts":[{"text":"Hello "}],"role":"model"},"index":0}],"x":9007199254740993}` + "\n\n" +
			`data: {"candidates":[{"content":{"parts":[{"text":"world"}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2,"totalTokenCount":5}}` + "\n\n",
		Whole: `{"candidates":[{"content":{"parts":[{"text":"Hello world"}],"role":"model"},"finishReason":"STOP","index":0}],"usageMetadata":{"promptTokenCount":3,"candidatesTokenCount":2,"totalTokenCount":5},"x":1e400}`,
		Page:  "../../../docs/dialects.md", Section: "Gemini",
		Fields: []string{
			"contents", "role", "parts", "systemInstruction", "tools", "toolConfig", "generationConfig", "dragoman", "text", "thought", "thoughtSignature", "inlineData", "fileData", "functionCall", "functionResponse",
			"executableCode", "codeExecutionResult", "videoMetadata", "mediaResolution", "mimeType", "data", "displayName", "fileUri", "id", "name", "args", "response", "functionDeclarations", "description", "parameters",
			"parametersJsonSchema", "functionCallingConfig", "mode", "allowedFunctionNames", "maxOutputTokens", "temperature", "topP", "topK", "stopSequences", "seed", "presencePenalty", "frequencyPenalty",
			"responseMimeType", "responseSchema", "responseJsonSchema", "responseLogprobs", "logprobs", "thinkingConfig", "includeThoughts", "thinkingBudget", "thinkingLevel", "candidateCount", "responseModalities",
		},
	})
}
