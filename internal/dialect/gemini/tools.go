package gemini

import (
	"encoding/json"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// tools reads what the model may call. A tool may hold several things; each that Google runs itself is one of ours.
func (d *decoder) tools(v gjson.Result) {
	each(v, func(tool gjson.Result) bool {
		if twice := fields(tool, func(name string, v gjson.Result) bool {
			if name == "functionDeclarations" {
				each(v, func(f gjson.Result) bool {
					d.declaration(f)
					return d.err == nil
				})
				return d.err == nil
			}
			raw := append(appendString([]byte{'{'}, name), ':')
			raw = append(append(raw, v.Raw...), '}')
			d.r.Tools = append(d.r.Tools, chat.ToolDefinition{Name: name, Raw: raw})
			return true
		}); twice != "" {
			d.twice("tools", twice)
		}
		return d.err == nil
	})
}

func (d *decoder) declaration(v gjson.Result) {
	const in = "tools.functionDeclarations."
	var t chat.ToolDefinition
	if twice := fields(v, func(name string, v gjson.Result) bool {
		switch name {
		case "name":
			t.Name = d.text(in+name, v)
		case "description":
			t.Description = d.text(in+name, v)
		case "parameters":
			t.Parameters = AppendJSONSchema(nil, v)
		case "parametersJsonSchema":
			t.Parameters = json.RawMessage(v.Raw)
		default: // response, responseJsonSchema, behavior
			d.unmapped(in + name)
		}
		return d.err == nil
	}); twice != "" {
		d.twice("tools.functionDeclarations", twice)
	}
	if t.Name == "" {
		d.fail(in+"name", "a function declaration has no name")
	}
	d.r.Tools = append(d.r.Tools, t)
}

func (d *decoder) toolConfig(v gjson.Result) {
	const in = "toolConfig.functionCallingConfig"
	if twice := fields(v, func(name string, v gjson.Result) bool {
		if name != "functionCallingConfig" {
			d.unmapped("toolConfig." + name)
			return true
		}
		var mode string
		var names []string
		if twice := fields(v, func(name string, v gjson.Result) bool {
			switch name {
			case "mode":
				mode = strings.ToUpper(d.text(in+".mode", v))
			case "allowedFunctionNames":
				v.ForEach(func(_, v gjson.Result) bool {
					names = append(names, d.text(in+".allowedFunctionNames", v))
					return d.err == nil
				})
			default: // streamFunctionCallArguments
				d.unmapped(in + "." + name)
			}
			return d.err == nil
		}); twice != "" {
			d.twice(in, twice)
		}
		c := chat.ToolChoice{Names: names}
		switch mode {
		case "", "MODE_UNSPECIFIED":
			c.Names = nil
		case "AUTO":
			c.Mode = chat.ToolAuto
		case "VALIDATED": // as AUTO, but what is called keeps to the schema
			c.Mode = chat.ToolAuto
			d.unmapped(in + ".mode")
		case "ANY":
			c.Mode = chat.ToolRequired
			if len(names) == 1 {
				c.Mode = chat.ToolNamed
			}
		case "NONE":
			c = chat.ToolChoice{Mode: chat.ToolNone}
		default:
			d.fail(in+".mode", "%q is no mode; use AUTO, ANY, NONE or VALIDATED", mode)
		}
		d.r.ToolChoice = c
		return d.err == nil
	}); twice != "" {
		d.twice("toolConfig", twice)
	}
}

// toolList writes the tools and how free the model is in calling them.
func (e *encoder) toolList() {
	declared, any := 0, false
	open := func() {
		if !any {
			e.dst = append(e.dst, `,"tools":[`...)
			any = true
		}
	}
	for i := range e.r.Tools {
		t := &e.r.Tools[i]
		if t.Cache != nil {
			e.drop(dialect.LostCache)
		}
		if t.Raw != nil {
			continue
		}
		open()
		if declared++; declared == 1 {
			e.dst = append(e.dst, `{"functionDeclarations":[`...)
		} else {
			e.dst = append(e.dst, ',')
		}
		if t.Strict != nil && *t.Strict {
			e.drop("tools.strict")
		}
		e.declare(t)
	}
	if declared > 0 {
		e.dst = append(e.dst, "]}"...)
	}
	for i := range e.r.Tools {
		t := &e.r.Tools[i]
		if t.Raw == nil {
			continue
		}
		if e.r.Wire != chat.GeminiGenerate {
			e.drop(dialect.LostTool(*t))
			continue
		}
		if open(); e.dst[len(e.dst)-1] != '[' {
			e.dst = append(e.dst, ',')
		}
		e.dst = append(e.dst, t.Raw...)
	}
	if any {
		e.dst = append(e.dst, ']')
	}
	if declared > 0 {
		e.toolMode()
	}
	if p := e.r.ParallelTools; p != nil && !*p && declared > 0 {
		e.drop("parallel_tool_calls")
	}
}

func (e *encoder) declare(t *chat.ToolDefinition) {
	c := config{dst: append(e.dst, '{')}
	c.string("name", t.Name)
	if t.Description != "" {
		c.string("description", t.Description)
	}
	if len(t.Parameters) > 0 {
		switch {
		case e.model.takesJSONSchema():
			c.raw("parametersJsonSchema", string(t.Parameters))
		case gjson.GetBytes(t.Parameters, "properties.@keys.#").Int() > 0: // an OBJECT without properties is refused
			c.key("parameters")
			c.dst = e.appendSchema(c.dst, t.Parameters)
		}
	}
	e.dst = append(c.dst, '}')
}

func (e *encoder) toolMode() {
	choice := e.r.ToolChoice
	var mode string
	switch choice.Mode {
	case chat.ToolNone:
		mode, choice.Names = "NONE", nil
	case chat.ToolAuto:
		if mode = "AUTO"; len(choice.Names) > 0 {
			mode = "VALIDATED" // AUTO takes no names
		}
	case chat.ToolRequired, chat.ToolNamed:
		mode = "ANY"
	default:
		return
	}
	e.dst = append(append(append(e.dst, `,"toolConfig":{"functionCallingConfig":{"mode":"`...), mode...), '"')
	if len(choice.Names) > 0 {
		e.dst = append(e.dst, `,"allowedFunctionNames":[`...)
		for i, name := range choice.Names {
			if i > 0 {
				e.dst = append(e.dst, ',')
			}
			e.dst = appendString(e.dst, name)
		}
		e.dst = append(e.dst, ']')
	}
	e.dst = append(e.dst, "}}"...)
}
