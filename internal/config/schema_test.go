package config

import (
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"maps"
	"os"
	"path/filepath"
	"reflect"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/goccy/go-yaml"
)

// violations checks a value against the part of JSON Schema that Schema uses.
func violations(schema map[string]any, v any, path string) (list []string) {
	bad := func(format string, args ...any) { list = append(list, path+": "+fmt.Sprintf(format, args...)) }
	kind := map[reflect.Kind]string{
		reflect.String: "string", reflect.Bool: "boolean", reflect.Map: "object", reflect.Slice: "array", reflect.Float64: "number",
		reflect.Uint64: "integer", reflect.Invalid: "null",
	}[reflect.ValueOf(v).Kind()]
	types, ok := schema["type"].([]any)
	if !ok {
		types = []any{schema["type"]}
	}
	if !slices.Contains(types, any(kind)) && !(kind == "integer" && slices.Contains(types, any("number"))) {
		bad("%s is none of %v", kind, types)
	}
	if enum, ok := schema["enum"].([]any); ok && !slices.Contains(enum, v) {
		bad("%v is none of %v", v, enum)
	}
	if s, isText := v.(string); isText && schema["pattern"] != nil && !regexp.MustCompile(schema["pattern"].(string)).MatchString(s) {
		bad("%q does not match %v", s, schema["pattern"])
	}
	switch x := v.(type) {
	case []any:
		for i, e := range x {
			list = append(list, violations(schema["items"].(map[string]any), e, fmt.Sprintf("%s[%d]", path, i))...)
		}
	case map[string]any:
		properties, _ := schema["properties"].(map[string]any)
		for _, k := range slices.Sorted(maps.Keys(x)) {
			sub, known := properties[k].(map[string]any)
			if !known {
				if sub, known = schema["additionalProperties"].(map[string]any); !known {
					bad("%s is not allowed", k)
					continue
				}
			}
			list = append(list, violations(sub, x[k], path+"."+k)...)
		}
	}
	return list
}

func schema(t *testing.T) map[string]any {
	t.Helper()
	b, err := Schema()
	if err != nil {
		t.Fatal(err)
	}
	var s map[string]any
	if err := json.Unmarshal(b, &s); err != nil {
		t.Fatal(err)
	}
	return s
}

// uncommented is the example with everything switched on that it shows in comments.
func uncommented() string {
	var b strings.Builder
	for line := range strings.Lines(string(Example())) {
		indent, rest, ok := strings.Cut(line, "# ")
		if ok && strings.TrimSpace(indent) == "" && regexp.MustCompile(`^ *[a-z0-9_-]+:( |$)`).MatchString(strings.TrimRight(rest, "\n")) {
			line = indent + rest
		}
		b.WriteString(line)
	}
	return b.String()
}

func TestExample(t *testing.T) {
	all := uncommented()
	if !strings.Contains(all, "\n  rack:\n    base_url:") || !strings.Contains(all, "\nlocal_only: true") {
		t.Fatalf("not everything was switched on:\n%s", all)
	}
	for name, src := range map[string]string{"as it is": string(Example()), "with everything": all} {
		o := Options{Getenv: func(name string) (string, bool) { return "x", name != "OPENAI_API_KEY" }}
		if _, err := Parse(FileName, []byte(src), o); err != nil {
			t.Errorf("%s:\n%v", name, err)
		}
		var v any
		if err := yaml.Unmarshal([]byte(src), &v); err != nil {
			t.Fatal(err)
		}
		if list := violations(schema(t), v, ""); len(list) > 0 {
			t.Errorf("%s, by the schema:\n%s", name, strings.Join(list, "\n"))
		}
	}
	// The example shows every key that there is.
	for _, k := range keysOf(reflect.TypeFor[Config]()) {
		if k.name != "data" && !strings.Contains("\n"+all, "\n"+k.name+":") {
			t.Errorf("%s is not in the example", k.name)
		}
	}
}

func TestSchemaRefuses(t *testing.T) {
	s := schema(t)
	for _, src := range []string{
		"sever: {}", "server: {drain: soon}", "guards: {g: {secrets: masc}}", "models: {m: {use: x}}", "providers: {x: {apikey: y}}",
		"server: {max_body: ten}", "local_only: maybe",
	} {
		var v any
		if err := yaml.Unmarshal([]byte(src), &v); err != nil {
			t.Fatal(err)
		}
		if len(violations(s, v, "")) == 0 {
			t.Errorf("%s passes", src)
		}
		if _, err := Parse("f", []byte(src), Options{}); err == nil {
			t.Errorf("%s is parsed", src)
		}
	}
}

// Each key is described, and says its default.
func TestSchemaTeaches(t *testing.T) {
	s := schema(t)
	var walk func(path string, s map[string]any)
	walk = func(path string, s map[string]any) {
		properties, _ := s["properties"].(map[string]any)
		for k, sub := range properties {
			if d, _ := sub.(map[string]any)["description"].(string); len(d) < 10 {
				t.Errorf("%s.%s is not described", path, k)
			}
			walk(path+"."+k, sub.(map[string]any))
		}
		for _, more := range []string{"additionalProperties", "items"} {
			if sub, ok := s[more].(map[string]any); ok {
				walk(path+".*", sub)
			}
		}
	}
	walk("", s)
	server := s["properties"].(map[string]any)["server"].(map[string]any)["properties"].(map[string]any)
	for key, want := range map[string]any{"listen": "127.0.0.1:8017", "drain": "20s", "max_body": "10MB"} {
		if got := server[key].(map[string]any)["default"]; got != want {
			t.Errorf("default of %s: %v, want %v", key, got, want)
		}
	}
}

func TestSecretNeverPrints(t *testing.T) {
	c := Default()
	c.Providers = map[string]Provider{"openai": {APIKey: "s3cret"}}
	var b strings.Builder
	slog.New(slog.NewTextHandler(&b, nil)).Info("x", "config", c, "key", c.Providers["openai"].APIKey)
	slog.New(slog.NewJSONHandler(&b, nil)).Info("x", "config", c, "key", c.Providers["openai"].APIKey)
	for _, verb := range []string{"%v", "%+v", "%#v", "%s", "%q", "%x", "%X", "%d"} {
		fmt.Fprintf(&b, verb+verb+"\n", *c, c.Providers["openai"].APIKey)
	}
	j, err := json.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	y, err := yaml.Marshal(c)
	if err != nil {
		t.Fatal(err)
	}
	_, _ = io.WriteString(&b, string(j)+string(y))
	if s := b.String(); strings.Contains(s, "s3cret") || strings.Contains(strings.ToLower(s), "733363726574") || !strings.Contains(s, hidden) {
		t.Errorf("printed: %s", s)
	}
	if Secret("s3cret").Reveal() != "s3cret" || Secret("").String() != "" {
		t.Error("Reveal, or no secret at all")
	}
}

func TestFind(t *testing.T) {
	root := t.TempDir()
	for _, dir := range []string{"repo/.git", "repo/a/b", "plain/a"} {
		if err := os.MkdirAll(filepath.Join(root, dir), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	put := func(dir string) string {
		t.Helper()
		path := filepath.Join(root, dir, FileName)
		if err := os.WriteFile(path, nil, 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	find := func(dir, want string) {
		t.Helper()
		if got, ok := Find(filepath.Join(root, dir)); got != want || ok != (want != "") {
			t.Errorf("from %s: %q, %v; want %q", dir, got, ok, want)
		}
	}
	above := put(".")
	find("repo/a/b", "") // above the repository
	find("plain/a", "")  // in a folder above, and no repository
	find(".", above)
	top := put("repo")
	find("repo/a/b", top)
	nearest := put("repo/a")
	find("repo/a/b", nearest)
	find("repo", top)
}
