// Package store is what Dragoman remembers on disk: usage rows, API keys, traces, conversations and settings. The
// interface is here, implementations are in folders below, and storetest holds the suite that each of them runs whole.
package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"

	"github.com/dragoman/dragoman/internal/audit"
	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/ledger"
)

// Store keeps everything. Its methods may be called from many goroutines, and by many processes on the same data, at once.
// What was written before a call returned nil is seen by every later call. Times come back in UTC, to the nanosecond.
type Store interface {
	ledger.Store
	identity.Store
	Traces
	Batches
	Responses
	Sessions
	Memories
	Erasures
	Settings
	Assistants
	SyncRuns
	Feedbacks
	audit.Store

	// UsageOfTrace returns the usage rows of one turn, the earliest first.
	UsageOfTrace(ctx context.Context, traceID string) ([]ledger.Row, error)
	// Close waits for calls that are under way and lets go of the data.
	Close() error
}

// Trace is the record of one turn.
type Trace struct {
	ID        string
	Principal string
	Session   string // empty where the turn belonged to none
	Created   time.Time
	Body      json.RawMessage // kept byte for byte
}

// Traces keeps traces.
type Traces interface {
	// SaveTrace writes a trace, in place of an earlier one with its ID.
	SaveTrace(ctx context.Context, t Trace) error
	// Trace returns ErrNotFound where there is none.
	Trace(ctx context.Context, id string) (Trace, error)
	// DeleteTracesBefore deletes the traces created before t and says how many there were.
	DeleteTracesBefore(ctx context.Context, t time.Time) (int, error)
}

// Batch is what a server writes together.
type Batch struct {
	Usage  []ledger.Row // that are over; those whose ID is there already are left as they are
	Traces []Trace
}

// Batches writes much at once.
type Batches interface {
	// Add writes all of a batch or nothing.
	Add(ctx context.Context, b Batch) error
}

// Response is an answer that its caller may refer to later.
type Response struct {
	ID        string
	Principal string
	Created   time.Time
	Body      json.RawMessage // kept byte for byte
}

// Responses keeps answers.
type Responses interface {
	SaveResponse(ctx context.Context, r Response) error
	// Response returns ErrNotFound where there is none of this principal.
	Response(ctx context.Context, principal, id string) (Response, error)
	// DeleteResponse returns ErrNotFound where there is none of this principal.
	DeleteResponse(ctx context.Context, principal, id string) error
	// DeleteResponsesBefore deletes those created before t and says how many there were.
	DeleteResponsesBefore(ctx context.Context, t time.Time) (int, error)
}

// Session is a conversation. Its ID is chosen by the caller and means something to its principal only: two principals may
// use the same one and never see each other's messages.
//
// Its messages are a tree, of which every path from a root to a leaf is a branch: what was edited or answered anew stands
// beside what was there before. Head is where the branch ends that goes on.
type Session struct {
	ID        string
	Principal string
	Title     string
	Assistant string // that it began with; empty for a plain model
	From      string // the session that it was forked from
	Created   time.Time
	Updated   time.Time // when its last message was added
	Messages  int       // how many it has, on all branches
	Head      int       // the number of the last message of the branch that goes on; 0 while there is none
}

// Message is one message of a session.
type Message struct {
	Number  int // in its session, from 1; given by the store
	Parent  int // the message that it follows; 0 for none
	Role    chat.Role
	Content json.RawMessage // kept byte for byte
	Digest  string          // of what it says, as its writer compares it; empty: it is like no other
	Words   string          // what a search looks at, in lower case; not read back
	TraceID string          // of the turn that it belongs to
	Created time.Time
}

// AtHead, as the message after which others are added, is the end of the branch that goes on, wherever that is by then.
const AtHead = -1

// SessionQuery chooses among a principal's sessions.
type SessionQuery struct {
	Words []string // in lower case: each occurs in the title or in a message
	After *Session // only those that come after this one, by Updated and ID; nil: from the first
	Limit int
}

// Summary tells what a branch says up to a message.
type Summary struct {
	Number  int // the last message that it tells of
	Text    string
	Created time.Time
}

// Sessions keeps conversations.
type Sessions interface {
	// AppendMessages adds messages, all or none, one behind the other: the first after the message of a number, 0 for a
	// branch of its own, or AtHead. A message that stands there already (its Digest is the same, and not empty) is not added
	// again; what follows goes behind it. The last message becomes the head. A session that is not there yet begins with
	// s.Title and s.Assistant. It returns the numbers of all the messages, or ErrNotFound where there is none to add to.
	AppendMessages(ctx context.Context, s Session, after int, messages ...Message) ([]int, error)
	// Messages returns the last messages of a session's branch that goes on, at most limit, the newest last. A session
	// without messages is empty, and no error.
	Messages(ctx context.Context, principal, session string, limit int) ([]Message, error)
	// AllMessages returns at most limit messages of all branches by their numbers, those after a number.
	AllMessages(ctx context.Context, principal, session string, after, limit int) ([]Message, error)
	// Sessions lists a principal's sessions, the most recently used first.
	Sessions(ctx context.Context, principal string, q SessionQuery) ([]Session, error)
	// Session returns ErrNotFound where there is none of this principal.
	Session(ctx context.Context, principal, id string) (Session, error)
	// CreateSession makes a session without messages, or returns ErrExists.
	CreateSession(ctx context.Context, s Session) error
	// ForkSession makes the session to of the branch of another, up to and including a message. It returns ErrNotFound where
	// there is no such session or message, and ErrExists where to is there.
	ForkSession(ctx context.Context, id string, at int, to Session) error
	// SetTitle and SetHead return ErrNotFound where there is no such session, or no such message in it.
	SetTitle(ctx context.Context, principal, id, title string) error
	SetHead(ctx context.Context, principal, id string, head int) error
	// DeleteSession deletes a session with its messages, its summaries and the traces of its turns, or returns ErrNotFound.
	DeleteSession(ctx context.Context, principal, id string) error
	// SaveSummary keeps a summary, in place of an earlier one up to the same message.
	SaveSummary(ctx context.Context, principal, session string, s Summary) error
	// Summaries returns the latest summaries, at most limit, those that tell most first.
	Summaries(ctx context.Context, principal, session string, limit int) ([]Summary, error)
}

// Memory is something that is remembered of an owner beyond a conversation.
type Memory struct {
	ID      string
	Owner   string
	Scope   string    // the assistant that it is for; empty: all of the owner's
	Created time.Time // by which they are listed
	Expires time.Time // zero: never
	Old     bool      // a newer one has taken its place
	Body    json.RawMessage
}

// Memories keeps what is remembered. Owners never see each other's.
type Memories interface {
	// SaveMemories writes memories of an owner, all or none, in place of earlier ones with their IDs.
	SaveMemories(ctx context.Context, owner string, memories ...Memory) error
	// Memories returns an owner's memories of a scope, nil for every scope, that have not expired at a time: those that hold,
	// or with old also those whose place others have taken; the earliest first.
	Memories(ctx context.Context, owner string, scope *string, old bool, at time.Time) ([]Memory, error)
	// DeleteMemories deletes an owner's memories by their IDs, or all of them where none are named, and says how many there were.
	DeleteMemories(ctx context.Context, owner string, ids ...string) (int, error)
	// DeleteMemoriesBefore deletes what expired before a time, and says how much there was.
	DeleteMemoriesBefore(ctx context.Context, t time.Time) (int, error)
}

// Settings keeps single values.
type Settings interface {
	// Setting returns ErrNotFound where the key has no value.
	Setting(ctx context.Context, key string) (string, error)
	// SetSetting sets a value, in place of an earlier one.
	SetSetting(ctx context.Context, key, value string) error
}

// Every failure of a store that an operator can do something about wraps one of these, in a sentence that says what.
var (
	ErrNotFound = errors.New("not found")
	ErrExists   = errors.New("it exists already")
	ErrNewer    = errors.New("the data was written by a newer version")
	ErrCorrupt  = errors.New("the data is damaged")
	ErrFull     = errors.New("the disk is full")
	ErrReadOnly = errors.New("the data cannot be written")
	ErrBusy     = errors.New("another process holds the data")
	ErrGone     = errors.New("the data is not where it was")

	// Of a database server.
	ErrUnreachable = errors.New("the database cannot be reached")
	ErrRefused     = errors.New("the database does not let this program in")
)
