package store

import (
	"context"
	"encoding/json"
	"time"
)

// AssistantVersion is one version of an assistant's definition. It never changes.
type AssistantVersion struct {
	Name    string
	Version string // SHA-256 of Body, in hexadecimal digits
	Body    json.RawMessage
	Origin  Origin
	Author  string // who saved it; empty for the configuration
	Note    string // what they say of it
	Created time.Time
}

// Origin is where a definition, or the wish to publish it, comes from.
type Origin string

const (
	FromConfig  Origin = "config"  // dragoman.yaml, when it was loaded
	FromRequest Origin = "request" // somebody asked for it, at the command line or by the API
)

// Publication says that a version was put in place: calls of the assistant got it from then on.
type Publication struct {
	Name    string
	Version string
	Origin  Origin
	Author  string
	Note    string
	At      time.Time
}

// Assistants keeps the versions of assistants, and which of them hold.
type Assistants interface {
	// SaveAssistant writes a version. One that is there already stays as it is.
	SaveAssistant(ctx context.Context, v AssistantVersion) error
	// AssistantVersion returns the version that begins with these digits; ErrNotFound where there is none, or more than one.
	AssistantVersion(ctx context.Context, name, version string) (AssistantVersion, error)
	// AssistantVersions lists the versions of an assistant, or of all where name is empty, the last saved first.
	AssistantVersions(ctx context.Context, name string) ([]AssistantVersion, error)
	// PublishAssistant adds a publication to the history. It returns ErrNotFound where there is no such version, which must be
	// whole.
	PublishAssistant(ctx context.Context, p Publication) error
	// AssistantPublications lists the history of an assistant, or of all where name is empty, the last first.
	AssistantPublications(ctx context.Context, name string) ([]Publication, error)
}
