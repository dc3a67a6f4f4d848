package forge

import (
	"context"
	"fmt"
	"net/url"
	"path"
	"strings"

	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/connector"
	"github.com/dragoman/dragoman/internal/knowledge/connector/git"
)

// wikiRepository is the address of the git repository that a wiki at GitHub is, and webAddress where its repository is shown.
func wikiRepository(api, repo string) string { return webAddress(api, repo) + ".wiki.git" }

func webAddress(api, repo string) string {
	if api == "https://api.github.com" {
		return "https://github.com/" + repo
	}
	return strings.TrimSuffix(api, "/api/v3") + "/" + repo // GitHub Enterprise
}

// readWiki reads a wiki that is a git repository, and returns the cursor of that. One that has no page yet has no repository either, which is only
// told where it was asked for by name.
func (r *Repository) readWiki(ctx context.Context, cursor string, public bool, sink connector.Sink) (string, error) {
	p := &pages{Sink: sink, r: r, who: r.o.Members, suffix: fmt.Sprintf(" %v", public)}
	if public {
		p.who = acl.Everybody()
	}
	out, err := r.wiki.Sync(ctx, cursor, p)
	missing := git.IsMissing(err)
	if err != nil && !missing && (cursor != "" || ctx.Err() != nil) {
		return "", err // what is known of it must not count as gone
	}
	if err != nil && (!missing || r.named) {
		sink.Skip("wiki", err.Error()) // the rest is read, though
	}
	return out.Cursor, nil
}

// pages makes pages of a wiki of the files of its repository.
type pages struct {
	connector.Sink
	r      *Repository
	who    acl.ACL
	suffix string // of versions: who may see a page is part of what it is
}

func (p *pages) id(file string) string { return "wiki/" + file }

// Known implements connector.Sink.
func (p *pages) Known(id string) (string, bool) {
	version, ok := p.Sink.Known(p.id(id))
	version, same := strings.CutSuffix(version, p.suffix)
	return version, ok && same
}

// Put implements connector.Sink.
func (p *pages) Put(ctx context.Context, d connector.Document) error {
	name := strings.TrimSuffix(path.Base(d.ID), path.Ext(d.ID)) // pages are known by that, whatever their folder
	d.Path, d.ID, d.Version, d.ACL, d.Type = p.r.o.Repo+"/"+p.id(d.ID), p.id(d.ID), d.Version+p.suffix, &p.who, "page"
	d.Title, d.URL = strings.ReplaceAll(name, "-", " "), webAddress(p.r.o.API, p.r.o.Repo)+"/wiki/"+url.PathEscape(name)
	return p.Sink.Put(ctx, d)
}

// Keep implements connector.Sink.
func (p *pages) Keep(id string) { p.Sink.Keep(p.id(id)) }

// Delete implements connector.Sink.
func (p *pages) Delete(ctx context.Context, id string) error { return p.Sink.Delete(ctx, p.id(id)) }

// Skip implements connector.Sink.
func (p *pages) Skip(id, reason string) { p.Sink.Skip(p.id(id), reason) }
