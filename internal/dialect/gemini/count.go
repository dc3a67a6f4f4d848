package gemini

import (
	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
)

// Tokens is the answer of countTokens.
type Tokens struct {
	Total  int64
	Cached int64 // of Total
}

// DecodeCountTokens reads a request whose tokens are to be counted: its contents alone, or a whole generateContentRequest.
// The request's Body is the inner one.
func DecodeCountTokens(model string, body []byte) (*chat.Request, error) {
	if !wellFormed(body) {
		return nil, invalid("", "the body is not valid JSON; send an object with contents or generateContentRequest")
	}
	inner := get(gjson.ParseBytes(body), "generateContentRequest")
	if !inner.Exists() {
		return DecodeRequest(model, false, body)
	}
	return DecodeRequest(model, false, []byte(inner.Raw))
}

// EncodeCountTokens writes the request that asks how many tokens r has.
func (u Upstream) EncodeCountTokens(r *chat.Request) (body []byte, dropped []string, err error) {
	inner, dropped, err := u.Encode(r)
	if err != nil {
		return nil, nil, err
	}
	v := gjson.ParseBytes(inner)
	dst := []byte(`{"generateContentRequest":{`)
	dst = appendString(append(dst, `"model":`...), "models/"+TrimModel(r.Model))
	v.ForEach(func(k, v gjson.Result) bool {
		if k.Str != "model" {
			dst = append(append(append(append(dst, ','), k.Raw...), ':'), v.Raw...)
		}
		return true
	})
	return append(dst, "}}"...), dropped, nil
}

// DecodeTokens reads the answer of countTokens.
func DecodeTokens(body []byte) (Tokens, error) {
	if !wellFormed(body) {
		return Tokens{}, broken(body, "the provider's count of tokens is no JSON")
	}
	v := gjson.ParseBytes(body)
	total := get(v, "totalTokens")
	if _, ok := wholeNumber(total); !ok {
		return Tokens{}, broken(body, "the provider's answer has no count of tokens")
	}
	return Tokens{Total: count(total), Cached: count(get(v, "cachedContentTokenCount"))}, nil
}

// EncodeTokens writes the answer of countTokens.
func EncodeTokens(t Tokens) []byte {
	c := config{dst: []byte{'{'}}
	c.int("totalTokens", t.Total)
	if t.Cached > 0 {
		c.int("cachedContentTokenCount", t.Cached)
	}
	return append(c.dst, '}')
}
