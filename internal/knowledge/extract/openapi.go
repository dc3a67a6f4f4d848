package extract

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"
)

// OpenAPI 3 and Swagger 2: an operation is what people ask for, so that each becomes a section.
var openAPIFormat = format{name: "openapi", read: (*reading).openAPI}

func isOpenAPI(in *Input) bool {
	switch extension(in.Name) {
	case "yaml", "yml", "json":
	default:
		return false
	}
	return apiMark.Match(in.Body[:min(len(in.Body), 4<<10)])
}

// apiMark is the field by which a description says its version.
var apiMark = regexp.MustCompile(`(?m)(?:^|[{,]\s*|^\s+)["']?(?:openapi|swagger)["']?\s*:\s*["']?[23]\.`)

// maxAPI bounds a description: its reader holds a tree of it.
const maxAPI = 4 << 20

type apiObject = map[string]any

func (r *reading) openAPI() error {
	if len(r.in.Body) > maxAPI {
		return textFormat.read(r)
	}
	var doc apiObject
	// An alias that unfolds to more and more is refused by the reader's own bound.
	if err := yaml.Unmarshal(r.in.Body, &doc); err != nil || object(doc, "paths") == nil {
		return textFormat.read(r)
	}
	info := object(doc, "info")
	r.out.Title = text(info, "title")
	fmt.Fprintf(&r.b, "# %s %s\n\n%s\n\n", r.out.Title, text(info, "version"), text(info, "description"))
	paths := object(doc, "paths")
	for _, p := range slices.Sorted(maps.Keys(paths)) {
		item, _ := paths[p].(apiObject)
		for _, method := range []string{"get", "put", "post", "patch", "delete", "head", "options", "trace"} {
			if op := object(item, method); op != nil && !r.full() {
				r.operation(strings.ToUpper(method), p, op, list(item, "parameters"))
			}
		}
	}
	schemas := object(object(doc, "components"), "schemas")
	if schemas == nil {
		schemas = object(doc, "definitions")
	}
	for _, name := range slices.Sorted(maps.Keys(schemas)) {
		if s, ok := schemas[name].(apiObject); ok && !r.full() {
			fmt.Fprintf(&r.b, "## Schema %s\n\n%s\n", name, text(s, "description"))
			r.schemaFields(s)
			r.b.WriteByte('\n')
		}
	}
	return nil
}

func (r *reading) operation(method, path string, op apiObject, shared []any) {
	fmt.Fprintf(&r.b, "## %s %s\n\n", method, path)
	for _, key := range []string{"summary", "description"} {
		if s := text(op, key); s != "" {
			r.b.WriteString(s + "\n\n")
		}
	}
	if id := text(op, "operationId"); id != "" {
		r.b.WriteString("Operation: " + id + "\n")
	}
	for _, p := range append(shared, list(op, "parameters")...) {
		if p, ok := p.(apiObject); ok {
			if ref := text(p, "$ref"); ref != "" {
				fmt.Fprintf(&r.b, "- parameter %s\n", lastOf(ref))
				continue
			}
			fmt.Fprintf(&r.b, "- parameter `%s` (%s%s): %s\n", text(p, "name"), text(p, "in"), map[bool]string{true: ", required"}[p["required"] == true], text(p, "description"))
		}
	}
	if body := object(op, "requestBody"); body != nil {
		fmt.Fprintf(&r.b, "- body: %s %s\n", schemaNames(body), text(body, "description"))
	}
	responses := object(op, "responses")
	for _, status := range slices.Sorted(maps.Keys(responses)) {
		if resp, ok := responses[status].(apiObject); ok {
			fmt.Fprintf(&r.b, "- answer %s: %s %s\n", status, text(resp, "description"), schemaNames(resp))
		}
	}
	r.b.WriteByte('\n')
}

func (r *reading) schemaFields(schema apiObject) {
	props := object(schema, "properties")
	for _, name := range slices.Sorted(maps.Keys(props)) {
		p, _ := props[name].(apiObject)
		kind := text(p, "type")
		if ref := text(p, "$ref"); ref != "" {
			kind = lastOf(ref)
		}
		fmt.Fprintf(&r.b, "- `%s` %s: %s\n", name, kind, strings.Join(strings.Fields(text(p, "description")), " "))
	}
}

// schemaNames names the schema of a body, one level deep.
func schemaNames(body apiObject) string {
	content := object(body, "content")
	media := slices.Sorted(maps.Keys(content))
	if len(media) == 0 {
		return lastOf(text(object(body, "schema"), "$ref"))
	}
	schema := object(object(content, media[0]), "schema")
	if ref := text(schema, "$ref"); ref != "" {
		return lastOf(ref)
	}
	if ref := text(object(schema, "items"), "$ref"); ref != "" {
		return "list of " + lastOf(ref)
	}
	return media[0]
}

func lastOf(ref string) string { return ref[strings.LastIndexByte(ref, '/')+1:] }

func object(o apiObject, key string) apiObject {
	v, _ := o[key].(apiObject)
	return v
}

func list(o apiObject, key string) []any {
	v, _ := o[key].([]any)
	return v
}

func text(o apiObject, key string) string {
	switch v := o[key].(type) {
	case nil:
		return ""
	case string:
		return strings.TrimSpace(v)
	default:
		return fmt.Sprint(v)
	}
}
