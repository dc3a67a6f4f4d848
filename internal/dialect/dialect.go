// Package dialect is what all wire formats have in common: the interfaces between them and whoever carries bytes, upstream or
// at a door. A wire format is a package below that implements both sides. All are pure: no I/O, no clock.
package dialect

import (
	"encoding/json"
	"net/http"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
)

// Upstream is how servers of a wire format are spoken to.
type Upstream interface {
	Wire() chat.Wire
	// Path is what follows the base URL for a request.
	Path(r *chat.Request) string
	// Authorize sets the headers that every request has.
	Authorize(h http.Header, key string)
	// Encode writes a request, streaming as r.Stream says. A request that came on this wire goes out as its Body with only the
	// needed fields rewritten. dropped names, for the caller and the trace, what this wire cannot express and does without;
	// what it cannot do without is an *chat.Error with CodeUnsupported. See docs/dialects.md.
	Encode(r *chat.Request) (body []byte, dropped []string, err error)
	// NewStream decodes the events of one answer.
	NewStream() StreamDecoder
	// Whole decodes an unstreamed answer to one event.
	Whole(body []byte) (chat.Event, error)
	// Failure turns a failure status into an error, with Raw and Wire set.
	Failure(status int, body []byte, retryAfter time.Duration) *chat.Error
}

// StreamDecoder turns the events of one upstream answer into ours.
type StreamDecoder interface {
	// Decode reads an SSE event. Its result has Raw, RawName and Wire set. An error within the stream, or data that is none
	// of the wire's, is an *chat.Error.
	Decode(name string, data []byte) (chat.Event, error)
	// Complete says whether the answer may end here: without it, an end of the stream is a broken stream.
	Complete() bool
	// Ended says that nothing more will come.
	Ended() bool
}

// Door is how callers of a wire format are answered.
type Door interface {
	Wire() chat.Wire
	// NewStream encodes one streamed answer.
	NewStream(m Meta) StreamEncoder
	// Whole encodes an unstreamed answer. Where ev.Raw is of this wire it is the answer, with the texts in it replaced by
	// those of ev where they differ.
	Whole(m Meta, a Answer) []byte
	// Error is how a failure looks.
	Error(e *chat.Error, trace string) (status int, body []byte)
}

// StreamEncoder writes one answer as a stream. Each method appends complete SSE events to dst ("event: ...\ndata: ...\n\n")
// and returns it. An event whose Raw is of the same wire is passed on as it is where raw is true: the caller promises that it
// says what Raw says; otherwise the texts within Raw are replaced, and an event without Raw is made from its fields.
type StreamEncoder interface {
	Event(dst []byte, ev chat.Event, raw bool) []byte
	// End closes a complete answer.
	End(dst []byte, a Answer) []byte
	// Fail ends a stream that cannot be completed, so that no client takes it for complete.
	Fail(dst []byte, e *chat.Error, trace string) []byte
}

// Mark is what was found on a sentence that was just said.
type Mark struct {
	Citation chat.Citation // where it stands, and the source that bears it out; no URL: none does
	Score    float64       // how probable it is that the source says all of it, 0..1
	Field    []byte        // the event's field dragoman, for callers that read it; empty: this one does not
}

// Marker is a StreamEncoder whose wire has a place for a mark. Where it has none at this moment, dst is returned as it was, and false.
type Marker interface {
	Mark(dst []byte, m *Mark) ([]byte, bool)
}

// Meta is what an encoder needs to know of a turn.
type Meta struct {
	ID      string // of the answer, without a prefix: hexadecimal digits
	Created time.Time
	Model   string // as the caller asked for it
	Request *chat.Request
	Trace   string
}

// Answer is a complete answer.
type Answer struct {
	Message      chat.Message
	Finish       chat.FinishReason
	StopSequence string
	Usage        chat.Usage
	Logprobs     []chat.TokenLogprob
	Citations    []chat.Citation
	// Dragoman is the response's field of that name; nil where there is nothing to say that the wire does not say already.
	Dragoman json.RawMessage
	// Raw is the upstream's whole answer and Wire its format; nil where there was none.
	Raw     []byte
	Wire    chat.Wire
	Changed bool // Message says something else than Raw
}
