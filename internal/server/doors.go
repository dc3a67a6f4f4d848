package server

import (
	"net/http"
	"strings"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
	"github.com/dragoman/dragoman/internal/dialect/anthropic"
	"github.com/dragoman/dragoman/internal/dialect/completions"
	"github.com/dragoman/dragoman/internal/dialect/gemini"
	"github.com/dragoman/dragoman/internal/dialect/openai"
	"github.com/dragoman/dragoman/internal/dialect/responses"
	"github.com/dragoman/dragoman/internal/mcp"
)

// door is where callers of one wire format come in.
type door struct {
	dialect.Door
	decode  func(r *http.Request, body []byte) (*chat.Request, error)
	headers []string // of the caller that belong to the wire and go up with it, by their canonical names
}

var (
	chatDoor = &door{
		Door:    openai.Door{},
		decode:  func(_ *http.Request, body []byte) (*chat.Request, error) { return openai.DecodeRequest(body) },
		headers: []string{"Openai-Beta"},
	}
	responsesDoor   = &door{Door: responses.Door{}} // see responses.go: its requests may go on with stored ones
	completionsDoor = &door{
		Door: completions.Door{},
		decode: func(_ *http.Request, body []byte) (*chat.Request, error) {
			r, err := completions.DecodeRequest(body)
			if err != nil {
				return nil, err
			}
			return r.Request, nil
		},
	}
	messagesDoor = &door{
		Door:    anthropic.Door{},
		decode:  func(_ *http.Request, body []byte) (*chat.Request, error) { return anthropic.DecodeRequest(body, false) },
		headers: []string{"Anthropic-Beta", "Anthropic-Version"},
	}
	geminiDoor      = &door{Door: gemini.Door{}, decode: decodeGemini}
	geminiArrayDoor = &door{Door: gemini.Door{Array: true}, decode: decodeGemini}
)

func decodeGemini(r *http.Request, body []byte) (*chat.Request, error) {
	model, method := geminiPath(r)
	return gemini.DecodeRequest(model, method == "streamGenerateContent", body)
}

// geminiPath splits "models/NAME:method"; names may have slashes.
func geminiPath(r *http.Request) (model, method string) {
	path := r.PathValue("call")
	i := strings.LastIndexByte(path, ':')
	if i < 0 {
		return path, ""
	}
	return path[:i], path[i+1:]
}

// routes are the doors and what is beside them. Google's SDKs ask under /v1 and under /v1beta.
func (s *Server) routes(mux *http.ServeMux) {
	open := func(pattern string, d *door, h handler) {
		if strings.Contains(pattern, " /api/") {
			h = acting(h)
		}
		mux.Handle(pattern, s.authenticated(d, h))
	}
	open("POST /v1/chat/completions", chatDoor, s.converse(chatDoor))
	open("POST /v1/completions", completionsDoor, s.converse(completionsDoor))
	open("POST /v1/responses", responsesDoor, s.respond)
	open("GET /v1/responses/{id}", responsesDoor, s.getResponse)
	open("DELETE /v1/responses/{id}", responsesDoor, s.deleteResponse)
	open("GET /v1/responses/{id}/input_items", responsesDoor, s.listInputItems)
	s.conversationRoutes(open)
	open("POST /v1/messages", messagesDoor, s.converse(messagesDoor))
	open("POST /v1/messages/count_tokens", messagesDoor, s.countMessages)
	open("POST /v1/embeddings", chatDoor, s.embed)
	open("POST /v1/rerank", chatDoor, s.rerank)
	open("POST /v1/moderations", chatDoor, s.moderate)
	for _, v := range []string{"/v1beta", "/v1"} {
		open("POST "+v+"/models/{call...}", geminiDoor, s.callGemini)
	}
	open("GET /v1beta/models", geminiDoor, s.listModels)
	open("GET /v1beta/models/{id...}", geminiDoor, s.getModel)
	open("GET /v1/models", chatDoor, s.listModels)
	open("GET /v1/models/{id...}", chatDoor, s.getModel)
	open("GET /api/traces/{id}", chatDoor, s.getTrace)
	open("GET /api/traces/{id}/explanation", chatDoor, s.explainTrace)
	s.assistantRoutes(open)
	s.sessionRoutes(open)
	s.memoryRoutes(open)
	s.feedbackRoutes(open)
	open("GET /api/audit", chatDoor, s.listAudit)
	if s.MCP != nil {
		open("/mcp", chatDoor, s.answerMCP(mcp.NewHandler(s.MaxBody)))
	}
	open("GET /api/collections", chatDoor, s.listCollections)
	open("GET /api/collections/{collection}/search", chatDoor, s.searchCollection)
	open("GET /api/collections/{collection}", chatDoor, s.getCollection)
	open("GET /api/collections/{collection}/runs", chatDoor, s.listRuns)
	open("POST /api/collections/{collection}/sync", chatDoor, s.startSync)
	open("POST /api/collections/{collection}/compact", chatDoor, s.compactCollection)
	mux.HandleFunc("POST /api/collections/{collection}/webhook", s.webhook)
	open("GET /api/collections/{collection}/documents", chatDoor, s.listDocuments)
	open("GET /api/collections/{collection}/documents/{id...}", chatDoor, s.getDocument)
	open("PUT /api/collections/{collection}/documents/{id...}", chatDoor, s.putDocument)
	open("DELETE /api/collections/{collection}/documents/{id...}", chatDoor, s.deleteDocument)
}

// answerMCP answers clients of the Model Context Protocol: streamable HTTP, behind keys as all doors.
func (s *Server) answerMCP(h *mcp.Handler) handler {
	return func(w http.ResponseWriter, r *http.Request, p principal) { h.Serve(w, r, s.state().MCP, p) }
}

// callGemini answers what stands behind the colon.
func (s *Server) callGemini(w http.ResponseWriter, r *http.Request, p principal) {
	switch _, method := geminiPath(r); method {
	case "generateContent":
		s.converse(geminiDoor)(w, r, p)
	case "streamGenerateContent":
		if r.URL.Query().Get("alt") == "sse" {
			s.converse(geminiDoor)(w, r, p)
			return
		}
		s.converse(geminiArrayDoor)(w, r, p)
	case "countTokens":
		s.countGemini(w, r, p)
	case "embedContent", "batchEmbedContents":
		s.embedGemini(w, r, p, method == "batchEmbedContents")
	default:
		s.fail(w, geminiDoor, "", &chat.Error{Code: chat.CodeNotFound, Message: "there is no method " + method + "; there are generateContent, streamGenerateContent, countTokens, embedContent and batchEmbedContents"})
	}
}
