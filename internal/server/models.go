package server

import (
	"context"
	"net/http"
	"slices"
	"sync"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect/openai"
	"github.com/dragoman/dragoman/internal/identity"
)

// listedFor is how long the providers' lists of models are believed: they change by the week, and asking takes seconds.
const listedFor = 5 * time.Minute

// modelList remembers what the providers listed.
type modelList struct {
	mu    sync.Mutex
	names []string
	at    time.Time
}

func (s *Server) modelNames(ctx context.Context) []string {
	var names []string
	for name := range s.Assistants {
		names = append(names, assistantPrefix+name)
	}
	slices.Sort(names)
	s.models.mu.Lock()
	defer s.models.mu.Unlock()
	if s.models.at.IsZero() || s.Now().Sub(s.models.at) > listedFor {
		s.models.names, s.models.at = s.Models.List(ctx), s.Now()
	}
	return append(names, s.models.names...)
}

func (s *Server) listModels(w http.ResponseWriter, r *http.Request, _ identity.Principal) {
	w.Header().Set("Content-Type", "application/json")
	w.Write(openai.EncodeModels(modelInfos(s.modelNames(r.Context()))))
}

func (s *Server) getModel(w http.ResponseWriter, r *http.Request, _ identity.Principal) {
	id := r.PathValue("id")
	if !slices.Contains(s.modelNames(r.Context()), id) {
		s.fail(w, chatDoor, "", &chat.Error{Code: chat.CodeNotFound, Param: "model", Message: "there is no such model; GET /v1/models lists those there are"})
		return
	}
	w.Header().Set("Content-Type", "application/json")
	w.Write(openai.EncodeModel(modelInfos([]string{id})[0]))
}

func modelInfos(names []string) []openai.ModelInfo {
	out := make([]openai.ModelInfo, len(names))
	for i, n := range names {
		out[i] = openai.ModelInfo{ID: n, OwnedBy: "dragoman"}
	}
	return out
}
