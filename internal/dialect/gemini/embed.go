package gemini

import (
	"fmt"
	"strings"

	"github.com/tidwall/gjson"
)

// EmbedRequest asks for the vectors of texts.
type EmbedRequest struct {
	Texts      []string
	Dimensions int    // of the vectors; 0 leaves it to the model
	TaskType   string // "RETRIEVAL_QUERY", "RETRIEVAL_DOCUMENT", "SEMANTIC_SIMILARITY", ...; empty where not told
	Title      string // of the document, with RETRIEVAL_DOCUMENT
}

// DecodeEmbed reads the body of embedContent, DecodeEmbedBatch that of batchEmbedContents. The parts of a content are one
// text. All requests of a batch must ask for the same but for the text: CodeUnsupported otherwise.
func DecodeEmbed(body []byte) (*EmbedRequest, error) {
	if !wellFormed(body) {
		return nil, invalid("", "the body is not valid JSON; send an object with content")
	}
	r := &EmbedRequest{}
	if err := r.read("", gjson.ParseBytes(body)); err != nil {
		return nil, err
	}
	return r, nil
}

// DecodeEmbedBatch reads the body of batchEmbedContents: see DecodeEmbed.
func DecodeEmbedBatch(body []byte) (*EmbedRequest, error) {
	if !wellFormed(body) {
		return nil, invalid("", "the body is not valid JSON; send an object with requests")
	}
	var all *EmbedRequest
	var failed error
	i := 0
	each(get(gjson.ParseBytes(body), "requests"), func(v gjson.Result) bool {
		var r EmbedRequest
		param := fmt.Sprintf("requests[%d]", i)
		i++
		if failed = r.read(param+".", v); failed != nil {
			return false
		}
		if all == nil {
			all = &r
			return true
		}
		if r.Dimensions != all.Dimensions || r.TaskType != all.TaskType || r.Title != all.Title {
			failed = unsupported(param, "%s asks for another size, task or title than the first; send it by itself", param)
			return false
		}
		all.Texts = append(all.Texts, r.Texts...)
		return true
	})
	switch {
	case failed != nil:
		return nil, failed
	case all == nil:
		return nil, invalid("requests", "requests is missing or empty; send at least one with content")
	}
	return all, nil
}

func (r *EmbedRequest) read(in string, v gjson.Result) error {
	var text strings.Builder
	var err error
	fail := func(param, format string, args ...any) {
		if err == nil {
			err = invalid(in+param, format, args...)
		}
	}
	found := false
	twice := fields(v, func(name string, v gjson.Result) bool {
		switch name {
		case "content":
			each(get(v, "parts"), func(p gjson.Result) bool {
				t := get(p, "text")
				if t.Type != gjson.String {
					fail("content", "only texts can be embedded; send parts with text")
					return false
				}
				if found {
					text.WriteByte('\n')
				}
				found = true
				text.WriteString(t.Str)
				return true
			})
		case "outputDimensionality":
			n, ok := wholeNumber(v)
			if !ok || n < 0 || n > 1<<20 {
				fail(name, "outputDimensionality must be a whole number of dimensions")
			}
			r.Dimensions = int(n)
		case "taskType":
			r.TaskType = v.Str
		case "title":
			r.Title = v.Str
		case "model": // the path's counts
		}
		return true
	})
	if twice != "" {
		fail(twice, "the field %s is given twice; send it once", twice)
	}
	if !found {
		fail("content", "content is missing or empty; send a content with a text")
	}
	r.Texts = []string{text.String()}
	return err
}

// EncodeEmbed writes the body of batchEmbedContents for a model.
func (Upstream) EncodeEmbed(model string, r *EmbedRequest) []byte {
	dst := []byte(`{"requests":[`)
	for i, text := range r.Texts {
		if i > 0 {
			dst = append(dst, ',')
		}
		c := config{dst: append(dst, '{')}
		c.string("model", "models/"+TrimModel(model))
		c.key("content")
		c.dst = append(appendString(append(c.dst, `{"parts":[{"text":`...), text), "}]}"...)
		if r.TaskType != "" {
			c.string("taskType", r.TaskType)
		}
		if r.Title != "" {
			c.string("title", r.Title)
		}
		if r.Dimensions > 0 {
			c.int("outputDimensionality", int64(r.Dimensions))
		}
		dst = append(c.dst, '}')
	}
	return append(dst, "]}"...)
}

// DecodeEmbeddings reads the answer of batchEmbedContents, or of embedContent: want vectors, in the order of the texts.
func (Upstream) DecodeEmbeddings(body []byte, want int) ([][]float32, error) {
	if !wellFormed(body) {
		return nil, broken(body, "the provider's vectors are no JSON")
	}
	v := gjson.ParseBytes(body)
	list := get(v, "embeddings")
	if !list.Exists() {
		list = get(v, "embedding")
	}
	var out [][]float32
	finite := true
	each(list, func(v gjson.Result) bool {
		var vector []float32
		get(v, "values").ForEach(func(_, v gjson.Result) bool {
			f := float32(v.Num)
			finite = finite && v.Type == gjson.Number && f-f == 0
			vector = append(vector, f)
			return true
		})
		out = append(out, vector)
		return true
	})
	if len(out) != want {
		return nil, broken(body, fmt.Sprintf("the provider sent %d vectors for %d texts", len(out), want))
	}
	if !finite {
		return nil, broken(body, "the provider sent vectors that hold what is no number")
	}
	for _, vector := range out {
		if len(vector) == 0 || len(vector) != len(out[0]) {
			return nil, broken(body, "the provider sent vectors of no or of different sizes")
		}
	}
	return out, nil
}

// EncodeEmbedding writes the answer of embedContent.
func EncodeEmbedding(vector []float32) []byte {
	return append(appendVector([]byte(`{"embedding":`), vector), '}')
}

// EncodeEmbeddings writes the answer of batchEmbedContents.
func EncodeEmbeddings(vectors [][]float32) []byte {
	dst := []byte(`{"embeddings":[`)
	for i, v := range vectors {
		if i > 0 {
			dst = append(dst, ',')
		}
		dst = appendVector(dst, v)
	}
	return append(dst, "]}"...)
}
