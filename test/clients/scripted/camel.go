package scripted

import (
	"bytes"
	"encoding/json"
	"strings"
)

// foreign are fields of Gemini whose insides are the caller's own, and keep their names.
var foreign = map[string]bool{"args": true, "response": true, "parametersJsonSchema": true, "responseJsonSchema": true, "labels": true, "default": true, "example": true, "enum": true}

// camel gives all fields of a request the one spelling of the two that Gemini takes: parameters_json_schema becomes
// parametersJsonSchema. What is no JSON stays as it is.
func camel(data []byte) []byte {
	d := json.NewDecoder(bytes.NewReader(data))
	d.UseNumber()
	var v any
	if d.Decode(&v) != nil {
		return data
	}
	out, err := json.Marshal(camelValue(v, true))
	if err != nil {
		return data
	}
	return out
}

// camelValue renames fields, unless the value is a map by names of the caller.
func camelValue(v any, rename bool) any {
	switch v := v.(type) {
	case []any:
		for i := range v {
			v[i] = camelValue(v[i], true)
		}
	case map[string]any:
		out := make(map[string]any, len(v))
		for name, value := range v {
			if rename {
				name = camelName(name)
			}
			if !rename || !foreign[name] {
				value = camelValue(value, !rename || name != "properties")
			}
			out[name] = value
		}
		return out
	}
	return v
}

func camelName(name string) string {
	words := strings.Split(name, "_")
	for i, w := range words[1:] {
		if w != "" {
			words[i+1] = strings.ToUpper(w[:1]) + w[1:]
		}
	}
	return strings.Join(words, "")
}
