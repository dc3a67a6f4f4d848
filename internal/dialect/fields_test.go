package dialect

import (
	"bytes"
	"strings"
	"testing"

	"github.com/tidwall/gjson"
)

func TestValidBoundsTheDepth(t *testing.T) {
	for body, want := range map[string]bool{
		`{"a":[1,{"b":"[[[{{\"["}]}`: true,
		`{"a":}`:                     false,
		``:                           false,
		strings.Repeat("[", MaxDepth) + strings.Repeat("]", MaxDepth):     true,
		strings.Repeat("[", MaxDepth+1) + strings.Repeat("]", MaxDepth+1): false,
	} {
		if got := Valid([]byte(body)); got != want {
			t.Errorf("%.40s: %v", body, got)
		}
	}
	if Valid(bytes.Repeat([]byte(`{"a":[`), 4<<20)) { // would end the process without the bound
		t.Error("valid")
	}
}

func TestFieldsSeesDoubles(t *testing.T) {
	var v [2]gjson.Result
	var rest []string
	twice := Fields(gjson.Parse(`{"b":2,"\u0061":1,"c":3}`), []string{"a", "b"}, v[:], func(name string, _ gjson.Result) { rest = append(rest, name) })
	if twice != "" || v[0].Raw != "1" || v[1].Raw != "2" || strings.Join(rest, " ") != "c" {
		t.Error(twice, v, rest)
	}
	v = [2]gjson.Result{}
	if twice := Fields(gjson.Parse(`{"a":2,"\u0061":1}`), []string{"a", "b"}, v[:], nil); twice != "a" {
		t.Error(twice)
	}
}

func TestSetField(t *testing.T) {
	for _, c := range []struct{ body, name, value, want string }{
		{`{"a":1,"b":2}`, "b", "3", `{"a":1,"b":3}`},
		{`{"a":1,"b":2}`, "b", "", `{"a":1}`},
		{`{"a" : 1 , "b":2}`, "a", "", `{ "b":2}`},
		{`{"a":1}`, "a", "", `{}`},
		{` { "a":1}`, "c", "3", ` {"c":3, "a":1}`},
		{`{}`, "c", "3", `{"c":3}`},
		{`{"a":1}`, "c", "", `{"a":1}`},
		{`{"a":{"c":1}}`, "c", "", `{"a":{"c":1}}`},
	} {
		var value []byte
		if c.value != "" {
			value = []byte(c.value)
		}
		if got := Splice([]byte(c.body), []Patch{SetField([]byte(c.body), c.name, value)}); string(got) != c.want {
			t.Errorf("%s: %s", c.body, got)
		}
	}
}
