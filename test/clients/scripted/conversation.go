// Package scripted is an upstream for tests with real clients. It speaks what the vendors speak (OpenAI chat completions and
// responses, Anthropic messages, Gemini), is as strict about what it gets as they are, and answers each request from one
// script that knows no dialect. The script sees the conversation only, so that a request sent twice gets the same answer.
package scripted

import (
	"encoding/json"
	"strings"
)

// Conversation is a request as all dialects have it, as far as a script looks at it.
type Conversation struct {
	Face     string // openai, responses, completions, anthropic or gemini
	Model    string
	Stream   bool
	System   string // all that was said as system or developer, wherever it stood
	Messages []Message
	Tools    []Tool
	Schema   json.RawMessage // the JSON schema that the answer has to keep to, or nil
	Suffix   string          // what follows the text to be completed

	usageInStream bool // chat completions: stream_options.include_usage
	thinking      bool // thoughts were asked for
}

// Message is what one side said.
type Message struct {
	Role    string // user or assistant; results of tools come in messages of the user
	Text    string
	Calls   []Call
	Results []Result
	Images  []string // the type and size of each

	thought bool // it begins with a thought
}

// Call is a tool called by the model.
type Call struct {
	ID, Name  string
	Arguments string // JSON; the text itself for a tool without schema
	Freeform  bool   // the tool takes text in place of JSON
}

// Result is what came of a call. Gemini's calls may go without an ID.
type Result struct {
	ID, Name, Text string
}

// Tool is what the model may call.
type Tool struct {
	Name       string
	Properties map[string]json.RawMessage
	Required   []string
	Freeform   bool
}

// Asked returns what the user said last, results of tools apart.
func (c *Conversation) Asked() string {
	for i := len(c.Messages) - 1; i >= 0; i-- {
		if m := c.Messages[i]; m.Role == "user" && m.Text != "" {
			return m.Text
		}
	}
	return ""
}

// Results returns all results of tools, in the order in which they arrived.
func (c *Conversation) Results() []Result {
	var all []Result
	for _, m := range c.Messages {
		all = append(all, m.Results...)
	}
	return all
}

// Answers returns what came of the calls, in the order of the calls: some clients send the results of parallel calls as they
// come in. Results without an ID are in order already.
func (c *Conversation) Answers() []Result {
	var calls []Call
	results := map[int]Result{} // by the place of the call
	for _, m := range c.Messages {
		for _, r := range m.Results {
			for i, call := range calls {
				if _, has := results[i]; !has && (r.ID == "" || call.ID == "" || r.ID == call.ID) {
					results[i] = r
					break
				}
			}
		}
		calls = append(calls, m.Calls...)
	}
	var all []Result
	for i := range calls {
		if r, has := results[i]; has {
			all = append(all, r)
		}
	}
	return all
}

// Images returns the type and size of all images.
func (c *Conversation) Images() []string {
	var all []string
	for _, m := range c.Messages {
		all = append(all, m.Images...)
	}
	return all
}

// Said returns all text of the users' messages.
func (c *Conversation) Said() string {
	var all strings.Builder
	for _, m := range c.Messages {
		if m.Role == "user" {
			all.WriteString(m.Text + "\n")
		}
	}
	return all.String()
}

// properties reads what a schema says of an object.
func (t *Tool) properties(schema json.RawMessage) {
	var s struct {
		Properties map[string]json.RawMessage `json:"properties"`
		Required   []string                   `json:"required"`
	}
	if json.Unmarshal(schema, &s) == nil {
		t.Properties, t.Required = s.Properties, s.Required
	}
}
