package identity

import (
	"context"
	"crypto/sha256"
	"crypto/subtle"
	"errors"
	"fmt"
	"io"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/google/uuid"
)

var (
	// ErrNoKey says that there is no such key.
	ErrNoKey = errors.New("no such API key")
	// ErrKeyExists says that a key with this ID or hash is already there.
	ErrKeyExists = errors.New("API key exists already")
	// ErrNoTerm says that a key has expired, and nobody has said when it will again.
	ErrNoTerm = errors.New("it has expired; say how long it is to be good, for example --expires 90d")
	// ErrKeyName says that a name cannot be given to a key.
	ErrKeyName = errors.New("a key needs a name of 1 to 100 characters on one line")
)

// Store keeps the records of keys. Its methods may be called from many goroutines and many processes at once.
type Store interface {
	// InsertKey returns ErrKeyExists where the ID or the hash is taken.
	InsertKey(ctx context.Context, k Key) error
	// KeyByHash returns ErrNoKey where there is none with this hash, or this old hash. A revoked key is returned like any other.
	KeyByHash(ctx context.Context, hash [sha256.Size]byte) (Key, error)
	// Keys returns all keys, the oldest first.
	Keys(ctx context.Context) ([]Key, error)
	// RevokeKey returns ErrNoKey for an unknown ID; a key that is revoked already keeps its time.
	RevokeKey(ctx context.Context, id string, at time.Time) error
	// RotateKey gives a key a new hash and prefix; the hash that it had is good until oldUntil. It returns ErrNoKey for an
	// unknown ID.
	RotateKey(ctx context.Context, id string, hash [sha256.Size]byte, prefix string, oldUntil, expires time.Time) error
	// Changes is a number that is another one after each change that was announced: what was read before may not hold any more.
	Changes() uint64
	// Announce says that something was changed. When it returns nil, no process goes on by what it read before.
	Announce(ctx context.Context) error
}

// RememberFor is how long a process goes on at most by what it has read of keys, if no change is announced.
const RememberFor = 5 * time.Second

const (
	// rememberMost bounds the memory, to about 200 KB.
	rememberMost = 1024
)

// Keys makes, checks and revokes API keys. It is safe for concurrent use.
type Keys struct {
	store  Store
	random io.Reader
	now    func() time.Time

	mu    sync.Mutex
	known map[[sha256.Size]byte]remembered
	epoch epoch // of what is known
}

// epoch is the same for as long as no key was changed: what was read before must not be remembered after.
type epoch struct {
	own    int    // how many times here
	common uint64 // Store.Changes
}

type remembered struct {
	principal Principal
	until     time.Time
}

// NewKeys works on a store. random is where keys come from, crypto/rand.Reader outside tests, and now the clock.
func NewKeys(store Store, random io.Reader, now func() time.Time) *Keys {
	return &Keys{store: store, random: random, now: now, known: map[[sha256.Size]byte]remembered{}}
}

// Create makes a key and returns it, this once, beside its record. expires is zero for a key that is good for ever.
func (k *Keys) Create(ctx context.Context, name string, g Grants, expires time.Time) (plaintext string, record Key, err error) {
	if err := g.Check(); err != nil {
		return "", Key{}, err
	}
	name = strings.TrimSpace(name)
	if name == "" || len([]rune(name)) > 100 || strings.ContainsFunc(name, func(r rune) bool { return r < ' ' || r == 0x7f }) {
		return "", Key{}, ErrKeyName
	}
	if plaintext, err = newKey(k.random); err != nil {
		return "", Key{}, err
	}
	id, err := uuid.NewRandomFromReader(k.random)
	if err != nil {
		return "", Key{}, fmt.Errorf("make an id for a key: %w", err)
	}
	record = Key{
		ID: id.String(), Name: name, Prefix: plaintext[:shownPrefix], Hash: sha256.Sum256([]byte(plaintext)), Created: k.now(), Expires: expires, Grants: g,
	}
	if err := k.store.InsertKey(ctx, record); err != nil {
		return "", Key{}, fmt.Errorf("store the new key %q: %w", name, err)
	}
	return plaintext, record, nil
}

// Verify says whose key it is, or ErrInvalidKey. A revoked key is refused by every process once Revoke has returned. The key is
// looked up by its hash, so that the time this takes tells nothing about any other key.
func (k *Keys) Verify(ctx context.Context, plaintext string) (Principal, error) {
	if !wellFormed(plaintext) {
		return Principal{}, ErrInvalidKey
	}
	hash := sha256.Sum256([]byte(plaintext))
	p, epoch, ok := k.recall(hash)
	if ok {
		return p, nil
	}
	asked := k.now()
	record, err := k.store.KeyByHash(ctx, hash)
	switch {
	case errors.Is(err, ErrNoKey):
		return Principal{}, ErrInvalidKey
	case err != nil:
		return Principal{}, fmt.Errorf("look up an API key: %w", err)
	case !record.Revoked.IsZero():
		return Principal{}, ErrInvalidKey
	}
	goodUntil := record.Expires
	switch old := subtle.ConstantTimeCompare(record.OldHash[:], hash[:]) == 1; {
	case subtle.ConstantTimeCompare(record.Hash[:], hash[:]) == 1:
	case old && k.now().Before(record.OldUntil):
		goodUntil = record.OldUntil
	default:
		return Principal{}, ErrInvalidKey
	}
	if !goodUntil.IsZero() && !k.now().Before(goodUntil) {
		return Principal{}, ErrExpired
	}
	p = Principal{KeyID: record.ID, Name: record.Name}
	if !record.Grants.None() {
		p.Grants = &record.Grants
	}
	k.remember(hash, p, epoch, asked, goodUntil)
	return p, nil
}

// Rotate gives a key a new secret, which it returns, this once; the old one is good for overlap, but not beyond its term. expires
// is the key's new term, of which zero never ends; nil leaves it as it was, which is ErrNoTerm where that is over. It returns
// ErrNoKey for an unknown ID, or a revoked one.
func (k *Keys) Rotate(ctx context.Context, id string, overlap time.Duration, expires *time.Time) (plaintext string, err error) {
	keys, err := k.List(ctx)
	if err != nil {
		return "", err
	}
	i := slices.IndexFunc(keys, func(o Key) bool { return o.ID == id && o.Revoked.IsZero() })
	if i < 0 {
		return "", fmt.Errorf("rotate API key %s: %w", id, ErrNoKey)
	}
	term, oldUntil := keys[i].Expires, k.now().Add(max(overlap, 0))
	if !term.IsZero() && term.Before(oldUntil) {
		oldUntil = term
	}
	switch {
	case expires != nil:
		term = *expires
	case !term.IsZero() && !k.now().Before(term):
		return "", fmt.Errorf("rotate API key %s: %w", id, ErrNoTerm)
	}
	if plaintext, err = newKey(k.random); err != nil {
		return "", err
	}
	err = k.store.RotateKey(ctx, id, sha256.Sum256([]byte(plaintext)), plaintext[:shownPrefix], oldUntil, term)
	if err = k.changed(ctx, err); err != nil {
		return "", fmt.Errorf("rotate API key %s: %w", id, err)
	}
	return plaintext, nil
}

// changed makes the next check of any key ask the store, here and elsewhere; also where changing it failed, and may have written
// nevertheless: a look-up is cheap.
func (k *Keys) changed(ctx context.Context, err error) error {
	k.mu.Lock()
	clear(k.known)
	k.epoch.own++
	k.mu.Unlock()
	return errors.Join(err, k.store.Announce(ctx))
}

// List returns all keys, the oldest first.
func (k *Keys) List(ctx context.Context) ([]Key, error) {
	keys, err := k.store.Keys(ctx)
	if err != nil {
		return nil, fmt.Errorf("list API keys: %w", err)
	}
	return keys, nil
}

// Revoke makes a key invalid for good, in all processes when it returns. It returns ErrNoKey for an unknown ID; revoking twice is no error.
func (k *Keys) Revoke(ctx context.Context, id string) error {
	if err := k.changed(ctx, k.store.RevokeKey(ctx, id, k.now())); err != nil {
		return fmt.Errorf("revoke API key %s: %w", id, err)
	}
	return nil
}

func (k *Keys) recall(hash [sha256.Size]byte) (p Principal, e epoch, ok bool) {
	common := k.store.Changes()
	k.mu.Lock()
	defer k.mu.Unlock()
	if common != k.epoch.common {
		clear(k.known)
		k.epoch.common = common
	}
	r, ok := k.known[hash]
	return r.principal, k.epoch, ok && k.now().Before(r.until)
}

func (k *Keys) remember(hash [sha256.Size]byte, p Principal, e epoch, asked, goodUntil time.Time) {
	k.mu.Lock()
	defer k.mu.Unlock()
	if e != k.epoch {
		return
	}
	if len(k.known) >= rememberMost {
		clear(k.known)
	}
	until := asked.Add(RememberFor)
	if !goodUntil.IsZero() && goodUntil.Before(until) {
		until = goodUntil
	}
	k.known[hash] = remembered{principal: p, until: until}
}
