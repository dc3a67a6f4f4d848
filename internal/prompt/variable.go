package prompt

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"
)

// Type is what a variable may hold.
type Type string

// The types.
const (
	Text    Type = "text"
	Number  Type = "number"
	Boolean Type = "boolean"
	List    Type = "list"   // of texts: one a line
	Choice  Type = "choice" // one of a few texts
)

func (v Variable) check(name string) error {
	switch v.Type {
	case "", Text, Number, Boolean, List:
		if len(v.Of) > 0 {
			return fmt.Errorf("variable %s: only a choice has a list of what it may be", name)
		}
	case Choice:
		if len(v.Of) == 0 {
			return fmt.Errorf("variable %s: a choice needs a list of what it may be: of", name)
		}
	default:
		return fmt.Errorf("variable %s: a type is text, number, boolean, list or choice, not %q", name, v.Type)
	}
	if v.Default == nil {
		return nil
	}
	_, err := v.read(name, *v.Default)
	return err
}

// read gives a text the type of the variable.
func (v Variable) read(name, text string) (any, error) {
	switch v.Type {
	case Number:
		x, err := strconv.ParseFloat(text, 64)
		if err != nil {
			return nil, fmt.Errorf("variable %s: %q is not a number", name, text)
		}
		return x, nil
	case Boolean:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return nil, fmt.Errorf("variable %s: %q is neither true nor false", name, text)
		}
		return b, nil
	case List:
		list := []string{}
		for line := range strings.Lines(text) {
			if line = strings.TrimSpace(line); line != "" {
				list = append(list, line)
			}
		}
		return list, nil
	case Choice:
		if !slices.Contains(v.Of, text) {
			return nil, fmt.Errorf("variable %s: %q is none of %s", name, text, strings.Join(v.Of, ", "))
		}
	}
	return text, nil
}

// Untrusted says whether a caller's own words may be in it.
func (v Variable) Untrusted() bool {
	return v.Request && (v.Type == "" || v.Type == Text || v.Type == List)
}

// VariableError is what is wrong with a value that a request gives, or does not give.
type VariableError struct{ Name, Message string }

func (e *VariableError) Error() string { return "variable " + e.Name + " " + e.Message }

// Fill adds the values that a request gives to those of the definition. Errors are *VariableError: of a variable that does not come from
// requests, of another type, or that has no value.
func (t *Template) Fill(values map[string]any, request map[string]string) (map[string]any, error) {
	out := maps.Clone(values)
	if out == nil {
		out = map[string]any{}
	}
	for _, name := range slices.Sorted(maps.Keys(request)) {
		v := t.Variables[name]
		if !v.Request {
			return nil, &VariableError{name, "is none that the assistant takes from requests; it takes " + cmp.Or(strings.Join(t.requested(), ", "), "none")}
		}
		value, err := v.read(name, request[name])
		if err != nil {
			return nil, &VariableError{name, strings.TrimPrefix(err.Error(), "variable "+name+": ")}
		}
		out[name] = value
	}
	for _, name := range t.requested() {
		if _, ok := out[name]; !ok {
			return nil, &VariableError{name, "is missing: the assistant needs it from each request"}
		}
	}
	return out, nil
}

// requested are the variables that requests may give, sorted.
func (t *Template) requested() (names []string) {
	for name, v := range t.Variables {
		if v.Request {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	return names
}

// Values gives the variables of a template their values: what a definition says, and else the defaults. A variable without either that no request gives, or
// one that the template does not declare, is an error.
func (t *Template) Values(given map[string]string) (map[string]any, error) {
	out := make(map[string]any, len(t.Variables))
	var errs []error
	for _, name := range slices.Sorted(maps.Keys(t.Variables)) {
		v := t.Variables[name]
		text, ok := given[name]
		switch {
		case !ok && v.Default == nil && v.Request:
			continue
		case !ok && v.Default == nil:
			errs = append(errs, fmt.Errorf("variable %s of the prompt template %s has no value: set prompt.variables.%s", name, t.ID, name))
			continue
		case !ok:
			text = *v.Default
		}
		value, err := v.read(name, text)
		errs = append(errs, err)
		out[name] = value
	}
	for name := range given {
		if _, ok := t.Variables[name]; !ok {
			errs = append(errs, fmt.Errorf("the prompt template %s has no variable %q; it has %s", t.ID, name, strings.Join(slices.Sorted(maps.Keys(t.Variables)), ", ")))
		}
	}
	return out, errors.Join(errs...)
}
