package app

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
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

// InsertKey implements identity.Store.
func (s audited) InsertKey(ctx context.Context, k identity.Key) error {
	if err := s.Store.InsertKey(ctx, k); err != nil {
		return err
	}
	detail, err := json.Marshal(struct {
		Name    string          `json:"name"`
		Expires time.Time       `json:"expires,omitzero"`
		Grants  identity.Grants `json:"grants"`
	}{k.Name, k.Expires, k.Grants})
	return errors.Join(err, s.log.Record(ctx, audit.KeyCreated, k.ID, string(detail)))
}

// RotateKey implements identity.Store.
func (s audited) RotateKey(ctx context.Context, id string, hash [32]byte, prefix string, oldUntil, expires time.Time) error {
	if err := s.Store.RotateKey(ctx, id, hash, prefix, oldUntil, expires); err != nil {
		return err
	}
	return s.log.Record(ctx, audit.KeyRotated, id, "the secret before is good until "+oldUntil.UTC().Format(time.RFC3339))
}

// RevokeKey implements identity.Store.
func (s audited) RevokeKey(ctx context.Context, id string, at time.Time) error {
	if err := s.Store.RevokeKey(ctx, id, at); err != nil {
		return err
	}
	return s.log.Record(ctx, audit.KeyRevoked, id, "")
}

// SaveAssistant implements store.Assistants. What the configuration defines is no draft.
func (s audited) SaveAssistant(ctx context.Context, v store.AssistantVersion) error {
	_, err := s.AssistantVersion(ctx, v.Name, v.Version)
	isNew := errors.Is(err, store.ErrNotFound)
	if err := s.Store.SaveAssistant(ctx, v); err != nil || !isNew || v.Origin == store.FromConfig {
		return err
	}
	return s.log.Record(ctx, audit.DefinitionDrafted, v.Name+"@"+v.Version, v.Note)
}

// PublishAssistant implements store.Assistants.
func (s audited) PublishAssistant(ctx context.Context, p store.Publication) error {
	before, err := s.AssistantPublications(ctx, p.Name)
	if err != nil {
		return err
	}
	if err := s.Store.PublishAssistant(ctx, p); err != nil {
		return err
	}
	if p.Origin == store.FromConfig {
		ctx = audit.By(ctx, "dragoman.yaml")
	}
	action := audit.DefinitionPublished
	if slices.ContainsFunc(before, func(b store.Publication) bool { return b.Version == p.Version }) {
		action = audit.DefinitionRolledBack
	}
	return s.log.Record(ctx, action, p.Name+"@"+p.Version, p.Note)
}

// DeleteSession implements store.Sessions.
func (s audited) DeleteSession(ctx context.Context, principal, id string) error {
	err := s.Store.DeleteSession(ctx, principal, id)
	if err == nil {
		err = s.erased(ctx, principal)
	}
	if err != nil {
		return err
	}
	return s.log.Record(ctx, audit.DataErased, "sessions/"+id, "of "+principal)
}

// DeleteMemories implements store.Memories.
func (s audited) DeleteMemories(ctx context.Context, owner string, ids ...string) (int, error) {
	n, err := s.Store.DeleteMemories(ctx, owner, ids...)
	if err == nil && (n > 0 || len(ids) == 0) {
		err = s.erased(ctx, owner)
	}
	if err != nil || n == 0 {
		return n, err
	}
	return n, s.log.Record(ctx, audit.DataErased, "memories", counted(n)+" of "+owner)
}

// erased has every process let go of answers in its caches that somebody asked for whose data was erased.
func (s audited) erased(ctx context.Context, owner string) error {
	if err := s.NoteErasure(ctx, assistant.Erased(owner), s.log.Now()); err != nil {
		return fmt.Errorf("it is erased, but for answers in caches: %w", err)
	}
	return s.Announce(ctx)
}
