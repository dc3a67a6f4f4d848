package app

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dragoman/dragoman/internal/assistant"
	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/config"
	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/store"
)

// Definitions finds assistants and keeps their versions. What dragoman.yaml defines is published when it is loaded; anybody who may can
// save other versions, publish them, and go back. It belongs to one state of the configuration, and is safe for concurrent use.
type Definitions struct {
	app     *App
	store   store.Assistants
	now     func() time.Time
	editors acl.ACL // who may save and publish by the API

	mu     sync.Mutex
	known  map[string]assistant.Definition // by NAME@VERSION: versions never change
	held   map[string]string               // the version of each name that holds, as it was a moment ago
	heldAt time.Time
	heldBy uint64 // store.Changes
}

// heldFor is how long a server goes on with the version that holds before it looks again, if no change is announced.
const heldFor = 2 * time.Second

// Definitions returns the assistants as they are configured now.
func (a *App) Definitions() *Definitions { return a.definitions }

// publishAssistants saves what the configuration defines, publishes what it changed, and puts in place what was published since.
func (a *App) publishAssistants(ctx context.Context) error {
	ds := &Definitions{app: a, store: audited{a.Store, a.Audit}, now: a.options.Now, known: map[string]assistant.Definition{}, held: map[string]string{}}
	if len(a.Config.Editors) > 0 {
		var err error
		if ds.editors, err = acl.New(a.Config.Editors...); err != nil {
			return err
		}
	}
	a.definitions = ds
	history := map[string][]store.Publication{}
	if len(a.Config.Assistants) > 0 {
		all, err := a.Store.AssistantPublications(ctx, "")
		if err != nil {
			return err
		}
		for _, p := range all {
			history[p.Name] = append(history[p.Name], p)
		}
	}
	for name, c := range a.Config.Assistants {
		version := c.Version()
		last := slices.IndexFunc(history[name], func(p store.Publication) bool { return p.Origin == store.FromConfig })
		if last >= 0 && history[name][last].Version == version {
			if v := holds(history[name], version); v != version {
				d, err := ds.version(ctx, name, v)
				if err != nil {
					return err
				}
				a.Assistants[name] = d
			}
			continue
		}
		now := a.options.Now()
		if err := ds.store.SaveAssistant(ctx, store.AssistantVersion{Name: name, Version: version, Body: c.Canonical(), Origin: store.FromConfig, Created: now}); err != nil {
			return err
		}
		if err := ds.store.PublishAssistant(ctx, store.Publication{Name: name, Version: version, Origin: store.FromConfig, At: now}); err != nil {
			return err
		}
	}
	return nil
}

// holds is the version that holds by a history, the last first: what was asked for since the configuration published its own, else that.
// own is empty where the configuration defines none. What another configuration on the same data published does not count.
func holds(history []store.Publication, own string) string {
	for _, p := range history {
		if p.Origin != store.FromConfig || p.Version == own {
			return p.Version
		}
	}
	return own
}

// Find returns an assistant by what callers call it: NAME for the version that holds, NAME@VERSION for any that was saved, of which the
// first digits are enough. Errors are *chat.Error.
func (ds *Definitions) Find(ctx context.Context, ref string) (assistant.Definition, error) {
	name, version, pinned := strings.Cut(ref, "@")
	own, defined := ds.app.Assistants[name]
	if pinned {
		if defined && version != "" && own.Version == version {
			return own, nil
		}
		return ds.version(ctx, name, version)
	}
	held, err := ds.holding(ctx)
	if err != nil {
		return assistant.Definition{}, err
	}
	switch version, published := held[name]; {
	case published && (!defined || version[:min(shownDigits, len(version))] != own.Version):
		return ds.version(ctx, name, version)
	case defined:
		return own, nil
	}
	return assistant.Definition{}, noAssistant(name)
}

func noAssistant(name string) error {
	return &chat.Error{Code: chat.CodeNotFound, Param: "model", Message: fmt.Sprintf("there is no assistant %q; GET /v1/models lists those there are", name)}
}

// holding is the version that holds of each assistant that has a history, as it was within heldFor.
func (ds *Definitions) holding(ctx context.Context) (map[string]string, error) {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	at, by := ds.now(), ds.app.Store.Changes()
	if !ds.heldAt.IsZero() && at.Sub(ds.heldAt) < heldFor && by == ds.heldBy {
		return ds.held, nil
	}
	all, err := ds.store.AssistantPublications(ctx, "")
	if err != nil {
		return nil, fmt.Errorf("find out which versions of assistants hold: %w", err)
	}
	history := map[string][]store.Publication{}
	for _, p := range all {
		history[p.Name] = append(history[p.Name], p)
	}
	held := map[string]string{}
	for name, list := range history {
		own := ""
		if c, ok := ds.app.Config.Assistants[name]; ok {
			own = c.Version()
		}
		if v := holds(list, own); v != "" {
			held[name] = v
		}
	}
	// A version that only an older configuration defined is no assistant any more.
	for name, v := range held {
		if _, defined := ds.app.Config.Assistants[name]; defined {
			continue
		}
		saved, err := ds.store.AssistantVersion(ctx, name, v)
		if err != nil {
			return nil, err
		}
		if saved.Origin == store.FromConfig {
			delete(held, name)
		}
	}
	ds.held, ds.heldAt, ds.heldBy = held, at, by
	return held, nil
}

// forget makes the next call look at what was published.
func (ds *Definitions) forget() {
	ds.mu.Lock()
	defer ds.mu.Unlock()
	ds.heldAt = time.Time{}
}

// version returns a saved version.
func (ds *Definitions) version(ctx context.Context, name, version string) (assistant.Definition, error) {
	ds.mu.Lock()
	d, ok := ds.known[name+"@"+version]
	ds.mu.Unlock()
	if ok {
		return d, nil
	}
	saved, err := ds.store.AssistantVersion(ctx, name, version)
	if errors.Is(err, store.ErrNotFound) {
		return d, &chat.Error{Code: chat.CodeNotFound, Param: "model", Message: fmt.Sprintf("there is no version %q of an assistant %q, or it stands for more than one; GET /api/assistants/%s/versions lists them", version, name, name)}
	}
	if err != nil {
		return d, err
	}
	c, err := ds.parse(saved)
	if err != nil {
		return d, &chat.Error{Code: chat.CodeUnavailable, Param: "model", Message: fmt.Sprintf("version %s of the assistant %s does not fit the configuration any more: %v", saved.Version[:min(shownDigits, len(saved.Version))], name, err), Err: err}
	}
	if d, err = ds.app.define(name, c); err != nil {
		return d, err
	}
	if t := d.Prompt.Template; t != nil {
		if err := ds.app.auditTemplate(ctx, t); err != nil {
			return d, err
		}
	}
	ds.mu.Lock()
	defer ds.mu.Unlock()
	const most = 1000 // of versions that somebody asked for by name
	if len(ds.known) >= most {
		clear(ds.known)
	}
	ds.known[name+"@"+version] = d
	return d, nil
}

func (ds *Definitions) parse(v store.AssistantVersion) (config.Assistant, error) {
	return config.ParseAssistant(v.Name, v.Body, "", ds.app.Config, config.Options{})
}

// Names lists the assistants that can be called, sorted.
func (ds *Definitions) Names(ctx context.Context) ([]string, error) {
	held, err := ds.holding(ctx)
	if err != nil {
		return nil, err
	}
	var names []string
	for name := range ds.app.Assistants {
		names = append(names, name)
	}
	for name := range held {
		if _, own := ds.app.Assistants[name]; !own {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names, nil
}
