// Package chat is the vocabulary that every part of Dragoman speaks: requests, messages, events, usage and errors, free of
// any vendor's wire format. It imports nothing of ours.
package chat

import "encoding/json"

// Role says who speaks in a message.
type Role string

const (
	System    Role = "system" // instructions of the operator; "developer" in newer OpenAI dialects
	User      Role = "user"
	Assistant Role = "assistant"
	Tool      Role = "tool" // the result of a tool call
)

// Request asks a model, or an assistant ("assistant/NAME"), for the next message of a conversation.
type Request struct {
	Model    string
	Messages []Message
	Tools    []ToolDefinition

	ToolChoice  string   // "", "auto", "none", "required", or the name of one tool
	MaxTokens   int      // of the answer; 0 leaves it to the model
	Temperature *float64 // nil leaves it to the model
	TopP        *float64
	Stop        []string
	Seed        *int64
	User        string // the caller's opaque name of its end user

	Stream       bool
	IncludeUsage bool // a stream's last chunk carries usage (OpenAI stream_options)

	// Dragoman is the request's field of that name, as it came.
	Dragoman json.RawMessage
	// Extra holds top-level fields of the dialect that have no place above, so that a request that goes out in the
	// dialect in which it came loses nothing.
	Extra map[string]json.RawMessage
}

// Message is one contribution to a conversation.
type Message struct {
	Role      Role
	Parts     []Part
	ToolCalls []ToolCall // by the assistant
	CallID    string     // on a Tool message: the call that it answers
	Name      string
}

// PartKind says what a part of a message holds.
type PartKind string

const (
	TextPart  PartKind = "text"
	ImagePart PartKind = "image"
)

// Part is a piece of a message.
type Part struct {
	Kind PartKind
	Text string
	URL  string // of an image: http(s) or a data URL
}

// Text returns the message's text parts, joined by line breaks.
func (m Message) Text() string {
	if len(m.Parts) == 1 {
		return m.Parts[0].Text
	}
	var b []byte
	for _, p := range m.Parts {
		if p.Kind != TextPart {
			continue
		}
		if len(b) > 0 {
			b = append(b, '\n')
		}
		b = append(b, p.Text...)
	}
	return string(b)
}

// NewText makes a message of one text part.
func NewText(role Role, text string) Message {
	return Message{Role: role, Parts: []Part{{Kind: TextPart, Text: text}}}
}

// ToolDefinition describes a tool that the model may call.
type ToolDefinition struct {
	Name        string
	Description string
	Parameters  json.RawMessage // JSON Schema
	Strict      *bool
}

// ToolCall is a model's wish to have a tool called.
type ToolCall struct {
	ID        string
	Name      string
	Arguments string // JSON, as the model wrote it: not always valid
}

// FinishReason says why a model stopped.
type FinishReason string

const (
	FinishStop          FinishReason = "stop"
	FinishLength        FinishReason = "length"
	FinishToolCalls     FinishReason = "tool_calls"
	FinishContentFilter FinishReason = "content_filter"
)

// Event is one step of a streamed answer. Any of the fields may be set; an adapter sends them as they come.
type Event struct {
	Text      string         // to be appended to the answer
	ToolCalls []ToolCallPart // to be appended to the calls
	Finish    FinishReason   // set once, on the last event with content
	Usage     *Usage         // set once, with or after Finish; replaces what came before
	Model     string         // the model that answers, as the provider names it; on the first event where known
	ID        string         // the provider's id of this answer; on the first event where known
}

// ToolCallPart appends to the tool call of the given index.
type ToolCallPart struct {
	Index     int
	ID        string // on the first part of a call
	Name      string // on the first part of a call
	Arguments string
}

// Usage counts tokens as the provider reports them.
type Usage struct {
	Input       int64 // all tokens of the prompt, cached ones included
	CachedInput int64 // of Input: read from the provider's cache
	CacheWrite  int64 // of Input: written to the provider's cache
	Output      int64 // all tokens of the answer, reasoning included
	Reasoning   int64 // of Output
	Estimated   bool  // counted by us, because the provider reported nothing
}

// Total is Input plus Output.
func (u Usage) Total() int64 { return u.Input + u.Output }

// Stream yields the events of one answer. Next returns io.EOF after the last one; a stream that ends in any other way
// returns an *Error and is not a complete answer. Close ends the request early and may be called at any time, also twice.
type Stream interface {
	Next() (Event, error)
	Close() error
}
