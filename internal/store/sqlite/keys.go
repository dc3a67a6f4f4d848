package sqlite

import (
	"context"
	"crypto/sha256"
	"database/sql"
	"encoding/json"
	"errors"
	"fmt"
	"time"

	"github.com/dragoman/dragoman/internal/identity"
)

// InsertKey implements identity.Store.
func (d *DB) InsertKey(ctx context.Context, k identity.Key) error {
	grants, err := json.Marshal(k.Grants)
	if err != nil {
		return fmt.Errorf("write an API key: %w", err)
	}
	_, err = d.noted(ctx, "write an API key", `INSERT INTO keys (`+keyColumns+`) VALUES `+tuples(1, 10),
		k.ID, k.Name, k.Prefix, k.Hash[:], nanos(k.Created), nanos(k.Revoked), nanos(k.Expires), oldHash(k), nanos(k.OldUntil), string(grants))
	if taken(err) {
		return fmt.Errorf("key %s: %w", k.ID, identity.ErrKeyExists)
	}
	return err
}

// oldHash is nothing where a key was never rotated.
func oldHash(k identity.Key) any {
	if k.OldUntil.IsZero() {
		return nil
	}
	return k.OldHash[:]
}

const keyColumns = `id, name, prefix, hash, created, revoked, expires, old_hash, old_until, grants`

func scanKey(scan func(...any) error) (k identity.Key, err error) {
	var hash, old []byte
	var created, revoked, expires, oldUntil int64
	var grants string
	if err := scan(&k.ID, &k.Name, &k.Prefix, &hash, &created, &revoked, &expires, &old, &oldUntil, &grants); err != nil {
		return identity.Key{}, err
	}
	if copy(k.Hash[:], hash) != sha256.Size || len(hash) != sha256.Size {
		return identity.Key{}, fmt.Errorf("key %s has a hash of %d bytes", k.ID, len(hash))
	}
	copy(k.OldHash[:], old)
	if err := json.Unmarshal([]byte(grants), &k.Grants); err != nil {
		return identity.Key{}, fmt.Errorf("key %s: what it may do cannot be read: %w", k.ID, err)
	}
	k.Created, k.Revoked, k.Expires, k.OldUntil = fromNanos(created), fromNanos(revoked), fromNanos(expires), fromNanos(oldUntil)
	return k, nil
}

// KeyByHash implements identity.Store.
func (d *DB) KeyByHash(ctx context.Context, hash [sha256.Size]byte) (identity.Key, error) {
	k, err := scanKey(d.read.QueryRowContext(ctx, `SELECT `+keyColumns+` FROM keys WHERE hash = ?1 OR old_hash = ?1`, hash[:]).Scan)
	switch {
	case errors.Is(err, sql.ErrNoRows):
		return k, identity.ErrNoKey
	case err != nil:
		return k, d.explain("read an API key", err)
	}
	return k, nil
}

// RotateKey implements identity.Store.
func (d *DB) RotateKey(ctx context.Context, id string, hash [sha256.Size]byte, prefix string, oldUntil, expires time.Time) error {
	n, err := d.noted(ctx, "rotate an API key", `UPDATE keys SET old_hash = hash, old_until = ?, hash = ?, prefix = ?, expires = ? WHERE id = ?`,
		nanos(oldUntil), hash[:], prefix, nanos(expires), id)
	if err == nil && n == 0 {
		return fmt.Errorf("key %s: %w", id, identity.ErrNoKey)
	}
	return err
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
	n, err := d.noted(ctx, "revoke an API key", `UPDATE keys SET revoked = iif(revoked = 0, ?, revoked) WHERE id = ?`, nanos(at), id)
	if err == nil && n == 0 {
		return fmt.Errorf("key %s: %w", id, identity.ErrNoKey)
	}
	return err
}
