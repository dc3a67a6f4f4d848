package server

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/store"
)

// handler answers a request of somebody who is known.
type handler func(http.ResponseWriter, *http.Request, principal)

// credential is the key that a request carries, as each vendor's SDK sends it.
func credential(r *http.Request) string {
	if v := r.Header["Authorization"]; len(v) > 0 {
		if key, ok := strings.CutPrefix(v[0], "Bearer "); ok {
			return strings.TrimSpace(key)
		}
	}
	for _, name := range []string{"X-Api-Key", "X-Goog-Api-Key", "Api-Key"} {
		if v := r.Header[name]; len(v) > 0 {
			return strings.TrimSpace(v[0])
		}
	}
	if strings.HasPrefix(r.URL.Path, "/v1beta/") { // Google's oldest way
		return r.URL.Query().Get("key")
	}
	return ""
}

// authenticated lets a request through that carries a good key. What is wrong is said in the door's shape.
func (s *Server) authenticated(d *door, next handler) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key := credential(r)
		p, err := s.Keys.Verify(r.Context(), key)
		if errors.Is(err, identity.ErrExpired) {
			s.fail(w, d, "", &chat.Error{Code: chat.CodeUnauthorized, Message: err.Error()})
			return
		}
		if errors.Is(err, identity.ErrInvalidKey) {
			message := "the API key is not valid; `dragoman key list` shows those there are"
			if key == "" {
				message = "an API key is needed: send Authorization: Bearer KEY, x-api-key or x-goog-api-key (`dragoman key create NAME` makes one)"
			}
			s.fail(w, d, "", &chat.Error{Code: chat.CodeUnauthorized, Message: message})
			return
		}
		if errors.Is(err, store.ErrUnreachable) {
			s.Log.Error("check a key", "err", err)
			s.fail(w, d, "", &chat.Error{Code: chat.CodeOverloaded, RetryAfter: 5 * time.Second, Message: "the database with the keys cannot be reached; try again in a moment"})
			return
		}
		if err != nil {
			s.Log.Error("check a key", "err", err)
			s.fail(w, d, "", &chat.Error{Code: chat.CodeInternal, Message: "the key could not be checked; see the server's log"})
			return
		}
		if p.Grants != nil && len(p.Grants.Networks) > 0 {
			if from := s.origin(r); !from.IsValid() || !p.From(from) {
				s.fail(w, d, "", &chat.Error{Code: chat.CodeForbidden, Message: "the API key may not be used from this network"})
				return
			}
		}
		if rec, ok := w.(*recorder); ok {
			rec.key = p.Name
		}
		next(w, r, p)
	})
}
