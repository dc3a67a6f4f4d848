package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"errors"
	"fmt"
	"time"

	"github.com/dragoman/dragoman/internal/identity"
)

// InsertKey implements identity.Store.
func (d *DB) InsertKey(ctx context.Context, k identity.Key) error {
	_, err := d.write.ExecContext(ctx, `INSERT INTO keys (id, name, prefix, hash, created, revoked) VALUES (?, ?, ?, ?, ?, ?)`,
		k.ID, k.Name, k.Prefix, k.Hash[:], nanos(k.Created), nanos(k.Revoked))
	switch {
	case taken(err):
		return fmt.Errorf("key %s: %w", k.ID, identity.ErrKeyExists)
	case err != nil:
		return d.explain("write an API key", err)
	}
	return nil
}

const keyColumns = `id, name, prefix, hash, created, revoked`

func scanKey(scan func(...any) error) (k identity.Key, err error) {
	var hash []byte
	var created, revoked int64
	if err := scan(&k.ID, &k.Name, &k.Prefix, &hash, &created, &revoked); err != nil {
		return identity.Key{}, err
	}
	if copy(k.Hash[:], hash) != sha256.Size || len(hash) != sha256.Size {
		return identity.Key{}, fmt.Errorf("key %s has a hash of %d bytes", k.ID, len(hash))
	}
	k.Created, k.Revoked = fromNanos(created), fromNanos(revoked)
	return k, nil
}

// KeyByHash implements identity.Store.
func (d *DB) KeyByHash(ctx context.Context, hash [sha256.Size]byte) (identity.Key, error) {
	k, err := scanKey(d.read.QueryRowContext(ctx, `SELECT `+keyColumns+` FROM keys WHERE hash = ?`, hash[:]).Scan)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return k, identity.ErrNoKey
	case err != nil:
		return k, d.explain("read an API key", err)
	}
	return k, nil
}

// Keys implements identity.Store.
func (d *DB) Keys(ctx context.Context) ([]identity.Key, error) {
	rows, err := d.read.QueryContext(ctx, `SELECT `+keyColumns+` FROM keys ORDER BY created, id`)
	if err != nil {
		return nil, d.explain("list API keys", err)
	}
	defer rows.Close()
	var keys []identity.Key
	for rows.Next() {
		k, err := scanKey(rows.Scan)
		if err != nil {
			return nil, d.explain("list API keys", err)
		}
		keys = append(keys, k)
	}
	if err := rows.Err(); err != nil {
		return nil, d.explain("list API keys", err)
	}
	return keys, nil
}

// RevokeKey implements identity.Store.
func (d *DB) RevokeKey(ctx context.Context, id string, at time.Time) error {
	res, err := d.write.ExecContext(ctx, `UPDATE keys SET revoked = iif(revoked = 0, ?, revoked) WHERE id = ?`, nanos(at), id)
	if err != nil {
		return d.explain("revoke an API key", err)
	}
	n, err := res.RowsAffected()
	if err == nil && n == 0 {
		return fmt.Errorf("key %s: %w", id, identity.ErrNoKey)
	}
	return err
}
