package scripted

import (
	"encoding/base64"
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"net/http"
	"strings"
)

// Counted is what every count of tokens answers.
const Counted = 42

// other is the handler of what no script is asked for.
func (u *Upstream) other(answer func(r *http.Request, body []byte) (any, violations)) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		body := u.received(r)
		said, wrong := answer(r, body)
		status := http.StatusOK
		if len(wrong) > 0 {
			u.wronged(r, wrong...)
			status, said = http.StatusBadRequest, chat{}.failure(http.StatusBadRequest, strings.Join(wrong, "; "))
		}
		u.keep(r, body, status)
		send(w, status, said)
	})
}

// count is the handler of counts of tokens, as strict as for an answer.
func (u *Upstream) count(name string, f face) http.Handler {
	return u.other(func(r *http.Request, body []byte) (any, violations) {
		_, wrong := f.read(r, body)
		if name == "gemini" {
			return object{"totalTokens": Counted}, wrong
		}
		return object{"input_tokens": Counted}, wrong
	})
}

// models lists models in the dialect that the request is in.
func models(r *http.Request, _ []byte) (any, violations) {
	switch {
	case strings.HasPrefix(r.URL.Path, "/v1beta") || r.Header.Get("x-goog-api-key") != "": // /v1/models is no sign: all three have it
		return object{"models": []any{object{"name": "models/gemini-3-test", "displayName": "Test", "inputTokenLimit": 100000, "outputTokenLimit": 8000, "supportedGenerationMethods": []string{"generateContent", "countTokens"}}}}, nil
	case r.Header.Get("anthropic-version") != "":
		return object{"data": []any{object{"type": "model", "id": "claude-test", "display_name": "Test", "created_at": created}}, "has_more": false, "first_id": "claude-test", "last_id": "claude-test"}, nil
	}
	return object{"object": "list", "data": []any{object{"id": "test-70b", "object": "model", "created": created.Unix(), "owned_by": "rack"}}}, nil
}

// vector is an embedding: the length of the text and of its words, so that tests can tell one from another.
func vector(text string, dimensions int) []float32 {
	v := make([]float32, dimensions)
	v[0], v[dimensions-1] = float32(len(text)), float32(len(strings.Fields(text)))
	return v
}

// dimensions of an embedding where the request names none.
const dimensions = 8

func embeddings(_ *http.Request, body []byte) (any, violations) {
	var v violations
	var q struct {
		Model          string          `json:"model"`
		Input          json.RawMessage `json:"input"`
		EncodingFormat string          `json:"encoding_format"`
		Dimensions     *int            `json:"dimensions"`
		User           *string         `json:"user"`
	}
	v.decode("body", body, &q)
	var inputs []string
	if len(q.Input) > 0 && q.Input[0] == '"' {
		inputs = []string{v.text("input", q.Input)}
	} else {
		for i, raw := range v.list("input", q.Input) {
			inputs = append(inputs, v.text(fmt.Sprintf("input[%d]", i), raw))
		}
	}
	if q.Model == "" || len(inputs) == 0 {
		v.add("model or input is missing")
	}
	size := dimensions
	if q.Dimensions != nil {
		size = max(*q.Dimensions, 1)
	}
	data := []any{}
	for i, text := range inputs {
		var embedding any = vector(text, size)
		switch q.EncodingFormat {
		case "base64":
			var raw []byte
			for _, f := range vector(text, size) {
				raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(f))
			}
			embedding = base64.StdEncoding.EncodeToString(raw)
		case "", "float":
		default:
			v.add("encoding_format: %q", q.EncodingFormat)
		}
		data = append(data, object{"object": "embedding", "index": i, "embedding": embedding})
	}
	return object{"object": "list", "model": q.Model, "data": data, "usage": object{"prompt_tokens": Counted, "total_tokens": Counted}}, v
}

type geminiEmbedding struct {
	Model                string        `json:"model"`
	Content              geminiContent `json:"content"`
	TaskType             string        `json:"taskType"`
	Title                string        `json:"title"`
	OutputDimensionality int           `json:"outputDimensionality"`
}

func geminiEmbeddings(r *http.Request, body []byte) (any, violations) {
	var v violations
	var batch struct {
		Requests []geminiEmbedding `json:"requests"`
	}
	body = camel(body)
	one := strings.HasSuffix(r.URL.Path, ":embedContent")
	if one {
		batch.Requests = make([]geminiEmbedding, 1)
		v.decode("body", body, &batch.Requests[0])
	} else {
		v.decode("body", body, &batch)
	}
	if len(batch.Requests) == 0 {
		v.add("requests: must not be empty")
	}
	all := []any{}
	for i, q := range batch.Requests {
		if q.Model != "models/"+r.PathValue("model") && (!one || q.Model != "") {
			v.add("requests[%d].model: %q is not the model of the address", i, q.Model)
		}
		if len(q.Content.Parts) == 0 {
			v.add("requests[%d].content: must not be empty", i)
		}
		size := dimensions
		if q.OutputDimensionality > 0 {
			size = q.OutputDimensionality
		}
		all = append(all, object{"values": vector(v.geminiContent(fmt.Sprintf("requests[%d].content", i), q.Content).Text, size)})
	}
	if one {
		return object{"embedding": all[0]}, v
	}
	return object{"embeddings": all}, v
}
