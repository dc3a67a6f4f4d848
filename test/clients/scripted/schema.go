package scripted

import (
	"encoding/json"
	"fmt"
	"slices"
)

// jsonTypes are the types of JSON Schema; Gemini's are in capitals, and no other vendor takes those.
var jsonTypes = []any{"object", "array", "string", "number", "integer", "boolean", "null"}

// jsonSchema checks the types in a schema. Where closed, all its objects must forbid other properties; where complete, they
// must require those that they have, too.
func (v *violations) jsonSchema(where string, data json.RawMessage, closed, complete bool) {
	var s struct {
		Type                 any                        `json:"type"`
		Properties           map[string]json.RawMessage `json:"properties"`
		Required             []string                   `json:"required"`
		AdditionalProperties any                        `json:"additionalProperties"`
		Items                json.RawMessage            `json:"items"`
		AnyOf                []json.RawMessage          `json:"anyOf"`
		Defs                 map[string]json.RawMessage `json:"$defs"`
	}
	if string(data) == "true" || string(data) == "false" {
		return // both are schemas
	}
	if err := json.Unmarshal(data, &s); err != nil {
		v.add("%s: no schema: %v", where, err)
		return
	}
	types, several := s.Type.([]any)
	if !several && s.Type != nil {
		types = []any{s.Type}
	}
	for _, t := range types {
		if !slices.Contains(jsonTypes, t) {
			v.add("%s: %v is no type of JSON Schema", where, t)
		}
	}
	if closed && slices.Contains(types, any("object")) && s.AdditionalProperties != false {
		v.add("%s: for objects, additionalProperties must be false", where)
	}
	for name, p := range s.Properties {
		if complete && !slices.Contains(s.Required, name) {
			v.add("%s: required must have every property, and has no %q", where, name)
		}
		v.jsonSchema(where+".properties."+name, p, closed, complete)
	}
	for name, p := range s.Defs {
		v.jsonSchema(where+".$defs."+name, p, closed, complete)
	}
	for i, p := range s.AnyOf {
		v.jsonSchema(fmt.Sprintf("%s.anyOf[%d]", where, i), p, closed, complete)
	}
	if len(s.Items) > 0 && s.Items[0] == '{' {
		v.jsonSchema(where+".items", s.Items, closed, complete)
	}
}

// geminiSchema are the fields of the part of OpenAPI that Gemini takes.
const geminiSchema = "type format title description nullable enum maxItems minItems properties required minProperties maxProperties minLength maxLength pattern example anyOf propertyOrdering default items minimum maximum"

// openAPI checks that a schema keeps to what Gemini takes.
func (v *violations) openAPI(where string, schema json.RawMessage) {
	o := v.object(where, schema, geminiSchema)
	var kind string
	if len(o["type"]) > 0 && json.Unmarshal(o["type"], &kind) != nil {
		v.add("%s.type: Proto field is not repeating, cannot start list: %s", where, o["type"])
	}
	if len(o["items"]) > 0 {
		v.openAPI(where+".items", o["items"])
	}
	var properties map[string]json.RawMessage
	if len(o["properties"]) > 0 && json.Unmarshal(o["properties"], &properties) != nil {
		v.add("%s.properties: must be an object", where)
	}
	for name, p := range properties {
		v.openAPI(where+".properties."+name, p)
	}
	var either []json.RawMessage
	if len(o["anyOf"]) > 0 && json.Unmarshal(o["anyOf"], &either) != nil {
		v.add("%s.anyOf: must be an array", where)
	}
	for i, p := range either {
		v.openAPI(fmt.Sprintf("%s.anyOf[%d]", where, i), p)
	}
	var enum []string
	if len(o["enum"]) > 0 && json.Unmarshal(o["enum"], &enum) != nil {
		v.add("%s.enum: takes strings only", where)
	}
}

// tool checks the name and the schema of a function.
func (v *violations) tool(where string, name string, schema json.RawMessage, wanted bool) Tool {
	t := Tool{Name: name}
	if !toolName.MatchString(name) {
		v.add("%s.name: does not match %s: %q", where, toolName, name)
	}
	if null(schema) {
		if wanted {
			v.add("%s: has no schema", where)
		}
		return t
	}
	var s struct{ Type string }
	if err := json.Unmarshal(schema, &s); err != nil || s.Type != "object" && s.Type != "OBJECT" {
		v.add("%s: the schema must be of type object: %.80s", where, schema)
	}
	t.properties(schema)
	return t
}
