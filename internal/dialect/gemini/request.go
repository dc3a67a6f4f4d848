package gemini

import (
	"encoding/json"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// decoder reads one request. The first thing that is wrong stays in err.
type decoder struct {
	body  []byte
	r     *chat.Request
	calls openCalls
	err   *chat.Error
}

// DecodeRequest reads the body of generateContent or streamGenerateContent. The model, with or without "models/", and whether
// the answer is to be streamed are in the path. What the request says shares body's memory, which must not be changed after.
// Errors are *chat.Error with CodeInvalidRequest, or CodeUnsupported for more than one candidate.
func DecodeRequest(model string, stream bool, body []byte) (*chat.Request, error) {
	if !wellFormed(body) {
		return nil, invalid("", "the body is not valid JSON; send an object with contents")
	}
	root := dialect.Parse(body)
	if !root.IsObject() {
		return nil, invalid("", "the body must be a JSON object with contents")
	}
	return decodeRequest(model, stream, body, root)
}

func decodeRequest(model string, stream bool, body []byte, root gjson.Result) (*chat.Request, error) {
	d := &decoder{body: body, r: &chat.Request{
		Model: TrimModel(model), Stream: stream, IncludeUsage: stream, Wire: chat.GeminiGenerate, Body: body,
	}}
	var system []chat.Part
	contents := false
	twice := fields(root, func(name string, v gjson.Result) bool {
		switch name {
		case "contents":
			contents = true
			d.contents(v)
		case "systemInstruction":
			system = d.system(v)
		case "tools":
			d.tools(v)
		case "toolConfig":
			d.toolConfig(v)
		case "generationConfig":
			d.generationConfig(v)
		case "dragoman":
			d.r.Dragoman = json.RawMessage(v.Raw)
		case "model": // the path's counts
		default: // safetySettings, cachedContent, labels, serviceTier, ...
			d.unmapped(name)
		}
		return d.err == nil
	})
	if twice != "" {
		d.twice("", twice)
	}
	if d.err == nil && (!contents || len(d.r.Messages) == 0) {
		d.err = invalid("contents", "contents is missing or empty; send at least one content with a part")
	}
	if d.err != nil {
		return nil, d.err
	}
	if len(system) > 0 {
		d.r.Messages = slices.Insert(d.r.Messages, 0, chat.Message{Role: chat.System, Parts: system})
	}
	return d.r, nil
}

func (d *decoder) fail(param, format string, args ...any) {
	if d.err == nil {
		d.err = invalid(param, format, args...)
	}
}

func (d *decoder) twice(in, name string) {
	if in != "" {
		name = in + "." + name
	}
	d.fail(name, "the field %s is given twice; send it once", name)
}

// maxUnmapped bounds the list of fields that are lost elsewhere.
const maxUnmapped = 100

// unmapped notes a field that is lost on another wire; one that is not at the top with the way to it.
func (d *decoder) unmapped(name string) {
	if len(d.r.Unmapped) >= maxUnmapped {
		name = "other fields"
	}
	if !slices.Contains(d.r.Unmapped, name) {
		d.r.Unmapped = append(d.r.Unmapped, strings.Clone(name))
	}
}

// whole reads a number without a fraction, which protobuf's JSON also writes as a string.
func (d *decoder) whole(param string, v gjson.Result) int64 {
	if n, ok := wholeNumber(v); ok {
		return n
	}
	d.fail(param, "%s must be a whole number", param)
	return 0
}

func (d *decoder) number(param string, v gjson.Result) *float64 {
	if v.Type != gjson.Number {
		d.fail(param, "%s must be a number", param)
	}
	n := v.Num
	return &n
}

func (d *decoder) text(param string, v gjson.Result) string {
	if v.Type != gjson.String {
		d.fail(param, "%s must be a string", param)
	}
	return v.Str
}

func (d *decoder) bool(param string, v gjson.Result) bool {
	if !v.IsBool() {
		d.fail(param, "%s must be true or false", param)
	}
	return v.Bool()
}
