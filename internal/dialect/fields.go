package dialect

import "github.com/tidwall/gjson"

// MaxDepth is how deeply JSON from outside may be nested. Schemas of tools reach 20 or so. Without a bound, a megabyte of
// opening brackets makes a recursive parser exhaust the stack, which ends the whole process and cannot be recovered from.
const MaxDepth = 512

// Valid says whether body is one valid JSON value that is nested at most MaxDepth deep.
func Valid(body []byte) bool {
	depth, inString := 0, false
	for i := 0; i < len(body); i++ {
		switch c := body[i]; {
		case inString:
			switch c {
			case '\\':
				i++
			case '"':
				inString = false
			}
		case c == '"':
			inString = true
		case c == '{' || c == '[':
			if depth++; depth > MaxDepth {
				return false
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return gjson.ValidBytes(body)
}

// Fields reads the fields of an object that have the given names into the places of the same index, and calls other, where
// it is not nil, for each field of another name. twice is the first name that stands there twice, or "": two readers of such
// an object may see different values, so that what a guard has looked at would not be what a model gets.
func Fields(obj gjson.Result, names []string, into []gjson.Result, other func(name string, v gjson.Result)) (twice string) {
	obj.ForEach(func(k, v gjson.Result) bool {
		key := k.String()
		for i, name := range names {
			if name != key {
				continue
			}
			if into[i].Exists() {
				twice = name
				return false
			}
			into[i] = v
			return true
		}
		if other != nil {
			other(key, v)
		}
		return true
	})
	return twice
}
