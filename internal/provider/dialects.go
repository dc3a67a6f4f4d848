package provider

import (
	"net/http"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect/anthropic"
	"github.com/dragoman/dragoman/internal/dialect/openai"
)

// dialect is what a provider needs of a wire format. A new one is an entry of the table below.
type dialect struct {
	chatPath, modelsPath string
	base                 func(configured string) string // the part of the base URL before the paths
	authorize            func(h http.Header, key string)
	encode               func(*chat.Request) ([]byte, error)
	newStream            func() streamDecoder
	whole                func([]byte) (chat.Event, error)
	failure              func(status int, body []byte, retryAfter time.Duration) *chat.Error
	models               func([]byte) ([]string, error)
}

type streamDecoder interface {
	Decode(name string, data []byte) (chat.Event, error)
	// Complete says whether the stream may end here, Ended that nothing more will come.
	Complete() bool
	Ended() bool
}

var dialects = map[string]dialect{
	"openai": {
		chatPath: "/chat/completions", modelsPath: "/models",
		base: func(s string) string { return strings.TrimRight(s, "/") },
		authorize: func(h http.Header, key string) {
			if key != "" {
				h.Set("Authorization", "Bearer "+key)
			}
		},
		encode: openai.EncodeRequest, newStream: func() streamDecoder { return &openai.StreamDecoder{} },
		whole: openai.DecodeWhole, failure: openai.DecodeError, models: openai.DecodeModels,
	},
	"anthropic": {
		chatPath: "/v1/messages", modelsPath: "/v1/models?limit=1000", // one page for all
		base: func(s string) string { return strings.TrimSuffix(strings.TrimRight(s, "/"), "/v1") },
		authorize: func(h http.Header, key string) {
			h.Set("anthropic-version", anthropic.Version)
			if key != "" {
				h.Set("x-api-key", key)
			}
		},
		encode: anthropic.EncodeRequest, newStream: func() streamDecoder { return &anthropic.StreamDecoder{} },
		whole: anthropic.DecodeWhole, failure: anthropic.DecodeError, models: openai.DecodeModels, // both list {"data": [{"id": ...}]}
	},
}
