package store

import (
	"context"

	"github.com/dragoman/dragoman/internal/audit"
)

// Along is what a store writes together with a change, both or none, where the change changed something.
type Along struct {
	Entry  func(changed int) audit.Entry // of the audit log, by how much was changed; nil: none
	Erased *Erasure                      // as by NoteErasure; nil: none
}

type alongKey struct{}

// With is a context with which one of these changes writes something along: those of keys and of versions and publications of assistants, SetSetting,
// DeleteSession and DeleteMemories. Other methods do not look at it.
func With(ctx context.Context, a Along) context.Context { return context.WithValue(ctx, alongKey{}, a) }

// AlongOf is for stores: what is to be written along with a change that changed so much.
func AlongOf(ctx context.Context, changed int) (entry *audit.Entry, erased *Erasure) {
	a, ok := ctx.Value(alongKey{}).(Along)
	if !ok || changed == 0 {
		return nil, nil
	}
	if a.Entry != nil {
		e := a.Entry(changed)
		entry = &e
	}
	return entry, a.Erased
}
