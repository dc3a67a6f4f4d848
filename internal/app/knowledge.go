package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/dragoman/dragoman/internal/config"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/knowledge/source"
)

// prepareKnowledge collects the collections and assistants that there are. Nothing is opened yet.
func (a *App) prepareKnowledge() error {
	if a.weaviate == nil {
		a.weaviate = a.weaviateOf()
	}
	a.collections = newCollections(a.options, a.Store)
	if a.readers != nil {
		a.collections.apart = a.readers.Text
	}
	root := a.options.Path
	if root == "" {
		var err error
		if root, _, err = source.Root(a.options.Dir); err != nil {
			return fmt.Errorf("find the folder to answer from: %w", err)
		}
	}
	root, err := filepath.Abs(root)
	if err != nil {
		return err
	}
	if st, err := os.Stat(root); err != nil || !st.IsDir() {
		return fmt.Errorf("%s is not a folder; --path names the folder to answer from", root)
	}
	a.Root = root
	a.collections.folder(knowledge.Options{Name: folder, Root: root, DataDir: a.DataDir})
	for name, c := range a.Config.Collections {
		if err := a.prepareCollection(name, c); err != nil {
			return err
		}
	}
	for name, d := range a.Config.Assistants {
		if d.Folder != "" {
			of := config.FolderCollection(name)
			a.collections.folder(knowledge.Options{Name: of, Root: d.FolderPath(), DataDir: a.DataDir})
			a.collections.watch[of] = true
		}
	}
	use := folder
	if c := a.options.Collection; c != "" {
		if _, ok := a.collections.options[c]; !ok {
			return fmt.Errorf("there is no collection %q; configured are %v (see `dragoman config schema`)", c, a.collections.names())
		}
		use = c
	}
	if err := a.defineAssistants(use); err != nil {
		return err
	}
	for _, def := range a.Assistants {
		if slices.Contains(def.Knowledge, folder) {
			a.collections.watch[folder] = true
		}
	}
	a.Default = cmp.Or(a.options.Assistant, builtIn)
	return nil
}

// Sync brings the collections of an assistant up to date and reports on each.
func (a *App) Sync(ctx context.Context, assistantName string) (map[string]knowledge.Report, error) {
	return a.Syncing(assistantName)(ctx)
}

// Syncing is Sync for later: of the collections that there are now, whatever a Reload changes.
func (a *App) Syncing(assistantName string) func(ctx context.Context) (map[string]knowledge.Report, error) {
	names, collections := a.Assistants[assistantName].Knowledge, a.collections
	return func(ctx context.Context) (map[string]knowledge.Report, error) {
		out := map[string]knowledge.Report{}
		var errs []error
		for _, name := range names {
			report, err := collections.refresh(ctx, name, occasion{reason: "start"})
			if err != nil {
				errs = append(errs, fmt.Errorf("collection %s: %w", name, err))
				continue
			}
			out[name] = report
		}
		return out, errors.Join(errs...)
	}
}

// Collection opens a collection without syncing it.
func (a *App) Collection(ctx context.Context, name string) (*knowledge.Collection, error) {
	c, err := a.collections.opened(ctx, name)
	if err != nil {
		return nil, err
	}
	return c.Collection, nil
}

// Collections lists the names of the collections, sorted.
func (a *App) Collections() []string { return a.collections.names() }
