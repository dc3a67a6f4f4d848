package chat

import "encoding/json"

// Role says who speaks in a message.
type Role string

const (
	System    Role = "system" // instructions of the operator; "developer" in newer OpenAI dialects
	User      Role = "user"
	Assistant Role = "assistant"
	Tool      Role = "tool" // results of tool calls
)

// Wire names a body format: a dialect may have several.
type Wire string

const (
	OpenAIChat        Wire = "openai.chat"        // /chat/completions
	OpenAIResponses   Wire = "openai.responses"   // /responses
	OpenAICompletions Wire = "openai.completions" // /completions
	AnthropicMessages Wire = "anthropic.messages" // /v1/messages
	GeminiGenerate    Wire = "gemini.generate"    // :generateContent, :streamGenerateContent
)

// Request asks a model, or an assistant ("assistant/NAME"), for the next message of a conversation.
type Request struct {
	Model    string
	Messages []Message
	Tools    []ToolDefinition

	ToolChoice    ToolChoice
	ParallelTools *bool // nil leaves it to the model

	MaxTokens        int      // of the answer; 0 leaves it to the model
	Temperature      *float64 // nil leaves it to the model, as with all that follow
	TopP             *float64
	TopK             *int
	FrequencyPenalty *float64
	PresencePenalty  *float64
	Seed             *int64
	Stop             []string
	Logprobs         *int // nil: none; 0: of the chosen tokens; n: and of the n likeliest in each place
	Format           *Format
	Reasoning        *Reasoning
	User             string // the caller's opaque name of its end user

	Stream       bool
	IncludeUsage bool // a stream's last chunk carries usage (OpenAI stream_options)

	// Dragoman is the request's field of that name, as it came.
	Dragoman json.RawMessage

	// Wire and Body are the request as it came. A request that goes out on the wire on which it came is made of Body with
	// only the needed fields rewritten, so that whatever is not understood here survives. Body is nil for requests made here.
	Wire Wire
	Body []byte
	// Unmapped are top-level fields of Body that have no place above. They are lost, visibly, on another wire. Where messages
	// were composed anew, so that Body is gone, they are still found in Source.
	Unmapped []string
	Source   []byte
	// Headers are the caller's headers that belong to the wire and go up with it on the same wire ("anthropic-beta").
	Headers map[string]string
}

// ToolChoice says whether and which tools the model is to call. The zero value leaves it to the model.
type ToolChoice struct {
	Mode  ToolMode
	Names []string // with ToolNamed the one to call; with ToolAuto and ToolRequired those it may choose from, none: all
}

// ToolMode is how free the model is in calling tools.
type ToolMode string

const (
	ToolDefault  ToolMode = ""
	ToolAuto     ToolMode = "auto"
	ToolNone     ToolMode = "none"
	ToolRequired ToolMode = "required" // at least one
	ToolNamed    ToolMode = "named"    // this one
)

// Format asks for an answer of a form.
type Format struct {
	Kind        FormatKind
	Name        string
	Description string
	Schema      json.RawMessage // with FormatSchema
	Strict      *bool
}

// FormatKind is a kind of Format.
type FormatKind string

const (
	FormatJSON   FormatKind = "json"        // some JSON object
	FormatSchema FormatKind = "json_schema" // JSON that a schema describes
)

// Reasoning says how much a model is to think before it answers.
type Reasoning struct {
	Effort  string // "none", "minimal", "low", "medium", "high", "xhigh"; "" where only Budget is given, or neither
	Budget  *int   // tokens at most; 0 switches thinking off; -1 leaves it to the model
	Visible *bool  // whether thoughts, or their summary, are shown; nil as the dialect has it
}

// Message is one contribution to a conversation.
type Message struct {
	Role  Role
	Parts []Part // in order; on a Tool message, results only
	Name  string
}

// PartKind says what a part of a message holds.
type PartKind string

const (
	TextPart     PartKind = "text"
	ImagePart    PartKind = "image"
	DocumentPart PartKind = "document" // a PDF or other file
	AudioPart    PartKind = "audio"
	ThinkingPart PartKind = "thinking"
	RefusalPart  PartKind = "refusal"
	CallPart     PartKind = "call"
	ResultPart   PartKind = "result"
	// OpaquePart is something of the dialect in which it came that has no counterpart elsewhere (Raw): lost on another wire.
	OpaquePart PartKind = "opaque"
)

// Part is a piece of a message.
type Part struct {
	Kind PartKind
	Text string // of text, thinking and refusals

	Media  *Media      // of images, documents and audio
	Call   *ToolCall   // of calls
	Result *ToolResult // of results

	// Signature proves to the provider that wrote a thought, or a call after a thought, that it did. It means something to
	// that provider only.
	Signature Signature
	Redacted  string // thinking that only its provider can read

	Cache *CacheMark // everything up to here is worth caching at the provider
	Raw   json.RawMessage

	// At is where the part's text (a JSON string), a call's arguments or a result's only text (a JSON string) stand in
	// Request.Body, so that it can be replaced there; the zero Span where that is not known.
	At Span
	// Changed says that the text, the arguments or the result's text are no longer what stands At.
	Changed bool
}

// Span is a range of bytes.
type Span struct{ Start, End int }

// Media is the content of an image, a document or audio: exactly one of URL, Data and FileID.
type Media struct {
	Type   string // MIME: "image/png"
	URL    string // http(s); data URLs are split into Type and Data
	Data   string // base64, standard alphabet
	FileID string // of a file that was uploaded to the provider
	Name   string // of the file, or its title
	Detail string // "low", "high", "auto": how closely to look at an image
}

// CacheMark marks the end of a prefix that the provider is asked to cache.
type CacheMark struct {
	TTL string // "5m", "1h"; empty for the provider's default
}

// Signature is a provider's proof over its own thoughts.
type Signature struct {
	Of    Dialect // whose it is
	Value string
}

// Dialect is a family of wires.
type Dialect string

const (
	OpenAI    Dialect = "openai"
	Anthropic Dialect = "anthropic"
	Gemini    Dialect = "gemini"
)

// Dialect is the family that a wire belongs to.
func (w Wire) Dialect() Dialect {
	switch w {
	case AnthropicMessages:
		return Anthropic
	case GeminiGenerate:
		return Gemini
	}
	return OpenAI
}

// ToolDefinition describes a tool that the model may call.
type ToolDefinition struct {
	Name        string
	Description string
	Parameters  json.RawMessage // JSON Schema; empty where it takes none
	Strict      *bool
	Cache       *CacheMark
	// Raw is set, and nothing else but perhaps Name, for a tool that the provider itself runs (web search, code execution):
	// a thing of its dialect that has no counterpart elsewhere.
	Raw json.RawMessage
}

// ToolCall is a model's wish to have a tool called.
type ToolCall struct {
	ID        string
	Name      string
	Arguments string // JSON, as the model wrote it: not always valid
}

// ToolResult is what a tool returned.
type ToolResult struct {
	CallID string
	Name   string // of the tool, where the dialect tells (Gemini)
	Parts  []Part // text, images, documents
	Error  bool   // the tool failed
}

// Text returns the result's text parts, joined by line breaks.
func (r ToolResult) Text() string { return joinText(r.Parts) }

// Text returns the message's text and refusals, joined by line breaks.
func (m Message) Text() string { return joinText(m.Parts) }

// Calls returns the tool calls of a message.
func (m Message) Calls() []ToolCall {
	var calls []ToolCall
	for _, p := range m.Parts {
		if p.Kind == CallPart {
			calls = append(calls, *p.Call)
		}
	}
	return calls
}

func joinText(parts []Part) string {
	if len(parts) == 1 && parts[0].Kind == TextPart {
		return parts[0].Text
	}
	var b []byte
	for _, p := range parts {
		if p.Kind != TextPart && p.Kind != RefusalPart {
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

// NewCall makes a part that calls a tool.
func NewCall(c ToolCall) Part { return Part{Kind: CallPart, Call: &c} }

// NewResult makes the message that answers a tool call with text.
func NewResult(callID, text string) Message {
	return Message{Role: Tool, Parts: []Part{{Kind: ResultPart, Result: &ToolResult{CallID: callID, Parts: []Part{{Kind: TextPart, Text: text}}}}}}
}
