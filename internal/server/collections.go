package server

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"mime"
	"net/http"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/connector"
)

// Library is what the door needs of collections. Errors that are the caller's are *chat.Error.
type Library interface {
	// Listing lists the collections of which somebody may see something, for JSON.
	Listing(ctx context.Context, p identity.Principal) (any, error)
	Search(ctx context.Context, p identity.Principal, collection string, q knowledge.Query) (*knowledge.Result, error)
	Put(ctx context.Context, p identity.Principal, collection string, d connector.Document) error
	Delete(ctx context.Context, p identity.Principal, collection, id string) error
	// Collection and Runs tell of a collection and of its last runs, for JSON.
	Collection(ctx context.Context, p identity.Principal, collection string) (any, error)
	Runs(ctx context.Context, p identity.Principal, collection string, limit int) (any, error)
	Documents(ctx context.Context, p identity.Principal, collection string, q knowledge.Listing) (list []knowledge.Document, next string, err error)
	Document(ctx context.Context, p identity.Principal, collection, id string) (knowledge.Document, error)
	Passages(ctx context.Context, p identity.Principal, collection, id string) ([]knowledge.Passage, error)
	// Ask has a collection brought up to date soon.
	Ask(ctx context.Context, p identity.Principal, collection string, rebuild bool) error
	// Compact gives back the room of what is gone; before and after are the size of the index, in bytes.
	Compact(ctx context.Context, p identity.Principal, collection string) (before, after int64, err error)
	// Hook takes a signed call from a source.
	Hook(collection string, h http.Header, body []byte) error
}

func (s *Server) listCollections(w http.ResponseWriter, r *http.Request, p principal) {
	list, err := s.state().Library.Listing(r.Context(), p)
	if err != nil {
		s.trouble(w, "list the collections", err)
		return
	}
	s.json(w, http.StatusOK, map[string]any{"collections": list})
}

// foundPassage is a passage as the search of a collection tells it.
type foundPassage struct {
	Document string    `json:"document"` // its path
	URL      string    `json:"url,omitempty"`
	Title    string    `json:"title,omitempty"`
	Start    int       `json:"start"` // lines, from 1
	End      int       `json:"end"`
	Page     int       `json:"page,omitempty"`
	Symbol   string    `json:"symbol,omitempty"`
	Text     string    `json:"text"`
	Author   string    `json:"author,omitempty"` // who changed its lines last
	Updated  time.Time `json:"updated"`          // when they last changed
	Blamed   bool      `json:"blamed,omitempty"` // both are of these lines; else of the document
	Score    float64   `json:"score"`
	Coverage float64   `json:"coverage"` // share of the question that it speaks of
}

// searchResult is what a search answers.
type searchResult struct {
	Passages   []foundPassage `json:"passages"`
	Confidence float64        `json:"confidence"`        // 0..1: how much of the question the best passages speak of
	Missing    []string       `json:"missing,omitempty"` // words of the question that occur nowhere
	Searched   int            `json:"searched"`          // passages
	Notes      []string       `json:"notes,omitempty"`   // what a re-ranker did, or why it did not
}

// searchCollection answers GET /api/collections/{c}/search?q=...&limit=...
func (s *Server) searchCollection(w http.ResponseWriter, r *http.Request, p principal) {
	q := knowledge.Query{Text: r.URL.Query().Get("q")}
	if q.Text == "" {
		s.trouble(w, "", &chat.Error{Code: chat.CodeInvalidRequest, Message: "what is searched for is missing: ?q=...", Param: "q"})
		return
	}
	var err error
	if q.Limit, err = limitOf(r, 0, 100); err != nil {
		s.trouble(w, "", err)
		return
	}
	res, err := s.state().Library.Search(r.Context(), p, r.PathValue("collection"), q)
	if err != nil {
		s.trouble(w, "search a collection", err)
		return
	}
	passages := []foundPassage{}
	for _, f := range res.Passages {
		passages = append(passages, foundPassage{f.Path, f.URL, f.Title, f.Start, f.End, f.Page, f.Symbol, f.Text, f.Author, f.Updated.UTC(), f.Blamed, f.Score, f.Coverage})
	}
	s.json(w, http.StatusOK, searchResult{passages, res.Confidence, res.Missing, res.Chunks, res.Notes})
}

// pushedDocument is what PUT takes as JSON.
type pushedDocument struct {
	Path     string            `json:"path"`
	URL      string            `json:"url"`
	Title    string            `json:"title"`
	Text     string            `json:"text"` // Markdown
	Type     string            `json:"type"`
	Language string            `json:"language"`
	Author   string            `json:"author"`
	Team     string            `json:"team"`
	Created  time.Time         `json:"created"`
	Updated  time.Time         `json:"updated"`
	ACL      []string          `json:"acl"`
	Meta     map[string]string `json:"meta"`
}

// read reads the body of a request. A field that is not known is an error: where "acl" is misspelt, a document would be seen by all.
func (d *pushedDocument) read(body []byte) error {
	in := json.NewDecoder(bytes.NewReader(body))
	in.DisallowUnknownFields()
	err := in.Decode(d)
	bad := func(field, format string, args ...any) error {
		return &chat.Error{Code: chat.CodeInvalidRequest, Message: fmt.Sprintf(format, args...), Param: field, Err: err}
	}
	if kind, ok := errors.AsType[*json.UnmarshalTypeError](err); ok {
		if kind.Field == "" {
			return bad("", "the document is an object of JSON, with text; there is %s", kind.Value)
		}
		return bad(kind.Field, "%s may not be %s", kind.Field, kind.Value)
	}
	if when, ok := errors.AsType[*time.ParseError](err); ok {
		return bad("", "%s is no time: write it as 2026-01-31T12:00:00Z (created, updated)", when.Value)
	}
	if err == nil && in.More() {
		return bad("", "the document is one object of JSON; something stands after it")
	}
	if err != nil {
		return bad("", "the document is no JSON as expected: %s", strings.TrimPrefix(err.Error(), "json: "))
	}
	return nil
}

// putDocument answers PUT /api/collections/{c}/documents/{id}: JSON with the text, or the file itself in any other media type, with
// path and title in the query.
func (s *Server) putDocument(w http.ResponseWriter, r *http.Request, p principal) {
	body, err := s.readBody(w, r)
	if err != nil {
		s.trouble(w, "read a document", err)
		return
	}
	d := connector.Document{ID: r.PathValue("id"), Path: r.PathValue("id")}
	if media, _, _ := mime.ParseMediaType(r.Header.Get("Content-Type")); media == "application/json" {
		var in pushedDocument
		if err := in.read(body); err != nil {
			s.trouble(w, "", err)
			return
		}
		if strings.TrimSpace(in.Text) == "" {
			s.trouble(w, "", &chat.Error{Code: chat.CodeInvalidRequest, Message: "text is missing; a file is sent as it is, with its own Content-Type", Param: "text"})
			return
		}
		if in.Path != "" {
			d.Path = in.Path
		}
		d.URL, d.Title, d.Text, d.Type, d.Language, d.Author, d.Team, d.Created, d.Updated, d.Meta = in.URL, in.Title, in.Text, in.Type, in.Language, in.Author, in.Team, in.Created, in.Updated, in.Meta
		if in.ACL != nil {
			a, err := acl.New(in.ACL...)
			if err != nil {
				s.trouble(w, "", &chat.Error{Code: chat.CodeInvalidRequest, Message: err.Error(), Param: "acl"})
				return
			}
			d.ACL = &a
		}
	} else {
		q := r.URL.Query()
		if q.Get("path") != "" {
			d.Path = q.Get("path")
		}
		d.Title, d.Type, d.Body, d.MediaType = q.Get("title"), "file", body, r.Header.Get("Content-Type")
		if list := q["acl"]; list != nil {
			a, err := acl.New(list...)
			if err != nil {
				s.trouble(w, "", &chat.Error{Code: chat.CodeInvalidRequest, Message: err.Error(), Param: "acl"})
				return
			}
			d.ACL = &a
		}
	}
	if err := s.state().Library.Put(r.Context(), p, r.PathValue("collection"), d); err != nil {
		s.trouble(w, "keep a document", err)
		return
	}
	s.json(w, http.StatusOK, struct {
		ID         string `json:"id"`
		Searchable bool   `json:"searchable"`
	}{d.ID, true})
}

func (s *Server) deleteDocument(w http.ResponseWriter, r *http.Request, p principal) {
	if err := s.state().Library.Delete(r.Context(), p, r.PathValue("collection"), r.PathValue("id")); err != nil {
		s.trouble(w, "delete a document", err)
		return
	}
	s.json(w, http.StatusOK, struct {
		ID      string `json:"id"`
		Deleted bool   `json:"deleted"`
	}{r.PathValue("id"), true})
}

// trouble tells of an error: the caller's as it is, our own in the log.
func (s *Server) trouble(w http.ResponseWriter, what string, err error) {
	ce, ok := errors.AsType[*chat.Error](err)
	if !ok {
		s.Log.Error(what, "err", err)
		ce = &chat.Error{Code: chat.CodeInternal, Message: "it did not work: " + what + "; see the server's log"}
	}
	s.fail(w, chatDoor, "", ce)
}

func (s *Server) json(w http.ResponseWriter, status int, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		s.trouble(w, "write an answer", err)
		return
	}
	w.Header()["Content-Type"] = jsonType
	w.WriteHeader(status)
	w.Write(append(data, '\n'))
}
