package server

import (
	"net/http"
	"strconv"

	"github.com/dragoman/dragoman/internal/audit"
	"github.com/dragoman/dragoman/internal/chat"
)

// acting has what a request changes in the audit log under the name and id of its key.
func acting(next handler) handler {
	return func(w http.ResponseWriter, r *http.Request, p principal) {
		next(w, r.WithContext(audit.By(r.Context(), p.Name+" (key "+p.KeyID+")")), p)
	}
}

// mostAudit bounds a page of the audit log.
const mostAudit = 1000

// listAudit lists the audit log for operators, the last entry first.
func (s *Server) listAudit(w http.ResponseWriter, r *http.Request, p principal) {
	if !s.operates(p) {
		s.trouble(w, "", &chat.Error{Code: chat.CodeForbidden, Message: "this key may not read the audit log; operators in dragoman.yaml says who may"})
		return
	}
	limit, err := number(r, "limit")
	var before int
	if err == nil {
		before, err = number(r, "before")
	}
	if err == nil && limit > mostAudit {
		err = &chat.Error{Code: chat.CodeInvalidRequest, Param: "limit", Message: "limit is at most " + strconv.Itoa(mostAudit)}
	}
	if limit == 0 {
		limit = 100
	}
	entries := []audit.Entry{}
	if err == nil {
		var list []audit.Entry
		list, err = s.Audit.Store.LastAuditEntries(r.Context(), int64(before), limit)
		entries = append(entries, list...)
	}
	s.tell(w, http.StatusOK, struct {
		Entries []audit.Entry `json:"entries"`
	}{entries}, "read the audit log", err)
}
