package provider

import (
	"strings"

	"github.com/dragoman/dragoman/internal/dialect"
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
}
