package responses

import (
	"testing"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect/dialecttest"
)

func TestConformance(t *testing.T) {
	const item = `{"id":"msg_1","type":"message","status":"completed","role":"assistant","content":[{"type":"output_text","text":"Hello world","annotations":[]}]}`
	event := func(kind, fields string) string {
		return "event: " + kind + "\ndata: " + `{"type":"` + kind + `",` + fields + "}\n\n"
	}
	dialecttest.Conformance(t, dialecttest.Wire{
		Up: Upstream{}, Door: Door{}, Decode: func(b []byte) (*chat.Request, error) {
			r, err := DecodeRequest(b)
			if err != nil {
				return nil, err
			}
			return r.Request, nil
		},
		Request: `{ "model":"big","stream":true,"store":false,"input":"Hi","x":{"y":[9007199254740993]}}`,
		Stream: event("response.created", `"sequence_number":0,"response":{"id":"resp_1","object":"response","status":"in_progress","model":"m","output":[]},"x":9007199254740993`) +
			event("response.output_item.added", `"sequence_number":1,"output_index":0,"item":{"id":"msg_1","type":"message","status":"in_progress","role":"assistant","content":[]}`) +
			event("response.output_text.delta", `"sequence_number":2,"item_id":"msg_1","output_index":0,"content_index":0,"delta":"Hello "`) +
			event("response.output_text.delta", `"sequence_number":3,"item_id":"msg_1","output_index":0,"content_index":0,"delta":"world"`) +
			event("response.output_item.done", `"sequence_number":4,"output_index":0,"item":`+item) +
			event("response.completed", `"sequence_number":5,"response":{"id":"resp_1","object":"response","status":"completed","model":"m","output":[`+item+`],"usage":{"input_tokens":3,"output_tokens":2}}`),
		Whole: `{"id":"resp_1","object":"response","status":"completed","model":"m","output":[` + item + `],"usage":{"input_tokens":3,"output_tokens":2},"x":1e400}`,
		Page:  "../../../docs/dialects.md", Section: "Responses", Fields: fieldNames[:],
	})
}
