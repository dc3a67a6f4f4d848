package dialect

import (
	"bytes"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/chat"
)

// MaxDepth is how deeply JSON from outside may be nested. Schemas of tools reach 20 or so. Without a bound, a megabyte of
// opening brackets makes a recursive parser exhaust the stack, which ends the whole process and cannot be recovered from.
const MaxDepth = 512

// Valid says whether body is one valid JSON value that is nested at most MaxDepth deep.
func Valid(body []byte) bool {
	if bytes.Count(body, []byte("{"))+bytes.Count(body, []byte("[")) > MaxDepth && tooDeep(body) { // counting is cheap
		return false
	}
	return gjson.ValidBytes(body)
}

func tooDeep(body []byte) bool {
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
				return true
			}
		case c == '}' || c == ']':
			depth--
		}
	}
	return false
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

// SetField is the patch that sets a top-level field of an object to a value, or takes it out where value is nil. Of a field that
// is not there, the first is an insertion after the opening bracket, the second no patch at all.
func SetField(body []byte, name string, value []byte) Patch {
	var p Patch
	found, end := false, 0 // where the value before ended
	Parse(body).ForEach(func(k, v gjson.Result) bool {
		at := Place(body, v)
		if k.String() != name {
			end = at.End
			return true
		}
		found = true
		if value != nil {
			p = Patch{At: at, JSON: value}
			return false
		}
		from, to := Place(body, k).Start, at.End
		if end > 0 {
			from = end // with the comma before
		} else {
			to = AfterComma(body, to)
		}
		p = Patch{At: chat.Span{Start: from, End: to}}
		return false
	})
	if found || value == nil {
		return p
	}
	start := 0
	for start < len(body) && body[start] != '{' {
		start++
	}
	start++
	insert := append(AppendString(nil, name), ':')
	insert = append(insert, value...)
	if rest := AfterSpace(body, start); rest < len(body) && body[rest] != '}' {
		insert = append(insert, ',')
	}
	return Patch{At: chat.Span{Start: start, End: start}, JSON: insert}
}

// AfterSpace is the place of the first byte from i on that is no white space.
func AfterSpace(body []byte, i int) int {
	for i < len(body) && (body[i] == ' ' || body[i] == '\n' || body[i] == '\t' || body[i] == '\r') {
		i++
	}
	return i
}

// AfterComma is the place after the comma that follows i, or i where none follows.
func AfterComma(body []byte, i int) int {
	if c := AfterSpace(body, i); c < len(body) && body[c] == ',' {
		return c + 1
	}
	return i
}
