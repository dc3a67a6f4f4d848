package server

import (
	"encoding/json"
	"errors"
	"net/http"

	"github.com/dragoman/dragoman/internal/assistant"
	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/store"
)

// getTrace returns the trace of a turn to whoever asked for the turn, with what they may see now.
func (s *Server) getTrace(w http.ResponseWriter, r *http.Request, p principal) {
	rec, tr, ok := s.trace(w, r, func(owner string) bool { return owner == p.Owner() })
	if !ok {
		return
	}
	if seen := tr.For(s.reader(r, p)); seen != tr {
		s.json(w, http.StatusOK, seen)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(rec.Body)
}

// explainTrace says in plain words how an answer came about: to whoever asked, with what they may see now; to operators without what was
// said.
func (s *Server) explainTrace(w http.ResponseWriter, r *http.Request, p principal) {
	rec, tr, ok := s.trace(w, r, func(owner string) bool { return owner == p.Owner() || s.operates(p) })
	if !ok {
		return
	}
	reader := s.reader(r, p)
	reader.Outside = rec.Principal != p.Owner()
	s.json(w, http.StatusOK, tr.Explain(reader))
}

// trace reads what a request asks for, and answers it where there is nothing that its owner lets it have.
func (s *Server) trace(w http.ResponseWriter, r *http.Request, may func(owner string) bool) (rec store.Trace, tr *assistant.Trace, ok bool) {
	rec, err := s.Traces.Trace(r.Context(), r.PathValue("id"))
	if errors.Is(err, store.ErrNotFound) || err == nil && !may(rec.Principal) {
		// Another's trace is not there either: its existence is nobody's business.
		s.fail(w, chatDoor, "", &chat.Error{Code: chat.CodeNotFound, Message: "there is no such trace, or it is not yours"})
		return rec, nil, false
	}
	tr = &assistant.Trace{}
	if err == nil {
		err = json.Unmarshal(rec.Body, tr)
	}
	if err != nil {
		s.trouble(w, "read a trace", err)
		return rec, nil, false
	}
	return rec, tr, true
}

// reader is somebody who reads of a turn, and sees what they may see now.
func (s *Server) reader(r *http.Request, p principal) assistant.Reader {
	sees := s.state().Sees
	return assistant.Reader{Sees: func(collection, path string) bool {
		return sees != nil && sees(r.Context(), p, collection, path)
	}}
}
