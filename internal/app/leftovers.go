package app

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"

	"github.com/dragoman/dragoman/internal/knowledge/index"
)

// Leftover is a tenant at the server that searches vectors, which no configured collection uses.
type Leftover struct {
	Tenant string `json:"tenant"`
	// Index is the index of this installation that had it made: of a collection that left the configuration, or of another format. Empty: none
	// here knows it. It may belong to another installation, which only people can know.
	Index string `json:"index,omitempty"`
}

// Leftovers lists them, in the order of their names.
func (a *App) Leftovers(ctx context.Context) ([]Leftover, error) {
	_, left, err := a.tenants(ctx)
	return left, err
}

// DropLeftovers deletes tenants, all of which have to be leftovers.
func (a *App) DropLeftovers(ctx context.Context, names []string) error {
	used, left, err := a.tenants(ctx)
	if err != nil {
		return err
	}
	for _, name := range names {
		if in := used[name]; in != "" {
			return fmt.Errorf("%s is in use, by %s; nothing was deleted", name, in)
		}
		if !slices.ContainsFunc(left, func(l Leftover) bool { return l.Tenant == name }) {
			return fmt.Errorf("there is no tenant %s; `dragoman collection leftovers` lists those that no collection uses; nothing was deleted", name)
		}
	}
	for _, name := range names {
		if err := a.weaviate.Drop(ctx, name); err != nil {
			return err
		}
	}
	return nil
}

// tenants are those of the server that configured collections use, by the index that does, and those that none uses.
func (a *App) tenants(ctx context.Context) (used map[string]string, left []Leftover, err error) {
	if a.weaviate == nil {
		return nil, nil, errors.New("the configuration names no server that searches vectors; set store.vectors to weaviate, and store.weaviate.url")
	}
	there, err := a.weaviate.Spaces(ctx)
	if err != nil {
		return nil, nil, err
	}
	holdings, err := index.FileHoldings(ctx, filepath.Join(a.DataDir, "index"))
	if err != nil {
		return nil, nil, err
	}
	if a.Config.Store.Index {
		more, err := index.PostgresHoldings(ctx, a.Config.Store.URL.Reveal())
		if err != nil {
			return nil, nil, err
		}
		holdings = append(holdings, more...)
	}
	configured := map[string]bool{}
	for _, o := range a.collections.options {
		place, err := o.Place()
		if err != nil {
			return nil, nil, err
		}
		configured[place] = true
	}
	used, left = map[string]string{}, []Leftover{}
	others := map[string]string{}
	for _, h := range holdings {
		of := others
		if configured[h.Index] {
			of = used
		}
		for _, s := range h.Spaces {
			of[s] = h.Index
		}
	}
	for _, name := range there {
		if used[name] == "" {
			left = append(left, Leftover{name, others[name]})
		}
	}
	slices.SortFunc(left, func(a, b Leftover) int { return cmp.Compare(a.Tenant, b.Tenant) })
	return used, left, nil
}
