package chat

// FinishReason says why a model stopped.
type FinishReason string

const (
	FinishStop          FinishReason = "stop"
	FinishLength        FinishReason = "length"
	FinishToolCalls     FinishReason = "tool_calls"
	FinishContentFilter FinishReason = "content_filter"
	FinishRefusal       FinishReason = "refusal" // the model declines
	FinishPause         FinishReason = "pause"   // a provider-run tool takes long: the turn is to be sent again (Anthropic pause_turn)
)

// Event is one step of a streamed answer, or a whole one. Any of the fields may be set. Within one event the order of what
// is said is: thinking, its signature, text, refusal, tool calls.
type Event struct {
	Thinking     string    // to be appended to the thoughts
	Signature    Signature // ends the thought before it
	Redacted     string    // a whole thought that only its provider can read
	Text         string    // to be appended to the answer
	Refusal      string    // to be appended to the answer: the model declines
	ToolCalls    []ToolCallPart
	Logprobs     []TokenLogprob // of the tokens of Text
	Citations    []Citation     // of what was said so far
	Finish       FinishReason   // set once, on the last event with content
	StopSequence string         // with Finish: which of the stop sequences ended it, where the dialect tells
	Usage        *Usage         // set once or more often, with or after Finish at the latest; replaces what came before
	Model        string         // the model that answers, as the provider names it; on the first event where known
	ID           string         // the provider's id of this answer; on the first event where known
	BlockEnd     bool           // a text block ends here, on wires that have such: text that comes later belongs to another

	// Raw is the event's data, or the whole body, as it came, and RawName its SSE name; Wire says on which wire. An event may
	// have nothing but these: what is not understood is passed on to callers on the same wire.
	Raw     []byte
	RawName string
	Wire    Wire
	Whole   bool // it is a complete answer in one event
	// Thoughts are those of a Whole answer that has several, each with what proves it; Thinking, Signature and Redacted are empty
	// then. Steps takes them apart.
	Thoughts []Part
}

// Steps are the events that say the same, each with one thought at most, in their order. The last has Raw.
func (e Event) Steps() []Event {
	steps := make([]Event, 0, len(e.Thoughts)+1)
	for _, p := range e.Thoughts {
		steps = append(steps, Event{Thinking: p.Text, Signature: p.Signature, Redacted: p.Redacted, Model: e.Model, ID: e.ID})
	}
	e.Thoughts = nil
	return append(steps, e)
}

// Think sets the thoughts of a Whole answer.
func (e *Event) Think(thoughts []Part) {
	if len(thoughts) == 1 {
		e.Thinking, e.Signature, e.Redacted = thoughts[0].Text, thoughts[0].Signature, thoughts[0].Redacted
		return
	}
	e.Thoughts = thoughts
}

// Says tells whether the event adds to the answer.
func (e *Event) Says() bool {
	return e.Text != "" || e.Thinking != "" || e.Refusal != "" || e.Redacted != "" || e.Signature.Value != "" || len(e.ToolCalls) > 0 || len(e.Thoughts) > 0
}

// Length is how many bytes the event adds to what the model has written.
func (e *Event) Length() int {
	n := len(e.Text) + len(e.Thinking) + len(e.Refusal)
	for i := range e.ToolCalls {
		n += len(e.ToolCalls[i].Name) + len(e.ToolCalls[i].Arguments)
	}
	return n
}

// ToolCallPart appends to the tool call of the given index.
type ToolCallPart struct {
	Index     int    // of the call among the answer's calls, from 0, in the order in which they begin
	ID        string // on the first part of a call
	Name      string // on the first part of a call
	Arguments string
	Signature Signature // on any part of a call
}

// TokenLogprob is how likely a token was.
type TokenLogprob struct {
	Token   string
	Logprob float64
	Bytes   []byte // UTF-8 of the token; nil where the provider tells none
	Top     []TokenLogprob
}

// Citation says on what a stretch of the answer rests.
type Citation struct {
	Start, End int    // of the answer's text, in characters; both 0 where it isn't known
	URL        string // or empty
	Title      string
	Quote      string // the cited text, where the provider gives it
	Document   int    // index of the document in the request, from 0; -1 where it is none
	Raw        []byte // as it came, for callers of the same dialect
}

// Usage counts tokens as the provider reports them.
type Usage struct {
	Input       int64 // all tokens of the prompt, cached ones included
	CachedInput int64 // of Input: read from the provider's cache
	CacheWrite  int64 // of Input: written to the provider's cache
	CacheHour   int64 // of CacheWrite: kept for an hour, which costs more (Anthropic)
	Output      int64 // all tokens of the answer, reasoning included
	Reasoning   int64 // of Output
	Estimated   bool  // counted by us, at least in part, because the provider did not report it
}

// Total is Input plus Output.
func (u Usage) Total() int64 { return u.Input + u.Output }

// MaxTokens bounds what a provider may claim to have used, so that sums and prices of it stay numbers.
const MaxTokens = 1 << 40

// Bounded is a provider's claim as numbers that can be reckoned with: none is negative or beyond all measure, and no part is
// more than what it is a part of, since money is reckoned with the difference.
func (u Usage) Bounded() Usage {
	within := func(n, whole int64) int64 { return min(max(n, 0), whole) }
	u.Input, u.Output = within(u.Input, MaxTokens), within(u.Output, MaxTokens)
	u.CachedInput, u.Reasoning = within(u.CachedInput, u.Input), within(u.Reasoning, u.Output)
	u.CacheWrite = within(u.CacheWrite, u.Input-u.CachedInput)
	u.CacheHour = within(u.CacheHour, u.CacheWrite)
	return u
}

// Stream yields the events of one answer. Next returns io.EOF after the last one; a stream that ends in any other way
// returns an *Error and is not a complete answer. An event belongs to whoever reads the stream until the next call of Next, which
// may overwrite it; it is nil beside an error. Close ends the request early and may be called at any time, also twice.
type Stream interface {
	Next() (*Event, error)
	Close() error
}
