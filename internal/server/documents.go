package server

import (
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/knowledge"
)

// limitOf reads ?limit= of a list.
func limitOf(r *http.Request, otherwise, most int) (int, error) {
	text := r.URL.Query().Get("limit")
	if text == "" {
		return otherwise, nil
	}
	n, err := strconv.Atoi(text)
	if err != nil || n < 1 || n > most {
		return 0, &chat.Error{Code: chat.CodeInvalidRequest, Message: "limit is a number from 1 to " + strconv.Itoa(most), Param: "limit"}
	}
	return n, nil
}

// listDocuments answers GET /api/collections/{c}/documents?path=PREFIX&after=PATH&limit=N&skipped=true
func (s *Server) listDocuments(w http.ResponseWriter, r *http.Request, p principal) {
	limit, err := limitOf(r, 100, 1000)
	if err != nil {
		s.trouble(w, "", err)
		return
	}
	q := r.URL.Query()
	list, next, err := s.state().Library.Documents(r.Context(), p, r.PathValue("collection"), knowledge.Listing{Prefix: q.Get("path"), After: q.Get("after"), Limit: limit, Skipped: q.Get("skipped") == "true"})
	if err != nil {
		s.trouble(w, "list documents", err)
		return
	}
	s.json(w, http.StatusOK, struct {
		Documents []knowledge.Document `json:"documents"`
		Next      string               `json:"next,omitempty"` // to be given as after
	}{list, next})
}

// getDocument answers GET /api/collections/{c}/documents/{id}, and …/{id}/chunks: IDs have slashes, and a document of the whole name goes first.
func (s *Server) getDocument(w http.ResponseWriter, r *http.Request, p principal) {
	id, collection := r.PathValue("id"), r.PathValue("collection")
	d, err := s.state().Library.Document(r.Context(), p, collection, id)
	if of, chunks := strings.CutSuffix(id, "/chunks"); chunks && err != nil && chat.AsError(err).Code == chat.CodeNotFound {
		s.listChunks(w, r, p, collection, of)
		return
	}
	if err != nil {
		s.trouble(w, "read a document", err)
		return
	}
	s.json(w, http.StatusOK, d)
}

// chunkOf is a passage of a document, as the API tells it.
type chunkOf struct {
	Start  int    `json:"start"` // lines, from 1
	End    int    `json:"end"`
	Page   int    `json:"page,omitempty"`
	Kind   string `json:"kind"`
	Symbol string `json:"symbol,omitempty"`
	Header string `json:"header,omitempty"` // what is searched beside its text
	Text   string `json:"text"`

	Author  string    `json:"author,omitempty"` // who changed its lines last
	Updated time.Time `json:"updated"`          // when they last changed
	Blamed  bool      `json:"blamed,omitempty"` // both are of these lines; else of the document
}

func (s *Server) listChunks(w http.ResponseWriter, r *http.Request, p principal, collection, id string) {
	passages, err := s.state().Library.Passages(r.Context(), p, collection, id)
	if err != nil {
		s.trouble(w, "read the passages of a document", err)
		return
	}
	out := []chunkOf{}
	for _, c := range passages {
		out = append(out, chunkOf{c.Start, c.End, c.Page, string(c.Kind), c.Symbol, c.Context, c.Text, c.Author, c.Updated.UTC(), c.Blamed})
	}
	s.json(w, http.StatusOK, map[string]any{"document": id, "chunks": out})
}
