// Package vectors reads and writes what is not chat but goes the same ways: embeddings, re-ranking and moderations, at our
// door and of upstream servers. It is pure: no I/O, no clock.
//
// Source: OpenAI's API reference of embeddings and moderations; Cohere's and Jina's of rerank, which vLLM, llama.cpp and
// Infinity have taken over.
package vectors

import (
	"encoding/base64"
	"encoding/binary"
	"fmt"
	"math"
	"strconv"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// EmbeddingRequest is the body of POST /v1/embeddings.
type EmbeddingRequest struct {
	Model      string
	Input      []string // the texts; empty where Tokens is set
	Tokens     bool     // the input are lists of token numbers, which only the model that they were made for can read
	Count      int      // how many vectors are asked for
	Base64     bool     // vectors are to be written as base64 of little-endian float32
	Dimensions int      // 0: as many as the model has
	User       string
	Body       []byte // the request as it came; nil for requests made here
	Unmapped   []string
}

// Texts returns the texts to embed, or an error where the input are tokens: for everybody who has to read it.
func (r *EmbeddingRequest) Texts() ([]string, error) {
	if r.Tokens {
		return nil, &chat.Error{Code: chat.CodeUnsupported, Param: "input", Message: "token numbers cannot be read by this model; send the texts themselves"}
	}
	return r.Input, nil
}

// DecodeEmbeddingRequest reads a request. Errors are *chat.Error with CodeInvalidRequest and the field at fault.
func DecodeEmbeddingRequest(body []byte) (*EmbeddingRequest, error) {
	r := &EmbeddingRequest{Body: body}
	var f [6]gjson.Result
	unmapped, err := fields(body, []string{"model", "input", "encoding_format", "dimensions", "user", "dragoman"}, f[:])
	if err != nil {
		return nil, err
	}
	r.Unmapped = unmapped
	if r.Model, err = needed(f[0], "model", "; GET /v1/models lists those there are"); err != nil {
		return nil, err
	}
	switch f[2].String() {
	case "", "float":
	case "base64":
		r.Base64 = true
	default:
		return nil, invalid("encoding_format", "encoding_format must be float or base64")
	}
	if v := f[3]; v.Exists() {
		if r.Dimensions = whole(v); r.Dimensions < 1 {
			return nil, invalid("dimensions", "dimensions must be a whole number of at least 1")
		}
	}
	r.User = f[4].String()
	if err := r.input(f[1]); err != nil {
		return nil, err
	}
	return r, nil
}

func (r *EmbeddingRequest) input(v gjson.Result) error {
	wrong := invalid("input", "input must be a text that is not empty, or a list of such texts")
	if v.Type == gjson.String && v.Str != "" {
		r.Input, r.Count = []string{v.Str}, 1
		return nil
	}
	if !v.IsArray() || !v.Get("0").Exists() {
		return wrong
	}
	first := v.Get("0")
	ok := true
	v.ForEach(func(_, e gjson.Result) bool {
		switch {
		case first.Type == gjson.String && e.Type == gjson.String && e.Str != "":
			r.Input = append(r.Input, e.Str)
			r.Count++
		case first.Type == gjson.Number && e.Type == gjson.Number:
			r.Tokens, r.Count = true, 1
		case first.IsArray() && e.IsArray() && e.Get("0").Type == gjson.Number:
			r.Tokens = true
			r.Count++
		default:
			ok = false
		}
		return ok
	})
	if !ok {
		return wrong
	}
	return nil
}

// Encode writes the request for an upstream server: its Body with the model set and dragoman taken out, or a new one.
func (r *EmbeddingRequest) Encode() []byte {
	if r.Body != nil {
		return spliced(r.Body, r.Model)
	}
	b := dialect.AppendString([]byte(`{"model":`), r.Model)
	b = append(b, `,"input":[`...)
	for i, s := range r.Input {
		if i > 0 {
			b = append(b, ',')
		}
		b = dialect.AppendString(b, s)
	}
	b = append(b, ']')
	if r.Base64 {
		b = append(b, `,"encoding_format":"base64"`...)
	}
	if r.Dimensions > 0 {
		b = strconv.AppendInt(append(b, `,"dimensions":`...), int64(r.Dimensions), 10)
	}
	if r.User != "" {
		b = dialect.AppendString(append(b, `,"user":`...), r.User)
	}
	return append(b, '}')
}

// Embeddings are the vectors of a request's inputs, in their order.
type Embeddings struct {
	Model   string
	Vectors [][]float32 // all of one length
	Tokens  int64       // of the input
	// Raw is the answer as it came from a server of this wire, and RawBase64 its format; nil for one made here.
	Raw       []byte
	RawBase64 bool
}

// DecodeEmbeddings reads an upstream's answer to a request for count vectors, in either format. Errors are *chat.Error with
// CodeUpstream.
func DecodeEmbeddings(body []byte, count int) (*Embeddings, error) {
	if !dialect.Valid(body) {
		return nil, badAnswer("the provider's embeddings are not valid JSON")
	}
	root := gjson.ParseBytes(body)
	out := &Embeddings{Model: root.Get("model").String(), Vectors: make([][]float32, count), Tokens: max(root.Get("usage.prompt_tokens").Int(), 0),
		Raw: body, RawBase64: root.Get("data.0.embedding").Type == gjson.String}
	seen := 0
	var err error
	root.Get("data").ForEach(func(_, e gjson.Result) bool {
		i := seen
		if v := e.Get("index"); v.Exists() {
			i = whole(v)
		}
		if i < 0 || i >= count || out.Vectors[i] != nil {
			err = badAnswer("the provider sent embeddings that nobody asked for")
			return false
		}
		if (e.Get("embedding").Type == gjson.String) != out.RawBase64 {
			out.Raw = nil // some of it has to be written in another way than it came
		}
		if out.Vectors[i], err = vector(e.Get("embedding")); err != nil {
			return false
		}
		seen++
		return true
	})
	if err != nil {
		return nil, err
	}
	if seen != count {
		return nil, badAnswer(fmt.Sprintf("the provider sent %d embeddings of %d", seen, count))
	}
	for _, v := range out.Vectors {
		if len(v) != len(out.Vectors[0]) {
			return nil, badAnswer("the provider's embeddings differ in length")
		}
	}
	return out, nil
}

// vector reads a vector in either format.
func vector(v gjson.Result) ([]float32, error) {
	var out []float32
	switch {
	case v.Type == gjson.String:
		b, err := base64.StdEncoding.DecodeString(v.Str)
		if err != nil || len(b)%4 != 0 {
			return nil, badAnswer("an embedding is no base64 of float32 numbers")
		}
		out = make([]float32, len(b)/4)
		for i := range out {
			out[i] = math.Float32frombits(binary.LittleEndian.Uint32(b[4*i:]))
		}
	case v.IsArray():
		var bad bool
		v.ForEach(func(_, n gjson.Result) bool {
			f, err := strconv.ParseFloat(n.Raw, 32) // straight to float32: by way of float64 it would be rounded twice
			bad = bad || err != nil || n.Type != gjson.Number
			out = append(out, float32(f))
			return !bad
		})
		if bad {
			return nil, badAnswer("an embedding holds what is no number")
		}
	}
	if len(out) == 0 {
		return nil, badAnswer("an embedding is empty")
	}
	for _, f := range out {
		if f != f || math.IsInf(float64(f), 0) {
			return nil, badAnswer("an embedding holds what is no number")
		}
	}
	return out, nil
}

// Encode writes the answer to a request in the format that it asks for: as it came, where that is its format. Numbers are written so that they are read again as
// the same float32. Vectors must hold finite numbers only, as those of DecodeEmbeddings do.
func (e *Embeddings) Encode(r *EmbeddingRequest) []byte {
	if e.Raw != nil && e.RawBase64 == r.Base64 {
		return e.Raw
	}
	size := 256
	for _, v := range e.Vectors {
		size += 64 + 13*len(v)
	}
	b := append(make([]byte, 0, size), `{"object":"list","data":[`...)
	for i, v := range e.Vectors {
		if i > 0 {
			b = append(b, ',')
		}
		b = strconv.AppendInt(append(b, `{"object":"embedding","index":`...), int64(i), 10)
		b = append(b, `,"embedding":`...)
		if r.Base64 {
			raw := make([]byte, 0, 4*len(v))
			for _, f := range v {
				raw = binary.LittleEndian.AppendUint32(raw, math.Float32bits(f))
			}
			b = append(base64.StdEncoding.AppendEncode(append(b, '"'), raw), '"')
		} else {
			b = append(b, '[')
			for j, f := range v {
				if j > 0 {
					b = append(b, ',')
				}
				b = strconv.AppendFloat(b, float64(f), 'g', -1, 32)
			}
			b = append(b, ']')
		}
		b = append(b, '}')
	}
	b = dialect.AppendString(append(b, `],"model":`...), e.Model)
	b = strconv.AppendInt(append(b, `,"usage":{"prompt_tokens":`...), e.Tokens, 10)
	b = strconv.AppendInt(append(b, `,"total_tokens":`...), e.Tokens, 10)
	return append(b, "}}"...)
}
