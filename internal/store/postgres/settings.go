package postgres

import (
	"context"
	"fmt"

	"github.com/dragoman/dragoman/internal/store"
)

// Setting implements store.Settings.
func (d *DB) Setting(ctx context.Context, key string) (value string, err error) {
	err = d.row(ctx, "read a setting", fmt.Errorf("setting %s: %w", key, store.ErrNotFound), `SELECT value FROM settings WHERE key = $1`, []any{clean(key)}, &value)
	return value, err
}

// SetSetting implements store.Settings.
func (d *DB) SetSetting(ctx context.Context, key, value string) error {
	_, err := d.noted(ctx, "write a setting", `INSERT INTO settings (key, value) VALUES ($1, $2) ON CONFLICT (key) DO UPDATE SET value = excluded.value`, clean(key), clean(value))
	return err
}
