// Package openai translates between the OpenAI chat completions format and the vocabulary of package chat, in both
// directions: requests and answers at our door, and those of upstream servers. It is pure: no I/O, no clock.
//
// Source: the API reference of OpenAI's chat completions, and what the official Python and Node SDKs accept and send. Thoughts
// have no place in it; reasoning_content (DeepSeek, vLLM, llama.cpp) and reasoning_details (OpenRouter) are what others use.
package openai

import (
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// known are the top-level fields that are understood.
var known = map[string]bool{
	"model": true, "messages": true, "tools": true, "tool_choice": true, "parallel_tool_calls": true, "max_tokens": true,
	"max_completion_tokens": true, "temperature": true, "top_p": true, "top_k": true, "frequency_penalty": true, "presence_penalty": true,
	"stop": true, "seed": true, "logprobs": true, "top_logprobs": true, "response_format": true, "reasoning_effort": true, "user": true,
	"stream": true, "stream_options": true, "n": true, "dragoman": true,
}

// DecodeRequest reads the body of POST /v1/chat/completions. The request keeps body, which must not be changed after. Errors
// are *chat.Error with code CodeInvalidRequest and the field at fault.
func DecodeRequest(body []byte) (*chat.Request, error) {
	if !dialect.Valid(body) {
		return nil, invalid("", "the body is not valid JSON")
	}
	root := dialect.Parse(body)
	if !root.IsObject() {
		return nil, invalid("", "the body must be a JSON object")
	}
	d := decoder{body: body, req: &chat.Request{Wire: chat.OpenAIChat, Body: body}, seen: map[string]bool{}}
	root.ForEach(func(k, v gjson.Result) bool {
		d.err = d.field(k.String(), v)
		return d.err == nil
	})
	if d.err != nil {
		return nil, d.err
	}
	if err := d.messages(); err != nil {
		return nil, err
	}
	switch {
	case d.req.Model == "":
		return nil, invalid("model", "model is missing; GET /v1/models lists those there are")
	case len(d.req.Messages) == 0:
		return nil, invalid("messages", "messages must hold at least one message")
	}
	if d.logprobs && d.req.Logprobs == nil {
		zero := 0
		d.req.Logprobs = &zero
	} else if !d.logprobs {
		d.req.Logprobs = nil
	}
	return d.req, nil
}

type decoder struct {
	body     []byte
	req      *chat.Request
	seen     map[string]bool
	list     gjson.Result // of messages
	logprobs bool
	err      error
}

// field reads a top-level field.
func (d *decoder) field(name string, v gjson.Result) error {
	if !known[name] {
		// A server that takes "Messages" for messages would read past everything here that looks at messages.
		if low := strings.ToLower(name); known[low] {
			return invalid(name, fmt.Sprintf("%s is not a field; did you mean %s?", name, low))
		}
		d.req.Unmapped = append(d.req.Unmapped, name)
		return nil
	}
	if d.seen[name] {
		return invalid(name, name+" is there twice")
	}
	d.seen[name] = true
	if v.Type == gjson.Null {
		return nil
	}
	r := d.req
	switch name {
	case "model":
		return text(v, name, &r.Model)
	case "messages":
		if !v.IsArray() {
			return invalid(name, "messages must be a list, not a "+typeOf(v))
		}
		d.list = v
		return nil
	case "tools":
		return d.tools(v)
	case "tool_choice":
		return d.toolChoice(v)
	case "parallel_tool_calls":
		return boolean(v, name, &r.ParallelTools)
	case "max_tokens", "max_completion_tokens":
		var n int64
		if err := integer(v, name, &n); err != nil {
			return err
		}
		if n < 1 || n > math.MaxInt32 {
			return invalid("max_completion_tokens", fmt.Sprintf("the number of tokens must be at least 1 and at most %d", math.MaxInt32))
		}
		r.MaxTokens = max(r.MaxTokens, int(n)) // servers differ in which of the two they heed, and money is set aside for either
	case "temperature":
		return number(v, name, 0, 2, &r.Temperature)
	case "top_p":
		return number(v, name, 0, 1, &r.TopP)
	case "frequency_penalty":
		return number(v, name, -2, 2, &r.FrequencyPenalty)
	case "presence_penalty":
		return number(v, name, -2, 2, &r.PresencePenalty)
	case "top_k":
		var n int64
		if err := integer(v, name, &n); err != nil {
			return err
		}
		k := int(n)
		r.TopK = &k
	case "seed":
		var n int64
		if err := integer(v, name, &n); err != nil {
			return err
		}
		r.Seed = &n
	case "stop":
		return d.stop(v)
	case "logprobs":
		if v.Type != gjson.True && v.Type != gjson.False {
			return invalid(name, "logprobs must be true or false")
		}
		d.logprobs = v.Bool()
	case "top_logprobs":
		var n int64
		if err := integer(v, name, &n); err != nil {
			return err
		}
		if n < 0 || n > 20 {
			return invalid(name, "top_logprobs must be between 0 and 20")
		}
		top := int(n)
		r.Logprobs = &top
	case "response_format":
		return d.format(v)
	case "reasoning_effort":
		r.Reasoning = &chat.Reasoning{}
		return text(v, name, &r.Reasoning.Effort)
	case "user":
		return text(v, name, &r.User)
	case "stream":
		if v.Type != gjson.True && v.Type != gjson.False {
			return invalid(name, "stream must be true or false, not a "+typeOf(v))
		}
		r.Stream = v.Bool()
	case "stream_options":
		if !v.IsObject() {
			return invalid(name, "stream_options must be an object")
		}
		r.IncludeUsage = v.Get("include_usage").Bool()
	case "n":
		if v.Type != gjson.Number || v.Num != 1 {
			return invalid(name, "n must be 1: send the request several times for several answers")
		}
	case "dragoman":
		r.Dragoman = []byte(v.Raw)
	}
	return nil
}

func (d *decoder) stop(v gjson.Result) error {
	if v.Type == gjson.String {
		d.req.Stop = []string{v.String()}
		return nil
	}
	wrong := invalid("stop", "stop must be a string or a list of strings")
	if !v.IsArray() {
		return wrong
	}
	for _, s := range v.Array() {
		if s.Type != gjson.String {
			return wrong
		}
		d.req.Stop = append(d.req.Stop, s.String())
	}
	return nil
}

func (d *decoder) format(v gjson.Result) error {
	switch v.Get("type").String() {
	case "text":
		return nil
	case "json_object":
		d.req.Format = &chat.Format{Kind: chat.FormatJSON}
		return nil
	case "json_schema":
		s := v.Get("json_schema")
		if !s.IsObject() {
			return invalid("response_format.json_schema", "json_schema must be an object with a name and a schema")
		}
		f := &chat.Format{Kind: chat.FormatSchema, Name: s.Get("name").String(), Description: s.Get("description").String()}
		if schema := s.Get("schema"); schema.Exists() {
			f.Schema = []byte(schema.Raw)
		}
		d.req.Format = f
		return boolean(s.Get("strict"), "response_format.json_schema.strict", &f.Strict)
	}
	return invalid("response_format.type", "the type of response_format is text, json_object or json_schema")
}

func (d *decoder) tools(v gjson.Result) error {
	if !v.IsArray() {
		return invalid("tools", "tools must be a list")
	}
	for i, t := range v.Array() {
		at := "tools." + strconv.Itoa(i)
		f := t.Get("function")
		if kind := t.Get("type").String(); kind != "function" && kind != "" && t.IsObject() {
			// A custom tool, or one that the provider runs: understood by servers of this dialect only.
			d.req.Tools = append(d.req.Tools, chat.ToolDefinition{Name: t.Get("custom.name").String(), Raw: []byte(t.Raw)})
			continue
		}
		if !f.IsObject() || f.Get("name").String() == "" {
			return invalid(at, "a tool must have the type function and a function with a name")
		}
		def := chat.ToolDefinition{Name: f.Get("name").String(), Description: f.Get("description").String()}
		if p := f.Get("parameters"); p.IsObject() {
			def.Parameters = []byte(p.Raw)
		}
		if err := boolean(f.Get("strict"), at+".function.strict", &def.Strict); err != nil {
			return err
		}
		d.req.Tools = append(d.req.Tools, def)
	}
	return nil
}

func (d *decoder) toolChoice(v gjson.Result) error {
	wrong := invalid("tool_choice", "tool_choice must be none, auto, required, or name a function")
	if v.Type == gjson.String {
		switch m := chat.ToolMode(v.String()); m {
		case chat.ToolNone, chat.ToolAuto, chat.ToolRequired:
			d.req.ToolChoice.Mode = m
			return nil
		}
		return wrong
	}
	switch v.Get("type").String() {
	case "allowed_tools":
		allowed := v.Get("allowed_tools")
		d.req.ToolChoice.Mode = chat.ToolMode(allowed.Get("mode").String())
		if m := d.req.ToolChoice.Mode; m != chat.ToolAuto && m != chat.ToolRequired {
			return wrong
		}
		for _, t := range allowed.Get("tools").Array() {
			d.req.ToolChoice.Names = append(d.req.ToolChoice.Names, t.Get("function.name").String())
		}
		return nil
	case "custom":
		d.req.ToolChoice = chat.ToolChoice{Mode: chat.ToolNamed, Names: []string{v.Get("custom.name").String()}}
	default:
		d.req.ToolChoice = chat.ToolChoice{Mode: chat.ToolNamed, Names: []string{v.Get("function.name").String()}}
	}
	if d.req.ToolChoice.Names[0] == "" {
		return wrong
	}
	return nil
}

func invalid(param, message string) *chat.Error {
	return &chat.Error{Code: chat.CodeInvalidRequest, Param: param, Message: message}
}

func typeOf(v gjson.Result) string {
	switch {
	case v.IsArray():
		return "list"
	case v.IsObject():
		return "object"
	case v.Type == gjson.String:
		return "string"
	case v.Type == gjson.Number:
		return "number"
	case v.Type == gjson.Null:
		return "null"
	}
	return "boolean"
}

func text(v gjson.Result, name string, to *string) error {
	if v.Type != gjson.String {
		return invalid(name, name+" must be a string, not a "+typeOf(v))
	}
	*to = v.String()
	return nil
}

func boolean(v gjson.Result, name string, to **bool) error {
	switch v.Type {
	case gjson.True, gjson.False:
		b := v.Bool()
		*to = &b
	case gjson.Null: // or missing
	default:
		return invalid(name, name+" must be true or false, not a "+typeOf(v))
	}
	return nil
}

func number(v gjson.Result, name string, from, upTo float64, to **float64) error {
	if v.Type != gjson.Number {
		return invalid(name, name+" must be a number, not a "+typeOf(v))
	}
	f := v.Num
	if f < from || f > upTo {
		return invalid(name, fmt.Sprintf("%s must be between %g and %g", name, from, upTo))
	}
	*to = &f
	return nil
}

// integer reads a whole number exactly: 64 bits don't pass through a float.
func integer(v gjson.Result, name string, to *int64) error {
	n, err := strconv.ParseInt(v.Raw, 10, 64)
	if v.Type != gjson.Number {
		return invalid(name, name+" must be a number, not a "+typeOf(v))
	}
	if err != nil {
		if v.Num != math.Trunc(v.Num) || math.Abs(v.Num) > 1<<53 {
			return invalid(name, name+" must be a whole number of 64 bits")
		}
		n = int64(v.Num) // 1e3, 5.0
	}
	*to = n
	return nil
}

// ownTools is what is left of the tools where only some may be called.
func ownTools(r *chat.Request) []chat.ToolDefinition {
	c := r.ToolChoice
	if c.Mode == chat.ToolNamed || len(c.Names) == 0 {
		return r.Tools
	}
	return slices.DeleteFunc(slices.Clone(r.Tools), func(t chat.ToolDefinition) bool { return !slices.Contains(c.Names, t.Name) })
}
