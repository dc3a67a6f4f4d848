package openai

import (
	"encoding/json"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// DecodeModels reads the names of GET /models.
func DecodeModels(body []byte) ([]string, error) {
	if !dialect.Valid(body) || !gjson.ParseBytes(body).IsObject() {
		return nil, &chat.Error{Code: chat.CodeUpstream, Message: "the provider's list of models cannot be read"}
	}
	names := []string{}
	for _, id := range gjson.GetBytes(body, "data.#.id").Array() {
		if id.String() != "" {
			names = append(names, strings.TrimPrefix(id.String(), "models/")) // Gemini's prefix
		}
	}
	return names, nil
}

// ModelInfo is an entry of the list of models.
type ModelInfo struct {
	ID      string `json:"id"`
	Object  string `json:"object"`
	Created int64  `json:"created"`
	OwnedBy string `json:"owned_by"`
}

// EncodeModels is the body of GET /v1/models.
func EncodeModels(models []ModelInfo) []byte {
	for i := range models {
		models[i].Object = "model"
	}
	return mustMarshal(struct {
		Object string      `json:"object"`
		Data   []ModelInfo `json:"data"`
	}{"list", models})
}

// EncodeModel is the body of GET /v1/models/{id}.
func EncodeModel(m ModelInfo) []byte {
	m.Object = "model"
	return mustMarshal(m)
}

// mustMarshal encodes values of which encoding cannot fail: strings, numbers and structs of them.
func mustMarshal(v any) []byte {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
