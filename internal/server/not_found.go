package server

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strings"

	"github.com/dragoman/dragoman/internal/chat"
)

// notFound answers what no route takes, and says which one was meant: most of what comes here are a base URL with too much or
// too little of /v1 in it, and the wrong method.
func (s *Server) notFound(mux *http.ServeMux) http.HandlerFunc {
	takes := func(method, path string) bool {
		_, pattern := mux.Handler(&http.Request{Method: method, URL: &url.URL{Path: path}, Host: "localhost"})
		return pattern != anything && !slices.Contains(listsOnly, pattern)
	}
	return func(w http.ResponseWriter, r *http.Request) {
		message := fmt.Sprintf("there is no %s %s here", r.Method, r.URL.Path)
		for _, path := range []string{"/v1" + r.URL.Path, strings.TrimPrefix(r.URL.Path, "/v1")} {
			if takes(r.Method, path) {
				message += fmt.Sprintf("; did you mean %s? The base URL of OpenAI's clients ends in /v1, that of Anthropic's and Google's has no path", path)
				s.fail(w, doorOf(r), "", &chat.Error{Code: chat.CodeNotFound, Message: message})
				return
			}
		}
		for _, method := range []string{http.MethodPost, http.MethodGet} {
			if method != r.Method && takes(method, r.URL.Path) {
				message += "; send " + method
				s.fail(w, doorOf(r), "", &chat.Error{Code: chat.CodeNotFound, Message: message})
				return
			}
		}
		message += "; the API is at /v1/chat/completions, /v1/responses, /v1/messages, /v1beta/models and /v1/models"
		s.fail(w, doorOf(r), "", &chat.Error{Code: chat.CodeNotFound, Message: message})
	}
}

// anything is the pattern of what no other takes.
const anything = "/"

// listsOnly are lists, which take no POST. Without them net/http redirects to the models below, where it is taken.
var listsOnly = []string{"POST /v1/models", "POST /v1beta/models"}

// doorOf tells by a request that no door has taken whose client sent it, so that it can read the answer.
func doorOf(r *http.Request) *door {
	switch {
	case strings.HasPrefix(r.URL.Path, "/v1beta/") || r.Header.Get("X-Goog-Api-Key") != "":
		return geminiDoor
	case r.Header.Get("Anthropic-Version") != "":
		return messagesDoor
	}
	return chatDoor
}
