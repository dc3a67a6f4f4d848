package gemini

import (
	"bytes"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/dialect"
)

// rawArguments holds the text of arguments that are no JSON object, which a functionCall cannot carry: {"_raw_arguments":
// "{\"city\": \"Par"}. The caller's tool finds what the model wrote, and a request that brings it back has it restored.
const rawArguments = "_raw_arguments"

// appendArguments appends a call's arguments as an object.
func appendArguments(dst []byte, arguments string) []byte {
	text := bytes.TrimSpace([]byte(arguments))
	switch {
	case len(text) == 0:
		return append(dst, '{', '}')
	case text[0] == '{' && wellFormed(text) && !wrapped(text):
		return append(dst, text...)
	}
	dst = append(dst, `{"`+rawArguments+`":`...)
	dst = dialect.AppendString(dst, arguments)
	return append(dst, '}')
}

// wrapped says whether arguments look like what this package makes of broken ones; such are wrapped once more.
func wrapped(text []byte) bool {
	if !bytes.Contains(text, []byte(rawArguments)) {
		return false
	}
	v, ok := only(dialect.Parse(text), rawArguments)
	return ok && v.Type == gjson.String
}

// argumentsOf is a functionCall's args as the model wrote them.
func argumentsOf(args gjson.Result) string {
	if args.Raw == "" {
		return "{}"
	}
	if raw, ok := only(args, rawArguments); ok && raw.Type == gjson.String {
		return raw.Str
	}
	return args.Raw
}

// only returns the value of an object's field where the object has no other.
func only(v gjson.Result, name string) (found gjson.Result, ok bool) {
	n := 0
	v.ForEach(func(k, x gjson.Result) bool {
		n++
		if k.Str == name {
			found, ok = x, true
		}
		return n < 2
	})
	return found, ok && n == 1
}

// appendResponse appends what a tool returned as a functionResponse's response, which is an object. "output" and "error" are
// the keys that Google documents for results and failures; an object that has neither stands for itself.
func appendResponse(dst []byte, text string, failed bool) []byte {
	trimmed := bytes.TrimSpace([]byte(text))
	object := len(trimmed) > 0 && trimmed[0] == '{' && wellFormed(trimmed)
	key := "output"
	if failed {
		key = "error"
	}
	if object && !failed {
		v := dialect.Parse(trimmed)
		if !v.Get("output").Exists() && !v.Get("error").Exists() && !v.Get("result").Exists() {
			return append(dst, trimmed...)
		}
	}
	dst = append(append(append(dst, '{', '"'), key...), '"', ':')
	if object {
		dst = append(dst, trimmed...)
	} else {
		dst = dialect.AppendString(dst, text)
	}
	return append(dst, '}')
}

// responseText is what a tool returned as text, the value that it is the text of, and whether the tool failed.
// "result" is what the Python SDK puts around what a function returned.
func responseText(response gjson.Result) (text string, at gjson.Result, failed bool) {
	for _, key := range []string{"output", "result", "error"} {
		v, ok := only(response, key)
		if !ok {
			continue
		}
		if v.Type == gjson.String {
			return v.Str, v, key == "error"
		}
		if v.IsObject() && key != "result" {
			return v.Raw, v, key == "error"
		}
	}
	return response.Raw, response, false
}
