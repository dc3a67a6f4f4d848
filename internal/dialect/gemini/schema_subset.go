package gemini

import (
	"slices"
	"strings"

	"github.com/tidwall/gjson"
)

// subset turns JSON Schema into the API's own schemas, for models that take nothing else.
type subset struct {
	defs   gjson.Result    // the whole schema, in which references point
	nodes  int             // written so far
	refs   []string        // being followed
	forgot map[string]bool // keywords that were left out
}

// maxSchemaNodes bounds what references, which may multiply, make of a schema. Google's limit is far below.
const maxSchemaNodes = 5000

// AppendGeminiSchema appends the API's schema for a JSON Schema, and returns the keywords that had to be left out. References
// are followed, into themselves not; what is of several types becomes anyOf, one of them null becomes nullable.
func AppendGeminiSchema(dst []byte, schema gjson.Result) (out []byte, left []string) {
	s := &subset{defs: schema, forgot: map[string]bool{}}
	dst = s.append(dst, schema)
	for k := range s.forgot {
		left = append(left, k)
	}
	slices.Sort(left)
	return dst, left
}

func (e *encoder) appendSchema(dst, schema []byte) []byte {
	dst, left := AppendGeminiSchema(dst, gjson.ParseBytes(schema))
	for _, k := range left {
		e.drop("schema keyword " + k)
	}
	return dst
}

// resolve follows a reference within the schema.
func (s *subset) resolve(ref string) (gjson.Result, bool) {
	path, ok := strings.CutPrefix(ref, "#")
	if !ok {
		return gjson.Result{}, false
	}
	v := s.defs
	for _, step := range strings.Split(strings.TrimPrefix(path, "/"), "/") {
		if step == "" {
			continue
		}
		step = strings.NewReplacer("~1", "/", "~0", "~").Replace(step)
		var next gjson.Result
		v.ForEach(func(k, x gjson.Result) bool {
			if k.Str == step {
				next = x
			}
			return !next.Exists()
		})
		if v = next; !v.IsObject() {
			return v, false
		}
	}
	return v, true
}

const anything = `{"type":"OBJECT"}`

func (s *subset) append(dst []byte, v gjson.Result) []byte {
	if s.nodes++; !v.IsObject() || s.nodes > maxSchemaNodes {
		return append(dst, anything...)
	}
	if ref := v.Get(`$ref`); ref.Exists() {
		target, ok := s.resolve(ref.Str)
		if !ok || slices.Contains(s.refs, ref.Str) {
			s.forgot["$ref"] = true
			return append(dst, anything...)
		}
		s.refs = append(s.refs, ref.Str)
		dst = s.append(dst, target)
		s.refs = s.refs[:len(s.refs)-1]
		return dst
	}
	if all := v.Get("allOf"); all.IsArray() && len(all.Array()) == 1 && !v.Get("properties").Exists() {
		return s.append(dst, all.Get("0"))
	}
	types, nullable := schemaTypes(v)
	if len(types) == 0 && v.Get("properties").IsObject() {
		types = []string{"object"}
	}
	c := config{dst: append(dst, '{')}
	if len(types) == 1 {
		c.string("type", strings.ToUpper(types[0]))
	}
	v.ForEach(func(k, v gjson.Result) bool {
		switch k.Str {
		case "type", "nullable", "$schema", "$id", "$defs", "definitions", "$comment", "$anchor":
		case "title", "description", "default", "minItems", "maxItems", "minLength", "maxLength", "minProperties", "maxProperties",
			"pattern", "minimum", "maximum", "required", "propertyOrdering":
			c.raw(k.Str, v.Raw)
		case "format":
			if slices.Contains([]string{"float", "double", "int32", "int64", "enum", "date-time"}, v.Str) {
				c.raw("format", v.Raw)
			} else {
				s.forgot["format"] = true
			}
		case "enum", "const":
			s.enum(&c, v, types)
		case "properties":
			c.key("properties")
			c.dst = appendSchemas(c.dst, v, gjson.Result{}, s.append)
		case "items":
			c.key("items")
			c.dst = s.append(c.dst, v)
		case "anyOf", "oneOf":
			if !s.anyOf(&c, v) {
				break
			}
			nullable = true
		default: // additionalProperties, patternProperties, if, not, ...
			s.forgot[k.Str] = true
		}
		return true
	})
	if len(types) > 1 {
		c.key("anyOf")
		c.dst = append(c.dst, '[')
		for i, t := range types {
			if i > 0 {
				c.dst = append(c.dst, ',')
			}
			c.dst = append(appendString(append(c.dst, `{"type":`...), strings.ToUpper(t)), '}')
		}
		c.dst = append(c.dst, ']')
	}
	if nullable {
		c.raw("nullable", "true")
	}
	return append(c.dst, '}')
}

// schemaTypes are the types of a schema other than null.
func schemaTypes(v gjson.Result) (types []string, nullable bool) {
	v.ForEach(func(k, v gjson.Result) bool {
		switch k.Str {
		case "nullable":
			nullable = nullable || v.Bool()
		case "type":
			one := func(_, t gjson.Result) bool {
				if t.Str == "null" {
					nullable = true
				} else if t.Str != "" && !slices.Contains(types, t.Str) {
					types = append(types, t.Str)
				}
				return true
			}
			if v.IsArray() {
				v.ForEach(one)
			} else {
				one(gjson.Result{}, v)
			}
		}
		return true
	})
	return types, nullable
}

// enum appends the values that a string may have; the API has no other enumerations.
func (s *subset) enum(c *config, v gjson.Result, types []string) {
	var values []string
	add := func(_, v gjson.Result) bool {
		if v.Type == gjson.String {
			values = append(values, v.Str)
		} else if v.Type != gjson.Null {
			s.forgot["enum"] = true
		}
		return true
	}
	if v.IsArray() {
		v.ForEach(add)
	} else {
		add(gjson.Result{}, v)
	}
	if len(values) == 0 {
		return
	}
	if len(types) == 0 {
		c.string("type", "STRING")
	}
	c.key("enum")
	c.dst = append(c.dst, '[')
	for i, value := range values {
		if i > 0 {
			c.dst = append(c.dst, ',')
		}
		c.dst = appendString(c.dst, value)
	}
	c.dst = append(c.dst, ']')
}

// anyOf appends the alternatives other than null; true where null is one.
func (s *subset) anyOf(c *config, v gjson.Result) (nullable bool) {
	c.key("anyOf")
	c.dst = append(c.dst, '[')
	n := 0
	v.ForEach(func(_, v gjson.Result) bool {
		if v.Get("type").Str == "null" {
			nullable = true
			return true
		}
		if n++; n > 1 {
			c.dst = append(c.dst, ',')
		}
		c.dst = s.append(c.dst, v)
		return true
	})
	c.dst = append(c.dst, ']')
	return nullable
}
