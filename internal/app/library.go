package app

import (
	"context"
	"fmt"

	"github.com/dragoman/dragoman/internal/assistant"
	"github.com/dragoman/dragoman/internal/audit"
	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/connector"
	"github.com/dragoman/dragoman/internal/route"
)

// Library is what people and programs may do with collections. What somebody may not see is not there for them.
type Library struct {
	cs     *collections
	v      *semantics
	ranks  *rerankers
	engine *assistant.Engine
	label  func(collection string) route.Privacy
	audit  *audit.Log
}

// Library returns the collections as they are configured now.
func (a *App) Library() Library {
	return Library{a.collections, a.semantics(), newRerankers(a.Config, a.encoders), a.Engine, a.levels.label, a.Audit}
}

// Listed is a collection as somebody sees it.
type Listed struct {
	Name      string `json:"name"`
	Documents int    `json:"documents"`
	Passages  int    `json:"passages"`
	Source    string `json:"source,omitempty"` // "git", "web", ..., "push"; empty for a folder
	Pulled    string `json:"pulled,omitempty"` // when it was last brought up to date from its source
	Push      bool   `json:"push,omitempty"`   // they may put documents into it
	Manage    bool   `json:"manage,omitempty"` // they may start syncs and see how they went
}

// List lists the collections of which somebody may see something, into which they may put something, or which they manage.
func (l Library) List(ctx context.Context, p identity.Principal) ([]Listed, error) {
	out := []Listed{}
	for _, name := range l.cs.names() {
		_, item, err := l.item(ctx, p, name)
		if err != nil {
			return nil, err
		}
		if item.Documents > 0 || item.Push || item.Manage {
			out = append(out, item)
		}
	}
	return out, nil
}

// Visible names the collections of which somebody may see something. A folder that nobody has asked for yet is read first.
func (l Library) Visible(ctx context.Context, p identity.Principal) ([]string, error) {
	who := assistant.Subjects(p)
	var out []string
	for _, name := range l.cs.names() {
		c, err := l.cs.opened(ctx, name)
		if err != nil {
			return nil, err
		}
		n, _, err := c.Visible(ctx, who)
		if err == nil && n == 0 && c.pulls == nil {
			if c, err = l.cs.get(ctx, name); err == nil {
				n, _, err = c.Visible(ctx, who)
			}
		}
		if err != nil {
			return nil, err
		}
		if n > 0 {
			out = append(out, name)
		}
	}
	return out, nil
}

// item is one collection as somebody sees it.
func (l Library) item(ctx context.Context, p identity.Principal, name string) (*collection, Listed, error) {
	c, err := l.cs.opened(ctx, name)
	if err != nil {
		return nil, Listed{}, err
	}
	who := assistant.Subjects(p)
	item := Listed{Name: name, Manage: l.cs.manages(p, name)}
	if item.Documents, item.Passages, err = c.Visible(ctx, who); err != nil {
		return nil, Listed{}, err
	}
	if c.pulls != nil {
		item.Push = c.pulls.takes(who)
		item.Source = "push"
		if kinds := c.pulls.config.Source.Kinds(); len(kinds) > 0 {
			item.Source = kinds[0]
		}
		if at := c.pulls.last().At; !at.IsZero() {
			item.Pulled = clock(at)
		}
	}
	return c, item, nil
}

// Listing is List for the HTTP door.
func (l Library) Listing(ctx context.Context, p identity.Principal) (any, error) {
	return l.List(ctx, p)
}

// Search searches one collection.
func (l Library) Search(ctx context.Context, p identity.Principal, name string, q knowledge.Query) (*knowledge.Result, error) {
	if _, ok := l.cs.options[name]; !ok {
		return nil, unknownCollection(name)
	}
	c, err := l.cs.get(ctx, name)
	if err != nil {
		return nil, err
	}
	q.Who, q.Now = assistant.Subjects(p), l.cs.now()
	q.Vector, q.Model, _ = l.v.vector(ctx, p, name, q.Text) // without it words are searched
	finish := l.ranks.searched(l.engine, p, l.label(name), []string{name}, "", &q)
	res, err := searched{c, l.cs}.Search(ctx, q)
	if err == nil {
		finish(ctx, res)
	}
	return res, err
}

// Put puts a document into a collection.
func (l Library) Put(ctx context.Context, p identity.Principal, name string, d connector.Document) error {
	c, err := l.pushed(ctx, p, name)
	if err != nil {
		return err
	}
	if err := c.Put(ctx, d, l.cs.extract(name), l.cs.now); err != nil {
		return &chat.Error{Code: chat.CodeInvalidRequest, Message: err.Error(), Err: err}
	}
	c.embedding.changed()
	if c.pulls.files != nil {
		return c.pulls.files.put(d)
	}
	return nil
}

// Delete takes a document out of a collection.
func (l Library) Delete(ctx context.Context, p identity.Principal, name, id string) error {
	c, err := l.pushed(ctx, p, name)
	if err != nil {
		return err
	}
	if c.pulls.files != nil {
		if err := c.pulls.files.remove(id); err != nil {
			return err
		}
	}
	was, err := c.Delete(ctx, id, l.cs.now)
	if err == nil && !was {
		return noDocument(name, id)
	}
	if err == nil {
		err = l.audit.Record(ctx, audit.DataErased, name+"/"+id, "")
	}
	return err
}

// pushed is a collection into which somebody may put documents. Others learn no more than that they may not.
func (l Library) pushed(ctx context.Context, p identity.Principal, name string) (*collection, error) {
	pulls, ok := l.cs.pulls[name]
	if !ok || !pulls.takes(assistant.Subjects(p)) {
		if _, ok := l.cs.options[name]; !ok {
			return nil, unknownCollection(name)
		}
		return nil, &chat.Error{Code: chat.CodeForbidden, Message: fmt.Sprintf("this caller may not put documents into %s; collections.%s.push of dragoman.yaml says who may", name, name)}
	}
	return l.cs.opened(ctx, name)
}

// takes says whether somebody may put documents into a collection: into one that names nobody who may, not even the operator.
func (p *pulls) takes(who acl.Subjects) bool { return len(p.config.Push) > 0 && p.pushers.Allows(who) }

func unknownCollection(name string) error {
	return &chat.Error{Code: chat.CodeNotFound, Message: fmt.Sprintf("there is no collection %q", name)}
}
