package config

import (
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// full sets every field of a value that a file can set.
func full(t *testing.T, v reflect.Value, name string) {
	t.Helper()
	switch v.Kind() {
	case reflect.Struct:
		for _, k := range keysOf(v.Type()) {
			f := v.Field(k.index)
			if len(k.enum) > 0 {
				if f.Kind() == reflect.Slice {
					f.Set(reflect.ValueOf([]string{k.enum[0]}))
				} else {
					f.SetString(k.enum[0])
				}
				continue
			}
			full(t, f, k.name)
		}
	case reflect.Map:
		e := reflect.New(v.Type().Elem()).Elem()
		full(t, e, name)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(reflect.ValueOf("some"), e)
	case reflect.Slice:
		e := reflect.New(v.Type().Elem()).Elem()
		full(t, e, name)
		v.Set(reflect.Append(v, e))
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		full(t, v.Elem(), name)
	case reflect.String:
		v.SetString("a text <of> ${" + name + "}: \"quoted\"\nand # more")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Float64:
		v.SetFloat(0.25)
	default:
		t.Fatalf("%s is a %s, which this test cannot make", name, v.Type())
	}
}

// TestCanonicalKeepsEverything: a stored version is read from its canonical form, so each field must come back from there.
func TestCanonicalKeepsEverything(t *testing.T) {
	var a Assistant
	full(t, reflect.ValueOf(&a).Elem(), "")
	a.File = ""
	d := newDecoder("version", a.Canonical(), Options{})
	d.literal = true
	var back Assistant
	root, ok := d.root()
	if !ok {
		t.Fatal(d.err())
	}
	d.decode(root, reflect.ValueOf(&back).Elem(), "")
	if err := d.err(); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(a, back); diff != "" {
		t.Errorf("(-written +read)\n%s", diff)
	}
}

func TestVersion(t *testing.T) {
	zero, some := 0.0, 0.2
	a := Assistant{Instructions: "Be kind.", Knowledge: []string{"wiki", "code"}}
	seen := map[string]Assistant{a.Version(): a}
	for _, change := range []func(*Assistant){
		func(a *Assistant) { a.Instructions += " " },
		func(a *Assistant) { a.Knowledge = []string{"code", "wiki"} },
		func(a *Assistant) { a.Search.Threshold = &zero },
		func(a *Assistant) { a.Search.Threshold = &some },
		func(a *Assistant) { a.Feature = "x" },
	} {
		b := a
		change(&b)
		if other, same := seen[b.Version()]; same {
			t.Errorf("%+v and %+v have the same version", b, other)
		}
		seen[b.Version()] = b
	}
	same := a
	same.Dir, same.File = "/somewhere", "else.yaml"
	if same.Version() != a.Version() {
		t.Error("where a definition stands is no part of what it says")
	}
}

// TestNoSecrets: definitions are stored and shown, so what is secret has its place elsewhere, where a definition names it.
func TestNoSecrets(t *testing.T) {
	var look func(reflect.Type, string)
	look = func(typ reflect.Type, path string) {
		switch {
		case typ == reflect.TypeFor[Secret]():
			t.Errorf("%s: a definition of an assistant holds no secrets", path)
		case typ.Kind() == reflect.Struct && !isScalar(typ):
			for _, k := range keysOf(typ) {
				look(typ.Field(k.index).Type, join(path, k.name))
			}
		case typ.Kind() == reflect.Map || typ.Kind() == reflect.Slice || typ.Kind() == reflect.Pointer:
			look(typ.Elem(), path)
		}
	}
	look(reflect.TypeFor[Assistant](), "")
}

func TestDefinitionInAFile(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) {
		t.Helper()
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	path := filepath.Join(dir, FileName)
	write(FileName, "collections: {wiki: {path: wiki}}\nassistants:\n  support: {file: assistants/support.yaml}\n")
	write("assistants/support.yaml", "instructions: support.md\nknowledge: [wiki]\nfolder: knowledge\noutput: {format: json, schema: answer.json}\nsearch: {threshold: 0.35, budget: 4k}\n")
	write("assistants/support.md", "Be kind.\n")
	write("assistants/answer.json", `{"type": "object"}`)
	c, err := Load(path, Options{})
	if err != nil {
		t.Fatal(err)
	}
	a := c.Assistants["support"]
	if a.Instructions != "Be kind.\n" || a.Output.Schema != `{"type": "object"}` || *a.Search.Threshold != 0.35 || a.Search.Budget != 4000 || a.FolderPath() != filepath.Join(dir, "assistants", "knowledge") {
		t.Errorf("%+v", a)
	}
	if len(c.Files) != 3 {
		t.Errorf("files to look at for changes: %v", c.Files)
	}
	back, err := ParseAssistant("support", a.Canonical(), "", c, Options{})
	if err != nil || back.Version() != a.Version() {
		t.Errorf("the stored version is another: %v %+v", err, back)
	}
	for text, want := range map[string]string{
		"knowledge: [wikki]\n":                      `support.yaml:1:13: knowledge[0]: no collection is called "wikki"; did you mean "wiki"?`,
		"instructionz: x\n":                         `support.yaml:1:1: instructionz: unknown key; did you mean "instructions"?`,
		"file: other.yaml\n":                        "names no other",
		"instructions: gone.md\n":                   "support.yaml:1:15: instructions: cannot read",
		"search: {threshold: 3}\n":                  "search.threshold: is a share from 0 to 1",
		"output: {schema: '{}'}\n":                  "output.schema: only answers of the format json have a schema",
		"output: {format: json, schema: '[1]'}\n":   "output.schema: is no JSON Schema",
		"privacy: secret\n":                         "privacy",
		"output: {format: json, schema: no.json}\n": "output.schema: cannot read",
	} {
		write("assistants/support.yaml", text)
		if _, err := Load(path, Options{}); err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("%q: %v, want %q", text, err, want)
		}
	}
	write(FileName, "assistants:\n  support: {file: assistants/support.yaml, route: x}\n")
	if _, err := Load(path, Options{}); err == nil || !strings.Contains(err.Error(), ":2:13: assistants.support.file: a definition stands here or in a file, not in both") &&
		!strings.Contains(err.Error(), "not in both") {
		t.Error(err)
	}
}

// TestForeignDefinition: who sends a definition to a server reads neither its files nor its environment by it.
func TestForeignDefinition(t *testing.T) {
	o := Options{Getenv: func(string) (string, bool) { return "hunter2", true }}
	a, err := ParseAssistant("x", []byte("instructions: 'the key is ${KEY}'\n"), "", Default(), o)
	if err != nil || a.Instructions != "the key is ${KEY}" {
		t.Errorf("%q %v", a.Instructions, err)
	}
	for _, text := range []string{"instructions: secrets.txt\n", "output: {format: json, schema: /etc/x.json}\n", "file: x.yaml\n"} {
		if _, err := ParseAssistant("x", []byte(text), "", Default(), o); err == nil {
			t.Errorf("%q was taken", text)
		}
	}
}
