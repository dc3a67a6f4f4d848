package storetest

import (
	"crypto/sha256"
	"sync/atomic"
	"testing"
	"time"

	"golang.org/x/sync/errgroup"

	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/store"
)

func key(id string) identity.Key {
	return identity.Key{ID: id, Name: "ci", Prefix: "dgm_abcd", Hash: sha256.Sum256([]byte(id)), Created: start}
}

func keys(t *testing.T, s store.Store) {
	ctx := t.Context()
	one, two := key("b"), key("a")
	two.Created = start.Add(1)
	must(t, s.InsertKey(ctx, two))
	must(t, s.InsertKey(ctx, one))

	got, err := s.KeyByHash(ctx, one.Hash)
	must(t, err)
	same(t, "key", got, one)
	_, err = s.KeyByHash(ctx, sha256.Sum256([]byte("x")))
	wrong(t, "an unknown hash", err, identity.ErrNoKey)

	revoked := start.Add(time.Hour)
	must(t, s.RevokeKey(ctx, "b", revoked))
	must(t, s.RevokeKey(ctx, "b", revoked.Add(time.Hour)))
	one.Revoked = revoked
	list, err := s.Keys(ctx)
	must(t, err)
	same(t, "keys, the oldest first", list, []identity.Key{one, two})
	wrong(t, "revoke an unknown key", s.RevokeKey(ctx, "x", revoked), identity.ErrNoKey)
}

func uniqueKeys(t *testing.T, s store.Store) {
	ctx := t.Context()
	var made atomic.Int64
	var g errgroup.Group
	for range 8 {
		g.Go(func() error {
			if s.InsertKey(ctx, key("a")) == nil {
				made.Add(1)
			}
			return nil
		})
	}
	must(t, g.Wait())
	same(t, "made", made.Load(), int64(1))
	wrong(t, "the same ID", s.InsertKey(ctx, key("a")), identity.ErrKeyExists)
	sameHash := key("b")
	sameHash.Hash = key("a").Hash
	wrong(t, "the same hash", s.InsertKey(ctx, sameHash), identity.ErrKeyExists)
}

// changes are told by another number, for good.
func changes(t *testing.T, s store.Store) {
	seen := map[uint64]bool{s.Changes(): true}
	for range 3 {
		if again := s.Changes(); !seen[again] {
			t.Fatal("the number changed, and nothing was announced")
		}
		must(t, s.Announce(t.Context()))
		if n := s.Changes(); seen[n] {
			t.Fatalf("the number is %d again", n)
		}
		seen[s.Changes()] = true
	}
}
