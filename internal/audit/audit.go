// Package audit keeps a log of what was changed: who, when, what, and never what was said. Entries are only ever added, and each carries
// the hash of the one before, so that one that is changed, removed or slipped in later is found.
package audit

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strconv"
	"strings"
	"time"
)

// Action is what was done.
type Action string

// The actions, and what the Object of their entries is.
const (
	KeyCreated           Action = "key.created" // the key's ID
	KeyRotated           Action = "key.rotated"
	KeyRevoked           Action = "key.revoked"
	DefinitionDrafted    Action = "definition.drafted"     // NAME@VERSION, of an assistant
	DefinitionPublished  Action = "definition.published"   //
	DefinitionRolledBack Action = "definition.rolled_back" // a version was put in place that had been there before
	TemplateFirstUsed    Action = "template.first_used"    // ID@VERSION
	LimitsChanged        Action = "limits.changed"         // org, teams.NAME, users.NAME or tiers.NAME
	ACLChanged           Action = "acl.changed"            // a collection, or COLLECTION/DOCUMENT
	FeedbackApplied      Action = "feedback.applied"       // NAME@VERSION of an assistant, or collections/NAME/threshold
	DataErased           Action = "data.erased"            // sessions/ID, memories, or COLLECTION/DOCUMENT
	DataExported         Action = "data.exported"          // memories or feedback
)

// Entry is one line of the log.
type Entry struct {
	Number   int64     `json:"number"` // from 1, without gaps
	At       time.Time `json:"at"`
	Who      string    `json:"who"`
	Action   Action    `json:"action"`
	Object   string    `json:"object"`
	Detail   string    `json:"detail,omitempty"`
	Previous string    `json:"previous"` // the Hash of the entry before; 64 zeros for the first
	Hash     string    `json:"hash"`     // see sum
}

// None stands for the hash before the first entry.
var None = strings.Repeat("0", 2*sha256.Size)

// After is the entry with its place behind another, which is the zero Entry for none.
func (e Entry) After(last Entry) Entry {
	e.Number, e.Previous = last.Number+1, last.Hash
	if last.Number == 0 {
		e.Previous = None
	}
	e.At = e.At.UTC()
	for _, s := range []*string{&e.Who, (*string)(&e.Action), &e.Object, &e.Detail} {
		*s = strings.ReplaceAll(strings.ToValidUTF8(*s, "\uFFFD"), "\x00", "\uFFFD") // which no database changes
	}
	e.Hash = e.sum()
	return e
}

// sum is the SHA-256, in hexadecimal, of the entry's fields but for Hash, in this order: Previous, Number, At in nanoseconds since
// 1970, Who, Action, Object, Detail. Each is written as a netstring (https://cr.yp.to/proto/netstrings.txt), so that none runs into the next.
func (e Entry) sum() string {
	h := sha256.New()
	for _, s := range []string{e.Previous, strconv.FormatInt(e.Number, 10), strconv.FormatInt(e.At.UnixNano(), 10), e.Who, string(e.Action), e.Object, e.Detail} {
		fmt.Fprintf(h, "%d:%s,", len(s), s)
	}
	return hex.EncodeToString(h.Sum(nil))
}

// Store keeps the log.
type Store interface {
	// AppendAudit adds an entry behind the last one (Entry.After), also where many processes do at once, and returns it as it is kept.
	AppendAudit(ctx context.Context, e Entry) (Entry, error)
	// AuditEntries returns at most limit entries, those after a number, by their numbers.
	AuditEntries(ctx context.Context, after int64, limit int) ([]Entry, error)
	// LastAuditEntries returns at most limit entries, the last first: those before a number, or, with 0, from the end.
	LastAuditEntries(ctx context.Context, before int64, limit int) ([]Entry, error)
}

// Log writes to a store.
type Log struct {
	Store Store
	Now   func() time.Time
	Who   string // acts where the context does not say who does
}

type whoKey struct{}

// By is a context in which somebody acts.
func By(ctx context.Context, who string) context.Context {
	return context.WithValue(ctx, whoKey{}, who)
}

// Entry is an entry of what is done now, for who writes it with the change itself.
func (l *Log) Entry(ctx context.Context, action Action, object, detail string) Entry {
	who, ok := ctx.Value(whoKey{}).(string)
	if !ok {
		who = l.Who
	}
	return Entry{At: l.Now(), Who: who, Action: action, Object: object, Detail: detail}
}

// Record adds an entry. It is called when what it tells of is done, and the caller fails where the entry cannot be written.
func (l *Log) Record(ctx context.Context, action Action, object, detail string) error {
	// Who leaves does not keep what they did out of the log.
	_, err := l.Store.AppendAudit(context.WithoutCancel(ctx), l.Entry(ctx, action, object, detail))
	if err != nil {
		return fmt.Errorf("it is done, and could not be written to the audit log: %w", err)
	}
	return nil
}

// Verified is what Verify found.
type Verified struct {
	Entries int64  `json:"entries"`          // that hold
	Last    string `json:"last"`             // the hash of the last of these; None where there is none
	Broken  string `json:"broken,omitempty"` // what is wrong with the entry after them; empty: nothing
}

// Verify reads the whole log and checks each entry: its number, the hash of the one before, its own. What was cut off at the end it cannot
// miss by itself: known, where it is not empty, is "NUMBER:HASH" of an entry as it once was, which has to be there.
func Verify(ctx context.Context, s Store, known string) (Verified, error) {
	v := Verified{Last: None}
	number, hash, err := parseKnown(known)
	if err != nil {
		return v, err
	}
	const page = 1000
	for {
		list, err := s.AuditEntries(ctx, v.Entries, page)
		if err != nil {
			return v, err
		}
		for _, e := range list {
			switch {
			case e.Number != v.Entries+1:
				v.Broken = fmt.Sprintf("after entry %d comes %d: what was between them is gone", v.Entries, e.Number)
			case e.Previous != v.Last:
				v.Broken = fmt.Sprintf("entry %d does not follow from the one before it: one of them was changed or put in its place", e.Number)
			case e.Hash != e.sum():
				v.Broken = fmt.Sprintf("entry %d was changed", e.Number)
			case e.Number == number && e.Hash != hash:
				v.Broken = fmt.Sprintf("entry %d is another than it was: the log was written anew", e.Number)
			}
			if v.Broken != "" {
				return v, nil
			}
			v.Entries, v.Last = e.Number, e.Hash
		}
		if len(list) < page {
			break
		}
	}
	if v.Entries < number {
		v.Broken = fmt.Sprintf("the log ends with entry %d, and there was an entry %d", v.Entries, number)
	}
	return v, nil
}

func parseKnown(known string) (number int64, hash string, err error) {
	if known == "" {
		return 0, "", nil
	}
	text, hash, _ := strings.Cut(known, ":")
	number, err = strconv.ParseInt(text, 10, 64)
	if err != nil || number < 1 || len(hash) != len(None) {
		return 0, "", fmt.Errorf("%q is no entry: write NUMBER:HASH, as verify prints it", known)
	}
	return number, hash, nil
}
