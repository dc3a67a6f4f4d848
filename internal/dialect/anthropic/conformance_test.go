package anthropic

import (
	"maps"
	"slices"
	"testing"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect/dialecttest"
)

func TestConformance(t *testing.T) {
	dialecttest.Conformance(t, dialecttest.Wire{
		Up: Upstream{}, Door: Door{}, Decode: func(b []byte) (*chat.Request, error) { return DecodeRequest(b, false) },
		Request: `{ "model":"big","stream":true,"max_tokens":9,"messages":[{"role":"user","content":"Hi"}],"x":{"y":[9007199254740993]}}`,
		Stream: "event: message_start\ndata: " + `{"type":"message_start","message":{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[],"stop_reason":null,"usage":{"input_tokens":3,"output_tokens":1}},"x":9007199254740993}` + "\n\n" +
			"event: content_block_start\ndata: " + `{"type":"content_block_start","index":0,"content_block":{"type":"text","text":""}}` + "\n\n" +
			"event: content_block_delta\ndata: " + `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"Hello "}}` + "\n\nevent: ping\ndata: " + `{"type":"ping"}` + "\n\n" +
			"event: content_block_delta\ndata: " + `{"type":"content_block_delta","index":0,"delta":{"type":"text_delta","text":"world"}}` + "\n\n" +
			"event: content_block_stop\ndata: " + `{"type":"content_block_stop","index":0}` + "\n\n" +
			"event: message_delta\ndata: " + `{"type":"message_delta","delta":{"stop_reason":"end_turn","stop_sequence":null},"usage":{"output_tokens":2}}` + "\n\nevent: message_stop\ndata: " + `{"type":"message_stop"}` + "\n\n",
		Whole: `{"id":"msg_1","type":"message","role":"assistant","model":"m","content":[{"type":"text","text":"Hello world"}],"stop_reason":"end_turn","stop_sequence":null,"usage":{"input_tokens":3,"output_tokens":2},"x":1e400}`,
		Page:  "../../../docs/dialects.md", Section: "Messages", Fields: slices.Collect(maps.Keys(known)),
	})
}
