package provider

import (
	"strings"

	"github.com/dragoman/dragoman/internal/dialect"
	"github.com/dragoman/dragoman/internal/dialect/anthropic"
	"github.com/dragoman/dragoman/internal/dialect/gemini"
	"github.com/dragoman/dragoman/internal/dialect/openai"
)

// wireFormat is what a provider needs of a wire format. A new one is an entry of the table below.
type wireFormat struct {
	upstream   dialect.Upstream
	modelsPath string
	models     func([]byte) ([]string, error)
	base       func(configured string) string // the part of the base URL before the paths
}

var dialects = map[string]wireFormat{
	"openai": {
		upstream: openai.Upstream{}, modelsPath: "/models", models: openai.DecodeModels,
		base: func(s string) string { return strings.TrimRight(s, "/") },
	},
	"anthropic": {
		upstream: anthropic.Upstream{}, modelsPath: "/v1/models?limit=1000", models: openai.DecodeModels, // both list {"data": [{"id": ...}]}
		base: func(s string) string { return strings.TrimSuffix(strings.TrimRight(s, "/"), "/v1") },
	},
	"gemini": {
		upstream: gemini.Upstream{}, modelsPath: "/v1beta/models?pageSize=1000", models: geminiModels,
		base: gemini.TrimBase,
	},
}

// geminiModels reads the first page of the list: 1000 models.
func geminiModels(body []byte) ([]string, error) {
	list, _, err := gemini.DecodeModels(body)
	names := make([]string, len(list))
	for i, m := range list {
		names[i] = m.Name
	}
	return names, err
}
