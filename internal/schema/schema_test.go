package schema

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
)

// A stack that overflows ends the program, whoever recovers.
func TestSchemasOfOthers(t *testing.T) {
	billion := `"a0":{"type":"object"}`
	for i := range 30 {
		billion += fmt.Sprintf(`,"a%d":{"anyOf":[{"$ref":"#/$defs/a%d"},{"$ref":"#/$defs/a%d"}]}`, i+1, i, i)
	}
	for schema, want := range map[string]string{
		`{`:            "unexpected end",
		`[]`:           "unmarshal",
		`{"type":12}`:  "",
		`{"$ref":"#"}`: "refers to itself",
		`{"anyOf":[{"type":"object"},{"not":{"$ref":"#"}}]}`:                                                  "refers to itself",
		`{"$ref":"#/$defs/a","$defs":{"a":{"allOf":[{"$ref":"#/$defs/b"}]},"b":{"if":{"$ref":"#/$defs/a"}}}}`: "refers to itself",
		`{"properties":{"a":{"$ref":"#/$defs/x"}},"$defs":{"x":{"$ref":"#/$defs/x"}}}`:                        "refers to itself",
		`{"dependentSchemas":{"a/b":{"$ref":"#/dependentSchemas/a~1b"}}}`:                                     "refers to itself",
		`{"properties":{"a":{"$ref":"#/nowhere"}}}`:                                                           "not in it",
		`{"$ref":"https://example.com/x.json"}`:                                                               "not in it",
		`{"$dynamicRef":"#a"}`:                                                                                "not followed",
		`{"$ref":"#/$defs/a30","$defs":{` + billion + `}}`:                                                    "steps",
		strings.Repeat(`{"not":`, 5000) + `{}` + strings.Repeat(`}`, 5000):                                    "deep",
	} {
		s, err := Parse(json.RawMessage(schema))
		if err == nil {
			s.Check(map[string]any{"a": "b"}) // comes back
		}
		if want != "" && (err == nil || !strings.Contains(err.Error(), want)) {
			t.Errorf("%.80s: %v, want %q", schema, err, want)
		}
	}
}

func TestCheck(t *testing.T) {
	tree := `{"type":"object","properties":{"left":{"$ref":"#"},"right":{"$ref":"#"},"n":{"type":"integer"}},"required":["n"],"additionalProperties":false}`
	for _, c := range []struct {
		schema, value string
		fits          bool
	}{
		{tree, `{"n":1,"left":{"n":2,"right":{"n":3}}}`, true},
		{tree, `{"n":1,"left":{"n":2,"right":{"n":"3"}}}`, false},
		{tree, `{"n":1,"middle":{}}`, false},
		{`{"allOf":[{"$ref":"#/$defs/a~1b"},{"$ref":"#/$defs/a~1b"}],"$defs":{"a/b":{"minimum":2}}}`, `1`, false},
		{`true`, `1`, true},
	} {
		s, err := Parse(json.RawMessage(c.schema))
		if err != nil {
			t.Errorf("%s: %v", c.schema, err)
			continue
		}
		var v any
		if err := json.Unmarshal([]byte(c.value), &v); err != nil {
			t.Fatal(err)
		}
		if err := s.Check(v); (err == nil) != c.fits {
			t.Errorf("%s of %s: %v", c.value, c.schema, err)
		}
	}
}

func FuzzParse(f *testing.F) {
	f.Add(`{"$ref":"#"}`, `{}`)
	f.Add(`{"properties":{"a":{"$ref":"#/$defs/x"}},"$defs":{"x":{"anyOf":[{"$ref":"#/$defs/y"}]},"y":{"type":"string"}}}`, `{"a":1}`)
	f.Fuzz(func(t *testing.T, schema, value string) {
		s, err := Parse(json.RawMessage(schema))
		var v any
		if err != nil || json.Unmarshal([]byte(value), &v) != nil {
			return
		}
		_ = s.Check(v)
	})
}
