package vectors

import (
	"cmp"
	"fmt"
	"slices"
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/dialect"
)

// RerankRequest is the body of POST /v1/rerank.
type RerankRequest struct {
	Model           string
	Query           string
	Documents       []string
	TopN            int  // how many results at most; 0: all
	ReturnDocuments bool // results have the documents' texts with them
	Body            []byte
	Unmapped        []string
}

// DecodeRerankRequest reads a request. Errors are *chat.Error with CodeInvalidRequest and the field at fault.
func DecodeRerankRequest(body []byte) (*RerankRequest, error) {
	var f [7]gjson.Result
	unmapped, err := fields(body, []string{"model", "query", "documents", "top_n", "return_documents", "dragoman", "top_k"}, f[:])
	if err != nil {
		return nil, err
	}
	r := &RerankRequest{Body: body, Unmapped: unmapped}
	if r.Model, err = needed(f[0], "model", "; GET /v1/models lists those there are"); err != nil {
		return nil, err
	}
	if r.Query, err = needed(f[1], "query", "; it is what the documents are compared with"); err != nil {
		return nil, err
	}
	top := f[3]
	if !top.Exists() {
		top = f[6] // Voyage's name
	}
	if top.Exists() {
		if r.TopN = whole(top); r.TopN < 1 {
			return nil, invalid("top_n", "top_n must be a whole number of at least 1")
		}
	}
	if v := f[4]; v.Exists() {
		if !v.IsBool() {
			return nil, invalid("return_documents", "return_documents must be true or false")
		}
		r.ReturnDocuments = v.Bool()
	}
	if !f[2].IsArray() || !f[2].Get("0").Exists() {
		return nil, invalid("documents", "documents must be a list of at least one document")
	}
	f[2].ForEach(func(_, d gjson.Result) bool {
		at := fmt.Sprintf("documents.%d", len(r.Documents))
		if d.IsObject() {
			var t [1]gjson.Result
			if twice := dialect.Fields(d, []string{"text"}, t[:], nil); twice != "" {
				err = invalid(at+".text", "text stands there twice; send it once")
				return false
			}
			d = t[0]
		}
		if d.Type != gjson.String {
			err = invalid(at, at+" must be a text, or an object with a text")
			return false
		}
		r.Documents = append(r.Documents, d.Str)
		return true
	})
	if err != nil {
		return nil, err
	}
	return r, nil
}

// Encode writes the request for an upstream server: its Body with the model set and dragoman taken out, or a new one.
func (r *RerankRequest) Encode() []byte {
	if r.Body != nil {
		return spliced(r.Body, r.Model)
	}
	b := dialect.AppendString([]byte(`{"model":`), r.Model)
	b = dialect.AppendString(append(b, `,"query":`...), r.Query)
	b = append(b, `,"documents":[`...)
	for i, d := range r.Documents {
		if i > 0 {
			b = append(b, ',')
		}
		b = dialect.AppendString(b, d)
	}
	b = append(b, ']')
	if r.TopN > 0 {
		b = strconv.AppendInt(append(b, `,"top_n":`...), int64(r.TopN), 10)
	}
	return append(b, '}')
}

// Ranked says how well a document fits the query.
type Ranked struct {
	Index int     // of the document in the request, from 0
	Score float64 // finite; what it means is the model's affair
}

// Rerank is the answer to a RerankRequest, the best first.
type Rerank struct {
	ID      string
	Model   string
	Results []Ranked
	Tokens  int64
	// Raw is the answer as it came, in the shape of Cohere and Jina; nil where it came in another.
	Raw []byte
}

// DecodeRerank reads an upstream's answer to a request of count documents: Cohere's and Jina's shape, Voyage's (data) and that
// of Text Embeddings Inference (a bare list with score). Errors are *chat.Error with CodeUpstream.
func DecodeRerank(body []byte, count int) (*Rerank, error) {
	if !dialect.Valid(body) {
		return nil, badAnswer("the provider's ranking is not valid JSON")
	}
	root := gjson.ParseBytes(body)
	list := root
	if root.IsObject() {
		if list = root.Get("results"); !list.Exists() {
			list = root.Get("data")
		}
	}
	if !list.IsArray() {
		return nil, badAnswer("the provider sent what is no ranking; check its base_url and dialect")
	}
	out := &Rerank{ID: root.Get("id").String(), Model: root.Get("model").String()}
	for _, path := range []string{"usage.total_tokens", "meta.billed_units.input_tokens", "meta.tokens.input_tokens"} {
		if out.Tokens = max(out.Tokens, root.Get(path).Int()); out.Tokens > 0 {
			break
		}
	}
	if root.Get("results").IsArray() {
		out.Raw = body
	}
	seen := make([]bool, count)
	var err error
	list.ForEach(func(_, e gjson.Result) bool {
		i, score := whole(e.Get("index")), e.Get("relevance_score")
		if !score.Exists() {
			score, out.Raw = e.Get("score"), nil
		}
		if i < 0 || i >= count || seen[i] || score.Type != gjson.Number || score.Num-score.Num != 0 {
			err = badAnswer("the provider's ranking names documents that are not there, or no scores")
			return false
		}
		seen[i] = true
		out.Results = append(out.Results, Ranked{i, score.Num})
		return true
	})
	if err != nil {
		return nil, err
	}
	sortRanked(out.Results)
	return out, nil
}

// sortRanked puts the best first, and of equals the one that came first.
func sortRanked(list []Ranked) {
	slices.SortFunc(list, func(a, b Ranked) int {
		return cmp.Or(cmp.Compare(b.Score, a.Score), cmp.Compare(a.Index, b.Index))
	})
}

// asked says whether the answer as it came is what a request asks for: not more results, the best first, with their documents.
func (k *Rerank) asked(r *RerankRequest) bool {
	if k.Raw == nil || r.TopN > 0 && len(k.Results) > r.TopN {
		return false
	}
	last, ok := 0.0, true
	first := true
	gjson.GetBytes(k.Raw, "results").ForEach(func(_, e gjson.Result) bool {
		score := e.Get("relevance_score").Num
		ok = (first || score <= last) && (!r.ReturnDocuments || e.Get("document.text").Exists())
		last, first = score, false
		return ok
	})
	return ok
}

// Encode writes the answer to a request: as it came, where that is what the request asks for, else its best TopN results. Scores
// must be finite.
func (k *Rerank) Encode(r *RerankRequest) []byte {
	if k.asked(r) {
		return k.Raw
	}
	results := slices.Clone(k.Results)
	sortRanked(results)
	if r.TopN > 0 && len(results) > r.TopN {
		results = results[:r.TopN]
	}
	b := dialect.AppendString([]byte(`{"id":`), k.ID)
	b = dialect.AppendString(append(b, `,"model":`...), k.Model)
	b = append(b, `,"results":[`...)
	for i, d := range results {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(append(b, `{"index":`...), int64(d.Index), 10)
		b = strconv.AppendFloat(append(b, `,"relevance_score":`...), d.Score, 'g', -1, 64)
		if r.ReturnDocuments && d.Index >= 0 && d.Index < len(r.Documents) {
			b = append(dialect.AppendString(append(b, `,"document":{"text":`...), r.Documents[d.Index]), '}')
		}
		b = append(b, '}')
	}
	b = strconv.AppendInt(append(b, `],"usage":{"total_tokens":`...), k.Tokens, 10)
	b = strconv.AppendInt(append(b, `},"meta":{"api_version":{"version":"1"},"billed_units":{"search_units":1},"tokens":{"input_tokens":`...), k.Tokens, 10)
	return append(b, "}}}"...)
}
