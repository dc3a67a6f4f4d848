package providertest

import (
	"encoding/json"
	"fmt"
)

// geminiWire speaks Gemini: a call is told whole, and what is said last says why it is the last.
type geminiWire struct{}

const geminiUsage = `"usageMetadata":{"promptTokenCount":100,"cachedContentTokenCount":40,"candidatesTokenCount":20,"totalTokenCount":120}`

func (geminiWire) chunk(c *conversation, parts string, more string) {
	c.event("", `{"candidates":[{"content":{"role":"model","parts":[`+parts+`]},"index":0`+more+`,"modelVersion":"test-model","responseId":"test"}`)
}

func (geminiWire) begin(*conversation) {}

func (w geminiWire) text(c *conversation, piece string) {
	w.chunk(c, mustJSON(object{"text": piece}), "}]")
}

func (w geminiWire) call(c *conversation, name string, arguments []string) {
	all := ""
	for _, a := range arguments {
		all += a
	}
	w.chunk(c, geminiCall(callID(c), name, all), "}]")
}

func geminiCall(id, name, arguments string) string {
	return mustJSON(object{"functionCall": object{"id": id, "name": name, "args": json.RawMessage(arguments)}})
}

func (w geminiWire) end(c *conversation, _ string) {
	w.chunk(c, `{"text":""}`, `,"finishReason":"STOP"}],`+geminiUsage)
}

func (geminiWire) whole(text string, calls []object, _ string) string {
	parts := mustJSON(object{"text": text})
	for i, c := range calls {
		parts += "," + geminiCall(fmt.Sprintf("call_%d", i+1), c["name"].(string), c["arguments"].(string))
	}
	return `{"candidates":[{"content":{"role":"model","parts":[` + parts + `]},"finishReason":"STOP","index":0}],` + geminiUsage + `,"modelVersion":"test-model","responseId":"test"}`
}

func (geminiWire) failure(message string) string {
	return mustJSON(object{"error": object{"code": 500, "message": message, "status": "INTERNAL"}})
}
