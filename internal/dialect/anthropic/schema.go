package anthropic

import "github.com/tidwall/gjson"

// maxSchemaDepth bounds how deep a schema is looked into.
const maxSchemaDepth = 64

// closed is a schema for structured output as this wire wants it: an object that says nothing of further properties says here
// that it has none, and one that allows them cannot be had
// (https://docs.anthropic.com/en/docs/build-with-claude/structured-outputs).
func (e *encoder) closed(schema []byte) []byte {
	return e.appendClosed(make([]byte, 0, len(schema)+64), gjson.ParseBytes(schema), true, 0)
}

// appendClosed writes v. In a schema, keywords have their meaning; in a map of schemas by name, each value is one.
func (e *encoder) appendClosed(b []byte, v gjson.Result, isSchema bool, depth int) []byte {
	switch {
	case depth > maxSchemaDepth || !v.IsObject() && !v.IsArray():
		return append(b, v.Raw...)
	case v.IsArray():
		b = append(b, '[')
		v.ForEach(func(_, item gjson.Result) bool {
			if len(b) > 0 && b[len(b)-1] != '[' {
				b = append(b, ',')
			}
			b = e.appendClosed(b, item, isSchema, depth+1)
			return true
		})
		return append(b, ']')
	}
	b = append(b, '{')
	first, object, stated := true, false, false
	v.ForEach(func(k, item gjson.Result) bool {
		if !first {
			b = append(b, ',')
		}
		first = false
		b = append(append(b, k.Raw...), ':')
		switch key := k.String(); {
		case !isSchema: // a schema by its name
			b = e.appendClosed(b, item, true, depth+1)
		case key == "properties" || key == "$defs" || key == "definitions":
			object = object || key == "properties"
			b = e.appendClosed(b, item, false, depth+1)
		case key == "items" || key == "prefixItems" || key == "anyOf" || key == "allOf" || key == "oneOf":
			b = e.appendClosed(b, item, true, depth+1)
		case key == "additionalProperties":
			stated = true
			if item.Type != gjson.False {
				e.drop("response_format.json_schema: additionalProperties")
			}
			b = append(b, "false"...)
		default:
			object = object || key == "type" && has(item, "object")
			b = append(b, item.Raw...)
		}
		return true
	})
	if isSchema && object && !stated {
		if !first {
			b = append(b, ',')
		}
		b = append(b, `"additionalProperties":false`...)
	}
	return append(b, '}')
}

// has says whether a schema's type is, or lists, name.
func has(types gjson.Result, name string) bool {
	if types.IsArray() {
		for _, t := range types.Array() {
			if t.String() == name {
				return true
			}
		}
	}
	return types.String() == name
}
