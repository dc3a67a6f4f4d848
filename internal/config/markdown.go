package config

import (
	"bytes"
	"fmt"
	"reflect"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/ledger"
)

const markdownHead = `# Configuration

<!-- Written by dragoman config schema --markdown from the program's own description of the file. Do not edit. -->

Everything has a default: a file names only what differs. Dragoman reads ` + "`" + FileName + "`" + ` from the folder that it runs in, or from one above it up to the
root of the git repository; ` + "`--config FILE`" + ` names another. Whatever the file says is understood, or reported with its line and, where one is near,
a suggestion: ` + "`dragoman config check`" + `. ` + "`dragoman config schema`" + ` prints a JSON Schema, by which editors complete and check.

` + "`${VARIABLE}` and `${VARIABLE:-default}`" + ` come from the environment. A running server takes a changed file over
([operations](operations.md#configuration-and-hot-reload)); what begins with ` + "`data`, `store`, `server`, `cache` or `ledger`" + ` is read at the start only.

Values are texts, numbers, ` + "`true` and `false`" + `, and

| value | written like |
|---|---|
| duration | ` + "`500ms`, `20s`, `5m`, `1h`, `30d`" + ` |
| size | ` + "`512KB`, `10MB`, `1GiB`" + `, or a number of bytes |
| count | ` + "`500`, `200k`, `2M`" + ` |
| dollars | ` + "`0.15`" + `: US dollars, exact to a billionth |
| amount | ` + "`500 USD`, `2M tokens`, `500 USD, 2M tokens`" + ` |
| network | ` + "`10.0.0.0/8`, `192.0.2.7`" + ` |
`

// Markdown describes the file for people: a table for each section, from the same structs that the file is read into.
func Markdown() []byte {
	var b bytes.Buffer
	b.WriteString(markdownHead)
	markdownSection(&b, "", "What stands at the top of the file.", reflect.TypeFor[Config](), reflect.ValueOf(*Default()))
	b.WriteString("\n## An example\n\n`dragoman init` writes this file to begin with.\n\n```yaml\n")
	b.Write(Example())
	b.WriteString("```\n")
	return b.Bytes()
}

// section is a part of the file that has a table of its own.
type section struct {
	path, doc string
	kind      reflect.Type
	defaults  reflect.Value
}

// markdownSection writes the table of a struct, and those of the structs in it. path is where it stands in the file.
func markdownSection(b *bytes.Buffer, path, doc string, t reflect.Type, defaults reflect.Value) {
	heading, prefix := "The file", ""
	if path != "" {
		heading, prefix = "`"+path+"`", path+"."
	}
	fmt.Fprintf(b, "\n## %s\n\n%s\n\n| key | value | default | meaning |\n|---|---|---|---|\n", heading, doc)
	var inner []section
	for _, k := range keysOf(t) {
		v, kind := defaults.Field(k.index), t.Field(k.index).Type
		at, s := prefix+k.name, section{doc: k.doc}
		switch {
		case kind.Kind() == reflect.Struct && !isScalar(kind):
			s.path, s.kind, s.defaults = at, kind, v
		case kind.Kind() == reflect.Map && kind.Elem().Kind() == reflect.Struct:
			element := reflect.New(kind.Elem()).Elem()
			preset(element, "")
			s.path, s.kind, s.defaults = at+".NAME", kind.Elem(), element
		case kind.Kind() == reflect.Slice && kind.Elem().Kind() == reflect.Struct && !isScalar(kind.Elem()):
			s.path, s.kind, s.defaults = at+"[]", kind.Elem(), reflect.Zero(kind.Elem())
		}
		value, standard := valueText(kind, k.enum), ""
		if s.path != "" {
			value = fmt.Sprintf("[`%s`](#%s)", s.path, anchor(s.path))
			inner = append(inner, s)
		} else if !v.IsZero() && v.Kind() != reflect.Map {
			standard = fmt.Sprintf("`%v`", written(v))
		}
		fmt.Fprintf(b, "| `%s` | %s | %s | %s |\n", k.name, value, standard, strings.ReplaceAll(k.doc, "|", `\|`))
	}
	for _, s := range inner {
		markdownSection(b, s.path, s.doc, s.kind, s.defaults)
	}
}

// anchor is what a heading is linked by, as GitHub makes it.
func anchor(path string) string {
	return strings.NewReplacer(".", "", "[", "", "]", "").Replace(strings.ToLower(path))
}

var scalars = map[reflect.Type]string{
	reflect.TypeFor[time.Duration](): "duration", reflect.TypeFor[Size](): "size", reflect.TypeFor[Count](): "count",
	reflect.TypeFor[Amount](): "amount", reflect.TypeFor[ledger.Money](): "dollars", reflect.TypeFor[Network](): "network",
}

func isScalar(t reflect.Type) bool { return scalars[t] != "" }

// valueText says what a value is.
func valueText(t reflect.Type, enum []string) string {
	switch {
	case len(enum) > 0:
		return "`" + strings.Join(enum, "`, `") + "`"
	case isScalar(t):
		return scalars[t]
	}
	switch t.Kind() {
	case reflect.Bool:
		return "`true`, `false`"
	case reflect.Int, reflect.Int64, reflect.Float64:
		return "number"
	case reflect.Pointer:
		return valueText(t.Elem(), nil)
	case reflect.Slice:
		return "list of " + valueText(t.Elem(), nil) + "s"
	case reflect.Map:
		return valueText(t.Elem(), nil) + " by name"
	}
	return "text"
}
