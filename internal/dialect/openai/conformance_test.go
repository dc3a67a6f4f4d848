package openai

import (
	"maps"
	"slices"
	"testing"

	"github.com/dragoman/dragoman/internal/dialect/dialecttest"
)

func TestConformance(t *testing.T) {
	const head = `"id":"c1","object":"chat.completion.chunk","created":1,"model":"m"`
	dialecttest.Conformance(t, dialecttest.Wire{
		Up: Upstream{}, Door: Door{}, Decode: DecodeRequest,
		Request: `{ "model":"big","stream":true,"stream_options":{"include_usage":true},"messages":[{"role":"user","content":"Hi"}],"x":{"y":[9007199254740993]}}`,
		Stream: `data: {` + head + `,"choices":[{"index":0,"delta":{"role":"assistant","content":"Hello "},"finish_reason":null}]}` + "\n\n" +
			`data: {` + head + `,"choices":[{"index":0,"delta":{"content":"world"},"finish_reason":null}],"x":9007199254740993}` + "\n\n" +
			`data: {` + head + `,"choices":[{"index":0,"delta":{},"finish_reason":"stop"}]}` + "\n\n" +
			`data: {` + head + `,"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}` + "\n\ndata: [DONE]\n\n",
		Whole: `{"id":"c1","object":"chat.completion","created":1,"model":"m","choices":[{"index":0,"message":{"role":"assistant","content":"Hello world"},"finish_reason":"stop"}],"x":1e400}`,
		Page:  "../../../docs/dialects.md", Section: "Chat completions", Fields: slices.Collect(maps.Keys(known)),
	})
}
