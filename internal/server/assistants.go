package server

import (
	"context"
	"net/http"

	"github.com/dragoman/dragoman/internal/assistant"
	"github.com/dragoman/dragoman/internal/chat"
)

// Assistants finds assistants and keeps their versions. What it returns as any is for JSON; errors that are the caller's are
// *chat.Error.
type Assistants interface {
	// Find returns an assistant by NAME or NAME@VERSION.
	Find(ctx context.Context, ref string) (assistant.Definition, error)
	// Names lists them, sorted.
	Names(ctx context.Context) ([]string, error)
	// Listing lists those that somebody may ask.
	Listing(ctx context.Context, p principal) (any, error)
	// Describe returns the definition of NAME or NAME@VERSION to an editor, Versions what there is of an assistant, Compare the lines in
	// which two versions differ.
	Describe(ctx context.Context, p principal, ref string) (any, error)
	Versions(ctx context.Context, p principal, name string) (any, error)
	Compare(ctx context.Context, p principal, name, from, to string) (any, error)
	// Draft saves a version, and Place puts one in place: that before, where version is empty.
	Draft(ctx context.Context, p principal, name string, body []byte, note string) (any, error)
	Place(ctx context.Context, p principal, name, version, note string) (any, error)
}

// assistantRoutes are those of the management of assistants.
func (s *Server) assistantRoutes(open func(pattern string, d *door, h handler)) {
	told := func(status int, what string, get func(r *http.Request, p principal, of Assistants) (any, error)) handler {
		return func(w http.ResponseWriter, r *http.Request, p principal) {
			v, err := get(r, p, s.state().Assistants)
			if err != nil {
				s.trouble(w, what, err)
				return
			}
			s.json(w, status, v)
		}
	}
	open("GET /api/assistants", chatDoor, told(http.StatusOK, "list the assistants", func(r *http.Request, p principal, of Assistants) (any, error) {
		return of.Listing(r.Context(), p)
	}))
	open("GET /api/assistants/{ref}", chatDoor, told(http.StatusOK, "show an assistant", func(r *http.Request, p principal, of Assistants) (any, error) {
		return of.Describe(r.Context(), p, r.PathValue("ref"))
	}))
	open("GET /api/assistants/{name}/versions", chatDoor, told(http.StatusOK, "list the versions of an assistant", func(r *http.Request, p principal, of Assistants) (any, error) {
		return of.Versions(r.Context(), p, r.PathValue("name"))
	}))
	open("GET /api/assistants/{name}/diff", chatDoor, told(http.StatusOK, "compare versions of an assistant", func(r *http.Request, p principal, of Assistants) (any, error) {
		from := r.URL.Query().Get("from")
		if from == "" {
			return nil, &chat.Error{Code: chat.CodeInvalidRequest, Param: "from", Message: "which version is compared is missing: ?from=VERSION, and &to=VERSION where that is not the one that holds"}
		}
		return of.Compare(r.Context(), p, r.PathValue("name"), from, r.URL.Query().Get("to"))
	}))
	open("PUT /api/assistants/{name}", chatDoor, s.draftAssistant)
	open("POST /api/assistants/{name}/publish", chatDoor, s.publishAssistant)
}

// draftAssistant answers PUT /api/assistants/NAME?note=...: the body is the definition, YAML or JSON.
func (s *Server) draftAssistant(w http.ResponseWriter, r *http.Request, p principal) {
	body, err := s.readBody(w, r)
	if err != nil {
		s.trouble(w, "read a definition", err)
		return
	}
	v, err := s.state().Assistants.Draft(r.Context(), p, r.PathValue("name"), body, r.URL.Query().Get("note"))
	if err != nil {
		s.trouble(w, "save an assistant", err)
		return
	}
	s.json(w, http.StatusCreated, v)
}

// publishAssistant answers POST /api/assistants/NAME/publish?version=...&note=...
func (s *Server) publishAssistant(w http.ResponseWriter, r *http.Request, p principal) {
	q := r.URL.Query()
	v, err := s.state().Assistants.Place(r.Context(), p, r.PathValue("name"), q.Get("version"), q.Get("note"))
	if err != nil {
		s.trouble(w, "publish an assistant", err)
		return
	}
	s.json(w, http.StatusOK, v)
}
