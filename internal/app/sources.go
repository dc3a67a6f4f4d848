package app

import (
	"context"
	"fmt"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/dragoman/dragoman/internal/config"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/connector"
	"github.com/dragoman/dragoman/internal/knowledge/connector/confluence"
	"github.com/dragoman/dragoman/internal/knowledge/connector/export"
	"github.com/dragoman/dragoman/internal/knowledge/connector/forge"
	"github.com/dragoman/dragoman/internal/knowledge/connector/git"
	"github.com/dragoman/dragoman/internal/knowledge/connector/logs"
	"github.com/dragoman/dragoman/internal/knowledge/connector/s3"
	"github.com/dragoman/dragoman/internal/knowledge/connector/web"
	"github.com/dragoman/dragoman/internal/knowledge/source"
	"github.com/dragoman/dragoman/internal/safehttp"
)

// pulls is the source of a collection, and how it has done.
type pulls struct {
	config  config.Collection
	from    connector.Connector // nil: documents are pushed
	folders []string            // in which it shows that it has changed
	pushers acl.ACL             // who may put documents into it
	files   *pushedFiles        // what they put; nil where a database keeps it

	busy  sync.Mutex // held while it is pulled
	mu    sync.Mutex // guards state
	state Pulled
}

// Pulled is how a collection was last brought up to date.
type Pulled struct {
	At     time.Time // when it last ended well; zero: never in this process
	Tried  time.Time
	Report knowledge.Report
	Err    error // of the last try
}

// prepareCollection makes a collection of the configuration. Nothing is opened or fetched yet.
func (a *App) prepareCollection(name string, c config.Collection) error {
	o := knowledge.Options{Name: name, Root: under(a.Config.Dir, c.Path), Include: c.Include, Exclude: c.Exclude, DataDir: a.DataDir, Engine: a.vectorEngine()}
	if a.Config.Store.Index {
		o.Database, o.PGVector = a.Config.Store.URL.Reveal(), a.Config.Store.Vectors == "pgvector"
	}
	var err error
	if len(c.ACL) > 0 {
		if o.ACL, err = acl.New(c.ACL...); err != nil {
			return fmt.Errorf("collection %s: %w", name, err)
		}
	}
	for _, e := range c.Expire {
		o.Expiry = append(o.Expiry, knowledge.Expiry{Paths: e.Paths, Types: e.Types, After: e.After})
	}
	for i, r := range c.Access {
		rule := knowledge.AccessRule{Paths: r.Paths, Types: r.Types}
		if rule.ACL, err = acl.New(r.ACL...); err != nil {
			return fmt.Errorf("collection %s, access[%d]: %w", name, i, err)
		}
		o.Access = append(o.Access, rule)
	}
	if f := c.Owners; f.Set() {
		o.Owners = &source.Owners{Users: f.Users, Groups: f.Groups, SameNames: f.SameNames}
	}
	o.Latest, o.Blame = c.Latest, c.Blame
	if len(c.Manage) > 0 {
		if a.collections.managers[name], err = acl.New(c.Manage...); err != nil {
			return fmt.Errorf("collection %s: %w", name, err)
		}
	}
	kinds := c.Source.Kinds()
	a.collections.ocr[name] = c.OCR
	a.collections.thresholds[name] = c.Threshold
	a.collections.hooks[name] = string(c.Webhook)
	a.collections.asks[name] = newAsks()
	if a.collections.paces[name], err = newPace(c, len(kinds) > 0); err != nil {
		return fmt.Errorf("collection %s: %w", name, err)
	}
	if len(kinds) == 0 && len(c.Push) == 0 {
		a.collections.options[name], a.collections.watch[name] = o, c.Watch
		return nil
	}
	p := &pulls{config: c}
	if len(c.Push) > 0 {
		if p.pushers, err = acl.New(c.Push...); err != nil {
			return fmt.Errorf("collection %s: %w", name, err)
		}
		if o.Database == "" {
			p.files = &pushedFiles{filepath.Join(a.DataDir, "pushed", name)}
		}
	}
	if p.folders = a.localFolders(c); len(kinds) > 0 {
		if p.from, err = a.connector(kinds[0], c); err != nil {
			return fmt.Errorf("collection %s: %w", name, err)
		}
	}
	// Its index has its name: there is no folder that could tell it from others.
	o.Root, o.Include, o.Exclude = filepath.Join(a.DataDir, "collections", name), nil, nil
	a.collections.options[name], a.collections.pulls[name] = o, p
	return nil
}

func (a *App) connector(kind string, c config.Collection) (connector.Connector, error) {
	s := c.Source
	members := func(list []string) (acl.ACL, error) {
		if len(list) == 0 {
			return acl.ACL{}, nil
		}
		return acl.New(list...)
	}
	forgeOptions := func(f config.ForgeSource) (forge.Options, error) {
		who, err := members(f.Members)
		o := forge.Options{API: f.API, Repo: f.Repo, Token: string(f.Token), Members: who, Mirrors: filepath.Join(a.DataDir, "mirrors")}
		for _, k := range f.Kinds {
			o.Kinds = append(o.Kinds, forge.Kind(k))
		}
		return o, err
	}
	switch kind {
	case "git":
		at := s.Git.URL
		if !strings.Contains(at, ":") {
			at = under(a.Config.Dir, at)
		}
		return git.New(git.Options{URL: at, Branches: s.Git.Branches, Commits: s.Git.Commits, Exclude: s.Git.Exclude, Token: string(s.Git.Token), Mirrors: filepath.Join(a.DataDir, "mirrors")})
	case "web":
		w := s.Web
		o := web.Options{Start: w.Start, Prefixes: w.Prefixes, Exclude: w.Exclude, MaxPages: w.MaxPages, MaxDepth: w.MaxDepth, Delay: w.Delay}
		if w.Token != "" {
			o.Header = http.Header{"Authorization": {"Bearer " + string(w.Token)}}
		}
		return web.New(o, fetcher(w.Networks), nil)
	case "github":
		o, err := forgeOptions(s.GitHub)
		if err != nil {
			return nil, err
		}
		return forge.NewGitHub(o, fetcher(s.GitHub.Networks), a.options.Now, nil)
	case "gitlab":
		o, err := forgeOptions(s.GitLab)
		if err != nil {
			return nil, err
		}
		return forge.NewGitLab(o, fetcher(s.GitLab.Networks), a.options.Now, nil)
	case "confluence":
		f := s.Confluence
		who, err := acl.New(acl.Org)
		if len(c.ACL) > 0 {
			who, err = acl.New(c.ACL...)
		}
		if err != nil {
			return nil, err
		}
		return confluence.New(confluence.Options{URL: f.URL, Spaces: f.Spaces, User: f.User, Token: string(f.Token), Members: who, Users: f.Users, Groups: f.Groups}, fetcher(f.Networks), nil)
	case "s3":
		b := s.S3
		return s3.New(s3.Options{Endpoint: b.Endpoint, Bucket: b.Bucket, Prefix: b.Prefix, Region: b.Region, AccessKey: string(b.AccessKey), SecretKey: string(b.SecretKey), Exclude: b.Exclude}, nil)
	case "export":
		return export.New(export.Options{Kind: s.Export.Kind, Path: under(a.Config.Dir, s.Export.Path), Users: s.Export.Users})
	}
	return logs.New(logs.Options{Files: s.Logs.Files}, a.options.Now)
}

func fetcher(networks []config.Network) *safehttp.Client {
	o := safehttp.Options{UserAgent: "dragoman"}
	for _, n := range networks {
		o.Networks = append(o.Networks, n.Prefix)
	}
	return safehttp.New(o)
}

// Origin is where the documents of a collection come from, for people: its folder, or its name and the kind of its source.
func (a *App) Origin(name string) string {
	p := a.collections.pulls[name]
	if p == nil {
		return a.collections.options[name].Root
	}
	if kinds := p.config.Source.Kinds(); len(kinds) > 0 {
		return name + ", from " + kinds[0]
	}
	return name + ", pushed"
}

// first pulls a collection that nothing was ever pulled into: the first question waits for it.
func (cs *collections) first(ctx context.Context, c *collection) error {
	if c.pulls.from == nil || !c.pulls.last().Tried.IsZero() {
		return nil
	}
	st, err := c.Stats(ctx)
	if err != nil || st.Documents > 0 {
		return err
	}
	_, err = cs.pull(ctx, c, occasion{reason: "question"}, true)
	return err
}

// refresh brings a collection up to date now.
func (cs *collections) refresh(ctx context.Context, name string, why occasion) (knowledge.Report, error) {
	c, err := cs.opened(ctx, name)
	switch {
	case err != nil:
		return knowledge.Report{}, err
	case c.pulls == nil:
		return cs.sync(ctx, c, why)
	case c.pulls.from == nil:
		return knowledge.Report{}, nil // it is pushed
	}
	return cs.pull(ctx, c, why, false)
}

// pull asks the source. With once it does so only where nobody else has done so meanwhile.
func (cs *collections) pull(ctx context.Context, c *collection, why occasion, once bool) (knowledge.Report, error) {
	p := c.pulls
	p.busy.Lock()
	defer p.busy.Unlock()
	if last := p.last(); once && !last.Tried.IsZero() {
		return last.Report, last.Err
	}
	began := cs.now()
	report, err := cs.recorded(ctx, c, why, why.reason == "schedule" && !why.rebuild, func(progress func(knowledge.Progress)) (knowledge.Report, error) {
		report, err := c.Pull(ctx, p.from, cs.extract(c.Name), cs.now, progress)
		if err == nil {
			report.Blame = cs.blame(ctx, c, why.blameAfter())
		}
		return report, err
	})
	c.embedding.changed()
	p.mu.Lock()
	defer p.mu.Unlock()
	p.state.Tried, p.state.Report, p.state.Err = began, report, err
	if err == nil {
		p.state.At = cs.now()
	}
	return report, err
}

func (p *pulls) last() Pulled {
	p.mu.Lock()
	defer p.mu.Unlock()
	return p.state
}
