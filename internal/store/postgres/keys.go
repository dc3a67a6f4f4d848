package postgres

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"time"

	"github.com/jackc/pgx/v5"

	"github.com/dragoman/dragoman/internal/identity"
)

const keyColumns = `id, name, prefix, hash, created, revoked, expires, old_hash, old_until, grants`

// InsertKey implements identity.Store.
func (d *DB) InsertKey(ctx context.Context, k identity.Key) error {
	grants, err := json.Marshal(k.Grants)
	if err != nil {
		return fmt.Errorf("write an API key: %w", err)
	}
	var old []byte // none where it was never rotated
	if !k.OldUntil.IsZero() {
		old = k.OldHash[:]
	}
	_, err = d.noted(ctx, "write an API key", `INSERT INTO keys (`+keyColumns+`) VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10)`,
		clean(k.ID), clean(k.Name), clean(k.Prefix), k.Hash[:], nanos(k.Created), nanos(k.Revoked), nanos(k.Expires), old, nanos(k.OldUntil), clean(string(grants)))
	if taken(err) {
		return fmt.Errorf("key %s: %w", k.ID, identity.ErrKeyExists)
	}
	return err
}

// keyRow is a key as it is stored.
type keyRow struct {
	identity.Key
	hash, old                           []byte
	created, revoked, expires, oldUntil int64
	grants                              string
}

func (r *keyRow) fields() []any {
	return []any{&r.ID, &r.Name, &r.Prefix, &r.hash, &r.created, &r.revoked, &r.expires, &r.old, &r.oldUntil, &r.grants}
}

func (r *keyRow) key() (identity.Key, error) {
	if len(r.hash) != sha256.Size {
		return identity.Key{}, fmt.Errorf("key %s has a hash of %d bytes", r.ID, len(r.hash))
	}
	k := r.Key
	copy(k.Hash[:], r.hash)
	copy(k.OldHash[:], r.old)
	if err := json.Unmarshal([]byte(r.grants), &k.Grants); err != nil {
		return identity.Key{}, fmt.Errorf("key %s: what it may do cannot be read: %w", r.ID, err)
	}
	k.Created, k.Revoked, k.Expires, k.OldUntil = fromNanos(r.created), fromNanos(r.revoked), fromNanos(r.expires), fromNanos(r.oldUntil)
	return k, nil
}

// KeyByHash implements identity.Store.
func (d *DB) KeyByHash(ctx context.Context, hash [sha256.Size]byte) (identity.Key, error) {
	var r keyRow
	if err := d.row(ctx, "read an API key", identity.ErrNoKey, `SELECT `+keyColumns+` FROM keys WHERE hash = $1 OR old_hash = $1`, []any{hash[:]}, r.fields()...); err != nil {
		return identity.Key{}, err
	}
	return r.key()
}

// RotateKey implements identity.Store.
func (d *DB) RotateKey(ctx context.Context, id string, hash [sha256.Size]byte, prefix string, oldUntil, expires time.Time) error {
	n, err := d.noted(ctx, "rotate an API key", `UPDATE keys SET old_hash = hash, old_until = $1, hash = $2, prefix = $3, expires = $4 WHERE id = $5`,
		nanos(oldUntil), hash[:], clean(prefix), nanos(expires), clean(id))
	return known(id, n, err)
}

// known says that there is no key where a change touched none.
func known(id string, n int, err error) error {
	if err == nil && n == 0 {
		return fmt.Errorf("key %s: %w", id, identity.ErrNoKey)
	}
	return err
}

// Keys implements identity.Store.
func (d *DB) Keys(ctx context.Context) ([]identity.Key, error) {
	return list(ctx, d, "list API keys", `SELECT `+keyColumns+` FROM keys ORDER BY created, id`, nil, func(rows pgx.Rows) (identity.Key, error) {
		var r keyRow
		if err := rows.Scan(r.fields()...); err != nil {
			return identity.Key{}, err
		}
		return r.key()
	})
}

// RevokeKey implements identity.Store.
func (d *DB) RevokeKey(ctx context.Context, id string, at time.Time) error {
	n, err := d.noted(ctx, "revoke an API key", `UPDATE keys SET revoked = CASE revoked WHEN 0 THEN $1 ELSE revoked END WHERE id = $2`, nanos(at), clean(id))
	return known(id, n, err)
}
