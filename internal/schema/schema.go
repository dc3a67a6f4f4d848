// Package schema prepares JSON Schemas that others wrote (callers, and the tools of foreign servers) for checking values against them, so
// that no schema takes the program down or keeps it busy: the library that checks follows references without end.
package schema

import (
	"encoding/json"
	"errors"
	"fmt"
	"strconv"
	"strings"

	"github.com/google/jsonschema-go/jsonschema"
)

// Schema checks values. It is safe for concurrent use.
type Schema struct{ resolved *jsonschema.Resolved }

// maxSteps bounds how many schemas may have to be tried on one value: those that others name doubly at each of thirty levels are a billion.
const maxSteps = 10_000

// maxDepth bounds how deeply a schema is nested.
const maxDepth = 200

// Parse prepares a schema. It fails where the schema is none, where it refers to itself without going on to a part of the value, where it
// takes more than maxSteps, and where it has references that are no JSON pointer into itself ("#/..."), which nobody follows here.
func Parse(raw json.RawMessage) (s *Schema, err error) {
	defer func() {
		if p := recover(); p != nil {
			s, err = nil, fmt.Errorf("the schema cannot be used: %v", p)
		}
	}()
	var tree any
	if err := json.Unmarshal(raw, &tree); err != nil {
		return nil, err
	}
	if err := (&walker{root: tree, steps: map[string]int{}}).all(tree, "#", 0); err != nil {
		return nil, err
	}
	var parsed jsonschema.Schema
	if err := json.Unmarshal(raw, &parsed); err != nil {
		return nil, err
	}
	resolved, err := parsed.Resolve(nil)
	if err != nil {
		return nil, err
	}
	return &Schema{resolved}, nil
}

// Check says what is wrong with a value, as encoding/json decodes it.
func (s *Schema) Check(v any) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = errors.New("it cannot be checked")
		}
	}()
	return s.resolved.Validate(v)
}

// walker counts, for each schema within a schema, how many are tried on the same value when it is.
type walker struct {
	root  any
	steps map[string]int // by JSON pointer; 0 while it is being counted
}

// all looks at every object of the tree, since any may be referred to.
func (w *walker) all(node any, at string, depth int) error {
	if depth > maxDepth {
		return fmt.Errorf("the schema is nested more than %d deep", maxDepth)
	}
	switch n := node.(type) {
	case map[string]any:
		if _, err := w.count(n, at, 0); err != nil {
			return err
		}
		for k, v := range n {
			if err := w.all(v, at+"/"+escape(k), depth+1); err != nil {
				return err
			}
		}
	case []any:
		for i, v := range n {
			if err := w.all(v, at+"/"+strconv.Itoa(i), depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

func (w *walker) count(node any, at string, depth int) (int, error) {
	n, ok := node.(map[string]any)
	if !ok {
		return 1, nil
	}
	if known, begun := w.steps[at]; begun && known == 0 {
		return 0, fmt.Errorf("the schema at %s refers to itself", at)
	} else if begun {
		return known, nil
	}
	if depth > maxDepth {
		return 0, fmt.Errorf("the schema is nested more than %d deep", maxDepth)
	}
	w.steps[at] = 0
	sum := 1
	add := func(node any, at string) error {
		c, err := w.count(node, at, depth+1)
		if sum += c; err == nil && sum > maxSteps {
			err = fmt.Errorf("the schema at %s takes more than %d steps", at, maxSteps)
		}
		return err
	}
	for k, v := range n {
		sub := at + "/" + escape(k)
		var err error
		switch k {
		case "$ref":
			ref, _ := v.(string)
			target, ok := w.find(ref)
			if !ok {
				return 0, fmt.Errorf("the schema at %s refers to %q, which is not in it", at, ref)
			}
			err = add(target, ref)
		case "$dynamicRef", "$recursiveRef":
			return 0, fmt.Errorf("the schema at %s has a %s, which is not followed here", at, k)
		case "not", "if", "then", "else":
			err = add(v, sub)
		case "allOf", "anyOf", "oneOf":
			list, _ := v.([]any)
			for i := range list {
				if err = add(list[i], sub+"/"+strconv.Itoa(i)); err != nil {
					break
				}
			}
		case "dependentSchemas", "dependencies":
			of, _ := v.(map[string]any)
			for name := range of {
				if err = add(of[name], sub+"/"+escape(name)); err != nil {
					break
				}
			}
		}
		if err != nil {
			return 0, err
		}
	}
	w.steps[at] = sum
	return sum, nil
}

// find follows a reference within the schema (RFC 6901).
func (w *walker) find(ref string) (any, bool) {
	if ref == "#" {
		return w.root, true
	}
	path, ok := strings.CutPrefix(ref, "#/")
	if !ok || strings.Contains(path, "%") {
		return nil, false
	}
	node := w.root
	for part := range strings.SplitSeq(path, "/") {
		part = strings.ReplaceAll(strings.ReplaceAll(part, "~1", "/"), "~0", "~")
		switch n := node.(type) {
		case map[string]any:
			if node, ok = n[part]; !ok {
				return nil, false
			}
		case []any:
			i, err := strconv.Atoi(part)
			if err != nil || i < 0 || i >= len(n) || strconv.Itoa(i) != part {
				return nil, false
			}
			node = n[i]
		default:
			return nil, false
		}
	}
	return node, true
}

func escape(name string) string {
	return strings.ReplaceAll(strings.ReplaceAll(name, "~", "~0"), "/", "~1")
}
