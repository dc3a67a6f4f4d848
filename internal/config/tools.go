package config

import (
	"maps"
	"net/url"
	"slices"
	"strings"
	"time"
)

// Tools are the tools that assistants may use, beside those that are always there.
type Tools struct {
	HTTP HTTPTool           `yaml:"http" doc:"The tool http_get, which fetches web addresses."`
	APIs map[string]APITool `yaml:"apis" doc:"HTTP APIs, by name. Each operation is a tool."`
	MCP  map[string]MCPTool `yaml:"mcp" doc:"MCP servers, by name. Each of their tools is one."`
}

// HTTPTool is the tool http_get.
type HTTPTool struct {
	Allow    []string  `yaml:"allow" doc:"The hosts that may be asked: docs.example.com, or .example.com for all below it. Default: none, and there is no such tool."`
	Networks []Network `yaml:"networks" doc:"Private networks that may be reached. Default: none."`
	MaxBody  Size      `yaml:"max_body" doc:"The longest answer that is read. Default: 2MB."`
}

// APITool is an HTTP API.
type APITool struct {
	File       string            `yaml:"file" doc:"Its OpenAPI file (3.x, YAML or JSON); relative to this one."`
	URL        string            `yaml:"url" doc:"Where it is. Default: the first of the servers in the file."`
	Headers    map[string]Secret `yaml:"headers" doc:"Sent with each request, and never shown to a model: keys. Write ${VARIABLE}."`
	Operations []string          `yaml:"operations" doc:"Which operations are tools: their operationId, or METHOD /path; a star at the end stands for any rest. Default: those that only read (GET)."`
	Networks   []Network         `yaml:"networks" doc:"Private networks that it may be in. Default: none."`
}

// MCPTool is an MCP server.
type MCPTool struct {
	Command []string          `yaml:"command" doc:"The program that is started and spoken to over standard input and output, with its arguments."`
	Env     map[string]Secret `yaml:"env" doc:"Variables of its environment, beside PATH, HOME and their like. Write ${VARIABLE}."`
	Dir     string            `yaml:"dir" doc:"The folder that it runs in; relative to this file. Default: the folder of this file."`
	URL     string            `yaml:"url" doc:"The address of a server of streamable HTTP, in place of a command."`
	Headers map[string]Secret `yaml:"headers" doc:"Sent with each request to url: keys. Write ${VARIABLE}."`
	Only    []string          `yaml:"only" doc:"The tools that may be used, by the names that the server gives them; read_resource and get_prompt among them. Default: all."`
	Connect time.Duration     `yaml:"connect_timeout" doc:"How long it may take to start and connect. Default: 30s."`
}

// names are what assistants may use.
func (t *Tools) names() []string {
	list := slices.Concat([]string{"search_knowledge", "read_document", "calculator", "date_time", "remember", "recall"}, names(t.APIs), names(t.MCP))
	if len(t.HTTP.Allow) > 0 {
		list = append(list, "http_get")
	}
	return list
}

// mayAct says whether a tool, or one of a provider of tools, may do more than read.
func (t *Tools) mayAct(use string) bool {
	from, _, _ := strings.Cut(use, "/")
	_, mcp := t.MCP[from]
	api, ok := t.APIs[from]
	return mcp || ok && len(api.Operations) > 0 // without the key they only read
}

// tools checks the section.
func (d *decoder) tools(t *Tools) {
	d.names("tools.apis", maps.Keys(t.APIs))
	d.names("tools.mcp", maps.Keys(t.MCP))
	for name, a := range t.APIs {
		path := "tools.apis." + name
		if a.File == "" {
			d.problem(path+".file", "missing; name the OpenAPI file", "")
		}
		if a.URL != "" {
			d.webAddress(path+".url", a.URL)
		}
		if _, clash := t.MCP[name]; clash {
			d.problem(path, "an MCP server has this name too; an assistant could not say which it means", "")
		}
	}
	for name, m := range t.MCP {
		path := "tools.mcp." + name
		switch {
		case len(m.Command) == 0 && m.URL == "":
			d.problem(path+".command", "missing; write the command, or the url of a server", "")
		case len(m.Command) > 0 && m.URL != "":
			d.problem(path+".url", "a server has a command or an address, not both", "")
		case m.URL != "":
			d.webAddress(path+".url", m.URL)
		}
	}
	for _, name := range []string{"search_knowledge", "read_document", "calculator", "date_time", "remember", "recall", "http_get"} {
		for section, clash := range map[string]bool{"apis": has(t.APIs, name), "mcp": has(t.MCP, name)} {
			if clash {
				d.problem("tools."+section+"."+name, "this is the name of a built-in tool", "")
			}
		}
	}
}

func has[V any](m map[string]V, name string) bool { _, ok := m[name]; return ok }

func (d *decoder) webAddress(path, at string) {
	if u, err := url.Parse(at); err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" || u.User != nil {
		d.problem(path, "not a web address; write for example https://example.com/mcp, and keys as headers", "")
	}
}
