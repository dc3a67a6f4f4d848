// Package assistant is the turn pipeline: one request through guards, recall, retrieval, a model and a judge, with a trace
// that explains the answer. Each step is one file; their order is the list in this one.
package assistant

import (
	"context"
	"errors"
	"io"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/cache"
	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/guard"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/internal/prompt"
	"github.com/dragoman/dragoman/internal/provider"
	"github.com/dragoman/dragoman/internal/route"
)

// step is a part of the pipeline. run does its work; a step after generate may also have a filter, which sees the answer
// while it streams.
type step struct {
	name   string
	run    func(*Engine, context.Context, *Turn) error
	filter func(*Turn) filter
}

// steps is the pipeline. Adding a step means a file and a line here.
var steps = []step{
	{name: "guard input", run: (*Engine).guardInput},
	{name: "recall", run: (*Engine).recall},
	{name: "retrieve", run: (*Engine).retrieve},
	{name: "select model", run: (*Engine).selectModel},
	{name: "compose", run: (*Engine).compose},
	{name: "look up", run: (*Engine).lookUp},
	{name: "generate", run: (*Engine).generate},
	{name: "guard output", run: (*Engine).guardOutput, filter: newOutputGuard},
	{name: "judge", run: (*Engine).judge, filter: newMarkerFilter},
	{name: "settle", run: (*Engine).settle},
}

// filter changes the text of an answer while it streams. It may hold text back until it knows enough.
type filter interface {
	Write(delta string) string
	Flush() string
}

// Definition is an assistant: a plain model is one with nothing attached.
type Definition struct {
	Name         string // "code"; empty for a plain model
	Description  string
	Instructions string
	About        string   // what its knowledge is, for the prompt: "the repository zap"
	Knowledge    []string // names of collections
	Route        string   // a model or route; empty for the default
	Policy       guard.Policy
}

// Turn is one request on its way through the pipeline. It belongs to one goroutine.
type Turn struct {
	// What the door gives.
	Definition Definition
	Request    *chat.Request
	Principal  identity.Principal
	Session    string // empty: the turn stands alone
	Class      string
	Privacy    string
	Paths      []string // only documents that match
	Out        Sink

	// What the steps make of it.
	Trace       *Trace
	question    string // the last user message, secrets masked
	earlier     string // the user message before it
	history     []chat.Message
	found       []knowledge.Passage
	decision    route.Decision
	outgoing    *chat.Request // as it goes to the model
	sources     []Source      // numbered as in the prompt and the answer
	vault       *guard.Vault
	key         cache.Key
	cacheable   bool
	cached      *cachedAnswer
	filters     []filter
	answer      strings.Builder // as the caller got it
	calls       []chat.ToolCall
	finish      chat.FinishReason
	usage       chat.Usage
	markers     *markerFilter
	output      *outputGuard
	callSecrets map[int]*guard.Restorer // by the index of a tool call
	failure     error
	started     time.Time
	clock       func() time.Time
}

// Sink takes a turn's answer as it comes. An error from it ends the turn: the caller is gone.
type Sink interface {
	// Begin is called once, before the first event, when it is known who answers from what.
	Begin(*Turn) error
	Event(chat.Event) error
}

// Sources returns the numbered passages from which the answer is made.
func (t *Turn) Sources() []Source { return t.sources }

// Masked is a text of this turn as it may be kept: with placeholders for secrets.
func (t *Turn) Masked(text string) string {
	if t.vault == nil || t.Definition.Policy.Secrets != guard.Mask {
		return text
	}
	masked, _ := t.vault.Mask(text)
	return masked
}

// Mode says how the answer is made.
func (t *Turn) Mode() Mode { return t.Trace.Mode }

// Mode is how an answer is made.
type Mode string

const (
	Extractive Mode = "extractive" // the best passages, quoted
	Draft      Mode = "draft"      // the passages quoted, then a small model's text, checked sentence by sentence
	Grounded   Mode = "grounded"   // a model's text from the passages, with its citations
	Plain      Mode = "plain"      // a model's text
)

// Answer is what a turn produced.
type Answer struct {
	Message   chat.Message
	Finish    chat.FinishReason
	Usage     chat.Usage
	Citations []Citation
	Trace     *Trace
}

// Searcher finds passages in one collection.
type Searcher interface {
	Search(ctx context.Context, q knowledge.Query) (*knowledge.Result, error)
}

// Books is what the pipeline needs of the ledger.
type Books interface {
	Dispatch(ctx context.Context, r ledger.Row) (ledger.Ticket, error)
	Settle(ctx context.Context, t ledger.Ticket, o ledger.Outcome) (ledger.Outcome, error)
}

// Archive keeps sessions and traces.
type Archive interface {
	// History returns a session's last messages, oldest first, at most limit of them.
	History(ctx context.Context, session, principal string, limit int) ([]chat.Message, error)
	// Keep stores what a turn leaves behind.
	Keep(ctx context.Context, t *Turn, a *Answer) error
}

// Engine runs turns. It is safe for concurrent use.
type Engine struct {
	Collections func(ctx context.Context, name string) (Searcher, error) // up to date when it returns
	Router      *route.Router
	Upstream    func(provider string) (provider.Upstream, bool)
	Window      func(m route.Model) int // context window in tokens
	Books       Books
	Archive     Archive
	Cache       *cache.Exact[*cachedAnswer]
	Template    *prompt.Template
	NewID       func() string // trace ids
	Salt        func() []byte // random bytes for placeholders
	Now         func() time.Time
	Retries     int
}

// NewCache makes the cache of answers for an engine: at most 32 MB, an hour at most.
func NewCache(now func() time.Time) *cache.Exact[*cachedAnswer] {
	return cache.NewExact[*cachedAnswer](32<<20, time.Hour, now)
}

// Run takes a turn through the pipeline. The turn's Trace is filled in also when it fails. Errors are *chat.Error.
func (e *Engine) Run(ctx context.Context, t *Turn) (*Answer, error) {
	t.started, t.clock = e.Now(), e.Now
	t.Trace = &Trace{ID: e.NewID(), Started: t.started, Session: t.Session, Assistant: t.Definition.Name, Principal: t.Principal.Name, Mode: Plain}
	for _, s := range steps {
		if s.filter != nil {
			t.filters = append(t.filters, s.filter(t))
		}
	}
	for _, s := range steps {
		if t.failure != nil && s.name != "settle" {
			t.Trace.skip(s.name)
			continue
		}
		begun := e.Now()
		t.Trace.begin(s.name)
		err := s.run(e, ctx, t)
		t.Trace.end(e.Now().Sub(begun))
		if err != nil {
			t.failure = e.asFailure(ctx, err)
			t.Trace.Error = t.failure.Error()
		}
	}
	a := t.result()
	if t.failure != nil {
		return a, t.failure
	}
	return a, nil
}

func (t *Turn) result() *Answer {
	m := chat.NewText(chat.Assistant, t.answer.String())
	m.ToolCalls = t.calls
	return &Answer{Message: m, Finish: t.finish, Usage: t.usage, Citations: t.Trace.Citations, Trace: t.Trace}
}

// asFailure gives an error the shape that doors show.
func (e *Engine) asFailure(ctx context.Context, err error) error {
	if ce, ok := errors.AsType[*chat.Error](err); ok {
		return ce
	}
	if ctx.Err() != nil {
		return &chat.Error{Code: chat.CodeCancelled, Message: "the request was cancelled", Err: err}
	}
	if u, ok := errors.AsType[*route.UnknownModelError](err); ok {
		return &chat.Error{Code: chat.CodeNotFound, Message: u.Error(), Param: "model", Err: err}
	}
	return chat.AsError(err)
}

// filter passes text through the filters. After the final call they hold nothing.
func (t *Turn) filter(text string, final bool) string {
	for _, f := range t.filters {
		if text != "" {
			text = f.Write(text)
		}
		if final {
			text += f.Flush()
		}
	}
	return text
}

// deliver hands an event to the sink.
func (t *Turn) deliver(ev chat.Event) error {
	if ev.Text == "" && len(ev.ToolCalls) == 0 {
		return nil
	}
	if t.Trace.FirstTokenMS == 0 {
		t.Trace.FirstTokenMS = milliseconds(t.now().Sub(t.started))
	}
	t.answer.WriteString(ev.Text)
	for _, c := range ev.ToolCalls {
		for len(t.calls) <= c.Index && c.Index < 128 {
			t.calls = append(t.calls, chat.ToolCall{})
		}
		if c.Index >= len(t.calls) {
			continue
		}
		call := &t.calls[c.Index]
		call.ID, call.Name, call.Arguments = call.ID+c.ID, call.Name+c.Name, call.Arguments+c.Arguments
	}
	return t.Out.Event(ev)
}

// pump sends a whole stream.
func (t *Turn) pump(s chat.Stream) error {
	for {
		ev, err := s.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if ev.Finish != "" {
			t.finish = ev.Finish
		}
		if ev.Usage != nil {
			t.usage = *ev.Usage
		}
		ev.Text = t.filter(ev.Text, false)
		t.restoreCalls(ev.ToolCalls)
		if err := t.deliver(ev); err != nil {
			return err
		}
	}
}

// restoreCalls puts the caller's secrets back into the arguments of tool calls, each of which is a stream of its own.
func (t *Turn) restoreCalls(parts []chat.ToolCallPart) {
	for i := range parts {
		r := t.callSecrets[parts[i].Index]
		if r == nil {
			r = guard.NewJSONRestorer(t.vault)
			if t.callSecrets == nil {
				t.callSecrets = map[int]*guard.Restorer{}
			}
			t.callSecrets[parts[i].Index] = r
		}
		parts[i].Arguments = r.Write(parts[i].Arguments)
	}
}

// flush sends what the filters still hold.
func (t *Turn) flush() error {
	ev := chat.Event{Text: t.filter("", true)}
	for index, r := range t.callSecrets {
		if rest := r.Flush(); rest != "" {
			ev.ToolCalls = append(ev.ToolCalls, chat.ToolCallPart{Index: index, Arguments: rest})
		}
	}
	return t.deliver(ev)
}
