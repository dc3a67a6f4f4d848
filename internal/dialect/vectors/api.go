package vectors

import (
	"fmt"
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/dialect"
)

// API is how a service of embeddings is asked: they differ in the names of fields, in how they tell questions from passages, and
// in the shape of what they answer.
type API string

// The shapes, but for Gemini's, which is in package gemini.
const (
	OpenAI API = "openai" // POST /embeddings; knows no difference of questions and passages
	Cohere API = "cohere" // POST /embed of version 2
	Voyage API = "voyage" // POST /embeddings
	Jina   API = "jina"   // POST /embeddings
	Ollama API = "ollama" // POST /api/embed, beside /v1
	TEI    API = "tei"    // POST /embed of Text Embeddings Inference
)

// OllamaPath lies beside the /v1 of a server, not below it.
const OllamaPath = "/api/embed"

// Path is what follows the base URL.
func (a API) Path() string {
	switch a {
	case Cohere, TEI:
		return "/embed"
	case Ollama:
		return OllamaPath
	}
	return "/embeddings"
}

// MostTexts is how many texts a service of this shape takes at once where nobody has told it otherwise.
func (a API) MostTexts() int {
	switch a {
	case Cohere:
		return 96
	case TEI:
		return 32
	}
	return 64
}

// Texts is what is to be embedded.
type Texts struct {
	Model      string
	Texts      []string
	Query      bool // they are questions, not passages
	Dimensions int  // of the vectors; 0 leaves it to the model
}

// Encode writes a request.
//
// Sources: the API references of Cohere (v2/embed), Voyage and Jina (v1/embeddings), Ollama (docs/api.md) and Text Embeddings
// Inference (docs/openapi.json).
func (a API) Encode(t *Texts) []byte {
	b := []byte{'{'}
	if a != TEI { // which serves one model
		b = append(dialect.AppendString(append(b, `"model":`...), t.Model), ',')
	}
	list, size := "input", "dimensions"
	switch a {
	case Cohere:
		list, size = "texts", "output_dimension"
	case TEI:
		list = "inputs"
	case Voyage:
		size = "output_dimension"
	}
	b = append(dialect.AppendString(b, list), ":["...)
	for i, s := range t.Texts {
		if i > 0 {
			b = append(b, ',')
		}
		b = dialect.AppendString(b, s)
	}
	b = append(b, ']')
	pick := func(query, passage string) string {
		if t.Query {
			return query
		}
		return passage
	}
	switch a {
	case OpenAI:
		b = append(b, `,"encoding_format":"float"`...)
	case Cohere:
		b = append(b, `,"embedding_types":["float"],"truncate":"END","input_type":"`+pick("search_query", "search_document")+`"`...)
	case Voyage:
		b = append(b, `,"truncation":true,"input_type":"`+pick("query", "document")+`"`...)
	case Jina:
		b = append(b, `,"task":"`+pick("retrieval.query", "retrieval.passage")+`"`...)
	case Ollama:
		b = append(b, `,"truncate":true`...)
	case TEI:
		b = append(b, `,"truncate":true`...)
	}
	if t.Dimensions > 0 {
		b = strconv.AppendInt(append(b, `,"`+size+`":`...), int64(t.Dimensions), 10)
	}
	return append(b, '}')
}

// Decode reads the answer to a request of count texts. Vectors are all of one length, and hold finite numbers only. Errors are
// *chat.Error with CodeUpstream.
func (a API) Decode(body []byte, count int) (*Embeddings, error) {
	var list gjson.Result
	out := &Embeddings{}
	if a == OpenAI || a == Voyage || a == Jina {
		e, err := DecodeEmbeddings(body, count)
		if err == nil && e.Tokens == 0 {
			e.Tokens = max(gjson.GetBytes(body, "usage.total_tokens").Int(), 0) // Voyage tells no other
		}
		return e, err
	}
	if !dialect.Valid(body) {
		return nil, badAnswer("the provider's embeddings are not valid JSON")
	}
	root := gjson.ParseBytes(body)
	switch a {
	case Cohere:
		list, out.Tokens = root.Get("embeddings.float"), root.Get("meta.billed_units.input_tokens").Int()
	case Ollama:
		list, out.Tokens, out.Model = root.Get("embeddings"), root.Get("prompt_eval_count").Int(), root.Get("model").String()
	case TEI:
		list = root
	}
	out.Tokens = max(out.Tokens, 0)
	if !list.IsArray() {
		return nil, badAnswer("the provider sent what are no embeddings; check its base_url, and the api of the embedder")
	}
	var err error
	list.ForEach(func(_, v gjson.Result) bool {
		var one []float32
		if one, err = vector(v); err == nil && len(out.Vectors) > 0 && len(one) != len(out.Vectors[0]) {
			err = badAnswer("the provider's embeddings differ in length")
		}
		out.Vectors = append(out.Vectors, one)
		return err == nil
	})
	if err == nil && len(out.Vectors) != count {
		err = badAnswer(fmt.Sprintf("the provider sent %d embeddings of %d", len(out.Vectors), count))
	}
	if err != nil {
		return nil, err
	}
	return out, nil
}
