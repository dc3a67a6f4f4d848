// Package responses translates between the OpenAI Responses format and the vocabulary of package chat, in both directions:
// requests and answers at our door, and those of upstream servers that have /responses. It is pure: no I/O, no clock.
//
// Source: the API reference of OpenAI's Responses, the types of the official SDKs, and what the Codex CLI sends.
package responses

import (
	"encoding/json"
	"fmt"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// Request is the body of POST /v1/responses.
type Request struct {
	*chat.Request
	// PreviousID is the response that this one continues; "" where it starts anew. Expand puts its items before the new ones.
	PreviousID string
	// Conversation is the one that it belongs to, which the response object repeats; "" for none.
	Conversation string
	// Store says that the answer can be asked for later, and continued. It is true unless the caller says otherwise.
	Store bool
	// Input are the items of the request as they came, for storing; an input that is a string is made one item.
	Input []json.RawMessage
}

// Fields of the body that are understood, in the order of their places.
const (
	fModel = iota
	fInput
	fInstructions
	fTools
	fToolChoice
	fParallel
	fMaxTokens
	fTemperature
	fTopP
	fTopLogprobs
	fText
	fReasoning
	fInclude
	fStream
	fStore
	fPrevious
	fBackground
	fUser
	fSafety
	fDragoman
	fConversation
	fPrompt
	fStreamOptions
	fCount
)

var fieldNames = [fCount]string{
	"model", "input", "instructions", "tools", "tool_choice", "parallel_tool_calls", "max_output_tokens", "temperature", "top_p",
	"top_logprobs", "text", "reasoning", "include", "stream", "store", "previous_response_id", "background", "user",
	"safety_identifier", "dragoman", "conversation", "prompt", "stream_options",
}

// DecodeRequest reads the body of POST /v1/responses. Texts of the result share the body's memory: it must not be changed
// afterwards. Errors are *chat.Error with CodeInvalidRequest, or CodeUnsupported for what is not served here, and the field
// at fault.
func DecodeRequest(body []byte) (*Request, error) {
	if !dialect.Valid(body) {
		return nil, invalid("", "the body is not valid JSON; send one JSON object")
	}
	root := dialect.Parse(body)
	if !root.IsObject() {
		return nil, invalid("", "the body must be a JSON object")
	}
	d := decoder{body: body, out: &chat.Request{Wire: chat.OpenAIResponses, Body: body}}
	var f [fCount]gjson.Result
	if twice := dialect.Fields(root, fieldNames[:], f[:], func(name string, v gjson.Result) {
		if v.Type != gjson.Null {
			d.out.Unmapped = append(d.out.Unmapped, name)
		}
	}); twice != "" {
		return nil, invalid(twice, twice+" stands there twice; send it once")
	}
	for i := range f {
		if f[i].Type == gjson.Null {
			f[i] = gjson.Result{} // null is the same as nothing
		}
	}
	r := &Request{Request: d.out, Store: true}
	d.settings(r, &f)
	d.tools(f[fTools])
	d.toolChoice(f[fToolChoice])
	if v := f[fInstructions]; v.Exists() {
		if text, ok := d.str(v, "instructions"); ok {
			d.out.Messages = append(d.out.Messages, chat.Message{Role: chat.System, Parts: []chat.Part{{Kind: chat.TextPart, Text: text, At: dialect.Place(body, v)}}})
		}
	}
	r.Input = d.input(f[fInput], r.PreviousID != "")
	if d.err != nil {
		return nil, d.err
	}
	return r, nil
}

// decoder reads one request; its first error stays.
type decoder struct {
	body  []byte
	out   *chat.Request
	names toolNames
	err   error
}

func invalid(param, message string) *chat.Error {
	return &chat.Error{Code: chat.CodeInvalidRequest, Param: param, Message: message}
}

func (d *decoder) fail(param, format string, args ...any) {
	if d.err == nil {
		d.err = invalid(param, fmt.Sprintf(format, args...))
	}
}

func (d *decoder) unsupported(param, message string) {
	if d.err == nil {
		d.err = &chat.Error{Code: chat.CodeUnsupported, Param: param, Message: message}
	}
}

func (d *decoder) str(v gjson.Result, param string) (string, bool) {
	if v.Type != gjson.String {
		d.fail(param, "%s must be a string", param)
		return "", false
	}
	return v.Str, true
}

func (d *decoder) boolean(v gjson.Result, param string) bool {
	if v.Type != gjson.True && v.Type != gjson.False {
		d.fail(param, "%s must be true or false", param)
	}
	return v.Type == gjson.True
}

func (d *decoder) integer(v gjson.Result, param string, least, most int64) int {
	n := v.Int()
	if v.Type != gjson.Number || strings.ContainsAny(v.Raw, ".eE") || n < least || n > most {
		d.fail(param, "%s must be a whole number between %d and %d", param, least, most)
		return 0
	}
	return int(n)
}

func (d *decoder) number(v gjson.Result, param string, least, most float64) *float64 {
	if v.Type != gjson.Number || !(v.Num >= least && v.Num <= most) {
		d.fail(param, "%s must be a number between %g and %g", param, least, most)
	}
	n := v.Num
	return &n
}

// settings reads everything but tools, instructions and input.
func (d *decoder) settings(r *Request, f *[fCount]gjson.Result) {
	out := d.out
	if v := f[fModel]; !v.Exists() || v.Type == gjson.String && v.Str == "" {
		d.fail("model", "model is missing; GET /v1/models lists those there are")
	} else {
		out.Model, _ = d.str(v, "model")
	}
	if v := f[fParallel]; v.Exists() {
		parallel := d.boolean(v, "parallel_tool_calls")
		out.ParallelTools = &parallel
	}
	if v := f[fMaxTokens]; v.Exists() {
		out.MaxTokens = d.integer(v, "max_output_tokens", 1, 1<<31-1)
	}
	if v := f[fTemperature]; v.Exists() {
		out.Temperature = d.number(v, "temperature", 0, 2)
	}
	if v := f[fTopP]; v.Exists() {
		out.TopP = d.number(v, "top_p", 0, 1)
	}
	if v := f[fStream]; v.Exists() {
		out.Stream = d.boolean(v, "stream")
	}
	out.IncludeUsage = out.Stream // the last event always tells it
	if v := f[fStore]; v.Exists() {
		r.Store = d.boolean(v, "store")
	}
	if v := f[fPrevious]; v.Exists() {
		r.PreviousID, _ = d.str(v, "previous_response_id")
	}
	if v := f[fUser]; v.Exists() {
		out.User, _ = d.str(v, "user")
	}
	if v := f[fSafety]; v.Exists() {
		if id, ok := d.str(v, "safety_identifier"); ok && out.User == "" {
			out.User = id
		}
	}
	if v := f[fDragoman]; v.Exists() {
		out.Dragoman = json.RawMessage(v.Raw)
	}
	if v := f[fBackground]; v.Exists() && d.boolean(v, "background") {
		d.unsupported("background", "responses in the background are not supported; leave background out, and stream if it takes long")
	}
	if f[fConversation].Exists() {
		d.unsupported("conversation", "conversations are not supported; continue with previous_response_id, or send the earlier items in input")
	}
	if f[fPrompt].Exists() {
		d.unsupported("prompt", "stored prompts are not supported; send the text in instructions and input")
	}
	d.include(f[fInclude], f[fTopLogprobs])
	d.text(f[fText])
	d.reasoning(f[fReasoning])
}

// Values of include that are served whatever the upstream is.
const (
	includeEncrypted = "reasoning.encrypted_content"
	includeLogprobs  = "message.output_text.logprobs"
)

func (d *decoder) include(v, top gjson.Result) {
	logprobs, foreign := false, false
	if v.Exists() {
		if !v.IsArray() {
			d.fail("include", "include must be a list of strings")
			return
		}
		v.ForEach(func(_, e gjson.Result) bool {
			switch e.String() {
			case includeEncrypted:
			case includeLogprobs:
				logprobs = true
			default:
				foreign = true
			}
			return true
		})
	}
	if foreign {
		d.out.Unmapped = append(d.out.Unmapped, "include")
	}
	n := 0
	if top.Exists() {
		n = d.integer(top, "top_logprobs", 0, 20)
	}
	if logprobs || n > 0 {
		d.out.Logprobs = &n
	}
}

func (d *decoder) text(v gjson.Result) {
	if !v.Exists() {
		return
	}
	if !v.IsObject() {
		d.fail("text", "text must be an object")
		return
	}
	var t [2]gjson.Result
	if twice := dialect.Fields(v, []string{"format", "verbosity"}, t[:], nil); twice != "" {
		d.fail("text."+twice, "%s stands there twice; send it once", twice)
		return
	}
	if t[1].Exists() && t[1].Type != gjson.Null {
		d.out.Unmapped = append(d.out.Unmapped, "text.verbosity")
	}
	if !t[0].Exists() || t[0].Type == gjson.Null {
		return
	}
	var f [5]gjson.Result
	if twice := dialect.Fields(t[0], []string{"type", "name", "description", "schema", "strict"}, f[:], nil); twice != "" {
		d.fail("text.format."+twice, "%s stands there twice; send it once", twice)
		return
	}
	switch f[0].String() {
	case "text":
	case "json_object":
		d.out.Format = &chat.Format{Kind: chat.FormatJSON}
	case "json_schema":
		format := &chat.Format{Kind: chat.FormatSchema, Name: f[1].String(), Description: f[2].String(), Schema: json.RawMessage(f[3].Raw)}
		if !f[3].IsObject() {
			d.fail("text.format.schema", "text.format.schema is missing; it must be a JSON Schema")
			return
		}
		if f[4].IsBool() {
			strict := f[4].Bool()
			format.Strict = &strict
		}
		d.out.Format = format
	default:
		d.fail("text.format.type", "text.format.type must be text, json_object or json_schema")
	}
}

func (d *decoder) reasoning(v gjson.Result) {
	if !v.Exists() {
		return
	}
	if !v.IsObject() {
		d.fail("reasoning", "reasoning must be an object")
		return
	}
	var f [3]gjson.Result
	if twice := dialect.Fields(v, []string{"effort", "summary", "generate_summary"}, f[:], nil); twice != "" {
		d.fail("reasoning."+twice, "%s stands there twice; send it once", twice)
		return
	}
	out := &chat.Reasoning{}
	if f[0].Exists() && f[0].Type != gjson.Null {
		out.Effort, _ = d.str(f[0], "reasoning.effort")
	}
	for _, s := range f[1:] {
		if s.Type == gjson.String {
			visible := s.Str != "none"
			out.Visible = &visible
		}
	}
	if *out != (chat.Reasoning{}) {
		d.out.Reasoning = out
	}
}
