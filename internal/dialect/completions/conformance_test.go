package completions

import (
	"testing"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect/dialecttest"
)

func TestConformance(t *testing.T) {
	const head = `"id":"c1","object":"text_completion","created":1,"model":"m"`
	dialecttest.Conformance(t, dialecttest.Wire{
		Up: Upstream{}, Door: Door{}, TextOnly: true, Decode: func(b []byte) (*chat.Request, error) {
			r, err := DecodeRequest(b)
			if err != nil {
				return nil, err
			}
			return r.Request, nil
		},
		Request: `{ "model":"big","stream":true,"stream_options":{"include_usage":true},"prompt":"Hi","x":{"y":[9007199254740993]}}`,
		Stream: `data: {` + head + `,"choices":[{"text":"Hello ","index":0,"logprobs":null,"finish_reason":null}]}` + "\n\n" +
			`data: {` + head + `,"choices":[{"text":"world","index":0,"logprobs":null,"finish_reason":null}],"x":9007199254740993}` + "\n\n" +
			`data: {` + head + `,"choices":[{"text":"","index":0,"logprobs":null,"finish_reason":"stop"}]}` + "\n\n" +
			`data: {` + head + `,"choices":[],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5}}` + "\n\ndata: [DONE]\n\n",
		Whole: `{` + head + `,"choices":[{"text":"Hello world","index":0,"logprobs":null,"finish_reason":"stop"}],"usage":{"prompt_tokens":3,"completion_tokens":2,"total_tokens":5},"x":1e400}`,
		Page:  "../../../docs/dialects.md", Section: "Completions", Fields: fieldNames[:],
	})
}
