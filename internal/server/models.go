package server

import (
	"context"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect/anthropic"
	"github.com/dragoman/dragoman/internal/dialect/gemini"
	"github.com/dragoman/dragoman/internal/dialect/openai"
)

// listedFor is how long the providers' lists of models are believed: they change by the week, and asking takes seconds.
const listedFor = 5 * time.Minute

// modelList remembers what the providers listed.
type modelList struct {
	mu    sync.Mutex
	names []string
	at    time.Time
}

// forget makes the next request ask again.
func (l *modelList) forget() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.at = time.Time{}
}

func (s *Server) modelNames(ctx context.Context) []string {
	var names []string
	assistants, err := s.state().Assistants.Names(ctx)
	if err != nil {
		s.Log.Error("list the assistants", "err", err)
	}
	for _, name := range assistants {
		names = append(names, assistantPrefix+name)
	}
	s.models.mu.Lock()
	defer s.models.mu.Unlock()
	if s.models.at.IsZero() || s.Now().Sub(s.models.at) > listedFor {
		s.models.names, s.models.at = s.state().Models.List(ctx), s.Now()
	}
	return append(names, s.models.names...)
}

// namesFor are those of the models and assistants that a key may use.
func (s *Server) namesFor(ctx context.Context, p principal) []string {
	names := s.modelNames(ctx)
	may := s.state().May
	if p.Grants == nil || may == nil {
		return names
	}
	return slices.DeleteFunc(names, func(name string) bool {
		if assistant, ok := strings.CutPrefix(name, assistantPrefix); ok {
			return !p.MayAsk(assistant)
		}
		return !may(p, name)
	})
}

// listModels answers GET /v1/models and /v1beta/models, in the shape that the caller's SDK reads: three dialects share a path.
func (s *Server) listModels(w http.ResponseWriter, r *http.Request, p principal) {
	names := s.namesFor(r.Context(), p)
	switch doorOf(r).Wire().Dialect() {
	case chat.Gemini:
		list := make([]gemini.Model, len(names))
		for i, n := range names {
			list[i] = geminiModel(n)
		}
		s.reply(w, gemini.EncodeModels(list, ""))
	case chat.Anthropic:
		s.reply(w, anthropic.EncodeModels(names))
	default:
		s.reply(w, openai.EncodeModels(modelInfos(names)))
	}
}

func (s *Server) getModel(w http.ResponseWriter, r *http.Request, p principal) {
	id := r.PathValue("id")
	known := slices.Contains(s.namesFor(r.Context(), p), id)
	switch of := doorOf(r).Wire().Dialect(); {
	case of == chat.Gemini && known:
		s.reply(w, gemini.EncodeModel(geminiModel(id)))
	case of == chat.Anthropic && known:
		s.reply(w, anthropic.EncodeModel(id))
	case known:
		s.reply(w, openai.EncodeModel(modelInfos([]string{id})[0]))
	default:
		s.fail(w, doorOf(r), "", &chat.Error{Code: chat.CodeNotFound, Param: "model", Message: "there is no such model; GET " + strings.TrimSuffix(r.URL.Path, "/"+id) + " lists those there are"})
	}
}

func geminiModel(name string) gemini.Model {
	return gemini.Model{Name: name, DisplayName: name, Methods: []string{"generateContent", "countTokens"}}
}

func modelInfos(names []string) []openai.ModelInfo {
	out := make([]openai.ModelInfo, len(names))
	for i, n := range names {
		out[i] = openai.ModelInfo{ID: n, OwnedBy: "dragoman"}
	}
	return out
}
