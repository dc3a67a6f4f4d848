package server

import (
	"net/http"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/feedback"
)

func (s *Server) feedbackRoutes(open func(string, *door, handler)) {
	open("POST /api/feedback", chatDoor, s.giveFeedback)
	open("GET /api/feedback", chatDoor, s.listFeedback)
	open("GET /api/feedback/precision", chatDoor, s.feedbackPrecision)
}

// giveFeedback keeps what somebody says of an answer of theirs.
func (s *Server) giveFeedback(w http.ResponseWriter, r *http.Request, p principal) {
	var g feedback.Given
	if err := s.readJSON(w, r, &g); err != nil {
		s.trouble(w, "read feedback", err)
		return
	}
	e, err := s.Feedback.Give(r.Context(), p, g)
	if err != nil {
		s.trouble(w, "keep feedback", err)
		return
	}
	s.json(w, http.StatusCreated, map[string]any{"trace": e.Trace, "rating": e.Rating, "created": e.Created})
}

// listFeedback lists one's own, and to operators everybody's.
func (s *Server) listFeedback(w http.ResponseWriter, r *http.Request, p principal) {
	v := r.URL.Query()
	limit, err := number(r, "limit")
	if err != nil {
		s.trouble(w, "", err)
		return
	}
	q := feedback.Query{Principal: p.Owner(), Assistant: v.Get("assistant"), Rating: v.Get("rating"), Limit: limit}
	if s.operates(p) {
		q.Principal = ""
	}
	if before := v.Get("before"); before != "" {
		if q.Before, err = time.Parse(time.RFC3339, before); err != nil {
			s.trouble(w, "", &chat.Error{Code: chat.CodeInvalidRequest, Param: "before", Message: "before is a time like 2026-01-31T12:00:00Z: the created of the last one"})
			return
		}
	}
	list, err := s.Feedback.List(r.Context(), q)
	if err != nil {
		s.trouble(w, "list feedback", err)
		return
	}
	s.json(w, http.StatusOK, map[string]any{"feedback": list})
}

// feedbackPrecision reports on one's own feedback, and to operators on everybody's: GET /api/feedback/precision?assistant=...&since=...
func (s *Server) feedbackPrecision(w http.ResponseWriter, r *http.Request, p principal) {
	v := r.URL.Query()
	q := feedback.Query{Principal: p.Owner(), Assistant: v.Get("assistant")}
	if s.operates(p) {
		q.Principal = ""
	}
	if since := v.Get("since"); since != "" {
		var err error
		if q.Since, err = time.Parse(time.RFC3339, since); err != nil {
			s.trouble(w, "", &chat.Error{Code: chat.CodeInvalidRequest, Param: "since", Message: "since is a time like 2026-01-31T12:00:00Z"})
			return
		}
	}
	list, err := s.Feedback.Rated(r.Context(), q)
	if err != nil {
		s.trouble(w, "read feedback", err)
		return
	}
	s.json(w, http.StatusOK, map[string]any{"precision": feedback.Precisions(list)})
}

// operates says whether somebody is an operator.
func (s *Server) operates(p principal) bool {
	is := s.state().Operator
	return is != nil && is(p)
}
