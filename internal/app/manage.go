package app

import (
	"context"
	"encoding/json"
	"slices"
	"time"

	"github.com/dragoman/dragoman/internal/identity"
)

// Listing lists the assistants that somebody may ask, for the HTTP door.
func (ds *Definitions) Listing(ctx context.Context, p identity.Principal) (any, error) {
	list, err := ds.List(ctx)
	if err != nil {
		return nil, err
	}
	list = slices.DeleteFunc(list, func(i AssistantInfo) bool { return !p.MayAsk(i.Name) })
	return map[string]any{"assistants": list}, nil
}

// described is a version with its definition.
type described struct {
	Saved
	Definition json.RawMessage `json:"definition"`
}

// Describe returns a definition to an editor: what an assistant is told may be nobody else's business.
func (ds *Definitions) Describe(ctx context.Context, p identity.Principal, ref string) (any, error) {
	if err := ds.may(p); err != nil {
		return nil, err
	}
	s, err := ds.Get(ctx, ref)
	if err != nil {
		return nil, err
	}
	return described{s, json.RawMessage(s.Body)}, nil
}

// publication is an entry of the history.
type publication struct {
	Version string    `json:"version"`
	Origin  string    `json:"origin"`
	Author  string    `json:"author,omitempty"`
	Note    string    `json:"note,omitempty"`
	At      time.Time `json:"at"`
}

// Versions returns the versions of an assistant, and what was published when, to an editor.
func (ds *Definitions) Versions(ctx context.Context, p identity.Principal, name string) (any, error) {
	if err := ds.may(p); err != nil {
		return nil, err
	}
	versions, history, err := ds.History(ctx, name)
	if err != nil {
		return nil, err
	}
	published := make([]publication, len(history))
	for i, h := range history {
		published[i] = publication{h.Version, string(h.Origin), h.Author, h.Note, h.At}
	}
	return map[string]any{"versions": versions, "published": published}, nil
}

// Compare returns the lines in which two versions differ to an editor; to may be empty for the one that holds.
func (ds *Definitions) Compare(ctx context.Context, p identity.Principal, name, from, to string) (any, error) {
	if err := ds.may(p); err != nil {
		return nil, err
	}
	if to != "" {
		to = "@" + to
	}
	diff, err := ds.Diff(ctx, name+"@"+from, name+to)
	if err != nil {
		return nil, err
	}
	return map[string]any{"diff": diff}, nil
}

// Draft is Save for the HTTP door.
func (ds *Definitions) Draft(ctx context.Context, p identity.Principal, name string, body []byte, note string) (any, error) {
	return ds.Save(ctx, p, name, body, note)
}

// Place is Publish for the HTTP door.
func (ds *Definitions) Place(ctx context.Context, p identity.Principal, name, version, note string) (any, error) {
	return ds.Publish(ctx, p, name, version, note)
}
