package server

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/dragoman/dragoman/internal/assistant"
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

// explainTrace says in plain words how an answer came about: to whoever asked, with what they may see now; to operators without what was
// said.
func (s *Server) explainTrace(w http.ResponseWriter, r *http.Request, p principal) {
	rec, err := s.Traces.Trace(r.Context(), r.PathValue("id"))
	own := err == nil && rec.Principal == p.Owner()
	if errors.Is(err, store.ErrNotFound) || err == nil && !own && !s.operates(p) {
		s.fail(w, chatDoor, "", &chat.Error{Code: chat.CodeNotFound, Message: "there is no such trace, or it is not yours"})
		return
	}
	var tr assistant.Trace
	if err == nil {
		err = json.Unmarshal(rec.Body, &tr)
	}
	if err != nil {
		s.trouble(w, "read a trace", err)
		return
	}
	sees := func(string, string) bool { return false }
	if st := s.state(); st.Sees != nil {
		sees = func(collection, path string) bool { return st.Sees(r.Context(), p, collection, path) }
	}
	s.json(w, http.StatusOK, tr.Explain(assistant.Reader{Sees: sees, Outside: !own}))
}
