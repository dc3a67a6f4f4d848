package tool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"strings"

	"github.com/modelcontextprotocol/go-sdk/jsonrpc"
	sdk "github.com/modelcontextprotocol/go-sdk/mcp"
)

// mcpTool is one tool of an MCP server.
type mcpTool struct {
	m    *MCPServer
	name string // as the server calls it
	spec Spec
}

func (t mcpTool) Spec() Spec { return t.spec }

func (t mcpTool) Call(ctx context.Context, _ Caller, args json.RawMessage) (Result, error) {
	s, _, err := t.m.connected(ctx)
	if err != nil {
		return Result{}, t.m.said(err)
	}
	r, err := s.CallTool(ctx, &sdk.CallToolParams{Name: t.name, Arguments: args})
	if err != nil {
		return Result{}, t.m.said(err)
	}
	t.m.alive()
	text := contentText(r.Content)
	if text == "" && r.StructuredContent != nil {
		b, err := json.Marshal(r.StructuredContent)
		if err != nil {
			return Result{}, err
		}
		text = string(b)
	}
	return Result{Text: text, Failed: r.IsError}, nil
}

// alive forgets earlier deaths: it works.
func (m *MCPServer) alive() {
	m.mu.Lock()
	m.deaths = 0
	m.mu.Unlock()
}

// said puts an error of a server into words for the model: its own answer as it is, and of all else no more than that it is not there.
func (m *MCPServer) said(err error) error {
	if e, ok := errors.AsType[*jsonrpc.Error](err); ok {
		return &Fault{m.o.Name + " says: " + cutBytes(e.Message, mostDescription)}
	}
	return fmt.Errorf("the MCP server %s: %w", m.o.Name, err)
}

// contentText is what a result says in words.
func contentText(list []sdk.Content) string {
	var parts []string
	for _, c := range list {
		switch x := c.(type) {
		case *sdk.TextContent:
			parts = append(parts, x.Text)
		case *sdk.ImageContent:
			parts = append(parts, fmt.Sprintf("(an image, %s, %d bytes: left out)", x.MIMEType, len(x.Data)))
		case *sdk.AudioContent:
			parts = append(parts, fmt.Sprintf("(audio, %s, %d bytes: left out)", x.MIMEType, len(x.Data)))
		case *sdk.ResourceLink:
			parts = append(parts, strings.TrimSpace(fmt.Sprintf("resource %s %s", x.URI, x.Name)))
		case *sdk.EmbeddedResource:
			parts = append(parts, resourceText(x.Resource))
		}
	}
	return strings.Join(parts, "\n")
}

func resourceText(r *sdk.ResourceContents) string {
	switch {
	case r == nil:
		return ""
	case r.Text == "" && len(r.Blob) > 0:
		return fmt.Sprintf("(%s, %s, %d bytes: left out)", r.URI, r.MIMEType, len(r.Blob))
	}
	return r.Text
}

// The names, behind that of the server, of the tools that give what an MCP server has beside tools.
const (
	readResource = "read_resource"
	getPrompt    = "get_prompt"
)

// mostListed bounds lists that are told to a model.
const mostListed = 100

// mcpResources reads and lists the resources of an MCP server.
type mcpResources struct{ m *MCPServer }

func (t mcpResources) Spec() Spec {
	return Spec{
		Name:        safeName(t.m.o.Name + "_" + readResource),
		Description: "Reads a resource of " + t.m.o.Name + " by its URI. Without one it lists the resources that there are.",
		Schema:      json.RawMessage(`{"type":"object","properties":{"uri":{"type":"string"}},"additionalProperties":false}`),
	}
}

func (t mcpResources) Call(ctx context.Context, _ Caller, args json.RawMessage) (Result, error) {
	var in struct{ URI string }
	if err := json.Unmarshal(args, &in); err != nil {
		return Result{}, err
	}
	s, _, err := t.m.connected(ctx)
	if err != nil {
		return Result{}, t.m.said(err)
	}
	if in.URI != "" {
		r, err := s.ReadResource(ctx, &sdk.ReadResourceParams{URI: in.URI})
		if err != nil {
			return Result{}, t.m.said(err)
		}
		var parts []string
		for _, c := range r.Contents {
			parts = append(parts, resourceText(c))
		}
		return Result{Text: strings.Join(parts, "\n")}, nil
	}
	var list []string
	for r, err := range s.Resources(ctx, nil) {
		if err != nil {
			return Result{}, t.m.said(err)
		}
		if list = append(list, strings.TrimSpace(r.URI+" "+r.Name+": "+cutBytes(r.Description, 200))); len(list) == mostListed {
			break
		}
	}
	for r, err := range s.ResourceTemplates(ctx, nil) {
		if err != nil || len(list) >= 2*mostListed {
			break // not every server has templates
		}
		list = append(list, strings.TrimSpace(r.URITemplate+" "+r.Name+": "+cutBytes(r.Description, 200)))
	}
	return Result{Text: strings.Join(list, "\n")}, nil
}

// mcpPrompts gets and lists the prompts of an MCP server.
type mcpPrompts struct{ m *MCPServer }

func (t mcpPrompts) Spec() Spec {
	return Spec{
		Name:        safeName(t.m.o.Name + "_" + getPrompt),
		Description: "Gets a prompt of " + t.m.o.Name + " by its name, filled in with arguments. Without a name it lists the prompts that there are.",
		Schema:      json.RawMessage(`{"type":"object","properties":{"name":{"type":"string"},"arguments":{"type":"object","additionalProperties":{"type":"string"}}},"additionalProperties":false}`),
	}
}

func (t mcpPrompts) Call(ctx context.Context, _ Caller, args json.RawMessage) (Result, error) {
	var in struct {
		Name      string
		Arguments map[string]string
	}
	if err := json.Unmarshal(args, &in); err != nil {
		return Result{}, err
	}
	s, _, err := t.m.connected(ctx)
	if err != nil {
		return Result{}, t.m.said(err)
	}
	var list []string
	if in.Name != "" {
		r, err := s.GetPrompt(ctx, &sdk.GetPromptParams{Name: in.Name, Arguments: in.Arguments})
		if err != nil {
			return Result{}, t.m.said(err)
		}
		for _, msg := range r.Messages {
			list = append(list, string(msg.Role)+": "+contentText([]sdk.Content{msg.Content}))
		}
		return Result{Text: strings.Join(list, "\n")}, nil
	}
	for p, err := range s.Prompts(ctx, nil) {
		if err != nil {
			return Result{}, t.m.said(err)
		}
		line := p.Name
		for _, a := range p.Arguments {
			line += " " + a.Name
			if !a.Required {
				line += "?"
			}
		}
		if list = append(list, line+": "+cutBytes(p.Description, 200)); len(list) == mostListed {
			break
		}
	}
	return Result{Text: strings.Join(list, "\n")}, nil
}
