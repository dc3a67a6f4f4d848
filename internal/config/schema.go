package config

import (
	"encoding/json"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/ledger"
)

// Schema returns the JSON Schema (draft 2020-12) of the file, for editors to complete and check by. It is made from the same
// structs that the file is read into.
func Schema() ([]byte, error) {
	root, err := schemaOf(reflect.TypeFor[Config](), reflect.ValueOf(*Default()))
	if err != nil {
		return nil, err
	}
	root["$schema"] = "https://json-schema.org/draft/2020-12/schema"
	root["title"] = FileName
	b, err := json.MarshalIndent(root, "", "  ")
	if err != nil {
		return nil, fmt.Errorf("write the schema: %w", err)
	}
	return append(b, '\n'), nil
}

// fromVariable is the pattern of a value that comes from the environment, in places that otherwise take no text.
const fromVariable = `\$\{`

// schemaOf describes a type. defaults is a value of it that holds them.
func schemaOf(t reflect.Type, defaults reflect.Value) (map[string]any, error) {
	switch t {
	case reflect.TypeFor[time.Duration]():
		return map[string]any{"type": "string", "pattern": `^([0-9.]+(ns|us|µs|ms|s|m|h))+$|^[0-9]+d$|^0$|` + fromVariable}, nil
	case reflect.TypeFor[Size]():
		return map[string]any{"type": []string{"integer", "string"}, "minimum": 1, "pattern": `^[0-9]+ *([KMG]i?)?B?$|` + fromVariable}, nil
	case reflect.TypeFor[Count]():
		return map[string]any{"type": []string{"integer", "string"}, "minimum": 0, "pattern": `^[0-9._]+[kKMGB]?$|` + fromVariable}, nil
	case reflect.TypeFor[Network]():
		return map[string]any{"type": "string"}, nil
	case reflect.TypeFor[Amount]():
		return map[string]any{"type": []string{"number", "string"}, "minimum": 0}, nil
	case reflect.TypeFor[ledger.Money]():
		return map[string]any{"type": []string{"number", "string"}, "minimum": 0}, nil
	}
	switch t.Kind() {
	case reflect.String:
		return map[string]any{"type": "string"}, nil
	case reflect.Bool:
		return map[string]any{"type": []string{"boolean", "string"}, "pattern": "^(true|false)$|" + fromVariable}, nil
	case reflect.Int, reflect.Int64:
		return map[string]any{"type": []string{"integer", "string"}, "pattern": "^[0-9]+$|" + fromVariable}, nil
	case reflect.Float64:
		return map[string]any{"type": []string{"number", "string"}, "pattern": "^[0-9.]+$|" + fromVariable}, nil
	case reflect.Pointer:
		return schemaOf(t.Elem(), reflect.Zero(t.Elem()))
	case reflect.Slice:
		items, err := schemaOf(t.Elem(), reflect.Zero(t.Elem()))
		return map[string]any{"type": "array", "items": items}, err
	case reflect.Map:
		element := reflect.New(t.Elem()).Elem()
		preset(element, "")
		values, err := schemaOf(t.Elem(), element)
		s := map[string]any{"type": []string{"object", "null"}, "additionalProperties": values}
		switch t.Elem() {
		case reflect.TypeFor[Price](), reflect.TypeFor[int](), reflect.TypeFor[User](), reflect.TypeFor[Secret](), reflect.TypeFor[string](): // whose keys are others' names
		default:
			s["propertyNames"] = map[string]any{"pattern": namePattern}
		}
		return s, err
	case reflect.Struct:
		return structSchema(t, defaults)
	}
	return nil, fmt.Errorf("the schema has no word for %s", t)
}

func structSchema(t reflect.Type, defaults reflect.Value) (map[string]any, error) {
	properties := map[string]any{}
	for _, k := range keysOf(t) {
		v := defaults.Field(k.index)
		s, err := schemaOf(t.Field(k.index).Type, v)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", k.name, err)
		}
		s["description"] = k.doc
		if len(k.enum) > 0 {
			of := s
			if items, ok := s["items"].(map[string]any); ok {
				of = items
			}
			of["enum"] = k.enum
		}
		if !v.IsZero() && v.Kind() != reflect.Struct && v.Kind() != reflect.Map {
			s["default"] = written(v)
		}
		properties[k.name] = s
	}
	return map[string]any{"type": []string{"object", "null"}, "properties": properties, "additionalProperties": false}, nil
}

// written is how a default would be written in the file.
func written(v reflect.Value) any {
	switch x := v.Interface().(type) {
	case time.Duration:
		if x%day == 0 {
			return fmt.Sprintf("%dd", x/day)
		}
		s := x.String()
		if strings.HasSuffix(s, "m0s") {
			s = strings.TrimSuffix(s, "0s")
		}
		if strings.HasSuffix(s, "h0m") {
			s = strings.TrimSuffix(s, "0m")
		}
		return s
	case Size:
		if x%MB == 0 {
			return fmt.Sprintf("%dMB", x/MB)
		}
		return int64(x)
	}
	return v.Interface()
}
