package identity

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"strings"
	"time"
)

// Key is the record of an API key. The key itself is shown once, when it is made, and kept nowhere.
type Key struct {
	ID      string
	Name    string            // who or what uses it, as the operator called it
	Prefix  string            // the first eight characters, so that people can tell keys apart
	Hash    [sha256.Size]byte // SHA-256 of the whole key; its 190 random bits need no slow hash
	Created time.Time
	Revoked time.Time // zero while it is good
	Expires time.Time // zero: never
	// OldHash is that of the key before its last rotation, good until OldUntil.
	OldHash  [sha256.Size]byte
	OldUntil time.Time
	Grants   Grants
}

// Good says whether the key opens anything at a time.
func (k *Key) Good(at time.Time) bool {
	return k.Revoked.IsZero() && (k.Expires.IsZero() || at.Before(k.Expires))
}

// A key is "dgm_", 32 random characters and a checksum of four over everything before it, all base62. The checksum lets
// scanners tell a key from noise, and lets us refuse a mistyped one without asking the database.
const (
	keyPrefix   = "dgm_"
	keyRandom   = 32
	keyChecksum = 4
	keyLength   = len(keyPrefix) + keyRandom + keyChecksum
	shownPrefix = 8
	base62      = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
)

// ErrInvalidKey says that a text is no key of ours, or that it was revoked. Which of these, a caller without a key has no
// business to know.
var ErrInvalidKey = errors.New("the API key is not valid")

// ErrExpired says that a key was good once.
var ErrExpired = errors.New("the API key has expired; `dragoman key rotate` gives it a new secret and term")

// newKey makes a key from a source of randomness.
func newKey(random io.Reader) (string, error) {
	b := make([]byte, 0, keyLength)
	b = append(b, keyPrefix...)
	var one [1]byte
	for len(b) < len(keyPrefix)+keyRandom {
		if _, err := io.ReadFull(random, one[:]); err != nil {
			return "", fmt.Errorf("make a random key: %w", err)
		}
		// 248 is the largest multiple of 62 in a byte; what lies above would favour the first characters.
		if one[0] < 248 {
			b = append(b, base62[one[0]%62])
		}
	}
	return string(b) + checksum(string(b)), nil
}

// checksum is CRC-32 (IEEE) modulo 62^4, in base62.
func checksum(s string) string {
	n := crc32.ChecksumIEEE([]byte(s))
	var c [keyChecksum]byte
	for i := keyChecksum - 1; i >= 0; i-- {
		c[i] = base62[n%62]
		n /= 62
	}
	return string(c[:])
}

// wellFormed says whether a text can be a key at all.
func wellFormed(s string) bool {
	if len(s) != keyLength || !strings.HasPrefix(s, keyPrefix) {
		return false
	}
	body := s[:keyLength-keyChecksum]
	for _, c := range []byte(body[len(keyPrefix):]) {
		if strings.IndexByte(base62, c) < 0 {
			return false
		}
	}
	return s[len(body):] == checksum(body)
}
