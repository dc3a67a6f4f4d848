package embed

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"net/url"
	"strings"
	"sync/atomic"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect/gemini"
	"github.com/dragoman/dragoman/internal/dialect/vectors"
)

// API is the shape in which a service is asked: one of package vectors, or Gemini.
type API = vectors.API

// Gemini is the shape of Google's service.
const Gemini API = "gemini"

// APIAt tells by the address of a provider how its embeddings are asked for; "" where its dialect says it.
func APIAt(base string) API {
	u, err := url.Parse(base)
	if err != nil {
		return ""
	}
	switch host := strings.ToLower(u.Hostname()); {
	case (host == "api.cohere.com" || host == "api.cohere.ai") && !strings.Contains(u.Path, "compatibility"):
		return vectors.Cohere
	case host == "api.voyageai.com":
		return vectors.Voyage
	case host == "api.jina.ai":
		return vectors.Jina
	}
	return ""
}

// Service is an embedding model behind HTTP. It must not be copied after its first use.
type Service struct {
	Use           string // "provider/model"
	API           API    // empty: by the dialect of the provider
	Dimensions    int    // of its vectors; 0: as they come
	QueryPrefix   string
	PassagePrefix string
	MostTexts     int // at once; 0: as its API has it

	seen atomic.Int64 // the dimensions of its first answer
}

// Post is a provider that takes calls which are no conversation. model says which of several keys is used.
type Post interface {
	Dialect() chat.Dialect
	Exchange(ctx context.Context, path, model string, body []byte) ([]byte, error)
}

// Ask asks a provider for vectors, in the shape of the service. model is as the provider knows it. Errors are *chat.Error.
func (s *Service) Ask(ctx context.Context, p Post, model string, kind Kind, texts []string) (*vectors.Embeddings, error) {
	if prefix := s.prefix(kind); prefix != "" {
		own := make([]string, len(texts))
		for i, t := range texts {
			own[i] = prefix + t
		}
		texts = own
	}
	api := s.API
	switch d := p.Dialect(); {
	case api == "" && d == chat.Gemini:
		api = Gemini
	case api == "" && d == chat.OpenAI:
		api = vectors.OpenAI
	case api == "":
		return nil, &chat.Error{Code: chat.CodeUnsupported, Message: "providers of the dialect " + string(d) + " have no embeddings; name a model of another"}
	}
	if api != Gemini {
		t := &vectors.Texts{Model: model, Texts: texts, Query: kind == Query, Dimensions: s.Dimensions}
		answer, err := p.Exchange(ctx, api.Path(), model, api.Encode(t))
		if err != nil {
			return nil, err
		}
		out, err := api.Decode(answer, len(texts))
		return out, wrong(err)
	}
	task := "RETRIEVAL_DOCUMENT"
	if kind == Query {
		task = "RETRIEVAL_QUERY"
	}
	var g gemini.Upstream
	answer, err := p.Exchange(ctx, g.EmbedPath(model), model, g.EncodeEmbed(model, &gemini.EmbedRequest{Texts: texts, Dimensions: s.Dimensions, TaskType: task}))
	if err != nil {
		return nil, err
	}
	list, err := g.DecodeEmbeddings(answer, len(texts))
	if err != nil {
		return nil, wrong(err)
	}
	return &vectors.Embeddings{Model: model, Vectors: list}, nil
}

// wrong marks what is no answer: unlike a service that is down, it may be the fault of a text.
func wrong(err error) error {
	if err == nil {
		return nil
	}
	e := chat.AsError(err)
	e.Err = ErrAnswer
	return e
}

func (s *Service) prefix(k Kind) string {
	if k == Query {
		return s.QueryPrefix
	}
	return s.PassagePrefix
}

// Model names the model, and all that makes its vectors others.
func (s *Service) Model() string {
	name := s.Use
	if s.QueryPrefix+s.PassagePrefix != "" {
		sum := sha256.Sum256([]byte(s.QueryPrefix + "\x00" + s.PassagePrefix))
		name += "+" + hex.EncodeToString(sum[:4])
	}
	return name
}

// Embedder makes an embedder of the service, whose requests go out by send. Those of one service share what is known of its
// vectors: where their dimensions are not told, those of the first answer hold for all.
func (s *Service) Embedder(send Send) *Remote {
	r := NewRemote(s.Model(), s.Dimensions, cmp.Or(s.MostTexts, s.API.MostTexts()), send)
	r.seen = &s.seen
	return r
}
