package tool

import (
	"bytes"
	"cmp"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"maps"
	"net/http"
	"net/url"
	"path"
	"slices"
	"strings"

	"github.com/goccy/go-yaml"

	"github.com/dragoman/dragoman/internal/safehttp"
)

// APIOptions say which HTTP API it is.
type APIOptions struct {
	Name        string
	Description []byte      // its OpenAPI file, 3.0 or 3.1, YAML or JSON
	URL         string      // where it is; empty: as the file says
	Header      http.Header // of each request: keys, which no model sees
	Operations  []string    // which become tools: operationId, or "POST /orders"; a star at the end stands for any rest. Empty: those that only read
	Fetcher     func(hosts ...string) Fetcher
}

// API is an HTTP API whose operations are tools.
type API struct{ tools []*Checked }

var _ Provider = (*API)(nil)

// Tools implements Provider.
func (a *API) Tools(context.Context) ([]*Checked, error) { return a.tools, nil }

const (
	maxAPIFile    = 8 << 20 // bytes
	maxOperations = 200     // more tools than that help no model
	maxRefs       = 24      // how deep references are followed
	maxSchema     = 16 << 10
)

// document is an OpenAPI file.
type document struct{ root map[string]any }

type object = map[string]any

// NewAPI makes tools of an API's description. Errors are for whoever configures it.
func NewAPI(o APIOptions) (*API, error) {
	if len(o.Description) > maxAPIFile {
		return nil, fmt.Errorf("it is longer than %d bytes", maxAPIFile)
	}
	var d document
	if err := readYAML(o.Description, &d.root); err != nil {
		return nil, fmt.Errorf("it is neither YAML nor JSON: %w", err)
	}
	if v, _ := d.root["openapi"].(string); !strings.HasPrefix(v, "3.") {
		return nil, errors.New("it is no OpenAPI 3 file (openapi: 3.x); older ones have to be converted")
	}
	base, err := d.base(o.URL)
	if err != nil {
		return nil, err
	}
	fetcher := o.Fetcher(base.Host)
	a := &API{}
	paths, _ := d.root["paths"].(object)
	for _, p := range slices.Sorted(maps.Keys(paths)) {
		item := d.object(paths[p])
		for _, method := range []string{"get", "head", "post", "put", "patch", "delete"} {
			op := d.object(item[method])
			if op == nil {
				continue
			}
			id, _ := op["operationId"].(string)
			if !chosen(o.Operations, id, method, p) {
				continue
			}
			t := d.operation(&o, cmp.Or(id, method+strings.ReplaceAll(p, "/", "_")), strings.ToUpper(method), p, item, op)
			t.base, t.header, t.fetcher = base, o.Header, fetcher
			c, err := Check(t)
			if err != nil {
				return nil, err
			}
			if a.tools = append(a.tools, c); len(a.tools) > maxOperations {
				return nil, fmt.Errorf("more than %d operations would become tools; choose among them (operations)", maxOperations)
			}
		}
	}
	if len(a.tools) == 0 {
		return nil, errors.New("none of its operations is chosen; operations names some, those that change something among them")
	}
	return a, nil
}

// readYAML turns a panic of the parser, which some malformed documents cause, into an error.
func readYAML(text []byte, into any) (err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("it cannot be understood (%v)", p)
		}
	}()
	if json.Valid(text) {
		return json.Unmarshal(text, into)
	}
	return yaml.Unmarshal(text, into)
}

func chosen(list []string, id, method, path string) bool {
	if len(list) == 0 {
		return method == "get" || method == "head"
	}
	return slices.ContainsFunc(list, func(s string) bool {
		if prefix, ok := strings.CutSuffix(s, "*"); ok {
			return strings.HasPrefix(id, prefix) && id != "" || strings.HasPrefix(strings.ToUpper(method)+" "+path, prefix)
		}
		return s == id || s == strings.ToUpper(method)+" "+path
	})
}

// base is where the API is.
func (d *document) base(configured string) (*url.URL, error) {
	at := configured
	if servers, ok := d.root["servers"].([]any); ok && at == "" && len(servers) > 0 {
		at, _ = d.object(servers[0])["url"].(string)
	}
	u, err := url.Parse(at)
	if err != nil || u.Scheme != "http" && u.Scheme != "https" || u.Host == "" {
		return nil, errors.New("it does not say where the API is; write url")
	}
	return u, nil
}

// object follows references within the file.
func (d *document) object(v any) object {
	for range maxRefs {
		o, ok := v.(object)
		if !ok {
			return nil
		}
		ref, ok := o["$ref"].(string)
		if !ok {
			return o
		}
		v = d.at(ref)
	}
	return nil
}

// at is what a reference names: "#/components/schemas/Order".
func (d *document) at(ref string) any {
	pointer, ok := strings.CutPrefix(ref, "#/")
	if !ok {
		return nil // of another file
	}
	var v any = d.root
	for part := range strings.SplitSeq(pointer, "/") {
		part = strings.ReplaceAll(strings.ReplaceAll(part, "~1", "/"), "~0", "~")
		o, ok := v.(object)
		if !ok {
			return nil
		}
		v = o[part]
	}
	return v
}

// schema is a schema with its references put in. One that contains itself, or grows beyond measure, ends with anything.
func (d *document) schema(v any) any {
	left := mostNodes
	return d.unfold(v, nil, &left)
}

// mostNodes bounds what a schema unfolds to.
const mostNodes = 5000

func (d *document) unfold(v any, within []string, left *int) any {
	if *left--; *left < 0 {
		return object{}
	}
	switch x := v.(type) {
	case object:
		if ref, ok := x["$ref"].(string); ok {
			if slices.Contains(within, ref) || len(within) > maxRefs {
				return object{}
			}
			return d.unfold(d.at(ref), append(slices.Clone(within), ref), left)
		}
		out := object{}
		for k, v := range x {
			switch k {
			case "example", "examples", "xml", "externalDocs", "deprecated", "discriminator", "readOnly", "writeOnly", "nullable":
				continue // they say nothing of what is valid; nullable is seen to below
			}
			out[k] = d.unfold(v, within, left)
		}
		if t, ok := out["type"].(string); ok && x["nullable"] == true { // of OpenAPI 3.0
			out["type"] = []any{t, "null"}
		}
		return out
	case []any:
		out := make([]any, len(x))
		for i := range x {
			out[i] = d.unfold(x[i], within, left)
		}
		return out
	case nil:
		return object{}
	}
	return v
}

// operation is one operation as a tool.
type operation struct {
	spec    Spec
	method  string
	path    string
	where   map[string]parameter // of the arguments, by their names
	body    bool                 // there is an argument body
	base    *url.URL
	header  http.Header
	fetcher Fetcher
}

type parameter struct{ in, name string }

func (d *document) operation(o *APIOptions, id, method, at string, item, op object) *operation {
	t := &operation{method: method, path: at, where: map[string]parameter{}}
	properties, required := object{}, []any{}
	shared, _ := item["parameters"].([]any)
	own, _ := op["parameters"].([]any)
	for _, v := range append(slices.Clone(shared), own...) { // an operation's own replace those of its path
		p := d.object(v)
		name, _ := p["name"].(string)
		in, _ := p["in"].(string)
		if name == "" || in != "path" && in != "query" && in != "header" || in == "header" && (o.Header.Get(name) != "" || strings.EqualFold(name, "Authorization")) {
			continue // cookies and keys are not the model's
		}
		key := name
		if old, taken := t.where[key]; taken && old.in != in || name == "body" {
			key = in + "_" + name
		}
		t.where[key] = parameter{in, name}
		s, _ := d.schema(p["schema"]).(object)
		if s == nil {
			s = object{}
		}
		if text, _ := p["description"].(string); text != "" && s["description"] == nil {
			s["description"] = cutBytes(text, 300)
		}
		properties[key] = s
		if p["required"] == true && !slices.Contains(required, any(key)) {
			required = append(required, key)
		}
	}
	if b := d.object(op["requestBody"]); b != nil {
		content, _ := b["content"].(object)
		for media, v := range content {
			if media == "application/json" || strings.HasSuffix(media, "+json") {
				t.body = true
				properties["body"] = d.schema(d.object(v)["schema"])
			}
		}
		if t.body && b["required"] == true {
			required = append(required, "body")
		}
	}
	schema, err := json.Marshal(object{"type": "object", "properties": properties, "required": required, "additionalProperties": false})
	if err != nil || len(schema) > maxSchema { // too long for a prompt: names and whether they are needed have to do
		for key, v := range properties {
			s, _ := v.(object)
			short := object{}
			for _, k := range []string{"type", "description"} {
				if s[k] != nil {
					short[k] = s[k]
				}
			}
			properties[key] = short
		}
		schema, _ = json.Marshal(object{"type": "object", "properties": properties, "required": required, "additionalProperties": false})
	}
	said := func(key string) string { s, _ := op[key].(string); return s }
	t.spec = Spec{
		Name:        safeName(o.Name + "_" + id),
		Description: cutBytes(strings.TrimSpace(method+" "+at+": "+said("summary")+"\n"+said("description")), mostDescription),
		Schema:      schema,
		Acts:        method != "GET" && method != "HEAD",
	}
	return t
}

// Spec implements Tool.
func (t *operation) Spec() Spec { return t.spec }

// Call implements Tool.
func (t *operation) Call(ctx context.Context, _ Caller, args json.RawMessage) (Result, error) {
	dec := json.NewDecoder(bytes.NewReader(args))
	dec.UseNumber() // large ids stay exact
	var in map[string]any
	if err := dec.Decode(&in); err != nil {
		return Result{}, err
	}
	at, query, header := t.path, url.Values{}, http.Header{}
	for key, v := range in {
		p, ok := t.where[key]
		if !ok {
			continue
		}
		switch values := texts(v); p.in {
		case "path":
			// A value is one segment: neither a slash nor dots lead to another operation.
			value := strings.Join(values, ",")
			if value == "" || value == "." || value == ".." {
				return Result{}, &Fault{fmt.Sprintf("%s is no value for %s", value, key)}
			}
			at = strings.ReplaceAll(at, "{"+p.name+"}", url.PathEscape(value))
		case "query":
			query[p.name] = values
		case "header":
			header.Set(p.name, strings.Map(func(r rune) rune {
				if r < ' ' || r == 0x7f {
					return -1
				}
				return r
			}, strings.Join(values, ",")))
		}
	}
	if strings.Contains(at, "{") {
		return Result{}, &Fault{"an argument of the path " + t.path + " is missing"}
	}
	maps.Copy(header, t.header)
	var body io.Reader
	if v, ok := in["body"]; ok && t.body {
		b, err := json.Marshal(v)
		if err != nil {
			return Result{}, err
		}
		body = bytes.NewReader(b)
		header.Set("Content-Type", "application/json")
	}
	u := *t.base
	u.RawPath = ""
	address := strings.TrimSuffix(u.String(), "/") + "/" + strings.TrimPrefix(at, "/")
	if len(query) > 0 {
		address += "?" + query.Encode()
	}
	if header.Get("Accept") == "" {
		header.Set("Accept", "application/json, text/*;q=0.5")
	}
	r, err := t.fetcher.Do(ctx, t.method, address, header, body)
	if err != nil {
		return Result{}, fetched(ctx, err)
	}
	return t.result(ctx, r)
}

func (t *operation) result(ctx context.Context, r *safehttp.Response) (Result, error) {
	text, err := bodyText(ctx, r)
	if err != nil {
		return Result{}, err
	}
	for _, values := range t.header { // an API that tells what it was sent does not tell the model
		for _, secret := range values {
			if _, bare, ok := strings.Cut(secret, " "); ok && len(bare) >= shortestSecret {
				text = strings.ReplaceAll(text, bare, "[secret]")
			}
			if len(secret) >= shortestSecret {
				text = strings.ReplaceAll(text, secret, "[secret]")
			}
		}
	}
	return Result{Text: fmt.Sprintf("HTTP %d %s %s\n\n%s", r.Status, t.method, path.Clean("/"+r.URL.Path), text), Failed: r.Status >= 400}, nil
}

// shortestSecret keeps values such as "1" from being taken out of everything.
const shortestSecret = 6

// texts are the values of an argument as addresses and headers have them.
func texts(v any) []string {
	switch x := v.(type) {
	case nil:
		return nil
	case string:
		return []string{x}
	case []any:
		var out []string
		for _, e := range x {
			out = append(out, texts(e)...)
		}
		return out
	case object:
		b, err := json.Marshal(x)
		if err != nil {
			return nil
		}
		return []string{string(b)}
	}
	return []string{fmt.Sprint(v)}
}
