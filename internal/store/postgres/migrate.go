package postgres

import (
	"context"
	"embed"
	"errors"
	"fmt"
	"io/fs"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgconn"
	"github.com/jackc/pgx/v5/stdlib"
	"github.com/pressly/goose/v3"

	"github.com/dragoman/dragoman/internal/store"
)

//go:embed migrations/*.sql
var migrations embed.FS

// migrating is the advisory lock under which one process at a time brings a database up to date.
const migrating = 0x647261676f6d616e // "dragoman"

// migrate brings the database up to date. Where that needs nothing, which is nearly always, it costs one query.
func (d *DB) migrate(ctx context.Context) error {
	ctx, cancel := within(ctx)
	defer cancel()
	files, err := fs.Glob(migrations, "migrations/*.sql")
	if err != nil {
		return fmt.Errorf("list migrations: %w", err)
	}
	upToDate := func() (bool, error) {
		version, err := d.version(ctx)
		switch {
		case err != nil:
			return false, d.failed(ctx, "open the database", err)
		case version > len(files):
			return false, fmt.Errorf("%s has schema %d, and this program knows %d: run the newer version of dragoman, or name another database in store.url: %w",
				d.place, version, len(files), store.ErrNewer)
		}
		return version == len(files), nil
	}
	if done, err := upToDate(); done || err != nil {
		return err
	}
	// The lock lasts as long as its transaction, which works behind a pooler of connections, too.
	tx, err := d.pool.Begin(ctx)
	if err != nil {
		return d.failed(ctx, "open the database", err)
	}
	defer tx.Rollback(context.WithoutCancel(ctx)) // it only held the lock
	if _, err := tx.Exec(ctx, `SELECT pg_advisory_xact_lock($1)`, int64(migrating)); err != nil {
		return d.failed(ctx, "lock the database", err)
	}
	if done, err := upToDate(); done || err != nil { // another process was faster
		return err
	}
	folder, err := fs.Sub(migrations, "migrations")
	if err != nil {
		return fmt.Errorf("list migrations: %w", err)
	}
	db := stdlib.OpenDBFromPool(d.pool)
	defer db.Close()
	provider, err := goose.NewProvider(goose.DialectPostgres, db, folder, goose.WithDisableGlobalRegistry(true))
	if err != nil {
		return d.failed(ctx, "prepare to bring the database up to date", err)
	}
	if _, err := provider.Up(ctx); err != nil {
		return d.failed(ctx, "bring the database up to date", err)
	}
	return nil
}

// version is the number of the last migration, 0 where there was none.
func (d *DB) version(ctx context.Context) (version int, err error) {
	err = d.pool.QueryRow(ctx, `SELECT coalesce(max(version_id), 0) FROM goose_db_version WHERE is_applied`).Scan(&version)
	if e, ok := errors.AsType[*pgconn.PgError](err); ok && e.Code == "42P01" { // undefined_table
		return 0, nil
	}
	if errors.Is(err, pgx.ErrNoRows) {
		return 0, nil
	}
	return version, err
}
