package gemini

import (
	"strings"

	"github.com/tidwall/gjson"
)

// AppendJSONSchema appends the JSON Schema of a schema of the API, which is a subset of OpenAPI 3.0: types in upper case,
// nullable, int64 limits as strings, propertyOrdering. A JSON Schema that somebody put there passes mostly as it is.
// Fields without a meaning in JSON Schema are left out; properties come in the order that propertyOrdering wants.
func AppendJSONSchema(dst []byte, schema gjson.Result) []byte {
	if !schema.IsObject() {
		return append(dst, "{}"...)
	}
	nullable := get(schema, "nullable").Bool()
	c := config{dst: append(dst, '{')}
	fields(schema, func(name string, v gjson.Result) bool {
		switch name {
		case "type":
			c.jsonType(v, nullable)
		case "format":
			if v.Str != "enum" {
				c.raw(name, v.Raw)
			}
		case "enum":
			c.key(name)
			c.list(v, nullable, "null", func(dst []byte, v gjson.Result) []byte { return append(dst, v.Raw...) })
		case "minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties":
			if n, ok := wholeNumber(v); ok {
				c.int(name, n)
			}
		case "properties", "$defs", "definitions", "patternProperties":
			c.key(name)
			c.dst = appendSchemas(c.dst, v, get(schema, "propertyOrdering"), AppendJSONSchema)
		case "items", "not", "additionalProperties":
			if c.key(name); v.IsObject() {
				c.dst = AppendJSONSchema(c.dst, v)
			} else {
				c.dst = append(c.dst, v.Raw...)
			}
		case "anyOf", "oneOf", "allOf", "prefixItems":
			c.key(name)
			c.list(v, nullable && name == "anyOf" && !get(schema, "type").Exists(), `{"type":"null"}`, AppendJSONSchema)
		case "example":
			c.key("examples")
			c.dst = append(append(append(c.dst, '['), v.Raw...), ']')
		case "title", "description", "default", "pattern", "minimum", "maximum", "required", "$ref", "const", "examples",
			"exclusiveMinimum", "exclusiveMaximum", "multipleOf", "uniqueItems":
			c.raw(name, v.Raw)
		}
		return true
	})
	return append(c.dst, '}')
}

func (c *config) jsonType(v gjson.Result, nullable bool) {
	if v.IsArray() {
		c.raw("type", v.Raw)
		return
	}
	t := strings.ToLower(v.Str)
	switch {
	case t == "" || t == "type_unspecified":
	case nullable && t != "null":
		c.key("type")
		c.dst = append(appendString(append(c.dst, '['), t), `,"null"]`...)
	default:
		c.string("type", t)
	}
}

// list appends a list, and one more element where that is wanted.
func (c *config) list(v gjson.Result, more bool, last string, element func(dst []byte, v gjson.Result) []byte) {
	c.dst = append(c.dst, '[')
	first := true
	comma := func() {
		if !first {
			c.dst = append(c.dst, ',')
		}
		first = false
	}
	v.ForEach(func(_, v gjson.Result) bool {
		comma()
		c.dst = element(c.dst, v)
		return true
	})
	if more {
		comma()
		c.dst = append(c.dst, last...)
	}
	c.dst = append(c.dst, ']')
}

// appendSchemas appends a map of schemas, those first that an ordering names.
func appendSchemas(dst []byte, v, ordering gjson.Result, schema func([]byte, gjson.Result) []byte) []byte {
	if !v.IsObject() {
		return append(dst, "{}"...)
	}
	dst = append(dst, '{')
	first := true
	put := func(k string, v gjson.Result) {
		if !first {
			dst = append(dst, ',')
		}
		first = false
		dst = schema(append(appendString(dst, k), ':'), v)
	}
	done := map[string]bool{}
	if ordering.IsArray() {
		byName := v.Map()
		ordering.ForEach(func(_, name gjson.Result) bool {
			if p, ok := byName[name.Str]; ok && !done[name.Str] {
				done[name.Str] = true
				put(name.Str, p)
			}
			return true
		})
	}
	v.ForEach(func(k, v gjson.Result) bool {
		if !done[k.Str] {
			put(k.Str, v)
		}
		return true
	})
	return append(dst, '}')
}
