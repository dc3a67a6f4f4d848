package server

import (
	"encoding/json"
	"net/http"

	"github.com/dragoman/dragoman/internal/chat"
)

// getCollection answers GET /api/collections/{c}.
func (s *Server) getCollection(w http.ResponseWriter, r *http.Request, p principal) {
	c, err := s.state().Library.Collection(r.Context(), p, r.PathValue("collection"))
	if err != nil {
		s.trouble(w, "look at a collection", err)
		return
	}
	s.json(w, http.StatusOK, c)
}

// listRuns answers GET /api/collections/{c}/runs?limit=N: how syncs went, the newest first; the one under way has its progress.
func (s *Server) listRuns(w http.ResponseWriter, r *http.Request, p principal) {
	limit, err := limitOf(r, 20, 100)
	if err != nil {
		s.trouble(w, "", err)
		return
	}
	runs, err := s.state().Library.Runs(r.Context(), p, r.PathValue("collection"), limit)
	if err != nil {
		s.trouble(w, "list the runs of a collection", err)
		return
	}
	s.json(w, http.StatusOK, map[string]any{"runs": runs})
}

// startSync answers POST /api/collections/{c}/sync, with {"rebuild": true} or nothing. The run shows among the runs.
func (s *Server) startSync(w http.ResponseWriter, r *http.Request, p principal) {
	body, err := s.readBody(w, r)
	if err != nil {
		s.trouble(w, "read a request", err)
		return
	}
	var in struct {
		Rebuild bool `json:"rebuild"`
	}
	if len(body) > 0 {
		if err := json.Unmarshal(body, &in); err != nil {
			s.trouble(w, "", &chat.Error{Code: chat.CodeInvalidRequest, Message: "the body is nothing or {\"rebuild\": true}: " + err.Error()})
			return
		}
	}
	if err := s.state().Library.Ask(r.Context(), p, r.PathValue("collection"), in.Rebuild); err != nil {
		s.trouble(w, "ask for a sync", err)
		return
	}
	s.json(w, http.StatusAccepted, map[string]any{"collection": r.PathValue("collection"), "accepted": true})
}

// compactCollection answers POST /api/collections/{c}/compact. Searches go on meanwhile.
func (s *Server) compactCollection(w http.ResponseWriter, r *http.Request, p principal) {
	before, after, err := s.state().Library.Compact(r.Context(), p, r.PathValue("collection"))
	if err != nil {
		s.trouble(w, "compact a collection", err)
		return
	}
	s.json(w, http.StatusOK, struct {
		Before int64 `json:"before"`
		After  int64 `json:"after"`
	}{before, after})
}

// maxHook bounds what is read of a webhook's call, whose caller is not known before its signature is checked over all of it.
const maxHook = 4 << 20

// webhook answers POST /api/collections/{c}/webhook. Who calls it has no key: the call is signed.
func (s *Server) webhook(w http.ResponseWriter, r *http.Request) {
	r.Body = http.MaxBytesReader(w, r.Body, maxHook)
	body, err := s.readBody(w, r)
	if err != nil {
		s.trouble(w, "read a request", err)
		return
	}
	if err := s.state().Library.Hook(r.PathValue("collection"), r.Header, body); err != nil {
		s.trouble(w, "", err)
		return
	}
	s.json(w, http.StatusAccepted, map[string]any{"accepted": true})
}
