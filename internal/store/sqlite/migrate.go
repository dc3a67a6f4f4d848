package sqlite

import (
	"context"
	"embed"
	"fmt"
	"io/fs"

	"github.com/pressly/goose/v3"

	"github.com/dragoman/dragoman/internal/store"
)

// Each migration ends by setting user_version to its own number, in its own transaction, so that a process that is killed
// between two of them leaves the number true.
//
//go:embed migrations/*.sql
var migrations embed.FS

// migrate brings the database up to date. Where that needs nothing, which is nearly always, it costs one query; goose is
// asked only where there is something to do. The caller holds the folder's lock.
func (d *DB) migrate(ctx context.Context) error {
	var version int
	if err := d.write.QueryRowContext(ctx, "PRAGMA user_version").Scan(&version); err != nil {
		return d.explain("open the database", err)
	}
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return fmt.Errorf("list migrations: %w", err)
	}
	switch latest := len(files); {
	case version == latest:
		return nil
	case version > latest:
		return fmt.Errorf("%s has schema %d, and this program knows %d: run the newer version of dragoman, or choose another folder with --data: %w",
			d.path, version, latest, store.ErrNewer)
	}
	folder, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("list migrations: %w", err)
	}
	provider, err := goose.NewProvider(goose.DialectSQLite3, d.write, folder, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return d.explain("prepare to bring the database up to date", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return d.explain("bring the database up to date", err)
	}
	return nil
}
