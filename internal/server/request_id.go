package server

import (
	"crypto/rand"
	"encoding/hex"
	"net/http"
)

// Names of headers, canonical.
const (
	headerRequestID = "X-Request-Id"
	headerCost      = "X-Dragoman-Cost"
	headerCached    = "X-Dragoman-Cached-Tokens"
)

// requestID is the caller's own name for a request, "" where it has none or one that does not belong into logs and headers.
func requestID(r *http.Request) string {
	v := r.Header[headerRequestID]
	if len(v) == 0 || len(v[0]) == 0 || len(v[0]) > 128 {
		return ""
	}
	for _, c := range []byte(v[0]) {
		switch {
		case c >= 'a' && c <= 'z', c >= 'A' && c <= 'Z', c >= '0' && c <= '9':
		case c == '-' || c == '_' || c == '.' || c == ':' || c == '/' || c == '+' || c == '=' || c == '@':
		default:
			return ""
		}
	}
	return v[0]
}

// nameRequest sees to it that the answer names its request: as the caller does, else as its trace, else by chance. Anthropic's
// SDKs read a header of their own.
func nameRequest(h http.Header, d *door, trace string) {
	id := h[headerRequestID]
	if len(id) == 0 {
		name := trace
		if name == "" {
			b := make([]byte, 12)
			rand.Read(b) // never fails (crypto/rand)
			name = "req_" + hex.EncodeToString(b)
		}
		id = []string{name}
		h[headerRequestID] = id
	}
	if d == messagesDoor {
		h["Request-Id"] = id
	}
}
