package ledger

import (
	"context"
	"encoding/binary"
	"errors"
	"fmt"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/ledger/journal"
)

// Kinds of records, the first byte of each.
const (
	dispatchKind = 'D' // a row as it is sent
	settleKind   = 'S' // how the request of a row ended
)

// appendDispatch writes the fields of a row one after the other: strings with their length, numbers as varints.
func appendDispatch(b []byte, r *Row) []byte {
	b = append(b, dispatchKind)
	for _, s := range [...]string{r.ID, r.TraceID, r.Principal, r.KeyID, r.Org, r.Team, r.User, r.Tier, r.Assistant, r.Feature, r.Class, r.Door, r.Provider, r.Region, r.Model} {
		b = appendString(b, s)
	}
	for _, n := range [...]int64{flag(r.Stream), int64(r.Try), r.Started.UnixNano(), int64(r.Reserved), flag(r.ReservedKnown), r.ReservedInput, r.ReservedOutput, r.Images} {
		b = binary.AppendVarint(b, n)
	}
	return appendString(appendString(appendString(b, r.Cache), r.Version), r.Template)
}

func appendSettle(b []byte, r *Row) []byte {
	b = append(b, settleKind)
	b = appendString(b, r.ID)
	for _, s := range [...]string{string(r.State), string(r.Finish), string(r.ErrorCode)} {
		b = appendString(b, s)
	}
	u := r.Usage
	for _, n := range [...]int64{u.Input, u.CachedInput, u.CacheWrite, u.Output, u.Reasoning, flag(u.Estimated), int64(r.Cost), flag(r.CostKnown), int64(r.Status), int64(r.First), int64(r.Duration), u.CacheHour} {
		b = binary.AppendVarint(b, n)
	}
	return b
}

// maxField bounds a string of a record, so that a settlement fits the room that is kept for it.
const maxField = 1 << 10

// clip cuts a string to what fits a record.
func clip(s string) string {
	if len(s) <= maxField {
		return s
	}
	return strings.ToValidUTF8(s[:maxField], "")
}

func appendString(b []byte, s string) []byte {
	s = clip(s)
	return append(binary.AppendUvarint(b, uint64(len(s))), s...)
}

func flag(b bool) int64 {
	if b {
		return 1
	}
	return 0
}

var errRecord = errors.New("a record of the journal cannot be read")

// fields reads a record. What came to a record later stands at its end, and is missing in those that an earlier version left.
type fields struct {
	b   []byte
	bad bool
}

func (f *fields) text() string {
	n, size := binary.Uvarint(f.b)
	if size <= 0 || n > maxField || uint64(len(f.b)-size) < n {
		f.bad, f.b = true, nil
		return ""
	}
	s := string(f.b[size : size+int(n)])
	f.b = f.b[size+int(n):]
	return s
}

func (f *fields) number() int64 {
	n, size := binary.Varint(f.b)
	if size <= 0 {
		f.bad, f.b = true, nil
		return 0
	}
	f.b = f.b[size:]
	return n
}

func readDispatch(b []byte) (*Row, error) {
	f, r := &fields{b: b}, &Row{State: Dispatched}
	for _, s := range [...]*string{&r.ID, &r.TraceID, &r.Principal, &r.KeyID, &r.Org, &r.Team, &r.User, &r.Tier, &r.Assistant, &r.Feature, &r.Class, &r.Door, &r.Provider, &r.Region, &r.Model} {
		*s = f.text()
	}
	r.Stream, r.Try, r.Started = f.number() != 0, int(f.number()), time.Unix(0, f.number()).UTC()
	r.Reserved, r.ReservedKnown = Money(f.number()), f.number() != 0
	r.ReservedInput, r.ReservedOutput = f.number(), f.number()
	if len(f.b) > 0 {
		r.Images, r.Cache = f.number(), f.text()
	}
	if len(f.b) > 0 {
		r.Version, r.Template = f.text(), f.text()
	}
	if f.bad || r.ID == "" {
		return nil, errRecord
	}
	return r, nil
}

func readSettle(b []byte) (id string, state State, o Outcome, err error) {
	f := &fields{b: b}
	id, state = f.text(), State(f.text())
	o.Finish, o.ErrorCode = chat.FinishReason(f.text()), chat.Code(f.text())
	u := &o.Usage
	u.Input, u.CachedInput, u.CacheWrite, u.Output, u.Reasoning = f.number(), f.number(), f.number(), f.number(), f.number()
	u.Estimated, o.Cost, o.CostKnown = f.number() != 0, Money(f.number()), f.number() != 0
	o.Status, o.First, o.Duration = int(f.number()), time.Duration(f.number()), time.Duration(f.number())
	if len(f.b) > 0 {
		u.CacheHour = f.number()
	}
	if f.bad || id == "" || state != Settled && state != Failed {
		return "", "", o, errRecord
	}
	return id, state, o, nil
}

// Replay takes what a process that died had in its journal to the store: requests that were settled as they ended, the others
// abandoned. It says how many rows there were. Whoever calls it removes the folder after.
func Replay(ctx context.Context, folder string, store Store) (rows int, err error) {
	open := map[string]*Row{}
	var order []*Row
	damaged := journal.Read(folder, func(p []byte) error {
		switch p[0] {
		case dispatchKind:
			r, err := readDispatch(p[1:])
			if err != nil {
				return err
			}
			open[r.ID] = r
			order = append(order, r)
		case settleKind:
			id, state, o, err := readSettle(p[1:])
			if err != nil {
				return err
			}
			if r := open[id]; r != nil { // else its dispatch was in the store already
				r.State, r.Outcome = state, o
			}
		}
		return nil
	})
	batch := make([]Row, 0, len(order))
	for _, r := range order {
		if r.State == Dispatched {
			r.abandon()
		}
		batch = append(batch, *r)
	}
	if err := store.AddUsage(ctx, batch); err != nil {
		return 0, fmt.Errorf("take the rows of a process that died to the books: %w", err)
	}
	return len(batch), damaged
}
