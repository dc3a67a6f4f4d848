// Package gemini speaks Google's Generative Language API (v1beta): generateContent, streamGenerateContent, countTokens,
// embedContent and the list of models, as a caller of it and as a server of it. It is pure: no I/O, no clock.
//
// Source: the API reference at ai.google.dev/api (generate-content, caching#Content, tokens, embeddings, models), and what
// the google-genai SDKs and Gemini CLI send. What is mapped, dropped and refused is in docs/dialects.md.
package gemini

import (
	"bytes"
	"fmt"
	"slices"
	"strings"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
)

// maxDepth is how deeply a body may be nested: as deeply as Google's own parser goes. gjson recurses, and a body of brackets
// would overflow the stack, from which a Go program does not recover; and each level of a schema is read once more.
const maxDepth = 100

// wellFormed says whether data is JSON that can be walked safely.
func wellFormed(data []byte) bool { return !tooDeep(data) && gjson.ValidBytes(data) }

func tooDeep(data []byte) bool {
	if bytes.Count(data, []byte{'['})+bytes.Count(data, []byte{'{'}) <= maxDepth {
		return false
	}
	depth := 0
	for i := 0; i < len(data); i++ {
		switch data[i] {
		case '"':
			i = afterString(data, i)
		case '[', '{':
			if depth++; depth > maxDepth {
				return true
			}
		case ']', '}':
			depth--
		}
	}
	return false
}

// afterString is where the string that begins at i ends.
func afterString(data []byte, i int) int {
	for {
		n := bytes.IndexByte(data[i+1:], '"')
		if n < 0 {
			return len(data)
		}
		i += n + 1
		escapes := 0
		for data[i-1-escapes] == '\\' {
			escapes++
		}
		if escapes%2 == 0 {
			return i
		}
	}
}

// camel is a field's name as the API documents it; its servers take the protobuf spelling (snake_case) too.
func camel(name string) string {
	if strings.IndexByte(name, '_') <= 0 {
		return name
	}
	b := make([]byte, 0, len(name))
	up := false
	for i := 0; i < len(name); i++ {
		c := name[i]
		switch {
		case c == '_':
			up = true
			continue
		case up && c >= 'a' && c <= 'z':
			c -= 'a' - 'A'
		}
		up = false
		b = append(b, c)
	}
	return string(b)
}

// fields calls f for each field of an object that is not null, by its documented name, until f returns false. It returns the
// name of a field that is there twice, at which it stopped: which of the two counts would be anybody's guess, and a check
// that looked at the other would have looked in vain. Google's servers refuse it too.
func fields(v gjson.Result, f func(name string, v gjson.Result) bool) (twice string) {
	if !v.IsObject() {
		return ""
	}
	var buf [16]string
	seen := buf[:0]
	var many map[string]bool // no object of the API has as many; one with a million keys shall not cost their square
	v.ForEach(func(k, v gjson.Result) bool {
		name := camel(k.Str)
		if slices.Contains(seen, name) || many[name] {
			twice = name
			return false
		}
		switch {
		case len(seen) < 32:
			seen = append(seen, name)
		case many == nil:
			many = map[string]bool{name: true}
		default:
			many[name] = true
		}
		return v.Type == gjson.Null || f(name, v)
	})
	return twice
}

// get finds a field by its documented name or its protobuf spelling.
func get(v gjson.Result, name string) (found gjson.Result) {
	fields(v, func(n string, x gjson.Result) bool {
		if n == name {
			found = x
			return false
		}
		return true
	})
	return found
}

// each calls f for the elements of a list, until it returns false. A lone object stands for a list of one: Google's servers
// take it, and its documentation writes it ("parts": {"text": "..."}).
func each(v gjson.Result, f func(v gjson.Result) bool) {
	switch {
	case v.IsArray():
		v.ForEach(func(_, v gjson.Result) bool { return f(v) })
	case v.IsObject():
		f(v)
	}
}

// TrimModel is a model's name without the "models/" of the API's resource names.
func TrimModel(name string) string { return strings.TrimPrefix(name, "models/") }

func invalid(param, format string, args ...any) *chat.Error {
	return &chat.Error{Code: chat.CodeInvalidRequest, Param: param, Message: fmt.Sprintf(format, args...)}
}

func unsupported(param, format string, args ...any) *chat.Error {
	return &chat.Error{Code: chat.CodeUnsupported, Param: param, Message: fmt.Sprintf(format, args...)}
}
