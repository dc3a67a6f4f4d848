package audit_test

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"pgregory.net/rapid"

	"github.com/dragoman/dragoman/internal/audit"
)

// memory is a log that can be tampered with.
type memory struct{ entries []audit.Entry }

func (m *memory) AppendAudit(_ context.Context, e audit.Entry) (audit.Entry, error) {
	last := audit.Entry{}
	if n := len(m.entries); n > 0 {
		last = m.entries[n-1]
	}
	e = e.After(last)
	m.entries = append(m.entries, e)
	return e, nil
}

func (m *memory) AuditEntries(_ context.Context, after int64, limit int) ([]audit.Entry, error) {
	i := slices.IndexFunc(m.entries, func(e audit.Entry) bool { return e.Number > after })
	if i < 0 {
		return nil, nil
	}
	return m.entries[i:min(len(m.entries), i+limit)], nil
}

func (m *memory) LastAuditEntries(context.Context, int64, int) ([]audit.Entry, error) {
	panic("not asked for")
}

// TestTampering: whatever is done to a log, to one entry, is found; that its end is gone is found by who knows an entry of it.
func TestTampering(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		m := &memory{}
		now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
		log := &audit.Log{Store: m, Now: func() time.Time { now = now.Add(time.Second); return now }, Who: "ann"}
		text := rapid.StringN(0, 12, -1)
		n := rapid.IntRange(2, 30).Draw(t, "entries")
		for range n {
			if err := log.Record(t.Context(), audit.KeyCreated, text.Draw(t, "object"), text.Draw(t, "detail")); err != nil {
				t.Fatal(err)
			}
		}
		before, err := audit.Verify(t.Context(), m, "")
		if err != nil || before.Broken != "" || before.Entries != int64(n) {
			t.Fatalf("%+v, %v", before, err)
		}
		i := rapid.IntRange(0, n-1).Draw(t, "which")
		e := &m.entries[i]
		cut := false
		switch rapid.SampledFrom([]string{"who", "object", "detail", "at", "shift", "hash", "remove", "swap", "insert", "cut", "rewrite"}).Draw(t, "how") {
		case "who":
			e.Who += "x"
		case "object":
			e.Object += "x"
		case "detail":
			e.Detail += " "
		case "at":
			e.At = e.At.Add(-time.Nanosecond)
		case "shift": // of a character from one field to the next
			e.Object, e.Detail = e.Object+"y", "z"+e.Detail
		case "hash":
			e.Hash = strings.Repeat("1", 64)
		case "remove":
			cut = i == n-1
			m.entries = slices.Delete(m.entries, i, i+1)
		case "swap":
			j := (i + 1) % n
			m.entries[i], m.entries[j] = m.entries[j], m.entries[i]
		case "insert":
			if i == n-1 {
				return // that is to append
			}
			m.entries = slices.Insert(m.entries, i+1, audit.Entry{At: now, Who: "eve"}.After(m.entries[i]))
		case "cut":
			cut = true
			m.entries = m.entries[:i]
		case "rewrite": // with hashes that fit
			cut = true
			rest := m.entries[i:]
			m.entries = m.entries[:i:i]
			for _, r := range rest {
				r.Who = "eve"
				if _, err := m.AppendAudit(t.Context(), r); err != nil {
					t.Fatal(err)
				}
			}
		}
		after, err := audit.Verify(t.Context(), m, "")
		if err != nil || (after.Broken == "") != cut {
			t.Errorf("without knowing of it: %+v, %v", after, err)
		}
		after, err = audit.Verify(t.Context(), m, fmt.Sprintf("%d:%s", before.Entries, before.Last))
		if err != nil || after.Broken == "" {
			t.Errorf("knowing of it: %+v, %v", after, err)
		}
	})
}

func TestKnownIsAnEntry(t *testing.T) {
	for _, known := range []string{"x", "1", "0:" + audit.None, "1:ab", ":" + audit.None} {
		if _, err := audit.Verify(t.Context(), &memory{}, known); err == nil {
			t.Errorf("%q is taken", known)
		}
	}
}

// TestWho: who acts is in the context, or the process.
func TestWho(t *testing.T) {
	m := &memory{}
	log := &audit.Log{Store: m, Now: time.Now, Who: "command line"}
	ctx, cancel := context.WithCancel(audit.By(t.Context(), "ann"))
	cancel() // who leaves is in the log all the same
	for _, ctx := range []context.Context{ctx, t.Context()} {
		if err := log.Record(ctx, audit.KeyRevoked, "k", ""); err != nil {
			t.Fatal(err)
		}
	}
	if m.entries[0].Who != "ann" || m.entries[1].Who != "command line" {
		t.Errorf("%+v", m.entries)
	}
}
