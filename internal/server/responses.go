package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
	"github.com/dragoman/dragoman/internal/dialect/responses"
	"github.com/dragoman/dragoman/internal/route"
	"github.com/dragoman/dragoman/internal/store"
)

// storedResponse is what is kept of an answer that may be referred to.
type storedResponse struct {
	Response json.RawMessage   `json:"response"` // as the caller got it
	Previous string            `json:"previous,omitempty"`
	Input    []json.RawMessage `json:"input"` // of this request
	Output   []json.RawMessage `json:"output"`
	Privacy  route.Privacy     `json:"privacy,omitempty"` // what goes on with it has this label, too
}

// respond answers POST /v1/responses.
func (s *Server) respond(w http.ResponseWriter, r *http.Request, p principal) {
	fail := func(err error) { s.fail(w, responsesDoor, "", chat.AsError(err)) }
	body, err := s.readBody(w, r)
	if err != nil {
		fail(err)
		return
	}
	in, body, err := s.conversationOf(r, p, body)
	if err != nil {
		fail(err)
		return
	}
	req, err := responses.DecodeRequest(body)
	if err != nil {
		fail(err)
		return
	}
	previous := req.PreviousID
	if in != "" {
		if req, previous, err = s.withCalls(r.Context(), p, in, req); err != nil {
			fail(err)
			return
		}
		req.Conversation = in
	}
	var label route.Privacy
	if req.PreviousID != "" {
		before, internal, err := s.conversation(r.Context(), p, req.PreviousID)
		label = internal
		if err == nil {
			req, err = responses.Expand(before, req)
		}
		if err != nil {
			fail(err)
			return
		}
	}
	d := &door{Door: responses.Door{Request: req}}
	var keep func(*sink, dialect.Answer) error
	if req.Store {
		keep = func(o *sink, a dialect.Answer) error { return s.keepResponse(r.Context(), p, req, previous, o, a) }
	}
	s.run(w, r, d, req.Request, p, label, keep)
}

// maxTurnsBack bounds how far a chain of responses is followed.
const maxTurnsBack = 200

// conversation is the input and output of a response and of those before it, the earliest first, and the strictest label
// that any of them had.
func (s *Server) conversation(ctx context.Context, p principal, id string) (items []json.RawMessage, label route.Privacy, err error) {
	var turns [][]json.RawMessage
	for at := id; at != "" && len(turns) < maxTurnsBack; {
		r, err := s.stored(ctx, p, at)
		if err != nil {
			if e := chat.AsError(err); e.Code == chat.CodeNotFound {
				e.Code, e.Param = chat.CodeInvalidRequest, "previous_response_id"
				return nil, "", e
			}
			return nil, "", err
		}
		turns = append(turns, append(r.Input, r.Output...))
		label = label.Stricter(r.Privacy)
		at = r.Previous
	}
	for i := len(turns) - 1; i >= 0; i-- {
		items = append(items, turns[i]...)
	}
	return items, label, nil
}

func (s *Server) stored(ctx context.Context, p principal, id string) (*storedResponse, error) {
	r, err := s.Responses.Response(ctx, p.Owner(), id)
	if errors.Is(err, store.ErrNotFound) {
		return nil, &chat.Error{Code: chat.CodeNotFound, Message: "there is no response " + id + "; it was not stored (store: false), has been deleted, or is not yours"}
	}
	if err != nil {
		return nil, err
	}
	var out storedResponse
	if err := json.Unmarshal(r.Body, &out); err != nil {
		return nil, err
	}
	if len(out.Response) == 0 { // what tools did before a call was handed back is kept beside responses
		return nil, &chat.Error{Code: chat.CodeNotFound, Message: "there is no response " + id}
	}
	return &out, nil
}

// keepResponse stores an answer before its end is written: whoever sees the end may refer to it.
func (s *Server) keepResponse(ctx context.Context, p principal, req *responses.Request, previous string, o *sink, a dialect.Answer) error {
	kept := storedResponse{Previous: previous, Input: req.Input, Privacy: o.turn.Privacy}
	var id string
	if enc, ok := o.enc.(*responses.StreamEncoder); ok {
		kept.Response, kept.Output, id = enc.Response(a), enc.Items(), enc.ID()
	} else {
		kept.Response, kept.Output, id = o.door.Whole(o.meta, a), responses.Output(o.meta, a), responses.ID(o.meta, a)
	}
	if len(kept.Response) == 0 {
		return nil
	}
	body, err := json.Marshal(kept)
	if err != nil {
		return err
	}
	ctx = context.WithoutCancel(ctx)
	if err := s.Responses.SaveResponse(ctx, store.Response{ID: id, Principal: p.Owner(), Created: o.meta.Created, Body: body}); err != nil || req.Conversation == "" {
		return err
	}
	b, err := s.beside(ctx, p, req.Conversation)
	if err != nil {
		return err
	}
	b.Head = id
	return s.keepBeside(ctx, p, req.Conversation, b)
}

func (s *Server) getResponse(w http.ResponseWriter, r *http.Request, p principal) {
	kept, err := s.stored(r.Context(), p, r.PathValue("id"))
	if err != nil {
		s.fail(w, responsesDoor, "", chat.AsError(err))
		return
	}
	s.reply(w, kept.Response)
}

func (s *Server) deleteResponse(w http.ResponseWriter, r *http.Request, p principal) {
	id := r.PathValue("id")
	err := s.Responses.DeleteResponse(r.Context(), p.Owner(), id)
	if errors.Is(err, store.ErrNotFound) {
		err = &chat.Error{Code: chat.CodeNotFound, Message: "there is no response " + id + " of yours"}
	}
	if err != nil {
		s.fail(w, responsesDoor, "", chat.AsError(err))
		return
	}
	s.reply(w, responses.Deleted(id))
}

func (s *Server) listInputItems(w http.ResponseWriter, r *http.Request, p principal) {
	id := r.PathValue("id")
	kept, err := s.stored(r.Context(), p, id)
	if err != nil {
		s.fail(w, responsesDoor, "", chat.AsError(err))
		return
	}
	list, err := listOf(r)
	if err != nil {
		s.fail(w, responsesDoor, "", chat.AsError(err))
		return
	}
	s.reply(w, responses.InputItems(id, kept.Input, list))
}
