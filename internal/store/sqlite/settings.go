package sqlite

import (
	"context"
	"database/sql"
	"errors"
	"fmt"

	"github.com/dragoman/dragoman/internal/store"
)

// Setting implements store.Settings.
func (d *DB) Setting(ctx context.Context, key string) (string, error) {
	var value string
	err := d.read.QueryRowContext(ctx, `SELECT value FROM settings WHERE key = ?`, key).Scan(&value)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return "", fmt.Errorf("setting %s: %w", key, store.ErrNotFound)
	case err != nil:
		return "", d.explain("read a setting", err)
	}
	return value, nil
}

// SetSetting implements store.Settings.
func (d *DB) SetSetting(ctx context.Context, key, value string) error {
	_, err := d.noted(ctx, "write a setting", `INSERT OR REPLACE INTO settings (key, value) VALUES (?, ?)`, key, value)
	return err
}
