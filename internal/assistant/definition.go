package assistant

import (
	"encoding/json"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/conversation"
	"github.com/dragoman/dragoman/internal/guard"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/prompt"
	"github.com/dragoman/dragoman/internal/route"
)

// Definition is an assistant: a plain model is one with nothing attached. Each policy is a struct in a file of its own; the zero value
// of each is what holds where a definition says nothing.
type Definition struct {
	Name         string // "code"; empty for a plain model
	Version      string // the first twelve digits of the SHA-256 of the definition
	Description  string
	Instructions string
	About        string   // what its knowledge is, for the prompt: "the repository zap"
	Knowledge    []string // names of collections
	Search       Search
	Prompt       Prompt
	Output       Output
	Handovers    []Handover
	Conversation conversation.Policy // the zero value: conversation.DefaultPolicy
	Memory       MemoryPolicy
	Route        string // a model or route; empty for the default
	Policy       guard.Policy
	Privacy      route.Privacy
	Tools        ToolPolicy
	Judge        JudgePolicy
	Degrade      DegradePolicy
	Feature      string // what its turns are booked under, where the request names nothing
}

// Ref is how callers name exactly this version: NAME@VERSION.
func (d *Definition) Ref() string {
	if d.Version == "" {
		return d.Name
	}
	return d.Name + "@" + d.Version
}

// Search says how an assistant searches its knowledge.
type Search struct {
	Filter    knowledge.Filter
	Limit     int      // passages from each collection at most; 0: the default of package knowledge
	Threshold *float64 // share of a question that the best passages must speak of, 0..1; nil: minConfidence
	Rerank    string   // the name of a re-ranker; empty: that of a collection, if any
	Budget    int      // tokens of passages in the prompt; 0: sourceTokens
}

// LeastConfidence is Threshold, or what holds without it.
func (s *Search) LeastConfidence() float64 {
	if s.Threshold == nil {
		return minConfidence
	}
	return *s.Threshold
}

// Prompt says by what a prompt is made.
type Prompt struct {
	Template *prompt.Template // nil: Engine.Template
	Values   map[string]any   // of its variables
}

// Format is the form of an answer.
type Format string

// The formats. The zero value is Markdown.
const (
	Markdown Format = "markdown"
	Text     Format = "text"
	JSON     Format = "json"
)

// Output is the form of an assistant's answers.
type Output struct {
	Format     Format
	Schema     json.RawMessage // of JSON: what an answer must look like; nil: any object
	Disclaimer string          // at the end of every answer that is no JSON
}

// format is what a model is asked for; nil where nothing in particular. What the caller asks for wins.
func (o *Output) format(asked *chat.Format) *chat.Format {
	switch {
	case asked != nil || o.Format != JSON:
		return asked
	case o.Schema != nil:
		return &chat.Format{Kind: chat.FormatSchema, Name: "answer", Schema: o.Schema}
	}
	return &chat.Format{Kind: chat.FormatJSON}
}
