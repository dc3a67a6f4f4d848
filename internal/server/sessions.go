package server

import (
	"bytes"
	"encoding/json"
	"net/http"
	"strconv"

	"github.com/google/uuid"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/conversation"
)

func (s *Server) sessionRoutes(open func(string, *door, handler)) {
	open("GET /api/sessions", chatDoor, s.listSessions)
	open("POST /api/sessions", chatDoor, s.createSession)
	open("GET /api/sessions/{id}", chatDoor, s.getSession)
	open("PATCH /api/sessions/{id}", chatDoor, s.changeSession)
	open("DELETE /api/sessions/{id}", chatDoor, s.deleteSession)
	open("POST /api/sessions/{id}/fork", chatDoor, s.forkSession)
	open("PUT /api/sessions/{id}/messages/{number}", chatDoor, s.editMessage)
}

// number is a number in the query; 0 where it is not there.
func number(r *http.Request, name string) (int, error) {
	text := r.URL.Query().Get(name)
	if text == "" {
		return 0, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 {
		return 0, &chat.Error{Code: chat.CodeInvalidRequest, Param: name, Message: name + " is a number from 1 on"}
	}
	return n, nil
}

// readJSON reads a body into v, of which it must have no other fields. An empty one is no field at all.
func (s *Server) readJSON(w http.ResponseWriter, r *http.Request, v any) error {
	body, err := s.readBody(w, r)
	if err != nil || len(body) == 0 {
		return err
	}
	dec := json.NewDecoder(bytes.NewReader(body))
	dec.DisallowUnknownFields()
	if err := dec.Decode(v); err != nil {
		return &chat.Error{Code: chat.CodeInvalidRequest, Message: "the body is no JSON object as expected: " + err.Error(), Err: err}
	}
	return nil
}

func (s *Server) listSessions(w http.ResponseWriter, r *http.Request, p principal) {
	q := r.URL.Query()
	limit, err := number(r, "limit")
	if err != nil {
		s.trouble(w, "", err)
		return
	}
	list, next, err := s.Sessions.List(r.Context(), p.Owner(), conversation.Query{Text: q.Get("q"), Limit: limit, Next: q.Get("next")})
	if err != nil {
		s.trouble(w, "list the sessions", err)
		return
	}
	s.json(w, http.StatusOK, struct {
		Sessions []conversation.Info `json:"sessions"`
		Next     string              `json:"next,omitempty"` // for ?next= of the page after
	}{list, next})
}

func (s *Server) createSession(w http.ResponseWriter, r *http.Request, p principal) {
	var in struct {
		ID        string `json:"id"`
		Title     string `json:"title"`
		Assistant string `json:"assistant"`
	}
	err := s.readJSON(w, r, &in)
	if err == nil && in.Assistant != "" {
		_, err = s.state().Assistants.Find(r.Context(), in.Assistant)
	}
	if in.ID == "" {
		in.ID = newSessionID()
	}
	var made conversation.Info
	if err == nil {
		made, err = s.Sessions.Create(r.Context(), p.Owner(), conversation.Info{ID: in.ID, Title: in.Title, Assistant: in.Assistant})
	}
	s.tell(w, http.StatusCreated, made, "make a session", err)
}

func newSessionID() string { return "ses_" + uuid.NewString() }

// tell answers with what was made, or with what went wrong.
func (s *Server) tell(w http.ResponseWriter, status int, v any, what string, err error) {
	if err != nil {
		s.trouble(w, what, err)
		return
	}
	s.json(w, status, v)
}

func (s *Server) getSession(w http.ResponseWriter, r *http.Request, p principal) {
	info, turns, err := s.Sessions.Get(r.Context(), p.Owner(), r.PathValue("id"), r.URL.Query().Get("branches") == "all")
	s.tell(w, http.StatusOK, struct {
		conversation.Info
		Turns []conversation.Turn `json:"turns"`
	}{info, turns}, "read a session", err)
}

// changeSession renames a session, or goes on with another of its branches.
func (s *Server) changeSession(w http.ResponseWriter, r *http.Request, p principal) {
	var in struct {
		Title *string `json:"title"`
		Head  *int    `json:"head"`
	}
	err := s.readJSON(w, r, &in)
	if err == nil && in.Title == nil && in.Head == nil {
		err = &chat.Error{Code: chat.CodeInvalidRequest, Message: "nothing is to be changed: send title, or head with the number of a message"}
	}
	var info conversation.Info
	if err == nil && in.Head != nil {
		info, err = s.Sessions.Switch(r.Context(), p.Owner(), r.PathValue("id"), *in.Head)
	}
	if err == nil && in.Title != nil {
		info, err = s.Sessions.Rename(r.Context(), p.Owner(), r.PathValue("id"), *in.Title)
	}
	s.tell(w, http.StatusOK, info, "change a session", err)
}

func (s *Server) deleteSession(w http.ResponseWriter, r *http.Request, p principal) {
	err := s.Sessions.Delete(r.Context(), p.Owner(), r.PathValue("id"))
	s.tell(w, http.StatusOK, struct {
		ID      string `json:"id"`
		Deleted bool   `json:"deleted"`
	}{r.PathValue("id"), true}, "delete a session", err)
}

func (s *Server) forkSession(w http.ResponseWriter, r *http.Request, p principal) {
	var in struct {
		ID      string `json:"id"`
		Title   string `json:"title"`
		Message int    `json:"message"`
	}
	err := s.readJSON(w, r, &in)
	if in.ID == "" {
		in.ID = newSessionID()
	}
	var info conversation.Info
	if err == nil {
		info, err = s.Sessions.Fork(r.Context(), p.Owner(), r.PathValue("id"), in.Message, conversation.Info{ID: in.ID, Title: in.Title})
	}
	s.tell(w, http.StatusCreated, info, "fork a session", err)
}

func (s *Server) editMessage(w http.ResponseWriter, r *http.Request, p principal) {
	var in struct {
		Text string `json:"text"`
	}
	err := s.readJSON(w, r, &in)
	at, bad := strconv.Atoi(r.PathValue("number"))
	if err == nil && bad != nil {
		err = &chat.Error{Code: chat.CodeInvalidRequest, Message: "messages have numbers: " + strconv.Quote(r.PathValue("number")) + " is none"}
	}
	out := struct {
		Number int `json:"number"`
		Edits  int `json:"edits"`
	}{Edits: at}
	if err == nil {
		out.Number, err = s.Sessions.Edit(r.Context(), p.Owner(), r.PathValue("id"), at, in.Text)
	}
	s.tell(w, http.StatusOK, out, "edit a message", err)
}
