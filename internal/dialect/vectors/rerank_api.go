package vectors

import "github.com/dragoman/dragoman/internal/dialect"

// RerankPath is what follows the base URL of services that re-rank, of all shapes.
const RerankPath = "/rerank"

// EncodeRerank writes a request to score documents, all of them, in the shape of Cohere (v2/rerank), Voyage, Jina, or Text Embeddings
// Inference. DecodeRerank reads the answers of all of them.
func (a API) EncodeRerank(model, query string, documents []string) []byte {
	b := []byte{'{'}
	list := "documents"
	switch a {
	case TEI: // which serves one model
		list = "texts"
		b = append(b, `"truncate":true,`...)
	case Voyage:
		b = append(b, `"truncation":true,`...)
	case Jina:
		b = append(b, `"return_documents":false,`...)
	}
	if a != TEI {
		b = append(dialect.AppendString(append(b, `"model":`...), model), ',')
	}
	b = dialect.AppendString(append(b, `"query":`...), query)
	b = append(append(b, `,"`+list...), `":[`...)
	for i, s := range documents {
		if i > 0 {
			b = append(b, ',')
		}
		b = dialect.AppendString(b, s)
	}
	return append(b, "]}"...)
}
