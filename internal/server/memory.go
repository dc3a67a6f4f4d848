package server

import (
	"net/http"
	"strconv"
	"time"

	"github.com/dragoman/dragoman/internal/audit"
	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/memory"
)

func (s *Server) memoryRoutes(open func(string, *door, handler)) {
	open("GET /api/memory", chatDoor, s.listMemories)
	open("GET /api/memory/export", chatDoor, s.exportMemories)
	open("POST /api/memory", chatDoor, s.addMemory)
	open("PATCH /api/memory/{id}", chatDoor, s.editMemory)
	open("DELETE /api/memory/{id}", chatDoor, s.eraseMemory)
	open("DELETE /api/memory", chatDoor, s.eraseMemories)
}

// ownerOf is whose memories a request is about: the key's user; else, for a program with a key of its own, whom it names by ?user=.
func ownerOf(r *http.Request, p principal) string {
	return memory.Owner(p, r.URL.Query().Get("user"))
}

func (s *Server) listMemories(w http.ResponseWriter, r *http.Request, p principal) {
	q := r.URL.Query()
	var assistant *string
	if q.Has("assistant") {
		name := q.Get("assistant")
		assistant = &name
	}
	list, err := s.Memories.List(r.Context(), ownerOf(r, p), assistant, q.Get("history") == "true")
	s.tell(w, http.StatusOK, struct {
		Memories []memory.Memory `json:"memories"`
	}{list}, "list the memories", err)
}

// exportMemories tells everything, the history included, as a file.
func (s *Server) exportMemories(w http.ResponseWriter, r *http.Request, p principal) {
	list, err := s.Memories.List(r.Context(), ownerOf(r, p), nil, true)
	if err == nil {
		err = s.Audit.Record(r.Context(), audit.DataExported, "memories", strconv.Itoa(len(list))+" of "+ownerOf(r, p))
	}
	if err == nil {
		w.Header().Set("Content-Disposition", `attachment; filename="memories.json"`)
	}
	s.tell(w, http.StatusOK, struct {
		Exported time.Time       `json:"exported"`
		Memories []memory.Memory `json:"memories"`
	}{s.Now().UTC(), list}, "export the memories", err)
}

func (s *Server) addMemory(w http.ResponseWriter, r *http.Request, p principal) {
	var in struct {
		Text      string      `json:"text"`
		Kind      memory.Kind `json:"kind"`
		Assistant string      `json:"assistant"`
		Expires   time.Time   `json:"expires"`
	}
	err := s.readJSON(w, r, &in)
	switch {
	case err != nil:
	case in.Kind != "" && in.Kind != memory.Fact && in.Kind != memory.Preference:
		err = &chat.Error{Code: chat.CodeInvalidRequest, Param: "kind", Message: "kind is fact or preference"}
	case in.Assistant != "":
		_, err = s.state().Assistants.Find(r.Context(), in.Assistant)
	}
	out := struct {
		memory.Memory
		Merged   bool     `json:"merged,omitempty"`
		Replaces []string `json:"replaces,omitempty"`
	}{}
	if err == nil {
		var c memory.Change
		c, err = s.Memories.Remember(r.Context(), ownerOf(r, p), memory.Memory{Text: in.Text, Kind: in.Kind, Assistant: in.Assistant, Expires: in.Expires, Source: memory.Written})
		out.Memory, out.Merged, out.Replaces = c.Memory, c.Merged, c.Replaced
	}
	s.tell(w, http.StatusCreated, out, "remember something", err)
}

func (s *Server) editMemory(w http.ResponseWriter, r *http.Request, p principal) {
	var in struct {
		Text    *string    `json:"text"`
		Expires *time.Time `json:"expires"`
	}
	err := s.readJSON(w, r, &in)
	if err == nil && in.Text == nil && in.Expires == nil {
		err = &chat.Error{Code: chat.CodeInvalidRequest, Message: "nothing is to be changed: send text, or expires with a time"}
	}
	var m memory.Memory
	if err == nil {
		m, err = s.Memories.Edit(r.Context(), ownerOf(r, p), r.PathValue("id"), in.Text, in.Expires)
	}
	s.tell(w, http.StatusOK, m, "change a memory", err)
}

func (s *Server) eraseMemory(w http.ResponseWriter, r *http.Request, p principal) {
	n, err := s.Memories.Erase(r.Context(), ownerOf(r, p), r.PathValue("id"))
	s.erased(w, n, err)
}

// eraseMemories erases everything, but for a request that does not say so: a client that has lost the id must not.
func (s *Server) eraseMemories(w http.ResponseWriter, r *http.Request, p principal) {
	if r.URL.Query().Get("all") != "true" {
		s.trouble(w, "", &chat.Error{Code: chat.CodeInvalidRequest, Param: "all", Message: "to erase all memories, send ?all=true; to erase one, name it: DELETE /api/memory/ID"})
		return
	}
	n, err := s.Memories.EraseAll(r.Context(), ownerOf(r, p))
	s.erased(w, n, err)
}

func (s *Server) erased(w http.ResponseWriter, n int, err error) {
	s.tell(w, http.StatusOK, struct {
		Erased int `json:"erased"` // memories, with those whose place others had taken
	}{n}, "erase memories", err)
}
