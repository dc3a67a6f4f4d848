package storetest

import (
	"context"
	"testing"

	"github.com/dragoman/dragoman/internal/audit"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/store"
)

// alongside: what is to be written along with a change is written once, where the change changes something; and where it cannot be written there is
// no change.
func alongside(t *testing.T, s store.Store) {
	key := identity.Key{ID: "along", Name: "along", Hash: [32]byte{7}, Created: start}
	version := store.AssistantVersion{Name: "along", Version: "v1", Body: []byte("{}"), Origin: store.FromConfig, Created: start}
	memories := func() error {
		return s.SaveMemories(t.Context(), "along", store.Memory{ID: "m1", Owner: "along", Created: start, Body: []byte("{}")}, store.Memory{ID: "m2", Owner: "along", Created: start, Body: []byte("{}")})
	}
	session := func() error {
		return s.CreateSession(t.Context(), store.Session{ID: "along", Principal: "along", Created: start, Updated: start})
	}
	for _, c := range []struct {
		name    string
		before  func() error // nil: nothing
		do      func(ctx context.Context) error
		changed int
	}{
		{"a key", nil, func(ctx context.Context) error { return s.InsertKey(ctx, key) }, 1},
		{"its rotation", nil, func(ctx context.Context) error { return s.RotateKey(ctx, key.ID, [32]byte{8}, "p", start, start) }, 1},
		{"its revocation", nil, func(ctx context.Context) error { return s.RevokeKey(ctx, key.ID, start) }, 1},
		{"a version", nil, func(ctx context.Context) error { return s.SaveAssistant(ctx, version) }, 1},
		{"the version again", nil, func(ctx context.Context) error { return s.SaveAssistant(ctx, version) }, 0},
		{"a publication", nil, func(ctx context.Context) error {
			return s.PublishAssistant(ctx, store.Publication{Name: "along", Version: "v1", Origin: store.FromConfig, At: start})
		}, 1},
		{"a setting", nil, func(ctx context.Context) error { return s.SetSetting(ctx, "along", "yes") }, 1},
		{"memories", memories, func(ctx context.Context) error { _, err := s.DeleteMemories(ctx, "along"); return err }, 2},
		{"no memories", nil, func(ctx context.Context) error { _, err := s.DeleteMemories(ctx, "along"); return err }, 0},
		{"a session", session, func(ctx context.Context) error { return s.DeleteSession(ctx, "along", "along") }, 1},
	} {
		if c.before != nil {
			must(t, c.before())
		}
		log, erasures := lastEntries(t, s), erased(t, s)
		told := 0
		entry := func(n int) audit.Entry {
			told = n
			return audit.Entry{At: start, Who: "ann", Action: audit.DataErased, Object: c.name}
		}
		along := store.Along{Entry: entry, Erased: &store.Erasure{Whose: [32]byte{9}, At: start}}

		// It fails in the midst: nothing was done, so that it can be done afterwards.
		ctx, cancel := context.WithCancel(t.Context())
		broken := along
		broken.Entry = func(n int) audit.Entry { cancel(); return entry(n) }
		if err := c.do(store.With(ctx, broken)); (err != nil) != (c.changed > 0) {
			t.Errorf("%s, without its entry: %v", c.name, err)
		}
		cancel()
		same(t, c.name+": entries where it failed", lastEntries(t, s), log)
		same(t, c.name+": erasures where it failed", erased(t, s), erasures)

		told = 0
		must(t, c.do(store.With(t.Context(), along)))
		same(t, c.name+": changed", told, c.changed)
		wrote := int64(min(c.changed, 1))
		same(t, c.name+": entries", lastEntries(t, s), log+wrote)
		same(t, c.name+": erasures", erased(t, s), erasures+int(wrote))
	}
	v, err := audit.Verify(t.Context(), s, "")
	must(t, err)
	same(t, "what is broken", v.Broken, "")
}

// lastEntries counts the entries of the log.
func lastEntries(t *testing.T, s store.Store) int64 {
	t.Helper()
	last, err := s.LastAuditEntries(t.Context(), 0, 1)
	must(t, err)
	if len(last) == 0 {
		return 0
	}
	return last[0].Number
}

func erased(t *testing.T, s store.Store) int {
	t.Helper()
	all, err := s.Erasures(t.Context(), 0)
	must(t, err)
	return len(all)
}
