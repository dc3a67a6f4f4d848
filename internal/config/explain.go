package config

import (
	"fmt"
	"reflect"
	"slices"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/ledger"
)

// Value is one value that holds, and where it comes from.
type Value struct {
	Path      string   `json:"path"` // "providers.openai.api_key"
	Value     string   `json:"value"`
	File      string   `json:"file,omitempty"` // empty: it is a default
	Line      int      `json:"line,omitempty"`
	Variables []string `json:"variables,omitempty"` // of the environment, that it is made of
}

// Source says where the value comes from.
func (v Value) Source() string {
	if v.File == "" {
		return "default"
	}
	s := fmt.Sprintf("%s:%d", v.File, v.Line)
	if len(v.Variables) > 0 {
		s += ", ${" + strings.Join(v.Variables, "}, ${") + "}"
	}
	return s
}

// Explain returns all values that hold when a file is read, those that are set and those that have a default, in the order in
// which the schema has their keys. Secrets are hidden. path may be "": then all are defaults.
func Explain(path string, o Options) ([]Value, error) {
	c, d := Default(), newDecoder("", nil, o)
	if path != "" {
		var err error
		if c, d, err = load(path, o); err != nil {
			return nil, err
		}
	}
	var out []Value
	var walk func(v reflect.Value, path string)
	walk = func(v reflect.Value, path string) {
		if text, leaf := d.shown(v, path); leaf {
			if _, set := d.places[path]; text != "" || set {
				out = append(out, d.explained(path, text))
			}
			return
		}
		switch v.Kind() {
		case reflect.Struct:
			for _, k := range keysOf(v.Type()) {
				walk(v.Field(k.index), join(path, k.name))
			}
		case reflect.Map:
			keys := v.MapKeys()
			slices.SortFunc(keys, func(a, b reflect.Value) int { return strings.Compare(a.String(), b.String()) })
			for _, k := range keys {
				walk(v.MapIndex(k), join(path, k.String()))
			}
		case reflect.Slice:
			for i := range v.Len() {
				walk(v.Index(i), fmt.Sprintf("%s[%d]", path, i))
			}
		}
	}
	walk(reflect.ValueOf(*c), "")
	return out, nil
}

func (d *decoder) explained(path, text string) Value {
	v := Value{Path: path, Value: text}
	p, set := d.places[path]
	if !set {
		return v
	}
	v.File, v.Line, v.Variables = d.name, p.line, d.from[path]
	for i := 0; ; i++ { // a list's variables are those of its items
		more, ok := d.from[fmt.Sprintf("%s[%d]", path, i)]
		if _, there := d.places[fmt.Sprintf("%s[%d]", path, i)]; !there {
			break
		}
		if ok {
			v.Variables = append(v.Variables, more...)
		}
	}
	slices.Sort(v.Variables)
	v.Variables = slices.Compact(v.Variables)
	return v
}

// shown is how a value is written; leaf is false where it is made of others. A zero value that nobody has set is "".
func (d *decoder) shown(v reflect.Value, path string) (text string, leaf bool) {
	_, set := d.places[path]
	if v.Kind() == reflect.Pointer {
		if v.IsNil() {
			return "", true
		}
		return d.shown(v.Elem(), path)
	}
	zero := v.IsZero() && !set
	switch x := v.Interface().(type) {
	case Secret:
		return x.String(), true
	case time.Duration, Size:
		if zero {
			return "", true
		}
		return fmt.Sprint(written(v)), true
	case ledger.Money:
		if zero {
			return "", true
		}
		return x.String(), true
	case Amount:
		return x.String(), true
	case Network:
		return x.String(), true
	}
	switch v.Kind() {
	case reflect.String:
		return firstLine(v.String()), true
	case reflect.Bool, reflect.Int, reflect.Int64, reflect.Float64:
		if zero {
			return "", true
		}
		return fmt.Sprint(v.Interface()), true
	case reflect.Slice:
		if v.Len() > 0 && v.Index(0).Kind() == reflect.Struct && v.Type().Elem() != reflect.TypeFor[Network]() {
			return "", false
		}
		items := make([]string, v.Len())
		for i := range items {
			items[i], _ = d.shown(v.Index(i), fmt.Sprintf("%s[%d]", path, i))
		}
		if len(items) == 0 {
			return "", true
		}
		return "[" + strings.Join(items, ", ") + "]", true
	}
	return "", false
}

// firstLine keeps instructions to a line: what they are is in their file.
func firstLine(s string) string {
	line, _, more := strings.Cut(s, "\n")
	if r := []rune(line); len(r) > 80 {
		line, more = string(r[:80]), true
	}
	if more {
		line += " ..."
	}
	return line
}
