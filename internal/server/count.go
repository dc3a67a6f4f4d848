package server

import (
	"context"
	"net/http"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect/anthropic"
	"github.com/dragoman/dragoman/internal/dialect/gemini"
	"github.com/dragoman/dragoman/internal/route"
)

// Counter counts the tokens of prompts: by the provider where it can, else by estimate.
type Counter interface {
	Count(ctx context.Context, req *chat.Request, p principal, privacy route.Privacy) (tokens int64, err error)
}

// countMessages answers POST /v1/messages/count_tokens.
func (s *Server) countMessages(w http.ResponseWriter, r *http.Request, p principal) {
	counting := *messagesDoor
	counting.decode = func(_ *http.Request, body []byte) (*chat.Request, error) { return anthropic.DecodeRequest(body, true) }
	if n, ok := s.count(w, r, p, &counting); ok {
		s.reply(w, anthropic.EncodeCount(n))
	}
}

// countGemini answers :countTokens.
func (s *Server) countGemini(w http.ResponseWriter, r *http.Request, p principal) {
	counting := *geminiDoor
	counting.decode = func(r *http.Request, body []byte) (*chat.Request, error) {
		model, _ := geminiPath(r)
		return gemini.DecodeCountTokens(model, body)
	}
	if n, ok := s.count(w, r, p, &counting); ok {
		s.reply(w, gemini.EncodeTokens(gemini.Tokens{Total: n}))
	}
}

func (s *Server) count(w http.ResponseWriter, r *http.Request, p principal, d *door) (int64, bool) {
	req, err := s.readRequest(w, r, d)
	var o own
	if err == nil {
		o, err = readOwn(req)
	}
	var label route.Privacy
	if err == nil {
		label, err = privacyOf(r, o.Privacy)
	}
	var n int64
	if err == nil {
		n, err = s.state().Counter.Count(r.Context(), req, p, label)
	}
	if err != nil {
		s.fail(w, d, "", chat.AsError(err))
		return 0, false
	}
	return n, true
}

// reply writes a JSON body.
func (s *Server) reply(w http.ResponseWriter, body []byte) {
	w.Header()["Content-Type"] = jsonType
	w.Write(body)
}
