// Package store is what Dragoman remembers on disk: usage rows, API keys, traces, conversations and settings. The
// interface is here, implementations are in folders below, and storetest holds the suite that each of them runs whole.
package store

import (
	"context"
	"encoding/json"
	"errors"
	"time"

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
	Settings
	Assistants

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
type Session struct {
	ID        string
	Principal string
	Created   time.Time
	Updated   time.Time // when its last message was added
	Messages  int       // how many it has
}

// Message is one message of a session.
type Message struct {
	Role    chat.Role
	Content json.RawMessage // kept byte for byte
	TraceID string          // of the turn that it belongs to
	Created time.Time
}

// Sessions keeps conversations.
type Sessions interface {
	// AppendMessages adds messages, all or none, to the end of a session, which begins with its first message.
	AppendMessages(ctx context.Context, principal, session string, messages ...Message) error
	// Messages returns the last messages of a session, at most limit, the newest last. A session without messages is
	// empty, and no error.
	Messages(ctx context.Context, principal, session string, limit int) ([]Message, error)
	// Sessions lists a principal's sessions, at most limit, the most recently used first.
	Sessions(ctx context.Context, principal string, limit int) ([]Session, error)
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
