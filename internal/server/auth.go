package server

import (
	"errors"
	"net/http"
	"strings"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/identity"
)

// authenticated lets a request through that carries a good key, as the OpenAI SDKs send it (Authorization: Bearer) or the
// Anthropic ones (x-api-key).
func (s *Server) authenticated(next func(http.ResponseWriter, *http.Request, identity.Principal)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		key, ok := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
		if !ok {
			key = r.Header.Get("x-api-key")
		}
		p, err := s.Keys.Verify(r.Context(), strings.TrimSpace(key))
		if errors.Is(err, identity.ErrInvalidKey) {
			message := "the API key is not valid; `dragoman key list` shows those there are"
			if key == "" {
				message = "an API key is needed: send Authorization: Bearer KEY (`dragoman key create NAME` makes one)"
			}
			s.fail(w, "", &chat.Error{Code: chat.CodeUnauthorized, Message: message})
			return
		}
		if err != nil {
			s.Log.Error("check a key", "err", err)
			s.fail(w, "", &chat.Error{Code: chat.CodeInternal, Message: "the key could not be checked; see the server's log"})
			return
		}
		if rec, ok := w.(*recorder); ok {
			rec.key = p.Name
		}
		next(w, r.WithContext(identity.WithPrincipal(r.Context(), p)), p)
	})
}
