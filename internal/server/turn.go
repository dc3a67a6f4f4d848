package server

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/assistant"
	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/conversation"
	"github.com/dragoman/dragoman/internal/dialect"
	"github.com/dragoman/dragoman/internal/route"
)

// assistantPrefix marks the models that are assistants.
const assistantPrefix = "assistant/"

// converse answers requests at a door: one turn each.
func (s *Server) converse(d *door) handler {
	return func(w http.ResponseWriter, r *http.Request, p principal) {
		req, err := s.readRequest(w, r, d)
		if err != nil {
			s.fail(w, d, "", chat.AsError(err))
			return
		}
		s.run(w, r, d, req, p, "", nil)
	}
}

// readRequest reads and decodes a body.
func (s *Server) readRequest(w http.ResponseWriter, r *http.Request, d *door) (*chat.Request, error) {
	body, err := s.readBody(w, r)
	if err != nil {
		return nil, err
	}
	req, err := d.decode(r, body)
	if err != nil {
		return nil, err
	}
	for _, name := range d.headers {
		if v := r.Header.Get(name); v != "" {
			if req.Headers == nil {
				req.Headers = map[string]string{}
			}
			req.Headers[name] = v
		}
	}
	return req, nil
}

// readBody reads the body whole before anything is written: net/http closes what is left of it at the first write.
func (s *Server) readBody(w http.ResponseWriter, r *http.Request) ([]byte, error) {
	if n := r.ContentLength; n > 0 && n <= s.MaxBody {
		body := make([]byte, n)
		if _, err := io.ReadFull(r.Body, body); err != nil {
			return nil, bodyError(err, s.MaxBody)
		}
		return body, nil
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, s.MaxBody))
	if err != nil {
		return nil, bodyError(err, s.MaxBody)
	}
	return body, nil
}

// run takes a request through its turn. earlier is the label of what it goes on with. keep, where it is not nil, is called with
// a complete answer before its end is sent.
func (s *Server) run(w http.ResponseWriter, r *http.Request, d *door, req *chat.Request, p principal, earlier route.Privacy, keep func(*sink, dialect.Answer) error) {
	turn, err := s.turn(r, req, p)
	if err != nil {
		s.fail(w, d, "", chat.AsError(err))
		return
	}
	turn.Privacy = turn.Privacy.Stricter(earlier)
	turn.Door = d.Wire()
	out := newSink(s, w, d, req)
	defer out.release()
	turn.Out = out
	ans, err := s.state().Engine.Run(r.Context(), turn)
	if err != nil {
		out.fail(chat.AsError(err), ans.Trace)
		return
	}
	out.finish(ans, keep)
}

// own is the request's field "dragoman". Callers that cannot set a field say the same by headers: x-dragoman-session and so on.
type own struct {
	Session string `json:"session"`
	Class   string `json:"class"`
	Privacy string `json:"privacy"`
	Feature string `json:"feature"`
	Cache   *bool  `json:"cache"`

	Variables map[string]json.RawMessage `json:"variables"`
	Filters   struct {
		Paths []string `json:"paths"`
	} `json:"filters"`
}

// readOwn reads the field.
func readOwn(req *chat.Request) (o own, err error) {
	if len(req.Dragoman) == 0 {
		return o, nil
	}
	dec := json.NewDecoder(strings.NewReader(string(req.Dragoman)))
	dec.DisallowUnknownFields()
	if err := dec.Decode(&o); err != nil {
		return o, &chat.Error{Code: chat.CodeInvalidRequest, Param: "dragoman", Message: "dragoman must be an object with session, class, privacy, feature, cache, variables and filters.paths: " + err.Error()}
	}
	return o, nil
}

// privacyOf is the label that a request has by its header and by its field: the stricter one. A label that is not known is
// refused, and not taken for none.
func privacyOf(r *http.Request, field string) (route.Privacy, error) {
	label, err := route.ParsePrivacy(field)
	for _, v := range r.Header[headerPrivacy] {
		if err == nil {
			var l route.Privacy
			l, err = route.ParsePrivacy(v)
			label = label.Stricter(l)
		}
	}
	if err != nil {
		return "", &chat.Error{Code: chat.CodeInvalidRequest, Param: "dragoman.privacy", Message: err.Error()}
	}
	return label, nil
}

// turn makes a turn of a request: a call of an assistant, or of a plain model.
func (s *Server) turn(r *http.Request, req *chat.Request, p principal) (*assistant.Turn, error) {
	o, err := readOwn(req)
	if err != nil {
		return nil, err
	}
	for header, to := range map[string]*string{headerSession: &o.Session, headerClass: &o.Class, headerFeature: &o.Feature} {
		if v := r.Header[header]; *to == "" && len(v) > 0 {
			*to = v[0]
		}
	}
	name, ok := strings.CutPrefix(req.Model, assistantPrefix)
	if o.Session == "" && ok {
		o.Session = gjson.GetBytes(req.Body, "metadata.session_id").String() // where a client's SDK knows no other place
	}
	if o.Session != "" {
		if err := conversation.CheckID(o.Session); err != nil {
			return nil, err
		}
	}
	if o.Class == "" {
		o.Class = "chat"
	}
	privacy, err := privacyOf(r, o.Privacy)
	if err != nil {
		return nil, err
	}
	t := &assistant.Turn{
		Request: req, Principal: p, Session: o.Session, Class: o.Class, Privacy: privacy, Feature: o.Feature, Paths: o.Filters.Paths,
		RequestID: requestID(r), Definition: &s.state().plain, Cache: cacheWish(r.Header, o.Cache),
	}
	if len(o.Variables) > 0 || ok {
		if t.Variables, err = variables(r.Header, req, o.Variables); err != nil {
			return nil, err
		}
	}
	if !ok {
		return t, nil
	}
	d, err := s.state().Assistants.Find(r.Context(), name)
	if err != nil {
		return nil, err
	}
	t.Definition = &d
	return t, nil
}

// Headers by their canonical names, so that reading one costs a look into a map.
const (
	headerSession = "X-Dragoman-Session"
	headerClass   = "X-Dragoman-Class"
	headerPrivacy = "X-Dragoman-Privacy"
	headerFeature = "X-Dragoman-Feature"
)

func bodyError(err error, most int64) *chat.Error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return &chat.Error{Code: chat.CodeTooLarge, Message: fmt.Sprintf("the request is larger than %d bytes (server.max_body)", most), Err: err}
	}
	return &chat.Error{Code: chat.CodeInvalidRequest, Message: "the request could not be read to its end", Err: err}
}

// buffers are for what streams write.
var buffers = sync.Pool{New: func() any { b := make([]byte, 0, 2<<10); return &b }}
