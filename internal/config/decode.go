package config

import (
	"bytes"
	"encoding"
	"fmt"
	"math"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/goccy/go-yaml/ast"
)

// position is a place in the file; both count from 1.
type position struct{ line, column int }

// decoder fills a Config from a YAML tree and collects everything that is wrong, where other decoders stop at the first.
type decoder struct {
	Options
	name     string
	src      []byte
	lines    []string
	places   map[string]position // of each value, by its path
	from     map[string][]string // the variables that a value comes from, by its path
	anchors  map[string]ast.Node
	problems []Problem
	literal  bool // nothing comes from the environment
}

func newDecoder(name string, src []byte, o Options) *decoder {
	if o.Getenv == nil {
		o.Getenv = func(string) (string, bool) { return "", false }
	}
	// The mark that some editors put in front, and the line ends of Windows, would count as columns.
	src = bytes.TrimPrefix(src, []byte("\ufeff"))
	src = bytes.ReplaceAll(src, []byte("\r\n"), []byte("\n"))
	return &decoder{
		Options: o, name: name, src: src, lines: strings.Split(string(src), "\n"),
		places: map[string]position{}, from: map[string][]string{}, anchors: map[string]ast.Node{},
	}
}

func (d *decoder) err() error {
	if len(d.problems) == 0 {
		return nil
	}
	sortProblems(d.problems)
	return &Error{Problems: d.problems}
}

// report adds a problem at a place.
func (d *decoder) report(p position, path, message, suggestion string) {
	// A position is always one in the file, whatever the parser said.
	p.line = min(max(p.line, 1), len(d.lines))
	source := strings.ToValidUTF8(d.lines[p.line-1], "\ufffd")
	p.column = min(max(p.column, 1), len([]rune(source))+1)
	d.problems = append(d.problems, Problem{
		File: d.name, Line: p.line, Column: p.column, Path: path, Message: message, Suggestion: suggestion, Source: conceal(source),
	})
}

// problem adds a problem with the value at a path, or at the nearest path around it that the file has. What could not be
// read has been reported, and is not found missing as well.
func (d *decoder) problem(path, message, suggestion string) {
	if slices.ContainsFunc(d.problems, func(p Problem) bool { return p.Path == path }) {
		return
	}
	for at := path; ; {
		if p, ok := d.places[at]; ok {
			d.report(p, path, message, suggestion)
			return
		}
		cut := strings.LastIndexAny(at, ".[")
		if cut < 0 {
			d.report(position{1, 1}, path, message, suggestion)
			return
		}
		at = at[:cut]
	}
}

func at(n ast.Node) position {
	if t := n.GetToken(); t != nil && t.Position != nil {
		return position{t.Position.Line, t.Position.Column}
	}
	return position{1, 1}
}

func valueOf(c *Config) reflect.Value { return reflect.ValueOf(c).Elem() }

// plainNode looks through anchors, aliases and tags. It returns nil for an alias of nothing, or of itself.
func (d *decoder) plainNode(n ast.Node) ast.Node {
	const hops = 16 // no sane value hides behind more
	for range hops {
		switch x := n.(type) {
		case *ast.AnchorNode:
			d.anchors[x.Name.GetToken().Value] = x.Value
			n = x.Value
		case *ast.AliasNode:
			n = d.anchors[x.Value.GetToken().Value]
		case *ast.TagNode:
			n = x.Value
		default:
			return n
		}
	}
	return nil
}

// decode fills v with the value of n.
func (d *decoder) decode(n ast.Node, v reflect.Value, path string) {
	if _, known := d.places[path]; !known {
		d.places[path] = at(n)
	}
	place := at(n)
	n = d.plainNode(n)
	switch {
	case n == nil:
		d.report(place, path, "an alias of something that is not in the file", "")
		return
	case n.Type() == ast.NullType:
		return // a key with nothing after it keeps its default
	}
	if _, text := v.Addr().Interface().(encoding.TextUnmarshaler); text {
		d.scalar(n, v, place, path)
		return
	}
	switch v.Kind() {
	case reflect.Struct:
		d.structure(n, v, path)
	case reflect.Map:
		d.mapping(n, v, path)
	case reflect.Slice:
		d.list(n, v, path)
	case reflect.Pointer:
		p := reflect.New(v.Type().Elem())
		before := len(d.problems)
		d.decode(n, p.Elem(), path)
		if len(d.problems) == before {
			v.Set(p)
		}
	default:
		d.scalar(n, v, place, path)
	}
}

// pairs returns the keys and values of a mapping; ok is false where n is none.
func pairs(n ast.Node) (list []*ast.MappingValueNode, ok bool) {
	switch x := n.(type) {
	case *ast.MappingNode:
		return x.Values, true
	case *ast.MappingValueNode:
		return []*ast.MappingValueNode{x}, true
	}
	return nil, false
}

func (d *decoder) structure(n ast.Node, v reflect.Value, path string) {
	list, ok := pairs(n)
	if !ok {
		d.report(at(n), path, "expected keys and values, found "+kind(n), "")
		return
	}
	keys := keysOf(v.Type())
	for _, pair := range list {
		key := pair.Key.GetToken().Value
		sub := join(path, key)
		i := slices.IndexFunc(keys, func(k field) bool { return k.name == key })
		if i < 0 {
			names := make([]string, len(keys))
			for i, k := range keys {
				names[i] = k.name
			}
			message := "unknown key"
			suggestion := nearest(key, names)
			if suggestion == "" {
				message += "; known here: " + strings.Join(names, ", ")
			}
			d.report(at(pair.Key), sub, message, suggestion)
			continue
		}
		d.value(pair, v.Field(keys[i].index), sub)
		d.oneOf(v.Field(keys[i].index), keys[i].enum, sub)
	}
}

// oneOf reports a text, or a text of a list, that is none of an enumeration.
func (d *decoder) oneOf(v reflect.Value, enum []string, path string) {
	if v.Kind() == reflect.Slice {
		for i := range v.Len() {
			d.oneOf(v.Index(i), enum, fmt.Sprintf("%s[%d]", path, i))
		}
		return
	}
	if got := v.String(); len(enum) > 0 && got != "" && !slices.Contains(enum, got) {
		d.problem(path, fmt.Sprintf("%q is none of %s", got, strings.Join(enum, ", ")), nearest(got, enum))
	}
}

// value decodes the value of a pair. Its place is where its key is if it is more than one word, so that a problem with a
// whole section points at the head of it.
func (d *decoder) value(pair *ast.MappingValueNode, v reflect.Value, path string) {
	if pair.Value == nil {
		d.places[path] = at(pair.Key)
		return
	}
	if _, ok := pairs(pair.Value); ok || pair.Value.Type() == ast.NullType {
		d.places[path] = at(pair.Key)
	}
	d.decode(pair.Value, v, path)
}

func (d *decoder) mapping(n ast.Node, v reflect.Value, path string) {
	list, ok := pairs(n)
	if !ok {
		d.report(at(n), path, "expected names with values, found "+kind(n), "")
		return
	}
	if v.IsNil() {
		v.Set(reflect.MakeMap(v.Type()))
	}
	for _, pair := range list {
		name := pair.Key.GetToken().Value
		element := reflect.New(v.Type().Elem()).Elem()
		preset(element, name)
		sub := join(path, name)
		d.value(pair, element, sub)
		v.SetMapIndex(reflect.ValueOf(name), element)
	}
}

// preset fills an element of a map with its defaults.
func preset(v reflect.Value, name string) {
	switch p := v.Addr().Interface().(type) {
	case *Provider:
		*p = NewProvider(name)
	case *Guard:
		*p = newGuard(name)
	case *Collection:
		*p = newCollection(name)
	}
}

func (d *decoder) list(n ast.Node, v reflect.Value, path string) {
	seq, ok := n.(*ast.SequenceNode)
	if !ok {
		d.report(at(n), path, "expected a list, found "+kind(n), "")
		return
	}
	out := reflect.MakeSlice(v.Type(), len(seq.Values), len(seq.Values))
	for i, item := range seq.Values {
		if item != nil {
			d.decode(item, out.Index(i), fmt.Sprintf("%s[%d]", path, i))
		}
	}
	v.Set(out)
}

func (d *decoder) scalar(n ast.Node, v reflect.Value, place position, path string) {
	text, ok := scalarText(n)
	if !ok {
		d.report(at(n), path, "expected a single value, found "+kind(n), "")
		return
	}
	if d.literal {
		if err := set(v, text); err != nil {
			d.report(place, path, err.Error(), "")
		}
		return
	}
	text, err := expand(text, func(name string) (string, bool) {
		d.from[path] = append(d.from[path], name)
		return d.Getenv(name)
	})
	if err == nil {
		err = set(v, text)
	}
	if err != nil {
		d.report(place, path, err.Error(), "")
	}
}

func scalarText(n ast.Node) (string, bool) {
	switch x := n.(type) {
	case *ast.StringNode:
		return x.Value, true
	case *ast.LiteralNode:
		return x.Value.Value, true
	case *ast.IntegerNode, *ast.FloatNode, *ast.BoolNode, *ast.InfinityNode, *ast.NanNode:
		return n.GetToken().Value, true
	}
	return "", false
}

// set gives v the value that a text stands for.
func set(v reflect.Value, text string) (err error) {
	switch p := v.Addr().Interface().(type) {
	case *time.Duration:
		*p, err = ParseDuration(text)
		return err
	case *Size:
		*p, err = ParseSize(text)
		return err
	case encoding.TextUnmarshaler:
		return p.UnmarshalText([]byte(text))
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString(text)
	case reflect.Bool:
		b, err := strconv.ParseBool(text)
		if err != nil {
			return fmt.Errorf("%q is neither true nor false", text)
		}
		v.SetBool(b)
	case reflect.Int, reflect.Int64:
		n, err := strconv.ParseInt(text, 10, 64)
		if err != nil {
			return fmt.Errorf("%q is not a whole number", text)
		}
		v.SetInt(n)
	case reflect.Float64:
		x, err := strconv.ParseFloat(text, 64)
		if err != nil || math.IsNaN(x) || math.IsInf(x, 0) {
			return fmt.Errorf("%q is not a number", text)
		}
		v.SetFloat(x)
	default:
		return fmt.Errorf("a %s cannot be configured", v.Type())
	}
	return nil
}

func kind(n ast.Node) string {
	switch n.(type) {
	case *ast.MappingNode, *ast.MappingValueNode:
		return "keys and values"
	case *ast.SequenceNode:
		return "a list"
	}
	return "a single value"
}

func join(path, key string) string {
	if path == "" {
		return key
	}
	return path + "." + key
}

// field is a key that a struct has in the file.
type field struct {
	name, doc string
	enum      []string
	index     int
}

func keysOf(t reflect.Type) []field {
	var keys []field
	for i := range t.NumField() {
		f := t.Field(i)
		name := f.Tag.Get("yaml")
		if name == "-" {
			continue
		}
		k := field{name: name, doc: f.Tag.Get("doc"), index: i}
		if enum := f.Tag.Get("enum"); enum != "" {
			k.enum = strings.Split(enum, ",")
		}
		keys = append(keys, k)
	}
	return keys
}
