package gemini

import (
	"net/http"
	"net/url"
	"strings"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// Upstream speaks to servers of the Generative Language API. Its paths begin with "/v1beta": see TrimBase.
type Upstream struct{}

var _ dialect.Upstream = Upstream{}

const version = "/v1beta"

// TrimBase is a base URL without a slash or version at its end, which Path has: people configure both.
func TrimBase(base string) string {
	base = strings.TrimRight(base, "/")
	return strings.TrimRight(strings.TrimSuffix(base, version), "/")
}

// Wire is gemini.generate.
func (Upstream) Wire() chat.Wire { return chat.GeminiGenerate }

// Path is where a request goes: its model is in the path.
func (Upstream) Path(r *chat.Request) string {
	if r.Stream {
		return modelPath(r.Model) + ":streamGenerateContent?alt=sse"
	}
	return modelPath(r.Model) + ":generateContent"
}

// CountPath is where the tokens of a request are counted.
func (Upstream) CountPath(model string) string { return modelPath(model) + ":countTokens" }

// EmbedPath is where texts are embedded; see EmbedRequest.
func (Upstream) EmbedPath(model string) string { return modelPath(model) + ":batchEmbedContents" }

// ModelsPath is where the models are listed; page is what DecodeModels returned, "" for the first.
func (Upstream) ModelsPath(page string) string {
	path := version + "/models?pageSize=1000"
	if page != "" {
		path += "&pageToken=" + url.QueryEscape(page)
	}
	return path
}

// modelPath is a model's resource: "models/NAME", or "tunedModels/NAME". No name leads out of them.
func modelPath(model string) string {
	collection := "models"
	name, tuned := strings.CutPrefix(model, "tunedModels/")
	if tuned {
		collection = "tunedModels"
	}
	return version + "/" + collection + "/" + url.PathEscape(TrimModel(name))
}

// Authorize sets the API key.
func (Upstream) Authorize(h http.Header, key string) {
	if key != "" {
		h.Set("X-Goog-Api-Key", key)
	}
}

// Encode writes a request: see dialect.Upstream. A request that came on this wire is its Body, byte for byte, but for parts
// that changed, the field dragoman and signatures of other providers. Errors are *chat.Error with CodeUnsupported, or
// CodeInvalidRequest for a tool's result that answers no call.
func (Upstream) Encode(r *chat.Request) (body []byte, dropped []string, err error) {
	if r.Wire == chat.GeminiGenerate && r.Body != nil {
		if body, dropped, ok := spliced(r); ok {
			return body, dropped, nil
		}
	}
	return translate(r)
}

// NewStream decodes the chunks of one answer.
func (Upstream) NewStream() dialect.StreamDecoder { return &StreamDecoder{} }
