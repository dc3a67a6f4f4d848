package server

import (
	"errors"
	"net/http"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/store"
)

// getTrace returns the trace of a turn to whoever asked for the turn.
func (s *Server) getTrace(w http.ResponseWriter, r *http.Request, p principal) {
	tr, err := s.Traces.Trace(r.Context(), r.PathValue("id"))
	if err == nil && tr.Principal != p.Owner() || errors.Is(err, store.ErrNotFound) {
		// Another's trace is not there either: its existence is nobody's business.
		s.fail(w, chatDoor, "", &chat.Error{Code: chat.CodeNotFound, Message: "there is no such trace, or it is not yours"})
		return
	}
	if err != nil {
		s.Log.Error("read a trace", "err", err)
		s.fail(w, chatDoor, "", &chat.Error{Code: chat.CodeInternal, Message: "the trace could not be read; see the server's log"})
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(tr.Body)
}
