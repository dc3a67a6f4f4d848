package app

import (
	"context"
	"reflect"
	"strings"

	"github.com/dragoman/dragoman/internal/config"
)

// Reload takes a changed configuration over. Where it is faulty, everything stays as it was. What the server listens at, where
// it keeps its data and how its books and cache are kept is read at the start only. It must not be called twice at a time.
func (a *App) Reload(ctx context.Context) error {
	next := &App{
		options: a.options, DataDir: a.DataDir, Store: a.Store, Ledger: a.Ledger, Audit: a.Audit, Keys: a.Keys, Sessions: a.Sessions, Memories: a.Memories, Feedback: a.Feedback, Metrics: a.Metrics, limits: a.limits,
		cache: a.cache, semantic: a.semantic, older: a.older, erasures: a.erasures, common: a.common, salt: a.salt, books: a.books, background: a.background, vectors: a.vectors, readings: a.readings, quarantine: a.quarantine, readers: a.readers, encoders: a.encoders, passages: a.passages, tools: a.tools, weaviate: a.weaviate,
	}
	next.options.gates, next.options.pools = a.Models.gates, a.Models.pools
	if err := next.loadConfig(); err != nil {
		return err
	}
	sections := a.unread(next.Config)
	next.Config.Store = a.Config.Store // collections are kept there
	if err := next.build(ctx); err != nil {
		return err
	}
	if err := next.auditConfig(ctx); err != nil {
		return err
	}
	if len(sections) > 0 && a.options.Log != nil {
		a.options.Log.Warn("some of the changed configuration counts from the next start on", "sections", strings.Join(sections, ", "))
	}
	next.Config.Data, next.Config.Server, next.Config.Cache, next.Config.Ledger = a.Config.Data, a.Config.Server, a.Config.Cache, a.Config.Ledger
	next.collections.inherit(a.collections)
	next.embedders.before = a.embedders
	a.embedders.before = nil
	next.Engine.Archive = archive{a}
	a.prices.Store(next.prices.Load())
	a.gates.Store(&next.Models.gates)
	a.engines.Store(&next.Models.pools)
	a.shown.Store(next.semantics())
	next.Models.start(ctx)
	next.tools.start(ctx)
	a.Models.retire(next.Models)
	was := a.tools
	a.retired.Go(func() {
		if err := was.stop(context.WithoutCancel(ctx), next.tools); err != nil {
			a.options.Log.Warn("tools of the configuration before were stopped", "err", err)
		}
	})
	a.Config, a.Models, a.Engine, a.Assistants, a.Default, a.collections, a.levels, a.embedders = next.Config, next.Models, next.Engine, next.Assistants, next.Default, next.collections, next.levels, next.embedders
	a.definitions, a.tools = next.definitions, next.tools
	return nil
}

// unread names the sections of a changed configuration that count from the next start on.
func (a *App) unread(next *config.Config) (sections []string) {
	now := a.Config
	for _, s := range []struct {
		name     string
		old, new any
	}{{"data", now.Data, next.Data}, {"store", now.Store, next.Store}, {"server", now.Server, next.Server}, {"cache", now.Cache, next.Cache}, {"ledger", now.Ledger, next.Ledger}} {
		if !reflect.DeepEqual(s.old, s.new) {
			sections = append(sections, s.name)
		}
	}
	return sections
}
