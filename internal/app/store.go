package app

import (
	"context"

	"github.com/dragoman/dragoman/internal/config"
	"github.com/dragoman/dragoman/internal/store"
	"github.com/dragoman/dragoman/internal/store/postgres"
	"github.com/dragoman/dragoman/internal/store/sqlite"
)

// openStore opens the database that the configuration names, else the one in the data folder.
func openStore(ctx context.Context, c *config.Config, folder string) (store.Store, error) {
	if c.Store.URL != "" {
		return postgres.Open(ctx, c.Store.URL.Reveal())
	}
	return sqlite.Open(ctx, folder)
}

// StorePlace names the database, without user and password, where it is not the one in the data folder.
func (a *App) StorePlace() string {
	if db, ok := a.Store.(*postgres.DB); ok {
		return db.Place()
	}
	return ""
}
