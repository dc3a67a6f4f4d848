package server

import (
	"context"
	"net/http"

	"github.com/dragoman/dragoman/internal/assistant"
	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect/gemini"
	"github.com/dragoman/dragoman/internal/dialect/vectors"
	"github.com/dragoman/dragoman/internal/prompt"
)

// exchange runs a call that is no conversation: routed, limited and booked like one, answered in one piece.
func (s *Server) exchange(w http.ResponseWriter, r *http.Request, d *door, p principal, model, kind string, texts []string, call assistant.Call) bool {
	tokens, longest := 0, 0
	for _, t := range texts {
		n := prompt.Tokens(t)
		tokens, longest = tokens+n, max(longest, n)
	}
	x := &assistant.Exchange{RequestID: requestID(r), Principal: p, Model: model, Class: kind, Door: kind, Tokens: tokens, Longest: longest, Call: call}
	if v := r.Header[headerFeature]; len(v) > 0 {
		x.Feature = v[0]
	}
	var err error
	if x.Privacy, err = privacyOf(r, ""); err != nil {
		s.fail(w, d, "", chat.AsError(err))
		return false
	}
	tr, err := s.state().Engine.Exchange(r.Context(), x)
	if err != nil {
		s.fail(w, d, tr.ID, chat.AsError(err))
		return false
	}
	h := w.Header()
	nameRequest(h, d, tr.ID)
	h["X-Dragoman-Trace"], h["X-Dragoman-Cost"] = []string{tr.ID}, []string{tr.Cost}
	h["X-Dragoman-Model"] = []string{tr.Provider + "/" + tr.Model}
	return true
}

// embed answers POST /v1/embeddings.
func (s *Server) embed(w http.ResponseWriter, r *http.Request, p principal) {
	body, err := s.readBody(w, r)
	var req *vectors.EmbeddingRequest
	if err == nil {
		req, err = vectors.DecodeEmbeddingRequest(body)
	}
	if err != nil {
		s.fail(w, chatDoor, "", chat.AsError(err))
		return
	}
	var out *vectors.Embeddings
	if s.exchange(w, r, chatDoor, p, req.Model, "embeddings", req.Input, func(ctx context.Context, up assistant.Exchanger, model string) (chat.Usage, error) {
		out, err = embedding(ctx, up, model, req)
		return usageOf(out, err)
	}) {
		s.reply(w, out.Encode(req))
	}
}

func usageOf(e *vectors.Embeddings, err error) (chat.Usage, error) {
	if err != nil {
		return chat.Usage{}, err
	}
	return chat.Usage{Input: e.Tokens}, nil
}

// embedding asks a provider of any dialect for vectors.
func embedding(ctx context.Context, up assistant.Exchanger, model string, req *vectors.EmbeddingRequest) (*vectors.Embeddings, error) {
	switch up.Dialect() {
	case chat.OpenAI:
		own := *req
		own.Model = model
		answer, err := up.Exchange(ctx, "/embeddings", model, own.Encode())
		if err != nil {
			return nil, err
		}
		return vectors.DecodeEmbeddings(answer, req.Count)
	case chat.Gemini:
		texts, err := req.Texts()
		if err != nil {
			return nil, err
		}
		var g gemini.Upstream
		answer, err := up.Exchange(ctx, g.EmbedPath(model), model, g.EncodeEmbed(model, &gemini.EmbedRequest{Texts: texts, Dimensions: req.Dimensions}))
		if err != nil {
			return nil, err
		}
		list, err := g.DecodeEmbeddings(answer, len(texts))
		return &vectors.Embeddings{Model: model, Vectors: list}, err
	}
	return nil, unsupported(up, "embeddings")
}

func unsupported(up assistant.Exchanger, what string) error {
	return &chat.Error{Code: chat.CodeUnsupported, Param: "model", Message: "providers of the dialect " + string(up.Dialect()) + " have no " + what + "; name a model of another"}
}

// embedGemini answers :embedContent and :batchEmbedContents.
func (s *Server) embedGemini(w http.ResponseWriter, r *http.Request, p principal, batch bool) {
	body, err := s.readBody(w, r)
	var req *gemini.EmbedRequest
	if err == nil {
		if batch {
			req, err = gemini.DecodeEmbedBatch(body)
		} else {
			req, err = gemini.DecodeEmbed(body)
		}
	}
	if err != nil {
		s.fail(w, geminiDoor, "", chat.AsError(err))
		return
	}
	model, _ := geminiPath(r)
	var out *vectors.Embeddings
	if !s.exchange(w, r, geminiDoor, p, model, "embeddings", req.Texts, func(ctx context.Context, up assistant.Exchanger, model string) (chat.Usage, error) {
		if up.Dialect() == chat.Gemini {
			var g gemini.Upstream
			var list [][]float32
			answer, err := up.Exchange(ctx, g.EmbedPath(model), model, g.EncodeEmbed(model, req))
			if err == nil {
				list, err = g.DecodeEmbeddings(answer, len(req.Texts))
			}
			out = &vectors.Embeddings{Vectors: list}
			return chat.Usage{}, err
		}
		out, err = embedding(ctx, up, model, &vectors.EmbeddingRequest{Input: req.Texts, Count: len(req.Texts), Dimensions: req.Dimensions})
		return usageOf(out, err)
	}) {
		return
	}
	if batch {
		s.reply(w, gemini.EncodeEmbeddings(out.Vectors))
		return
	}
	s.reply(w, gemini.EncodeEmbedding(out.Vectors[0]))
}

// rerank answers POST /v1/rerank, in the shape of Cohere and Jina.
func (s *Server) rerank(w http.ResponseWriter, r *http.Request, p principal) {
	body, err := s.readBody(w, r)
	var req *vectors.RerankRequest
	if err == nil {
		req, err = vectors.DecodeRerankRequest(body)
	}
	if err != nil {
		s.fail(w, chatDoor, "", chat.AsError(err))
		return
	}
	var out *vectors.Rerank
	if s.exchange(w, r, chatDoor, p, req.Model, "rerank", append([]string{req.Query}, req.Documents...), func(ctx context.Context, up assistant.Exchanger, model string) (chat.Usage, error) {
		if up.Dialect() != chat.OpenAI {
			return chat.Usage{}, unsupported(up, "re-ranking")
		}
		own := *req
		own.Model = model
		answer, err := up.Exchange(ctx, "/rerank", model, own.Encode())
		if err == nil {
			out, err = vectors.DecodeRerank(answer, len(req.Documents))
		}
		if err != nil {
			return chat.Usage{}, err
		}
		return chat.Usage{Input: out.Tokens}, nil
	}) {
		s.reply(w, out.Encode(req))
	}
}

// moderate answers POST /v1/moderations.
func (s *Server) moderate(w http.ResponseWriter, r *http.Request, p principal) {
	body, err := s.readBody(w, r)
	var req *vectors.ModerationRequest
	if err == nil {
		req, err = vectors.DecodeModerationRequest(body)
	}
	if err != nil {
		s.fail(w, chatDoor, "", chat.AsError(err))
		return
	}
	if req.Model == "" {
		req.Model = "omni-moderation-latest"
	}
	var texts []string
	for _, i := range req.Input {
		texts = append(texts, i.Text)
	}
	var answer []byte
	if s.exchange(w, r, chatDoor, p, req.Model, "moderations", texts, func(ctx context.Context, up assistant.Exchanger, model string) (chat.Usage, error) {
		if up.Dialect() != chat.OpenAI {
			return chat.Usage{}, unsupported(up, "moderations")
		}
		own := *req
		own.Model = model
		if answer, err = up.Exchange(ctx, "/moderations", model, own.Encode()); err != nil {
			return chat.Usage{}, err
		}
		_, _, _, err := vectors.DecodeModerations(answer, req.Results())
		return chat.Usage{}, err
	}) {
		s.reply(w, answer)
	}
}
