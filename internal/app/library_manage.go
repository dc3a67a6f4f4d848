package app

import (
	"context"
	"crypto/hmac"
	"crypto/sha256"
	"crypto/subtle"
	"encoding/hex"
	"fmt"
	"net/http"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/assistant"
	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/source"
)

// Managed is a collection as those see it who manage it.
type Managed struct {
	Listed
	Bytes      int64         `json:"bytes"`       // of text
	IndexBytes int64         `json:"index_bytes"` // of the index file
	FreeBytes  int64         `json:"free_bytes"`  // of these, what holds nothing any more
	Dead       int           `json:"dead"`        // passages in the index whose documents are gone
	Skipped    int           `json:"skipped"`     // documents that could not be read
	Watched    bool          `json:"watched,omitempty"`
	Next       string        `json:"next,omitempty"` // when it is brought up to date next, where that is known
	Last       *SyncRun      `json:"last,omitempty"` // the last run, without its errors
	Threshold  Threshold     `json:"threshold"`
	Vectors    *VectorStatus `json:"vectors,omitempty"` // nil: it has no embedder
}

// Collection tells of one collection: to those who manage it how it does, to others what List says of it.
func (l Library) Collection(ctx context.Context, p identity.Principal, name string) (any, error) {
	_, item, err := l.look(ctx, p, name)
	if err != nil || !item.Manage {
		return item, err
	}
	return l.Manage(ctx, p, name)
}

// Manage tells those who manage a collection how it does.
func (l Library) Manage(ctx context.Context, p identity.Principal, name string) (*Managed, error) {
	c, err := l.managed(ctx, p, name)
	if err != nil {
		return nil, err
	}
	_, item, err := l.item(ctx, p, name)
	if err != nil {
		return nil, err
	}
	m := &Managed{Listed: item, Watched: c.watched.Load()}
	size, err := c.Size(ctx)
	if err != nil {
		return nil, err
	}
	m.IndexBytes, m.FreeBytes, m.Dead = size.Bytes, size.Free, size.Dead
	if m.Bytes, m.Skipped, err = c.Contents(ctx); err != nil {
		return nil, err
	}
	if m.Threshold, err = l.cs.threshold(ctx, name); err != nil {
		return nil, err
	}
	if m.Vectors, err = l.v.status(ctx, name); err != nil {
		return nil, err
	}
	runs, err := l.cs.runsOf(ctx, name, 1)
	if err != nil {
		return nil, err
	}
	if len(runs) > 0 {
		runs[0].Errors = nil
		m.Last = &runs[0]
	}
	if pace := l.cs.paces[name]; pace.pull != nil {
		m.Next = clock(pace.pull.Next(l.cs.now()))
	}
	return m, nil
}

// clock is a time as the API gives it.
func clock(t time.Time) string { return t.UTC().Format("2006-01-02T15:04:05Z") }

// look finds a collection of which somebody may see something. There is none for them where they may not.
func (l Library) look(ctx context.Context, p identity.Principal, name string) (*collection, Listed, error) {
	if _, ok := l.cs.options[name]; !ok {
		return nil, Listed{}, unknownCollection(name)
	}
	c, item, err := l.item(ctx, p, name)
	if err == nil && item.Documents == 0 && !item.Push && !item.Manage {
		err = unknownCollection(name)
	}
	return c, item, err
}

// managed is a collection that somebody manages.
func (l Library) managed(ctx context.Context, p identity.Principal, name string) (*collection, error) {
	c, item, err := l.look(ctx, p, name)
	if err == nil && !item.Manage {
		err = &chat.Error{Code: chat.CodeForbidden, Message: fmt.Sprintf("this key may not manage %s; collections.%[1]s.manage of dragoman.yaml says who may", name)}
	}
	return c, err
}

// manages says whether somebody may start syncs of a collection and see how they went.
func (cs *collections) manages(p identity.Principal, name string) bool {
	if p.KeyID == "" {
		return true // the command line
	}
	if managers, ok := cs.managers[name]; ok {
		return managers.Allows(assistant.Subjects(p))
	}
	return p.Team() == "" && p.User() == ""
}

// Runs is ManagedRuns for the HTTP door.
func (l Library) Runs(ctx context.Context, p identity.Principal, name string, limit int) (any, error) {
	return l.ManagedRuns(ctx, p, name, limit)
}

// ManagedRuns lists the last runs of a collection, the newest first, for those who manage it.
func (l Library) ManagedRuns(ctx context.Context, p identity.Principal, name string, limit int) ([]SyncRun, error) {
	if _, err := l.managed(ctx, p, name); err != nil {
		return nil, err
	}
	return l.cs.runsOf(ctx, name, limit)
}

// Documents lists documents of a collection that somebody may see; those that could not be read only for those who manage it.
func (l Library) Documents(ctx context.Context, p identity.Principal, name string, q knowledge.Listing) (list []knowledge.Document, next string, err error) {
	c, item, err := l.look(ctx, p, name)
	if err == nil && q.Skipped && !item.Manage {
		_, err = l.managed(ctx, p, name)
	}
	if err != nil {
		return nil, "", err
	}
	q.Who = assistant.Subjects(p)
	return c.List(ctx, q)
}

// Errors lists the documents of a collection that could not be read, for those who manage it: those of the index, and those that the last
// run met beside them.
func (l Library) Errors(ctx context.Context, p identity.Principal, name string) ([]DocumentError, error) {
	c, err := l.managed(ctx, p, name)
	if err != nil {
		return nil, err
	}
	out, listed := []DocumentError{}, map[string]bool{}
	for q := (knowledge.Listing{Who: acl.All(), Skipped: true, Limit: 1000}); ; {
		list, next, err := c.List(ctx, q)
		if err != nil {
			return nil, err
		}
		for _, d := range list {
			if reason, _, _ := strings.Cut(d.Skipped, ":"); failure(source.Reason(reason)) {
				out = append(out, DocumentError{d.ID, d.Skipped})
				listed[d.ID] = true
			}
		}
		if q.After = next; next == "" {
			break
		}
	}
	runs, err := l.cs.runsOf(ctx, name, 1)
	if err != nil {
		return nil, err
	}
	for _, r := range runs {
		for _, e := range r.Errors {
			if !listed[e.Document] {
				out = append(out, e)
			}
		}
	}
	return out, nil
}

// Document tells of one document, by its ID or path.
func (l Library) Document(ctx context.Context, p identity.Principal, name, id string) (knowledge.Document, error) {
	c, _, err := l.look(ctx, p, name)
	if err != nil {
		return knowledge.Document{}, err
	}
	d, ok, err := c.Document(ctx, assistant.Subjects(p), id)
	if err == nil && !ok {
		err = noDocument(name, id)
	}
	return d, err
}

// Passages are the passages of a document.
func (l Library) Passages(ctx context.Context, p identity.Principal, name, id string) ([]knowledge.Passage, error) {
	c, _, err := l.look(ctx, p, name)
	if err != nil {
		return nil, err
	}
	who := assistant.Subjects(p)
	if _, ok, err := c.Document(ctx, who, id); err != nil || !ok {
		if err == nil {
			err = noDocument(name, id)
		}
		return nil, err
	}
	return c.Passages(ctx, who, id)
}

func noDocument(collection, id string) error {
	return &chat.Error{Code: chat.CodeNotFound, Message: fmt.Sprintf("there is no document %q in %s", id, collection)}
}

// Ask has a collection brought up to date soon, for those who manage it. With rebuild everything is read anew.
func (l Library) Ask(ctx context.Context, p identity.Principal, name string, rebuild bool) error {
	c, err := l.managed(ctx, p, name)
	if err != nil {
		return err
	}
	if c.pulls != nil && c.pulls.from == nil {
		return pushedOnly(name)
	}
	l.cs.asks[name].put(occasion{"asked", rebuild})
	return nil
}

func pushedOnly(name string) error {
	return &chat.Error{Code: chat.CodeInvalidRequest, Message: name + " has no source that could be asked: documents are pushed into it"}
}

// Sync brings a collection up to date now, and says what came of it: for the command line.
func (l Library) Sync(ctx context.Context, name string, rebuild bool) (knowledge.Report, error) {
	if _, ok := l.cs.options[name]; !ok {
		return knowledge.Report{}, unknownCollection(name)
	}
	if p := l.cs.pulls[name]; p != nil && p.from == nil {
		return knowledge.Report{}, pushedOnly(name)
	}
	return l.cs.refresh(ctx, name, occasion{"asked", rebuild})
}

// Compact gives back the room of what is gone.
func (l Library) Compact(ctx context.Context, p identity.Principal, name string) (before, after int64, err error) {
	c, err := l.managed(ctx, p, name)
	if err != nil {
		return 0, 0, err
	}
	size, err := c.Size(ctx)
	if err == nil {
		before = size.Bytes
		if err = c.Compact(ctx); err == nil {
			size, err = c.Size(ctx)
		}
	}
	return before, size.Bytes, err
}

// Hook takes the call of a webhook: of GitHub, Gitea and Forgejo, which sign it (X-Hub-Signature-256), or of GitLab, which sends the secret
// itself (X-Gitlab-Token). A good one has the source asked soon. Who does not know the secret learns nothing, not even whether there is
// such a collection.
func (l Library) Hook(name string, h http.Header, body []byte) error {
	secret := l.cs.hooks[name]
	if secret == "" || !signed(secret, h, body) {
		return &chat.Error{Code: chat.CodeUnauthorized, Message: "there is no such webhook, or its signature is wrong: it is signed with collections.NAME.webhook of dragoman.yaml"}
	}
	if h.Get("X-Github-Event") != "ping" {
		l.cs.asks[name].put(occasion{reason: "webhook"})
	}
	return nil
}

// signed checks what a call is signed with, as https://docs.github.com/en/webhooks/using-webhooks/validating-webhook-deliveries and
// https://docs.gitlab.com/user/project/integrations/webhooks/ have it.
func signed(secret string, h http.Header, body []byte) bool {
	if token := h.Get("X-Gitlab-Token"); token != "" {
		return subtle.ConstantTimeCompare([]byte(token), []byte(secret)) == 1
	}
	given, err := hex.DecodeString(strings.TrimPrefix(h.Get("X-Hub-Signature-256"), "sha256="))
	if err != nil {
		return false
	}
	mac := hmac.New(sha256.New, []byte(secret))
	mac.Write(body)
	return hmac.Equal(given, mac.Sum(nil))
}
