// Package connector is what brings documents from where they live into collections: the interface that every kind of source
// implements, in packages below. A connector knows its source; what becomes of the documents (extraction of text, chunks, index,
// permissions) it does not know.
package connector

import (
	"context"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/source"
)

// Document is one document as its source has it. Either Text is set, or Body with its MediaType.
type Document struct {
	ID        string // unique in its source and the same at every run
	Path      string // how it is shown, cited and filtered: slash-separated, "space/Onboarding", "issues/17"
	URL       string // where a person opens it; empty where there is no such place
	Title     string
	Type      string // "page", "issue", "pull request", "message", "commit", "release", "log", "file" (which is found as code, doc or config, by its path), ...
	Text      string // UTF-8: Markdown where the source has structure, else plain
	Body      []byte // undecoded, where Text is empty
	MediaType string // of Body: "application/pdf"; "" is told by Path's extension
	Language  string // of people ("de") or of programs ("go"), where the source says so
	Author    string
	Team      string
	Created   time.Time // zero where the source does not say
	Updated   time.Time // when its content last changed, by the source
	Version   string    // of the source: a commit, an ETag, a revision; says only whether it is the same
	ACL       *acl.ACL  // nil: that of its collection
	Meta      map[string]string
}

// Sink takes what a connector finds. Its methods are called by one goroutine at a time. An error from it ends the run and is
// returned by Sync as it is.
type Sink interface {
	// Known returns the Version with which a document was last put; ok is false where it is not there. A connector asks before it
	// fetches what has not changed.
	Known(id string) (version string, ok bool)
	// Put adds a document, or takes the place of the one with its ID.
	Put(ctx context.Context, d Document) error
	// Keep says that a document is still there, unchanged.
	Keep(id string)
	// Delete removes a document, at once.
	Delete(ctx context.Context, id string) error
	// Skip reports what cannot be read, by name and reason; the run goes on. What was there under that ID stays as it is.
	Skip(id, reason string)
	// Progress tells how far the run has come; total is 0 where it is not known.
	Progress(done, total int)
	// Checkpoint makes durable what came before, with the cursor from which a later run goes on.
	Checkpoint(ctx context.Context, cursor string) error
}

// Outcome is how a run ended.
type Outcome struct {
	// Cursor is where the next run begins.
	Cursor string
	// Complete says that every document of the source was put or kept: all others are gone, and are deleted. A connector that
	// learns of deletions from its source leaves it false.
	Complete bool
}

// Connector is a source of documents.
type Connector interface {
	// Sync brings sink up to date. cursor is what the last run that ended, or its last checkpoint, gave; "" is the first. It
	// returns an error where the source cannot be read as a whole; what cannot be read in it goes to Skip. A run may be ended at
	// any time by ctx, or by the death of the process, and is then made again from the last checkpoint: it must bear that.
	Sync(ctx context.Context, cursor string, sink Sink) (Outcome, error)
}

// Blamer is a Connector that knows which commits the lines of its documents stem from.
type Blamer interface {
	// Blame returns what tells of a document, by its ID, as the last Sync left it. That is called by several goroutines at a time, and returns
	// an error where nothing is known of a document.
	Blame(ctx context.Context) (func(ctx context.Context, id string) ([]source.BlamedLine, error), error)
}
