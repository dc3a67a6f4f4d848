package app

import (
	"context"
	"encoding/json"
	"os/user"
	"slices"
	"time"

	"github.com/dragoman/dragoman/internal/assistant"
	"github.com/dragoman/dragoman/internal/audit"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/store"
)

// audited is a store that writes to the audit log what is changed through it by people. Turns use the store itself.
type audited struct {
	store.Store
	log *audit.Log
}

func newAuditLog(s store.Store, now func() time.Time) *audit.Log {
	who := "command line"
	if u, err := user.Current(); err == nil && u.Username != "" {
		who += " (" + u.Username + ")"
	}
	return &audit.Log{Store: s, Now: now, Who: who}
}

// noting is a context with which the store writes an entry along with a change.
func (s audited) noting(ctx context.Context, action audit.Action, object, detail string) context.Context {
	return store.With(ctx, store.Along{Entry: func(int) audit.Entry { return s.log.Entry(ctx, action, object, detail) }})
}

// InsertKey implements identity.Store.
func (s audited) InsertKey(ctx context.Context, k identity.Key) error {
	detail, err := json.Marshal(struct {
		Name    string          `json:"name"`
		Expires time.Time       `json:"expires,omitzero"`
		Grants  identity.Grants `json:"grants"`
	}{k.Name, k.Expires, k.Grants})
	if err != nil {
		return err
	}
	return s.Store.InsertKey(s.noting(ctx, audit.KeyCreated, k.ID, string(detail)), k)
}

// RotateKey implements identity.Store.
func (s audited) RotateKey(ctx context.Context, id string, hash [32]byte, prefix string, oldUntil, expires time.Time) error {
	ctx = s.noting(ctx, audit.KeyRotated, id, "the secret before is good until "+oldUntil.UTC().Format(time.RFC3339))
	return s.Store.RotateKey(ctx, id, hash, prefix, oldUntil, expires)
}

// RevokeKey implements identity.Store.
func (s audited) RevokeKey(ctx context.Context, id string, at time.Time) error {
	return s.Store.RevokeKey(s.noting(ctx, audit.KeyRevoked, id, ""), id, at)
}

// SaveAssistant implements store.Assistants. What the configuration defines is no draft.
func (s audited) SaveAssistant(ctx context.Context, v store.AssistantVersion) error {
	if v.Origin != store.FromConfig {
		ctx = s.noting(ctx, audit.DefinitionDrafted, v.Name+"@"+v.Version, v.Note)
	}
	return s.Store.SaveAssistant(ctx, v)
}

// PublishAssistant implements store.Assistants.
func (s audited) PublishAssistant(ctx context.Context, p store.Publication) error {
	before, err := s.AssistantPublications(ctx, p.Name)
	if err != nil {
		return err
	}
	if p.Origin == store.FromConfig {
		ctx = audit.By(ctx, "dragoman.yaml")
	}
	action := audit.DefinitionPublished
	if slices.ContainsFunc(before, func(b store.Publication) bool { return b.Version == p.Version }) {
		action = audit.DefinitionRolledBack
	}
	return s.Store.PublishAssistant(s.noting(ctx, action, p.Name+"@"+p.Version, p.Note), p)
}

// DeleteSession implements store.Sessions.
func (s audited) DeleteSession(ctx context.Context, principal, id string) error {
	ctx = s.erasing(ctx, principal, "sessions/"+id, func(int) string { return "of " + principal })
	if err := s.Store.DeleteSession(ctx, principal, id); err != nil {
		return err
	}
	return s.Announce(ctx)
}

// DeleteMemories implements store.Memories.
func (s audited) DeleteMemories(ctx context.Context, owner string, ids ...string) (int, error) {
	ctx = s.erasing(ctx, owner, "memories", func(n int) string { return counted(n) + " of " + owner })
	n, err := s.Store.DeleteMemories(ctx, owner, ids...)
	if err == nil && n == 0 && len(ids) == 0 { // of whom nothing is remembered answers may be kept
		err = s.NoteErasure(ctx, assistant.Erased(owner), s.log.Now())
	}
	if err != nil || n == 0 && len(ids) > 0 {
		return n, err
	}
	return n, s.Announce(ctx)
}

// erasing is a context with which data of an owner is erased: an entry is written along, and every process lets go of answers in its caches that they
// asked for. detail is told how much it was.
func (s audited) erasing(ctx context.Context, owner, object string, detail func(n int) string) context.Context {
	return store.With(ctx, store.Along{
		Entry:  func(n int) audit.Entry { return s.log.Entry(ctx, audit.DataErased, object, detail(n)) },
		Erased: &store.Erasure{Whose: assistant.Erased(owner), At: s.log.Now()},
	})
}
