package identity

import (
	"context"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"net/netip"
	"reflect"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"pgregory.net/rapid"
)

// shelf is a store in memory that counts how often it is asked.
type shelf struct {
	mu      sync.Mutex
	keys    []Key
	lookups int
	during  func() // runs inside KeyByHash, after the record was read
	changes atomic.Uint64
}

func (s *shelf) Changes() uint64 { return s.changes.Load() }

func (s *shelf) Announce(context.Context) error {
	s.changes.Add(1)
	return nil
}

func (s *shelf) InsertKey(_ context.Context, k Key) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.keys = append(s.keys, k)
	return nil
}

func (s *shelf) KeyByHash(_ context.Context, hash [sha256.Size]byte) (Key, error) {
	s.mu.Lock()
	s.lookups++
	found, err := Key{}, ErrNoKey
	for _, k := range s.keys {
		if k.Hash == hash || k.OldHash == hash {
			found, err = k, nil
		}
	}
	during := s.during
	s.mu.Unlock()
	if during != nil {
		during()
	}
	return found, err
}

func (s *shelf) Keys(context.Context) ([]Key, error) { return s.keys, nil }

func (s *shelf) RevokeKey(_ context.Context, id string, at time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.keys {
		if s.keys[i].ID == id {
			s.keys[i].Revoked = at
			return nil
		}
	}
	return ErrNoKey
}

func (s *shelf) RotateKey(_ context.Context, id string, hash [sha256.Size]byte, prefix string, oldUntil, expires time.Time) error {
	s.mu.Lock()
	defer s.mu.Unlock()
	for i := range s.keys {
		if k := &s.keys[i]; k.ID == id {
			k.OldHash, k.OldUntil, k.Hash, k.Prefix, k.Expires = k.Hash, oldUntil, hash, prefix, expires
			return nil
		}
	}
	return ErrNoKey
}

func setup() (*Keys, *shelf, *time.Time) {
	now := time.Date(2026, 11, 1, 12, 0, 0, 0, time.UTC)
	s := &shelf{}
	return NewKeys(s, rand.Reader, func() time.Time { return now }), s, &now
}

func create(t *testing.T, k *Keys, name string) (string, Key) {
	t.Helper()
	plaintext, record, err := k.Create(t.Context(), name, Grants{}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	return plaintext, record
}

func TestCreateAndVerify(t *testing.T) {
	k, s, now := setup()
	plaintext, record := create(t, k, " ci ")
	if len(plaintext) != 40 || !strings.HasPrefix(plaintext, "dgm_") || record.Prefix != plaintext[:8] || record.Name != "ci" {
		t.Errorf("key %q, record %+v", plaintext, record)
	}
	if !record.Created.Equal(*now) || !reflect.DeepEqual(s.keys[0], record) {
		t.Errorf("stored %+v, returned %+v", s.keys[0], record)
	}
	p, err := k.Verify(t.Context(), plaintext)
	if err != nil || p != (Principal{KeyID: record.ID, Name: "ci"}) {
		t.Errorf("Verify: %+v, %v", p, err)
	}
}

func TestVerifyRefuses(t *testing.T) {
	k, s, _ := setup()
	plaintext, _ := create(t, k, "ci")
	other, err := newKey(rand.Reader) // well formed, but not ours
	if err != nil {
		t.Fatal(err)
	}
	for name, key := range map[string]string{
		"nothing": "", "prefix only": "dgm_", "cut": plaintext[:39], "longer": plaintext + "0", "another prefix": "sk-" + plaintext[4:] + "0",
		"unknown": other, "strange characters": "dgm_" + strings.Repeat("é", 18), "upper case": strings.ToUpper(plaintext),
	} {
		if _, err := k.Verify(t.Context(), key); !errors.Is(err, ErrInvalidKey) {
			t.Errorf("%s: %v", name, err)
		}
	}
	if s.lookups != 1 {
		t.Errorf("%d lookups: only a well-formed key is worth one", s.lookups)
	}
}

// Whichever character of a key is mistyped, the checksum tells.
func TestChecksumCatchesTypos(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		key, err := newKey(rand.Reader)
		if err != nil || !wellFormed(key) {
			t.Fatalf("newKey: %q, %v", key, err)
		}
		at := rapid.IntRange(4, keyLength-1).Draw(t, "at")
		to := base62[rapid.IntRange(0, 61).Draw(t, "to")]
		typo := key[:at] + string(to) + key[at+1:]
		if wellFormed(typo) != (typo == key) {
			t.Fatalf("%q passes for %q", typo, key)
		}
	})
}

func TestRevoke(t *testing.T) {
	k, s, now := setup()
	plaintext, record := create(t, k, "ci")
	elsewhere := NewKeys(s, rand.Reader, func() time.Time { return *now }) // another process on the same store
	for range 3 {
		if _, err := elsewhere.Verify(t.Context(), plaintext); err != nil {
			t.Fatal(err)
		}
	}
	if s.lookups != 1 {
		t.Errorf("%d lookups for three checks within a moment", s.lookups)
	}
	if err := k.Revoke(t.Context(), record.ID); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Verify(t.Context(), plaintext); !errors.Is(err, ErrInvalidKey) {
		t.Errorf("here, at once: %v", err)
	}
	if _, err := elsewhere.Verify(t.Context(), plaintext); !errors.Is(err, ErrInvalidKey) {
		t.Errorf("elsewhere, at once: %v", err)
	}
	if err := k.Revoke(t.Context(), "nobody"); !errors.Is(err, ErrNoKey) {
		t.Errorf("revoke an unknown key: %v", err)
	}
}

// Where nobody could announce it, what was remembered is forgotten after a while.
func TestRevokedUnheard(t *testing.T) {
	k, s, now := setup()
	plaintext, record := create(t, k, "ci")
	if _, err := k.Verify(t.Context(), plaintext); err != nil {
		t.Fatal(err)
	}
	if err := s.RevokeKey(t.Context(), record.ID, *now); err != nil {
		t.Fatal(err)
	}
	*now = now.Add(RememberFor)
	if _, err := k.Verify(t.Context(), plaintext); !errors.Is(err, ErrInvalidKey) {
		t.Errorf("after %v: %v", RememberFor, err)
	}
}

// A key that is revoked while a check of it is on its way must not be remembered as good.
func TestRevokeDuringVerify(t *testing.T) {
	k, s, _ := setup()
	plaintext, record := create(t, k, "ci")
	s.during = func() {
		s.during = nil
		if err := k.Revoke(t.Context(), record.ID); err != nil {
			t.Error(err)
		}
	}
	if _, err := k.Verify(t.Context(), plaintext); err != nil {
		t.Fatal(err)
	}
	if _, err := k.Verify(t.Context(), plaintext); !errors.Is(err, ErrInvalidKey) {
		t.Errorf("after the revocation: %v", err)
	}
}

func TestMemoryIsBounded(t *testing.T) {
	k, _, _ := setup()
	for i := range rememberMost + 10 {
		k.remember([sha256.Size]byte{byte(i), byte(i >> 8)}, Principal{}, epoch{}, time.Now(), time.Time{})
	}
	if len(k.known) > rememberMost {
		t.Errorf("%d keys remembered", len(k.known))
	}
}

func TestCreateRefuses(t *testing.T) {
	k, s, _ := setup()
	for _, name := range []string{"", "  ", "two\nlines", strings.Repeat("x", 101)} {
		if _, _, err := k.Create(t.Context(), name, Grants{}, time.Time{}); !errors.Is(err, ErrKeyName) {
			t.Errorf("name %q: %v", name, err)
		}
	}
	dry := NewKeys(s, strings.NewReader("short"), time.Now)
	if _, _, err := dry.Create(t.Context(), "ci", Grants{}, time.Time{}); err == nil {
		t.Error("a key was made without randomness")
	}
	if len(s.keys) != 0 {
		t.Errorf("stored %+v", s.keys)
	}
}

func TestPrincipalInContext(t *testing.T) {
	if _, ok := FromContext(t.Context()); ok {
		t.Error("somebody is in an empty context")
	}
	want := Principal{KeyID: "k", Name: "n"}
	if p, ok := FromContext(WithPrincipal(t.Context(), want)); !ok || p != want {
		t.Errorf("%+v, %v", p, ok)
	}
}

func FuzzVerify(f *testing.F) {
	f.Add("dgm_")
	f.Add("dgm_0123456789012345678901234567890123456789")
	f.Fuzz(func(t *testing.T, s string) {
		k, _, _ := setup()
		if _, err := k.Verify(t.Context(), s); !errors.Is(err, ErrInvalidKey) {
			t.Errorf("%q: %v", s, err)
		}
	})
}

func TestExpiry(t *testing.T) {
	k, _, now := setup()
	plaintext, _, err := k.Create(t.Context(), "short", Grants{}, now.Add(3*time.Second))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Verify(t.Context(), plaintext); err != nil {
		t.Fatal(err)
	}
	*now = now.Add(3 * time.Second) // sooner than what is remembered
	if _, err := k.Verify(t.Context(), plaintext); !errors.Is(err, ErrExpired) {
		t.Errorf("%v", err)
	}
}

func TestRotate(t *testing.T) {
	k, _, now := setup()
	old, record := create(t, k, "ci")
	if _, err := k.Verify(t.Context(), old); err != nil {
		t.Fatal(err)
	}
	fresh, err := k.Rotate(t.Context(), record.ID, time.Hour, nil)
	if err != nil || fresh == old {
		t.Fatal(fresh, err)
	}
	for _, key := range []string{old, fresh} {
		if p, err := k.Verify(t.Context(), key); err != nil || p.KeyID != record.ID {
			t.Errorf("%+v, %v", p, err)
		}
	}
	*now = now.Add(time.Hour)
	if _, err := k.Verify(t.Context(), old); err == nil {
		t.Error("the old secret outlives its overlap")
	}
	if _, err := k.Verify(t.Context(), fresh); err != nil {
		t.Error(err)
	}
	if _, err := k.Rotate(t.Context(), "nobody", 0, nil); !errors.Is(err, ErrNoKey) {
		t.Error(err)
	}
}

// A key's term outlives its secrets, unless it is said anew; and no old secret outlives its term.
func TestRotateTerms(t *testing.T) {
	k, s, now := setup()
	end := now.Add(time.Hour)
	old, record, err := k.Create(t.Context(), "short", Grants{}, end)
	if err != nil {
		t.Fatal(err)
	}
	second, err := k.Rotate(t.Context(), record.ID, 24*time.Hour, nil)
	if err != nil || !s.keys[0].Expires.Equal(end) || !s.keys[0].OldUntil.Equal(end) {
		t.Fatalf("%+v, %v", s.keys[0], err)
	}
	*now = end
	for _, key := range []string{old, second} {
		if _, err := k.Verify(t.Context(), key); err == nil {
			t.Error("a secret outlives the term")
		}
	}
	if _, err := k.Rotate(t.Context(), record.ID, 0, nil); !errors.Is(err, ErrNoTerm) {
		t.Errorf("a term that is over goes on: %v", err)
	}
	third, err := k.Rotate(t.Context(), record.ID, 24*time.Hour, &time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	if _, err := k.Verify(t.Context(), second); err == nil {
		t.Error("an expired secret came back")
	}
	*now = now.AddDate(10, 0, 0)
	if _, err := k.Verify(t.Context(), third); err != nil {
		t.Errorf("a key without a term: %v", err)
	}
}

func TestGrants(t *testing.T) {
	k, _, _ := setup()
	if _, _, err := k.Create(t.Context(), "x", Grants{Networks: []string{"10.0.0.0/33"}}, time.Time{}); err == nil {
		t.Error("a strange network was taken")
	}
	plaintext, _, err := k.Create(t.Context(), "x", Grants{Team: "shop", Networks: []string{"10.0.0.0/8", "192.0.2.7"}, Assistants: []string{"sup*"}}, time.Time{})
	if err != nil {
		t.Fatal(err)
	}
	p, err := k.Verify(t.Context(), plaintext)
	if err != nil || p.Team() != "shop" || !p.MayAsk("support") || p.MayAsk("hr") {
		t.Errorf("%+v, %v", p, err)
	}
	for addr, ok := range map[string]bool{"10.9.8.7": true, "::ffff:10.9.8.7": true, "192.0.2.7": true, "192.0.2.8": false, "::1": false} {
		if p.From(netip.MustParseAddr(addr)) != ok {
			t.Errorf("from %s: %v", addr, !ok)
		}
	}
}
