// Package tool is what an assistant may have done while it answers: tools that are built in, operations of HTTP APIs, and those of MCP
// servers, behind one interface. Whatever a tool returns is text that others have written: it is told to models as such.
package tool

import (
	"context"
	"encoding/json"
	"regexp"

	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/route"
)

// Tool is something that a model may have done. It is safe for concurrent use.
type Tool interface {
	Spec() Spec
	// Call does it. args is a JSON object that follows the schema. It returns soon after ctx ends. What a *Fault says is told to
	// the model; of any other error it learns only that the tool failed.
	Call(ctx context.Context, c Caller, args json.RawMessage) (Result, error)
}

// Spec is how a tool is told to models.
type Spec struct {
	Name        string          // 1 to 64 of A-Z, a-z, 0-9, "_" and "-": what every vendor takes
	Description string          // when to use it, and what it returns
	Schema      json.RawMessage // JSON Schema of the arguments: of an object; empty where there are none
	Acts        bool            // it may change something that is not the caller's own memory: an order, a file, a ticket
}

// Caller is on whose behalf a tool is called.
type Caller struct {
	Principal   identity.Principal
	Collections []string // those that the assistant may look into; permissions of documents hold beside it

	Owner   string         // whose memories are meant: memory.Owner
	Scope   string         // the assistant whose memories; empty: those that are shared
	Said    []string       // what the caller has said in this conversation; nil where there is none
	Session string         // empty where there is none
	Trace   string         // of the turn
	Label   *route.Privacy // of the turn: what is stricter must not be told to it; nil: the caller may be told everything
}

// Result is what a tool returns.
type Result struct {
	Text string
	// Passages are found knowledge: they become numbered sources, which the answer can cite. They come after Text.
	Passages []knowledge.Passage
	Failed   bool // the tool says that it could not do it; Text has the reason
}

// Fault is an error that the model may be told, so that it can do better: what is wrong, and what would be right.
type Fault struct{ Message string }

func (f *Fault) Error() string { return f.Message }

// Provider has tools that may come and go: an MCP server, an API.
type Provider interface {
	// Tools are those that there are now.
	Tools(ctx context.Context) ([]*Checked, error)
}

// validName is what all vendors take as the name of a function.
var validName = regexp.MustCompile(`^[A-Za-z0-9_-]{1,64}$`)

// maxName is the longest name that all vendors take.
const maxName = 64

// safeName makes a name that all vendors take of one that others have given.
func safeName(s string) string {
	b := []byte(s)
	for i, c := range b {
		if !(c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-') {
			b[i] = '_'
		}
	}
	return string(b[:min(len(b), maxName)])
}
