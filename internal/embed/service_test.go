package embed

import (
	"context"
	"encoding/json"
	"errors"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect/vectors"
)

// post is a provider that says what it is told to.
type post struct {
	dialect chat.Dialect
	answer  string
	path    string
	body    string
}

func (p *post) Dialect() chat.Dialect { return p.dialect }

func (p *post) Exchange(_ context.Context, path, _ string, body []byte) ([]byte, error) {
	p.path, p.body = path, string(body)
	return []byte(p.answer), nil
}

// same compares JSON.
func same(t *testing.T, got, want string) {
	t.Helper()
	var a, b any
	if err := json.Unmarshal([]byte(got), &a); err != nil {
		t.Fatalf("%s: %v", got, err)
	}
	if err := json.Unmarshal([]byte(want), &b); err != nil {
		t.Fatalf("%s: %v", want, err)
	}
	if diff := cmp.Diff(b, a); diff != "" {
		t.Error(diff)
	}
}

// The shapes are those of the vendors' API references.
func TestShapes(t *testing.T) {
	openai := `{"object":"list","data":[{"object":"embedding","index":1,"embedding":[0,2]},{"object":"embedding","index":0,"embedding":[3,4]}],"model":"m","usage":{"prompt_tokens":7,"total_tokens":7}}`
	for _, c := range []struct {
		name    string
		dialect chat.Dialect
		api     vectors.API
		path    string
		query   string // the body for questions
		passage string // the first texts' body
		answer  string
		tokens  int64
	}{
		{"openai", chat.OpenAI, "", "/embeddings",
			`{"model":"m","input":["Q: a","Q: b"],"encoding_format":"float","dimensions":2}`, `{"model":"m","input":["a","b"],"encoding_format":"float","dimensions":2}`, openai, 7},
		{"cohere", chat.OpenAI, vectors.Cohere, "/embed",
			`{"model":"m","texts":["Q: a","Q: b"],"embedding_types":["float"],"truncate":"END","input_type":"search_query","output_dimension":2}`,
			`{"model":"m","texts":["a","b"],"embedding_types":["float"],"truncate":"END","input_type":"search_document","output_dimension":2}`,
			`{"id":"e","embeddings":{"float":[[3,4],[0,2]]},"texts":["a","b"],"meta":{"api_version":{"version":"2"},"billed_units":{"input_tokens":7}}}`, 7},
		{"voyage", chat.OpenAI, vectors.Voyage, "/embeddings",
			`{"model":"m","input":["Q: a","Q: b"],"truncation":true,"input_type":"query","output_dimension":2}`,
			`{"model":"m","input":["a","b"],"truncation":true,"input_type":"document","output_dimension":2}`,
			`{"object":"list","data":[{"object":"embedding","embedding":[3,4],"index":0},{"object":"embedding","embedding":[0,2],"index":1}],"model":"m","usage":{"total_tokens":7}}`, 7},
		{"jina", chat.OpenAI, vectors.Jina, "/embeddings",
			`{"model":"m","input":["Q: a","Q: b"],"task":"retrieval.query","dimensions":2}`, `{"model":"m","input":["a","b"],"task":"retrieval.passage","dimensions":2}`, openai, 7},
		{"ollama", chat.OpenAI, vectors.Ollama, "/api/embed",
			`{"model":"m","input":["Q: a","Q: b"],"truncate":true,"dimensions":2}`, `{"model":"m","input":["a","b"],"truncate":true,"dimensions":2}`,
			`{"model":"m","embeddings":[[3,4],[0,2]],"total_duration":14143917,"load_duration":1019500,"prompt_eval_count":7}`, 7},
		{"tei", chat.OpenAI, vectors.TEI, "/embed",
			`{"inputs":["Q: a","Q: b"],"truncate":true,"dimensions":2}`, `{"inputs":["a","b"],"truncate":true,"dimensions":2}`, `[[3,4],[0,2]]`, 0},
		{"gemini", chat.Gemini, "", "/v1beta/models/m:batchEmbedContents",
			`{"requests":[{"model":"models/m","content":{"parts":[{"text":"Q: a"}]},"taskType":"RETRIEVAL_QUERY","outputDimensionality":2},{"model":"models/m","content":{"parts":[{"text":"Q: b"}]},"taskType":"RETRIEVAL_QUERY","outputDimensionality":2}]}`,
			`{"requests":[{"model":"models/m","content":{"parts":[{"text":"a"}]},"taskType":"RETRIEVAL_DOCUMENT","outputDimensionality":2},{"model":"models/m","content":{"parts":[{"text":"b"}]},"taskType":"RETRIEVAL_DOCUMENT","outputDimensionality":2}]}`,
			`{"embeddings":[{"values":[3,4]},{"values":[0,2]}]}`, 0},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := &Service{Use: "p/m", API: c.api, Dimensions: 2, QueryPrefix: "Q: "}
			p := &post{dialect: c.dialect, answer: c.answer}
			for kind, want := range map[Kind]string{Query: c.query, Document: c.passage} {
				out, err := s.Ask(t.Context(), p, "m", kind, []string{"a", "b"})
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff([][]float32{{3, 4}, {0, 2}}, out.Vectors); diff != "" || out.Tokens != c.tokens {
					t.Errorf("%d tokens, %s", out.Tokens, diff)
				}
				if p.path != c.path {
					t.Errorf("it was asked at %s", p.path)
				}
				same(t, p.body, want)
			}
			vectors, err := s.Embedder(func(ctx context.Context, kind Kind, texts []string) ([][]float32, error) {
				out, err := s.Ask(ctx, p, "m", kind, texts)
				if err != nil {
					return nil, err
				}
				return out.Vectors, nil
			}).Embed(t.Context(), Query, []string{"a", "b"})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([][]float32{{0.6, 0.8}, {0, 1}}, vectors); diff != "" {
				t.Error(diff)
			}
			for _, bad := range []string{``, `{`, `null`, `{}`, `[]`, `[[3,4]]`, `[[3,4],[1]]`, `[[3,4],["x"]]`, `[[3,4],[1e999,0]]`, `{"error":"no"}`, `{"data":[{"embedding":[3,4]}]}`, `{"embeddings":[{"values":[3,4]},{"values":[]}]}`,
				`{"embeddings":{"float":[[3,4]]}}`, `{"embeddings":[[3,4],[0,2],[1,1]]}`, `{"data":[{"embedding":[3,4]},{"embedding":[1e999,0]}]}`, `{"embeddings":[{"values":[3,4]},{"values":[0,"x"]}]}`} {
				p.answer = bad
				_, err := s.Ask(t.Context(), p, "m", Query, []string{"a", "b"})
				ce, ok := errors.AsType[*chat.Error](err)
				if !ok || ce.Code != chat.CodeUpstream || !errors.Is(err, ErrAnswer) {
					t.Errorf("%s: %v", bad, err)
				}
			}
		})
	}
}

func TestDimensionsOfAService(t *testing.T) {
	s := &Service{Use: "p/m"}
	answer := [][]float32{{3, 4}}
	send := func(context.Context, Kind, []string) ([][]float32, error) { return answer, nil }
	if _, err := s.Embedder(send).Embed(t.Context(), Document, []string{"a"}); err != nil {
		t.Fatal(err)
	}
	answer = [][]float32{{1, 2, 3}} // the server was given another model meanwhile
	if _, err := s.Embedder(send).Embed(t.Context(), Document, []string{"a"}); !errors.Is(err, ErrAnswer) {
		t.Errorf("vectors of other dimensions than before: %v", err)
	}
	if a, b := (&Service{Use: "p/m", QueryPrefix: "x"}).Model(), (&Service{Use: "p/m"}).Model(); a == b {
		t.Errorf("a prefix changes the vectors, and both are of %q", a)
	}
}

// The shapes of re-ranking, of the vendors' API references.
func TestRankingShapes(t *testing.T) {
	jina := `{"model":"m","usage":{"total_tokens":9},"results":[{"index":1,"relevance_score":0.9},{"index":0,"relevance_score":-0.2}]}`
	for _, c := range []struct {
		api          API
		body, answer string
		tokens       int64
	}{
		{"", `{"return_documents":false,"model":"m","query":"q","documents":["a","b"]}`, jina, 9},
		{vectors.Jina, `{"return_documents":false,"model":"m","query":"q","documents":["a","b"]}`, jina, 9},
		{vectors.Cohere, `{"model":"m","query":"q","documents":["a","b"]}`, `{"results":[{"index":1,"relevance_score":0.9},{"index":0,"relevance_score":-0.2}],"id":"x","meta":{"api_version":{"version":"2"},"billed_units":{"search_units":1}}}`, 0},
		{vectors.Voyage, `{"truncation":true,"model":"m","query":"q","documents":["a","b"]}`, `{"object":"list","data":[{"relevance_score":0.9,"index":1},{"relevance_score":-0.2,"index":0}],"model":"m","usage":{"total_tokens":9}}`, 9},
		{vectors.TEI, `{"truncate":true,"query":"q","texts":["a","b"]}`, `[{"index":1,"score":0.9},{"index":0,"score":-0.2}]`, 0},
	} {
		t.Run(string(c.api), func(t *testing.T) {
			r := &Ranking{Use: "p/m", API: c.api}
			p := &post{dialect: chat.OpenAI, answer: c.answer}
			scores, tokens, err := r.Ask(t.Context(), p, "m", "q", []string{"a", "b"})
			if err != nil || p.path != "/rerank" || tokens != c.tokens {
				t.Fatalf("%v, %s, %d tokens", err, p.path, tokens)
			}
			if diff := cmp.Diff([]float64{-0.2, 0.9}, scores); diff != "" {
				t.Error(diff)
			}
			same(t, p.body, c.body)
			for _, bad := range []string{``, `{}`, `[]`, `[{"index":0,"score":1}]`, `[{"index":0,"score":1},{"index":2,"score":1}]`, `[{"index":0,"score":1},{"index":0,"score":1}]`, `[{"index":0,"score":1},{"index":1,"score":1e999}]`, `{"results":[{"index":0},{"index":1}]}`} {
				p.answer = bad
				if _, _, err := r.Ask(t.Context(), p, "m", "q", []string{"a", "b"}); !errors.Is(err, ErrAnswer) {
					t.Errorf("%s: %v", bad, err)
				}
			}
		})
	}
}
