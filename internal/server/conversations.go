package server

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/google/uuid"
	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/conversation"
	"github.com/dragoman/dragoman/internal/dialect"
	"github.com/dragoman/dragoman/internal/dialect/responses"
	"github.com/dragoman/dragoman/internal/store"
)

// Conversations of the Responses API are sessions: what is said in one is kept there, as texts. What a session does not have, calls that wait
// for their results and metadata, is kept beside it as long as responses are.

func (s *Server) conversationRoutes(open func(string, *door, handler)) {
	open("POST /v1/conversations", responsesDoor, s.createConversation)
	open("GET /v1/conversations/{id}", responsesDoor, s.getConversation)
	open("POST /v1/conversations/{id}", responsesDoor, s.changeConversation)
	open("DELETE /v1/conversations/{id}", responsesDoor, s.deleteConversation)
	open("GET /v1/conversations/{id}/items", responsesDoor, s.listItems)
	open("POST /v1/conversations/{id}/items", responsesDoor, s.addItems)
}

// besideSession is what is kept of a conversation beside its session.
type besideSession struct {
	Head     string          `json:"head,omitempty"` // the last response
	Metadata json.RawMessage `json:"metadata,omitempty"`
}

// besidePrefix keeps these apart from responses.
const besidePrefix = "beside_"

func (s *Server) beside(ctx context.Context, p principal, id string) (b besideSession, err error) {
	r, err := s.Responses.Response(ctx, p.Owner(), besidePrefix+id)
	if errors.Is(err, store.ErrNotFound) {
		return b, nil
	}
	if err == nil {
		err = json.Unmarshal(r.Body, &b)
	}
	return b, err
}

func (s *Server) keepBeside(ctx context.Context, p principal, id string, b besideSession) error {
	body, err := json.Marshal(b)
	if err != nil {
		return err
	}
	err = s.Responses.DeleteResponse(ctx, p.Owner(), besidePrefix+id)
	if err != nil && !errors.Is(err, store.ErrNotFound) {
		return err
	}
	return s.Responses.SaveResponse(ctx, store.Response{ID: besidePrefix + id, Principal: p.Owner(), Created: s.Now(), Body: body})
}

// conversationOf takes the conversation that a request names out of its body; "" where it names none.
func (s *Server) conversationOf(r *http.Request, p principal, body []byte) (id string, _ []byte, err error) {
	v := gjson.GetBytes(body, "conversation")
	if !dialect.Valid(body) || !v.Exists() || v.Type == gjson.Null {
		return "", body, nil
	}
	if id = v.Str; v.IsObject() {
		id = v.Get("id").Str
	}
	wrong := func(message string) error {
		return &chat.Error{Code: chat.CodeInvalidRequest, Param: "conversation", Message: message}
	}
	switch session := gjson.GetBytes(body, "dragoman.session").Str; {
	case id == "":
		return "", nil, wrong("conversation is the id of a conversation, or an object with it")
	case gjson.GetBytes(body, "previous_response_id").Str != "":
		return "", nil, wrong("a response goes on with a conversation or with previous_response_id, not with both")
	case session != "" && session != id:
		return "", nil, wrong("dragoman.session names another conversation; give one of them")
	}
	if _, _, err := s.Sessions.Get(r.Context(), p.Owner(), id, false); err != nil {
		return "", nil, err
	}
	r.Header[headerSession] = []string{id}
	return id, dialect.Splice(body, []dialect.Patch{dialect.SetField(body, "conversation", nil)}), nil
}

// withCalls puts what a conversation's session does not have before results of calls that a request brings alone: the calls, and what led to
// them. previous is the response that made them.
func (s *Server) withCalls(ctx context.Context, p principal, id string, req *responses.Request) (_ *responses.Request, previous string, err error) {
	if !answersAlone(req.Input) {
		return req, "", nil
	}
	b, err := s.beside(ctx, p, id)
	if err != nil || b.Head == "" {
		return req, "", err
	}
	before, _, err := s.conversation(ctx, p, b.Head)
	if err != nil {
		return nil, "", err
	}
	after := *req
	after.PreviousID = b.Head
	out, err := responses.Expand(before, &after)
	if err != nil {
		return nil, "", err
	}
	out.PreviousID = ""
	return out, b.Head, nil
}

// answersAlone says whether an input has results of calls that it does not have itself.
func answersAlone(input []json.RawMessage) bool {
	made := map[string]bool{}
	for _, item := range input {
		kind, call := gjson.GetBytes(item, "type").Str, gjson.GetBytes(item, "call_id").Str
		if strings.HasSuffix(kind, "_call_output") && !made[call] {
			return true
		}
		if strings.HasSuffix(kind, "_call") {
			made[call] = true
		}
	}
	return false
}

// conversationObject is a conversation as the API shows it.
func (s *Server) conversationObject(ctx context.Context, p principal, info conversation.Info) (map[string]any, error) {
	b, err := s.beside(ctx, p, info.ID)
	if err != nil {
		return nil, err
	}
	if len(b.Metadata) == 0 {
		b.Metadata = json.RawMessage("{}")
	}
	return map[string]any{"id": info.ID, "object": "conversation", "created_at": info.Created.Unix(), "metadata": b.Metadata}, nil
}

func (s *Server) answerConversation(w http.ResponseWriter, r *http.Request, p principal, info conversation.Info, err error) {
	var made map[string]any
	if err == nil {
		made, err = s.conversationObject(r.Context(), p, info)
	}
	if err != nil {
		s.fail(w, responsesDoor, "", chat.AsError(err))
		return
	}
	s.json(w, http.StatusOK, made)
}

// metadata is checked as OpenAI does: texts, at most 16 of them.
func metadata(raw json.RawMessage) error {
	var m map[string]string
	if len(raw) == 0 {
		return nil
	}
	if err := json.Unmarshal(raw, &m); err != nil || len(m) > 16 || len(raw) > 16*1024 {
		return &chat.Error{Code: chat.CodeInvalidRequest, Param: "metadata", Message: "metadata is an object of at most 16 texts"}
	}
	return nil
}

type conversationBody struct {
	Items    json.RawMessage `json:"items"`
	Metadata json.RawMessage `json:"metadata"`
}

func (s *Server) createConversation(w http.ResponseWriter, r *http.Request, p principal) {
	var in conversationBody
	err := s.readJSON(w, r, &in)
	var said []chat.Message
	if err == nil {
		err = metadata(in.Metadata)
	}
	if err == nil {
		said, err = messagesOf(in.Items)
	}
	var info conversation.Info
	if err == nil {
		info, err = s.Sessions.Create(r.Context(), p.Owner(), conversation.Info{ID: "conv_" + strings.ReplaceAll(uuid.NewString(), "-", "")})
	}
	if err == nil && len(said) > 0 {
		err = s.Sessions.Append(r.Context(), conversation.Said{Principal: p.Owner(), Session: info.ID, After: store.AtHead, Messages: said, At: s.Now()})
	}
	if err == nil && len(in.Metadata) > 0 {
		err = s.keepBeside(r.Context(), p, info.ID, besideSession{Metadata: in.Metadata})
	}
	s.answerConversation(w, r, p, info, err)
}

// messagesOf reads items that a session can keep: texts of users and assistants.
func messagesOf(items json.RawMessage) ([]chat.Message, error) {
	if len(items) == 0 || string(items) == "null" || string(items) == "[]" {
		return nil, nil
	}
	req, err := responses.DecodeRequest(append(append([]byte(`{"model":"-","input":`), items...), '}'))
	if err != nil {
		if ce, ok := errors.AsType[*chat.Error](err); ok {
			ce.Param = strings.Replace(ce.Param, "input", "items", 1)
		}
		return nil, err
	}
	for _, m := range req.Messages {
		for _, part := range m.Parts {
			if part.Kind != chat.TextPart || m.Role != chat.User && m.Role != chat.Assistant {
				return nil, &chat.Error{Code: chat.CodeUnsupported, Param: "items", Message: "a conversation keeps texts of users and assistants; send anything else in the input of a response"}
			}
		}
	}
	return req.Messages, nil
}

func (s *Server) getConversation(w http.ResponseWriter, r *http.Request, p principal) {
	info, _, err := s.Sessions.Get(r.Context(), p.Owner(), r.PathValue("id"), false)
	s.answerConversation(w, r, p, info, err)
}

func (s *Server) changeConversation(w http.ResponseWriter, r *http.Request, p principal) {
	var in conversationBody
	err := s.readJSON(w, r, &in)
	if err == nil && len(in.Items) > 0 {
		err = &chat.Error{Code: chat.CodeInvalidRequest, Param: "items", Message: "items are added at /v1/conversations/{id}/items"}
	}
	if err == nil {
		err = metadata(in.Metadata)
	}
	var info conversation.Info
	if err == nil {
		info, _, err = s.Sessions.Get(r.Context(), p.Owner(), r.PathValue("id"), false)
	}
	var b besideSession
	if err == nil {
		b, err = s.beside(r.Context(), p, info.ID)
	}
	if err == nil {
		b.Metadata = in.Metadata
		err = s.keepBeside(r.Context(), p, info.ID, b)
	}
	s.answerConversation(w, r, p, info, err)
}

func (s *Server) deleteConversation(w http.ResponseWriter, r *http.Request, p principal) {
	id := r.PathValue("id")
	err := s.Sessions.Delete(r.Context(), p.Owner(), id)
	if err == nil {
		if err = s.Responses.DeleteResponse(r.Context(), p.Owner(), besidePrefix+id); errors.Is(err, store.ErrNotFound) {
			err = nil
		}
	}
	if err != nil {
		s.fail(w, responsesDoor, "", chat.AsError(err))
		return
	}
	s.json(w, http.StatusOK, map[string]any{"id": id, "object": "conversation.deleted", "deleted": true})
}

// itemsOf are the messages of a session as items.
func itemsOf(turns []conversation.Turn) []json.RawMessage {
	items := make([]json.RawMessage, 0, len(turns))
	for _, t := range turns {
		part := map[string]any{"type": "input_text", "text": t.Text}
		if t.Role == chat.Assistant {
			part = map[string]any{"type": "output_text", "text": t.Text, "annotations": []any{}}
		}
		item, err := json.Marshal(map[string]any{"id": "msg_" + strconv.Itoa(t.Number), "type": "message", "status": "completed", "role": t.Role, "content": []any{part}})
		if err == nil { // texts are always written
			items = append(items, item)
		}
	}
	return items
}

func (s *Server) listItems(w http.ResponseWriter, r *http.Request, p principal) {
	id := r.PathValue("id")
	list, err := listOf(r)
	var turns []conversation.Turn
	if err == nil {
		_, turns, err = s.Sessions.Get(r.Context(), p.Owner(), id, false)
	}
	if err != nil {
		s.fail(w, responsesDoor, "", chat.AsError(err))
		return
	}
	s.reply(w, responses.InputItems(id, itemsOf(turns), list))
}

func (s *Server) addItems(w http.ResponseWriter, r *http.Request, p principal) {
	var in conversationBody
	id := r.PathValue("id")
	err := s.readJSON(w, r, &in)
	var said []chat.Message
	if err == nil {
		said, err = messagesOf(in.Items)
	}
	var before conversation.Info
	if err == nil {
		before, _, err = s.Sessions.Get(r.Context(), p.Owner(), id, false)
	}
	if err == nil {
		err = s.Sessions.Append(r.Context(), conversation.Said{Principal: p.Owner(), Session: id, After: store.AtHead, Messages: said, At: s.Now()})
	}
	var turns []conversation.Turn
	if err == nil {
		_, turns, err = s.Sessions.Get(r.Context(), p.Owner(), id, false)
	}
	if err != nil {
		s.fail(w, responsesDoor, "", chat.AsError(err))
		return
	}
	added := turns[:0]
	for _, t := range turns {
		if t.Number > before.Messages {
			added = append(added, t)
		}
	}
	s.reply(w, responses.InputItems(id, itemsOf(added), responses.List{Limit: 100, Ascending: true}))
}

// listOf reads which items a request asks for.
func listOf(r *http.Request) (responses.List, error) {
	q := r.URL.Query()
	limit, err := strconv.Atoi(q.Get("limit"))
	if q.Has("limit") && (err != nil || limit < 1 || limit > 100) {
		return responses.List{}, &chat.Error{Code: chat.CodeInvalidRequest, Param: "limit", Message: "limit is a number from 1 to 100"}
	}
	return responses.List{After: q.Get("after"), Limit: limit, Ascending: q.Get("order") == "asc"}, nil
}
