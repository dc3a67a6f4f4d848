package embed

import (
	"context"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect/vectors"
)

// Ranking is a re-ranking model behind HTTP.
type Ranking struct {
	Use string // "provider/model"
	API API    // empty: Jina's
}

// Ask asks a provider how well each passage answers a question: a finite score for each, in their order; higher is better, and what it means
// is the model's affair. Errors are *chat.Error.
func (r *Ranking) Ask(ctx context.Context, p Post, model, question string, passages []string) (scores []float64, tokens int64, err error) {
	if d := p.Dialect(); d != chat.OpenAI {
		return nil, 0, &chat.Error{Code: chat.CodeUnsupported, Message: "providers of the dialect " + string(d) + " do not re-rank; name a model of another"}
	}
	api := r.API
	if api == "" {
		api = vectors.Jina
	}
	answer, err := p.Exchange(ctx, vectors.RerankPath, model, api.EncodeRerank(model, question, passages))
	if err != nil {
		return nil, 0, err
	}
	out, err := vectors.DecodeRerank(answer, len(passages))
	switch {
	case err != nil:
		return nil, 0, wrong(err)
	case len(out.Results) != len(passages):
		return nil, 0, wrong(&chat.Error{Code: chat.CodeUpstream, Message: "the provider did not rank all passages"})
	}
	scores = make([]float64, len(passages))
	for _, s := range out.Results {
		scores[s.Index] = s.Score
	}
	return scores, out.Tokens, nil
}
