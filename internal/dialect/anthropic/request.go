// Package anthropic translates between Anthropic's Messages API and the vocabulary of package chat, in both directions. It is
// pure: no I/O, no clock.
//
// Source: the API reference of Anthropic's Messages, and what the official SDKs and Claude Code send and accept.
package anthropic

import (
	"fmt"
	"math"
	"strconv"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// known are the top-level fields that are understood.
var known = map[string]bool{
	"model": true, "messages": true, "system": true, "max_tokens": true, "temperature": true, "top_p": true, "top_k": true,
	"stop_sequences": true, "stream": true, "tools": true, "tool_choice": true, "thinking": true, "output_config": true,
	"output_format": true, "metadata": true, "dragoman": true,
}

// DecodeRequest reads the body of POST /v1/messages, which it keeps and which must not be changed after. counting reads that of
// /v1/messages/count_tokens, which has no max_tokens. Errors are *chat.Error with code CodeInvalidRequest and the field at fault.
func DecodeRequest(body []byte, counting bool) (*chat.Request, error) {
	if !dialect.Valid(body) {
		return nil, invalid("", "the body is not valid JSON")
	}
	root := dialect.Parse(body)
	if !root.IsObject() {
		return nil, invalid("", "the body must be a JSON object")
	}
	d := &decoder{body: body, req: &chat.Request{Wire: chat.AnthropicMessages, Body: body, IncludeUsage: true}, seen: map[string]bool{}}
	var system, messages gjson.Result
	root.ForEach(func(k, v gjson.Result) bool {
		switch name := k.String(); name {
		case "system":
			system = v
		case "messages":
			messages = v
			d.err = d.once(name)
		default:
			d.err = d.field(name, v)
		}
		return d.err == nil
	})
	if d.err == nil {
		d.err = d.system(system)
	}
	if d.err == nil {
		d.err = d.messages(messages)
	}
	switch {
	case d.err != nil:
		return nil, d.err
	case d.req.Model == "":
		return nil, invalid("model", "model is missing; GET /v1/models lists those there are")
	case d.req.MaxTokens == 0 && !counting:
		return nil, invalid("max_tokens", "max_tokens is missing: how many tokens the answer may have at most")
	}
	return d.req, nil
}

type decoder struct {
	body []byte
	req  *chat.Request
	seen map[string]bool
	err  error
}

func (d *decoder) once(name string) error {
	if d.seen[name] {
		return invalid(name, name+" is there twice")
	}
	d.seen[name] = true
	return nil
}

func (d *decoder) field(name string, v gjson.Result) error {
	if !known[name] {
		if low := strings.ToLower(name); known[low] {
			return invalid(name, fmt.Sprintf("%s is not a field; did you mean %s?", name, low))
		}
		d.req.Unmapped = append(d.req.Unmapped, name)
		return nil
	}
	if err := d.once(name); err != nil || v.Type == gjson.Null {
		return err
	}
	r := d.req
	switch name {
	case "model":
		if v.Type != gjson.String {
			return invalid(name, "model must be a string")
		}
		r.Model = v.String()
	case "max_tokens":
		n, err := whole(v, name)
		if err != nil {
			return err
		}
		if n < 0 || n > math.MaxInt32 {
			return invalid(name, "max_tokens must be at least 1 and at most 2147483647")
		}
		r.MaxTokens = max(int(n), 1) // 0 asks to warm the provider's cache only; the least that all models take
	case "temperature":
		return number(v, name, 0, 1, &r.Temperature)
	case "top_p":
		return number(v, name, 0, 1, &r.TopP)
	case "top_k":
		n, err := whole(v, name)
		if err != nil {
			return err
		}
		k := int(n)
		r.TopK = &k
	case "stop_sequences":
		if !v.IsArray() {
			return invalid(name, "stop_sequences must be a list of strings")
		}
		for _, s := range v.Array() {
			if s.Type != gjson.String {
				return invalid(name, "stop_sequences must be a list of strings")
			}
			r.Stop = append(r.Stop, s.String())
		}
	case "stream":
		if v.Type != gjson.True && v.Type != gjson.False {
			return invalid(name, "stream must be true or false")
		}
		r.Stream = v.Bool()
	case "tools":
		return d.tools(v)
	case "tool_choice":
		return d.toolChoice(v)
	case "thinking":
		return d.thinking(v)
	case "output_config":
		if e := v.Get("effort"); e.Type == gjson.String {
			d.reasoning().Effort = e.String()
		}
		return d.format(v.Get("format"), "output_config.format")
	case "output_format":
		return d.format(v, name)
	case "metadata":
		r.User = v.Get("user_id").String()
	case "dragoman":
		r.Dragoman = []byte(v.Raw)
	}
	return nil
}

func (d *decoder) reasoning() *chat.Reasoning {
	if d.req.Reasoning == nil {
		d.req.Reasoning = &chat.Reasoning{}
	}
	return d.req.Reasoning
}

func (d *decoder) thinking(v gjson.Result) error {
	r := d.reasoning()
	switch v.Get("type").String() {
	case "enabled":
		n, err := whole(v.Get("budget_tokens"), "thinking.budget_tokens")
		if err != nil {
			return err
		}
		budget := int(n)
		r.Budget = &budget
	case "adaptive":
		dynamic := -1
		r.Budget = &dynamic
	case "disabled":
		none := 0
		r.Budget = &none
	default:
		return invalid("thinking.type", "the type of thinking is enabled, adaptive or disabled")
	}
	switch v.Get("display").String() {
	case "omitted":
		no := false
		r.Visible = &no
	case "summarized":
		yes := true
		r.Visible = &yes
	}
	return nil
}

func (d *decoder) format(v gjson.Result, at string) error {
	if !v.Exists() || v.Type == gjson.Null {
		return nil
	}
	if v.Get("type").String() != "json_schema" || !v.Get("schema").IsObject() {
		return invalid(at, "a format has the type json_schema and a schema")
	}
	d.req.Format = &chat.Format{Kind: chat.FormatSchema, Schema: []byte(v.Get("schema").Raw)}
	return nil
}

func (d *decoder) tools(v gjson.Result) error {
	if !v.IsArray() {
		return invalid("tools", "tools must be a list")
	}
	for i, t := range v.Array() {
		def := chat.ToolDefinition{Name: t.Get("name").String(), Cache: cacheMark(t.Get("cache_control"))}
		if kind := t.Get("type").String(); kind != "" && kind != "custom" {
			def.Raw = []byte(t.Raw) // run by the provider
			d.req.Tools = append(d.req.Tools, def)
			continue
		}
		if def.Name == "" || !t.Get("input_schema").IsObject() {
			return invalid("tools."+strconv.Itoa(i), "a tool needs a name and an input_schema")
		}
		def.Description, def.Parameters = t.Get("description").String(), []byte(t.Get("input_schema").Raw)
		if s := t.Get("strict"); s.Type == gjson.True || s.Type == gjson.False {
			strict := s.Bool()
			def.Strict = &strict
		}
		d.req.Tools = append(d.req.Tools, def)
	}
	return nil
}

func (d *decoder) toolChoice(v gjson.Result) error {
	c := &d.req.ToolChoice
	switch v.Get("type").String() {
	case "auto":
		c.Mode = chat.ToolAuto
	case "any":
		c.Mode = chat.ToolRequired
	case "none":
		c.Mode = chat.ToolNone
	case "tool":
		c.Mode, c.Names = chat.ToolNamed, []string{v.Get("name").String()}
		if c.Names[0] == "" {
			return invalid("tool_choice.name", "tool_choice of the type tool needs the tool's name")
		}
	default:
		return invalid("tool_choice.type", "the type of tool_choice is auto, any, tool or none")
	}
	if p := v.Get("disable_parallel_tool_use"); p.Exists() {
		parallel := !p.Bool()
		d.req.ParallelTools = &parallel
	}
	return nil
}

func cacheMark(v gjson.Result) *chat.CacheMark {
	if !v.IsObject() {
		return nil
	}
	return &chat.CacheMark{TTL: v.Get("ttl").String()}
}

func invalid(param, message string) *chat.Error {
	return &chat.Error{Code: chat.CodeInvalidRequest, Param: param, Message: message}
}

func number(v gjson.Result, name string, from, upTo float64, to **float64) error {
	if v.Type != gjson.Number || v.Num < from || v.Num > upTo {
		return invalid(name, fmt.Sprintf("%s must be a number between %g and %g", name, from, upTo))
	}
	f := v.Num
	*to = &f
	return nil
}

func whole(v gjson.Result, name string) (int64, error) {
	n, err := strconv.ParseInt(v.Raw, 10, 64)
	if v.Type != gjson.Number || err != nil {
		return 0, invalid(name, name+" must be a whole number")
	}
	return n, nil
}
