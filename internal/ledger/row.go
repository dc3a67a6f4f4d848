package ledger

import (
	"context"
	"errors"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
)

// Row records one request that was sent to a provider. It is written before the request leaves and settled once, when the
// request is over, whichever way it ended.
type Row struct {
	ID        string // unique; made by Dispatch where empty
	TraceID   string // the turn that the request belongs to; a turn may have several
	Principal string // the name of who asked
	KeyID     string // the API key that they used; empty on the command line
	Org       string
	Team      string
	User      string
	Tier      string
	Assistant string // empty for a plain model
	Feature   string // what the caller books it under
	Class     string // what the request is for: "chat", "autocomplete", ...
	Door      string // the wire that the caller speaks; empty on the command line
	Stream    bool
	Provider  string
	Region    string // of the provider
	Model     string // as it was asked for
	Try       int    // 1 for the first request of a turn, 2 for its retry or fallback, ...
	Cache     string // what the cache of answers said: "miss", "bypass", or empty where it was not asked
	Images    int64  // in the prompt
	Version   string // of the assistant's definition, as callers name it; empty for a plain model
	Template  string // NAME@VERSION of the prompt's template; empty where the prompt is the caller's
	Started   time.Time

	// What was set aside when it was sent. A request whose process died is charged with it.
	Reserved       Money
	ReservedKnown  bool // the price is known
	ReservedInput  int64
	ReservedOutput int64

	State State
	Outcome
}

// abandon closes the row of a request whose end nobody knows: it is charged with what was reserved.
func (r *Row) abandon() {
	r.State = Abandoned
	r.Outcome = Outcome{Usage: chat.Usage{Input: r.ReservedInput, Output: r.ReservedOutput, Estimated: true}, Cost: r.Reserved, CostKnown: r.ReservedKnown}
}

// State says how far a request got.
type State string

const (
	Dispatched State = "dispatched" // on its way, or cut off by a crash that nobody has noticed yet
	Settled    State = "settled"    // a complete answer came
	Failed     State = "failed"     // it ended in any other way; what it used is billed all the same
	Abandoned  State = "abandoned"  // the process that had sent it is gone; it is charged with what was reserved
)

// Outcome is how a request ended.
type Outcome struct {
	Usage     chat.Usage
	Cost      Money
	CostKnown bool // false: no price is known, so Cost says nothing
	Finish    chat.FinishReason
	ErrorCode chat.Code     // why it failed
	Status    int           // HTTP status of the provider where it failed with one
	First     time.Duration // from Started to the first token; 0 where none came
	Duration  time.Duration // from Started to the end
}

// Grouping names what totals are kept apart by.
type Grouping string

const (
	ByNothing   Grouping = ""
	ByProvider  Grouping = "provider"
	ByModel     Grouping = "model" // keyed "provider/model"
	ByAssistant Grouping = "assistant"
	ByPrincipal Grouping = "principal"
	ByDay       Grouping = "day" // of Started, in UTC, keyed "2006-01-02"
	ByOrg       Grouping = "org"
	ByTeam      Grouping = "team"
	ByUser      Grouping = "user"
	ByKey       Grouping = "key" // keyed by the key's id
	ByFeature   Grouping = "feature"
	ByRegion    Grouping = "region"
	ByDoor      Grouping = "door"
)

// Total sums up the rows of one group.
type Total struct {
	Key         string
	Requests    int64
	Open        int64      // of Requests: dispatched
	Failed      int64      // of Requests
	Abandoned   int64      // of Requests
	Usage       chat.Usage // Estimated where that of any row is
	Cost        Money      // of the rows whose cost is known
	UnknownCost int64      // how many rows that are over have no known cost, so that nobody takes Cost for the whole
}

var (
	// ErrRowExists says that a row with this ID is already there.
	ErrRowExists = errors.New("usage row exists already")
	// ErrNoRow says that there is no such row.
	ErrNoRow = errors.New("no such usage row")
)

// Store keeps usage rows. Its methods may be called from many goroutines and many processes at once.
type Store interface {
	// InsertUsage writes a row in state Dispatched. When it returns nil, the row survives a crash of the process and of the
	// machine. It returns ErrRowExists for an ID that is taken.
	InsertUsage(ctx context.Context, r Row) error
	// SettleUsage moves a Dispatched row to state, with its outcome, and says whether it did: false means that the row had
	// been settled or abandoned before and is unchanged. It returns ErrNoRow for an unknown ID.
	SettleUsage(ctx context.Context, id string, state State, o Outcome) (bool, error)
	// AbandonUsage moves to Abandoned every Dispatched row whose process has ended without settling it, and says how many.
	// Rows of processes that still run are left alone.
	AbandonUsage(ctx context.Context) (int, error)
	// AddUsage writes rows that are over, all or none. Rows whose ID is there already are left as they are.
	AddUsage(ctx context.Context, rows []Row) error
	// UsageTotals sums up the rows that started at since or later, ordered by key.
	UsageTotals(ctx context.Context, since time.Time, by Grouping) ([]Total, error)
}
