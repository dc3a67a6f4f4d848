package app

import (
	"context"

	"github.com/dragoman/dragoman/internal/assistant"
	"github.com/dragoman/dragoman/internal/audit"
	"github.com/dragoman/dragoman/internal/config"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/knowledge/acl"
)

// Operator says who operates the server by its configuration; nil where nobody does.
func (a *App) Operator() func(p identity.Principal) bool {
	if len(a.Config.Operators) == 0 {
		return nil
	}
	list, err := acl.New(a.Config.Operators...)
	if err != nil {
		return nil // the configuration was checked: it cannot be
	}
	return func(p identity.Principal) bool { return list.Allows(assistant.Subjects(p)) }
}

// SaveTuned saves a definition in which a threshold was changed, and puts it in place. It returns NAME@VERSION.
func (a *App) SaveTuned(ctx context.Context, p identity.Principal, name string, c config.Assistant, note string) (string, error) {
	s, err := a.definitions.Save(ctx, p, name, c.Canonical(), note)
	if err != nil {
		return "", err
	}
	if s, err = a.definitions.Publish(ctx, p, name, s.Version, note); err != nil {
		return "", err
	}
	return name + "@" + s.Version[:shownDigits], a.Audit.Record(ctx, audit.FeedbackApplied, name+"@"+s.Version, note)
}

// Sees says whether somebody may see a document as it is now. What is gone nobody sees.
func (a *App) Sees() func(ctx context.Context, p identity.Principal, collection, path string) bool {
	l := a.Library()
	return func(ctx context.Context, p identity.Principal, collection, path string) bool {
		_, err := l.Read(ctx, p, collection, path, 1, 1)
		return err == nil
	}
}
