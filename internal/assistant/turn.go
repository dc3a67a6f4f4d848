// Package assistant is the turn pipeline: one request through guards, recall, retrieval, a model and a judge, with a trace
// that explains the answer. Each step is one file; their order is the list in this one.
package assistant

import (
	"cmp"
	"context"
	"errors"
	"io"
	"time"

	"github.com/dragoman/dragoman/internal/cache"
	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/conversation"
	"github.com/dragoman/dragoman/internal/embed"
	"github.com/dragoman/dragoman/internal/guard"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/internal/limit"
	"github.com/dragoman/dragoman/internal/observe"
	"github.com/dragoman/dragoman/internal/prompt"
	"github.com/dragoman/dragoman/internal/provider"
	"github.com/dragoman/dragoman/internal/provider/gate"
	"github.com/dragoman/dragoman/internal/route"
	"github.com/dragoman/dragoman/internal/tool"
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
	{name: "admit", run: (*Engine).admit},
	{name: "guard input", run: (*Engine).guardInput},
	{name: "hand over", run: (*Engine).handOver},
	{name: "recall", run: (*Engine).recall},
	{name: "memories", run: (*Engine).memories},
	{name: "retrieve", run: (*Engine).retrieve},
	{name: "select model", run: (*Engine).selectModel},
	{name: "compose", run: (*Engine).compose},
	{name: "look up", run: (*Engine).lookUp},
	{name: "generate", run: (*Engine).generate},
	{name: "guard output", run: (*Engine).guardOutput, filter: newOutputGuard},
	{name: "judge", run: (*Engine).judge, filter: newJudgeFilters},
	{name: "settle", run: (*Engine).settle},
}

// filter changes the text of an answer while it streams. It may hold text back until it knows enough.
type filter interface {
	Write(delta string) string
	Flush() string
}

// Turn is one request on its way through the pipeline. It belongs to one goroutine.
type Turn struct {
	// What the door gives.
	Definition *Definition // shared between turns, and never changed; nil: a plain model's
	Request    *chat.Request
	Principal  identity.Principal
	RequestID  string // the caller's own name for it, of characters that may stand in headers and logs
	Session    string // empty: the turn stands alone
	Class      string
	Feature    string // what the caller books it under
	Door       chat.Wire
	Privacy    route.Privacy     // as the caller has it; the steps make it stricter
	Paths      []string          // only documents that match
	Variables  map[string]string // of the assistant's prompt, as texts
	Out        Sink
	Cache      CacheWish

	// What the steps make of it.
	Trace       *Trace
	engine      *Engine
	values      map[string]any // of the prompt's variables
	question    string         // the last user message, secrets masked
	meanings    []meaning      // of the question: see vector
	earlier     string         // the user message before it
	history     []chat.Message // as it is shown to a model
	view        conversation.View
	thread      thread
	news        string // what was saved to memory and erased just now
	notes       string // before the question in the prompt: of old messages and of memories
	found       []knowledge.Passage
	decision    route.Decision
	tokens      int   // of the request, estimated
	longest     int   // of a call with several texts, each of which stands alone: tokens of the longest; else 0
	media       media // of the request
	hold        *limit.Hold
	outgoing    *chat.Request // as it goes to the model
	sources     []Source      // numbered as in the prompt and the answer
	before      *float64      // see Answerable
	tools       *toolbox      // nil: it has none
	offered     int           // sources in the prompt; tools found the others
	held        bool          // it goes on with the sources of a turn that handed a call back
	vault       *guard.Vault
	key         cache.Key
	cacheable   bool
	cached      *cachedAnswer
	like        *likeness // nil: the answer is not shared by meaning
	older       *olderKey // nil: no older answer stands in for it, nor it for later ones
	erasures    int64     // the last one that was known when the cache was asked
	state       string    // of the knowledge, where nothing changed in it while it was searched
	frame       string    // the prompt around question and sources
	strikes     int       // how often servers failed over it, as far as that was noted
	land        func()    // tells those that wait for this answer that it is there, or will not come
	filters     []filter
	answer      answer    // as the caller got it
	handover    *Handover // the question is for people
	finish      chat.FinishReason
	stopped     string // the stop sequence that ended the answer
	usage       chat.Usage
	dropped     []string // what the model's wire could not express
	markers     *markerFilter
	annotator   *annotator
	enough      bool               // no more of the answer is wanted
	asks        bool               // calls wait for the caller's word
	unjudged    bool               // the answer is in words of our own
	verdicts    map[string]Verdict // of a second model, by sentence
	output      *outputGuard
	callSecrets map[int]*guard.Restorer // by the index of a tool call
	failure     error
	ended       *Answer // as it was settled
	started     time.Time
	clock       func() time.Time
}

// CacheWish is what the caller says of the cache (RFC 9111, section 5.2.1).
type CacheWish struct {
	NoCache      bool          // don't answer from it
	NoStore      bool          // don't keep the answer
	OnlyIfCached bool          // don't ask a model
	MaxAge       time.Duration // of an answer from it; 0: any
	Wanted       bool          // answer from it although the request leaves room for variety
	Exact        bool          // answer from it to the very same question only
}

// Sink takes a turn's answer as it comes. An error from it ends the turn: the caller is gone.
type Sink interface {
	// Begin is called once, before the first event, when it is known who answers from what.
	Begin(*Turn) error
	// Event takes the next piece. raw says that nothing was changed in it: it says what its Raw says. The event is valid during
	// the call only.
	Event(ev *chat.Event, raw bool) error
	// Flush is called when the next piece may take a while.
	Flush() error
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

// Follows says where what the turn adds to its session belongs: after which message (store.AtHead: the last one, whichever
// that is by then), and what the caller sent of the conversation that the session does not have.
func (t *Turn) Follows() (after int, missing []chat.Message) { return t.thread.after, t.thread.missing }

// Rung is the place of the model that answers among those that the router chose, from 1; 0 where none of them does.
func (t *Turn) Rung() int {
	for i := range t.decision.Models {
		if m := &t.decision.Models[i]; m.Name == t.Trace.Model && m.Provider == t.Trace.Provider {
			return i + 1
		}
	}
	return 0
}

// Answerable is how probable it is that the sources answer the question, as it was judged before a model was asked, 0..1; false where there
// are none.
func (t *Turn) Answerable() (p float64, ok bool) {
	if t.before == nil {
		return 0, false
	}
	return *t.before, true
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
	HandedOver Mode = "handover"   // a fixed text that says whom to turn to
)

// Answer is what a turn produced.
type Answer struct {
	Message      chat.Message
	Finish       chat.FinishReason
	StopSequence string
	Usage        chat.Usage
	Logprobs     []chat.TokenLogprob
	Citations    []Citation      // of our sources
	Quoted       []chat.Citation // the provider's own
	Trace        *Trace

	// Raw is the provider's whole answer, where it came in one piece, and Wire its format. Changed says that Message is not
	// what Raw says.
	Raw     []byte
	Wire    chat.Wire
	Changed bool
}

// Searcher finds passages in one collection.
type Searcher interface {
	Search(ctx context.Context, q knowledge.Query) (*knowledge.Result, error)
}

// Books is what the pipeline needs of the ledger.
type Books interface {
	Dispatch(ctx context.Context, r *ledger.Row, e ledger.Estimate, hold *limit.Hold) (*ledger.Ticket, error)
	Settle(ctx context.Context, t *ledger.Ticket, o ledger.Outcome) (ledger.Outcome, error)
	Estimate(provider, model string, u chat.Usage) (cost ledger.Money, known bool)
}

// Archive keeps sessions and traces.
type Archive interface {
	// Past returns what a session says.
	Past(ctx context.Context, session, principal string) (conversation.Past, error)
	// SaveSummary keeps what a model wrote of a session up to a message.
	SaveSummary(ctx context.Context, session, principal string, s conversation.Summary) error
	// Keep stores what a turn leaves behind. It does so also when ctx is cancelled, as it is when the caller has gone, and does
	// not hold up the end of an answer for long.
	Keep(ctx context.Context, t *Turn, a *Answer) error
}

// Engine runs turns. It is safe for concurrent use.
type Engine struct {
	Collections func(ctx context.Context, name string) (Searcher, error) // up to date when it returns
	Embedder    func(collection string) (*Embedder, error)               // of a collection, "": the default; nil: none, also as a result
	Reranker    func(d *Definition) (*Reranker, error)                   // nil: none, also as a result
	Router      *route.Router
	Upstream    func(provider string) (provider.Upstream, bool)
	Window      func(m route.Model) int // context window in tokens
	Books       Books
	Archive     Archive
	Memories    Memories    // nil: nothing is remembered
	Background  *Background // nil: nothing is done beside turns
	Vectors     *Vectors    // nil: texts are compared by their words alone
	Readings    *Readings   // nil: passages are read anew each time
	Cache       *Cache
	Semantic    *Semantic                                                                     // nil: no answer is found by what a question means
	Older       *Older                                                                        // nil: no answer outlasts an edit of what it was made from
	Erasures    *Erasures                                                                     // nil: nobody's data is erased
	Sees        func(ctx context.Context, p identity.Principal, collection, path string) bool // may somebody see a document now
	Common      *cache.Common                                                                 // of the answers in both, with other processes; nil: not
	Template    *prompt.Template
	NewID       func() string             // trace ids
	Salt        func(owner string) []byte // for placeholders: the same for the same owner, and nobody can guess it
	Now         func() time.Time
	Random      func() float64 // 0..1
	Limits      *limit.Book    // nil: nobody is limited
	Levels      func(p identity.Principal) []limit.Level
	Allowed     func(p identity.Principal) func(name string, m route.Model) bool // nil, also as a result: everything
	Region      func(provider string) string
	Privacy     func(p identity.Principal) route.Privacy // of all that somebody asks; nil: none
	Labels      func(collection string) route.Privacy    // of what a collection holds; nil: none
	Scope       func(p identity.Principal) string        // within whose requests answers are shared
	Caching     Caching                                  // of requests that do not say; empty: CacheCool
	Org         string
	Metrics     *observe.Metrics
	Retries     int
	Tools       *tool.Registry                                     // nil: there are none
	Steps       Steps                                              // nil: what tools did before a call was handed back is forgotten
	Priority    func(p identity.Principal, class string) gate.Tier // nil: all are equal
	Quarantine  *gate.Quarantine                                   // nil: nothing is kept back
	Meaning     func() embed.Embedder                              // for the judge; nil, also as a result: words alone decide
}

// Cache keeps answers for engines.
type Cache = cache.Exact[*cachedAnswer]

// NewCache makes a cache of at most so many bytes, of answers that are at most ttl old.
func NewCache(bytes int, ttl time.Duration, now func() time.Time) *Cache {
	return cache.NewExact[*cachedAnswer](bytes, ttl, now)
}

// Age is how long ago a model gave the answer, where it is from the cache; else 0 and false.
func (t *Turn) Age() (age time.Duration, cached bool) {
	if t.cached == nil {
		return 0, false
	}
	return t.clock().Sub(t.cached.made), true
}

// Run takes a turn through the pipeline. The turn's Trace is filled in also when it fails. Errors are *chat.Error.
func (e *Engine) Run(ctx context.Context, t *Turn) (*Answer, error) {
	if t.Definition == nil {
		t.Definition = &Definition{}
	}
	t.engine, t.started, t.clock = e, e.Now(), e.Now
	t.Trace = &Trace{ID: e.NewID(), RequestID: t.RequestID, Started: t.started, Session: t.Session, Assistant: t.Definition.Name, Version: t.Definition.Version, Principal: t.Principal.Name, Mode: Plain, Steps: make([]StepTrace, 0, len(steps))}
	if t.Feature == "" {
		t.Feature = t.Definition.Feature
	}
	defer e.Metrics.TurnBegins()()
	defer func() {
		t.hold.Release()
		if t.land != nil {
			t.land()
		}
	}()
	for _, s := range steps {
		if s.filter != nil {
			t.filters = append(t.filters, s.filter(t))
		}
	}
	begun := t.started
	for _, s := range steps {
		if t.failure != nil && s.name != "settle" {
			t.Trace.skip(s.name)
			continue
		}
		t.Trace.begin(s.name)
		err := s.run(e, ctx, t)
		now := e.Now()
		t.Trace.end(now.Sub(begun))
		begun = now
		if err != nil {
			t.failure = e.asFailure(ctx, err)
			t.Trace.Error = t.failure.Error()
		}
	}
	e.count(t)
	if t.failure == nil && e.Archive != nil {
		e.digest(t)
		e.notice(t)
	}
	return t.ended, t.failure
}

func (t *Turn) result() *Answer {
	a := &t.answer
	return &Answer{
		Message: a.message(), Finish: t.finish, StopSequence: t.stopped, Usage: t.usage, Logprobs: a.logprobs, Citations: t.Trace.Citations,
		Quoted: a.quoted, Trace: t.Trace, Raw: a.raw, Wire: a.wire, Changed: a.changed,
	}
}

// Dropped names what the caller asked for and the model's wire could not express.
func (t *Turn) Dropped() []string { return t.dropped }

// asFailure gives an error the shape that doors show.
func (e *Engine) asFailure(ctx context.Context, err error) error {
	if ce, ok := errors.AsType[*chat.Error](err); ok {
		return ce
	}
	if ctx.Err() != nil {
		return &chat.Error{Code: chat.CodeCancelled, Message: "the request was cancelled", Err: err}
	}
	if x, ok := errors.AsType[*limit.Exceeded](err); ok {
		return x.AsChat()
	}
	if u, ok := errors.AsType[*route.UnknownModelError](err); ok {
		return &chat.Error{Code: chat.CodeNotFound, Message: u.Error(), Param: "model", Err: err}
	}
	return chat.AsError(err)
}

// count tells the metrics how the turn ended.
func (e *Engine) count(t *Turn) {
	if e.Metrics == nil {
		return
	}
	m := &observe.Turn{
		Door: cmp.Or(string(t.Door), "cli"), Status: "ok", Provider: t.Trace.Provider, Model: t.Trace.Model, Cache: t.Trace.Cache,
		Took: e.Now().Sub(t.started), First: time.Duration(t.Trace.FirstTokenMS * float64(time.Millisecond)),
	}
	if ce, ok := errors.AsType[*chat.Error](t.failure); ok {
		m.Status = string(ce.Code)
	}
	for _, f := range t.Trace.Findings {
		m.Findings = append(m.Findings, observe.Finding{Rule: f.Rule, Action: f.Action})
	}
	for _, a := range t.Trace.Attempts {
		if a.Resumed {
			m.Resumed++
		}
	}
	e.Metrics.Turn(m)
	e.countJudged(t)
	e.countRetrieved(t)
	e.countTools(t)
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

// deliver hands an event to the sink. raw says that it is as it came.
func (t *Turn) deliver(ev *chat.Event, raw bool) error {
	if ev.Says() {
		if t.Trace.FirstTokenMS == 0 {
			t.Trace.FirstTokenMS = milliseconds(t.now().Sub(t.started))
		}
	} else if ev.Raw == nil {
		return nil
	}
	t.answer.add(ev, raw)
	if err := t.Out.Event(ev, raw); err != nil {
		return err
	}
	return t.annotate()
}

// say hands a text of our own to the sink.
func (t *Turn) say(text string) error { return t.deliver(&chat.Event{Text: text}, false) }

// pump sends a whole stream.
func (t *Turn) pump(s chat.Stream) error {
	for {
		if more, err := t.pumpReady(s); !more {
			return err
		}
	}
}

// pumpReady waits for the next event of a stream, and sends it with those behind it that have come already. more says that the stream
// goes on; it never comes with an error.
func (t *Turn) pumpReady(s chat.Stream) (more bool, err error) {
	for {
		ev, err := s.Next()
		if errors.Is(err, io.EOF) {
			return false, nil
		}
		if err != nil {
			return false, err
		}
		if ev.Finish != "" {
			t.finish, t.stopped = ev.Finish, ev.StopSequence
		}
		if err := t.pass(ev); err != nil {
			return false, err
		}
		if t.enough { // who reads no further need not pay for it
			t.finish = cmp.Or(t.finish, chat.FinishLength)
			return false, t.disclaim()
		}
		if m, ok := s.(interface{ More() bool }); !ok || !m.More() {
			err := t.Out.Flush()
			return err == nil, err
		}
	}
}

// pass takes one event through the filters to the sink.
func (t *Turn) pass(ev *chat.Event) error {
	if t.Definition.Name != "" {
		ev.Raw = nil // the answer is the assistant's, not the model's
	}
	said := ev.Text
	ev.Text = t.filter(said, ev.Whole)
	restored := t.restoreCalls(ev.ToolCalls, ev.Whole)
	raw := ev.Raw != nil && !restored
	if !ev.Whole && (ev.Finish != "" || ev.BlockEnd || len(ev.ToolCalls) > 0 || ev.Refusal != "") {
		// The text ends here: what the filters still hold of it comes before what comes next.
		rest := &chat.Event{Text: t.filter("", true)}
		if ev.Finish != "" {
			rest.ToolCalls = t.restOfCalls()
		}
		if said == "" {
			if err := t.deliver(rest, false); err != nil {
				return err
			}
		} else {
			ev.Text += rest.Text
			ev.ToolCalls = append(ev.ToolCalls, rest.ToolCalls...)
			raw = raw && len(rest.ToolCalls) == 0
		}
	}
	if ev.Finish == chat.FinishStop || ev.Finish == chat.FinishLength {
		ev.Text += t.disclaimer()
	}
	return t.deliver(ev, raw && ev.Text == said)
}

// restoreCalls puts the caller's secrets back into the arguments of tool calls, each of which is a stream of its own, and
// says whether that changed any.
func (t *Turn) restoreCalls(parts []chat.ToolCallPart, whole bool) (changed bool) {
	if t.vault.Empty() {
		return false
	}
	for i := range parts {
		r := t.callSecrets[parts[i].Index]
		if r == nil {
			r = guard.NewJSONRestorer(t.vault)
			if t.callSecrets == nil {
				t.callSecrets = map[int]*guard.Restorer{}
			}
			t.callSecrets[parts[i].Index] = r
		}
		said := parts[i].Arguments
		parts[i].Arguments = r.Write(said)
		if whole {
			parts[i].Arguments += r.Flush()
		}
		changed = changed || parts[i].Arguments != said
	}
	return changed
}

// restOfCalls is what is still held of tool calls.
func (t *Turn) restOfCalls() (parts []chat.ToolCallPart) {
	for index, r := range t.callSecrets {
		if rest := r.Flush(); rest != "" {
			parts = append(parts, chat.ToolCallPart{Index: index, Arguments: rest})
		}
	}
	return parts
}

// flush sends what the filters still hold.
func (t *Turn) flush() error {
	return t.deliver(&chat.Event{Text: t.filter("", true), ToolCalls: t.restOfCalls()}, false)
}
