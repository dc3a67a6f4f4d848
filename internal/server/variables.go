package server

import (
	"encoding/json"
	"net/http"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
)

// Where requests give the variables of an assistant's prompt, beside the field dragoman.variables: a header for each, whose name has dashes
// for underscores, and the metadata of OpenAI's APIs.
const (
	headerVariable   = "X-Dragoman-Var-"
	metadataVariable = "var_"
)

// variables are those that a request gives, as texts. What its field says wins over metadata, and that over headers.
func variables(h http.Header, req *chat.Request, field map[string]json.RawMessage) (map[string]string, error) {
	var out map[string]string
	set := func(name, value string) {
		if out == nil {
			out = map[string]string{}
		}
		out[name] = value
	}
	for key, v := range h {
		if name, ok := strings.CutPrefix(key, headerVariable); ok && len(v) > 0 {
			set(strings.ReplaceAll(strings.ToLower(name), "-", "_"), v[0])
		}
	}
	gjson.GetBytes(req.Body, "metadata").ForEach(func(key, v gjson.Result) bool {
		if name, ok := strings.CutPrefix(key.Str, metadataVariable); ok {
			set(name, v.String())
		}
		return true
	})
	for name, raw := range field {
		text, ok := variableText(raw)
		if !ok {
			return nil, &chat.Error{Code: chat.CodeInvalidRequest, Param: "dragoman.variables." + name, Message: "variable " + name + " must be a text, a number, true, false, or a list of texts"}
		}
		set(name, text)
	}
	return out, nil
}

// variableText is a value as templates read it: lists are a line for each entry.
func variableText(raw json.RawMessage) (string, bool) {
	v := gjson.ParseBytes(raw)
	switch {
	case v.Type == gjson.String || v.Type == gjson.Number || v.IsBool():
		return v.String(), true
	case !v.IsArray():
		return "", false
	}
	var lines []string
	for _, e := range v.Array() {
		if e.Type != gjson.String || strings.ContainsAny(e.Str, "\r\n") {
			return "", false
		}
		lines = append(lines, e.Str)
	}
	return strings.Join(lines, "\n"), true
}
