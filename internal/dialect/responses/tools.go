package responses

import (
	"encoding/json"
	"fmt"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// Tools of this wire that are no functions are offered to other wires as functions; calls of them are translated back:
//
//	custom          a function with one string argument, input; a grammar is described in words
//	local_shell     a function of the name local_shell that takes the action
//	namespace       its functions, each by the name NAMESPACE__NAME
//
// Tools that the provider runs itself (web_search, file_search, code_interpreter, mcp, ...) cannot be translated.

type toolKind uint8

const (
	kindFunction toolKind = iota
	kindCustom
	kindLocalShell
)

// toolName is what a tool is called on this wire.
type toolName struct {
	kind            toolKind
	namespace, name string
}

// toolNames says, by the names that other wires know, which tools are something else on this one.
type toolNames map[string]toolName

func flatName(namespace, name string) string {
	if namespace == "" {
		return name
	}
	return namespace + "__" + name
}

const localShell = "local_shell"

var (
	customParameters = json.RawMessage(`{"type":"object","properties":{"input":{"type":"string","description":"the tool's whole input, as plain text"}},"required":["input"],"additionalProperties":false}`)
	shellParameters  = json.RawMessage(`{"type":"object","properties":{"type":{"type":"string","enum":["exec"]},"command":{"type":"array","items":{"type":"string"},"description":"the program and its arguments"},"env":{"type":"object","additionalProperties":{"type":"string"}},"working_directory":{"type":"string"},"timeout_ms":{"type":"integer"},"user":{"type":"string"}},"required":["type","command","env"]}`)
)

var toolFields = []string{"type", "name", "description", "parameters", "strict", "format", "tools"}

func (d *decoder) tools(v gjson.Result) {
	if !v.Exists() {
		return
	}
	if !v.IsArray() {
		d.fail("tools", "tools must be a list")
		return
	}
	i := 0
	v.ForEach(func(_, t gjson.Result) bool {
		d.tool(t, fmt.Sprintf("tools.%d", i), "")
		i++
		return d.err == nil
	})
}

func (d *decoder) tool(t gjson.Result, at, namespace string) {
	var f [7]gjson.Result
	if twice := dialect.Fields(t, toolFields, f[:], nil); twice != "" {
		d.fail(at+"."+twice, "%s stands there twice; send it once", twice)
		return
	}
	kind, name := f[0].String(), f[1].String()
	if kind == "" {
		d.fail(at+".type", "a tool must have a type, such as function")
		return
	}
	if name == "" && (kind == "function" || kind == "custom" || kind == "namespace") {
		d.fail(at+".name", "a %s tool must have a name", kind)
		return
	}
	def := chat.ToolDefinition{Name: flatName(namespace, name), Description: f[2].String()}
	known := toolName{namespace: namespace, name: name}
	switch kind {
	case "function":
		if p := f[3]; p.IsObject() {
			def.Parameters = json.RawMessage(p.Raw)
		} else if p.Exists() && p.Type != gjson.Null {
			d.fail(at+".parameters", "%s.parameters must be a JSON Schema", at)
			return
		}
		if f[4].IsBool() {
			strict := f[4].Bool()
			def.Strict = &strict
		}
		if namespace != "" {
			d.knows(def.Name, known)
		}
	case "custom":
		if format := f[5]; format.Get("type").String() == "grammar" {
			def.Description += "\n\nThe input must follow this " + format.Get("syntax").String() + " grammar:\n" + format.Get("definition").String()
		}
		def.Parameters = customParameters
		known.kind = kindCustom
		d.knows(def.Name, known)
	case "namespace":
		if namespace != "" || !f[6].IsArray() {
			d.fail(at+".tools", "a namespace must have a list of tools, none of which is a namespace")
			return
		}
		i := 0
		f[6].ForEach(func(_, t gjson.Result) bool {
			d.tool(t, fmt.Sprintf("%s.tools.%d", at, i), name)
			i++
			return d.err == nil
		})
		return
	case localShell:
		def = chat.ToolDefinition{Name: localShell, Description: "Runs a command in the user's shell.", Parameters: shellParameters}
		known = toolName{kind: kindLocalShell, name: localShell}
		d.knows(localShell, known)
	default:
		def = chat.ToolDefinition{Name: name, Raw: json.RawMessage(t.Raw)}
	}
	d.out.Tools = append(d.out.Tools, def)
}

func (d *decoder) knows(flat string, n toolName) {
	if d.names == nil {
		d.names = toolNames{}
	}
	d.names[flat] = n
}

func (d *decoder) toolChoice(v gjson.Result) {
	switch {
	case !v.Exists():
	case v.Type == gjson.String:
		switch v.Str {
		case "auto", "none", "required":
			d.out.ToolChoice.Mode = chat.ToolMode(v.Str)
		default:
			d.fail("tool_choice", "tool_choice must be none, auto, required, or an object that names a tool")
		}
	case v.IsObject():
		var f [5]gjson.Result
		if twice := dialect.Fields(v, []string{"type", "name", "mode", "tools", "namespace"}, f[:], nil); twice != "" {
			d.fail("tool_choice."+twice, "%s stands there twice; send it once", twice)
			return
		}
		switch f[0].String() {
		case "function", "custom":
			if f[1].String() == "" {
				d.fail("tool_choice.name", "tool_choice.name is missing; it names the tool to call")
				return
			}
			d.out.ToolChoice = chat.ToolChoice{Mode: chat.ToolNamed, Names: []string{flatName(f[4].String(), f[1].String())}}
		case localShell:
			d.out.ToolChoice = chat.ToolChoice{Mode: chat.ToolNamed, Names: []string{localShell}}
		case "allowed_tools":
			d.allowedTools(f[2].String(), f[3])
		case "":
			d.fail("tool_choice.type", "tool_choice.type is missing")
		default: // a tool that the provider runs
			d.out.Unmapped = append(d.out.Unmapped, "tool_choice")
		}
	default:
		d.fail("tool_choice", "tool_choice must be none, auto, required, or an object that names a tool")
	}
}

func (d *decoder) allowedTools(mode string, tools gjson.Result) {
	if mode != "auto" && mode != "required" || !tools.IsArray() {
		d.fail("tool_choice", "allowed_tools must have the mode auto or required, and a list of tools")
		return
	}
	choice := chat.ToolChoice{Mode: chat.ToolMode(mode)}
	foreign := false
	tools.ForEach(func(_, t gjson.Result) bool {
		switch t.Get("type").String() {
		case "function", "custom":
			choice.Names = append(choice.Names, flatName(t.Get("namespace").String(), t.Get("name").String()))
		case localShell:
			choice.Names = append(choice.Names, localShell)
		default:
			foreign = true
		}
		return true
	})
	if foreign {
		d.out.Unmapped = append(d.out.Unmapped, "tool_choice")
		if len(choice.Names) == 0 {
			return // only tools of the provider: an empty list would allow all
		}
	}
	d.out.ToolChoice = choice
}

// namesOf finds the tools of a request that are something else on other wires.
func namesOf(r *chat.Request) toolNames {
	if r == nil || r.Wire != chat.OpenAIResponses || len(r.Body) == 0 {
		return nil
	}
	d := decoder{body: r.Body, out: &chat.Request{}}
	d.tools(dialect.Parse(r.Body).Get("tools"))
	return d.names
}

// customArguments is the input of a custom tool as the arguments of the function that it is on other wires.
func customArguments(input string) string {
	return string(append(dialect.AppendString([]byte(`{"input":`), input), '}'))
}
