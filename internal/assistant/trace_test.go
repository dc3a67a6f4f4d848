package assistant

import (
	"encoding/json"
	"errors"
	"io"
	"math"
	"reflect"
	"strings"
	"testing"
	"time"
)

// Encode writes each field by hand, and must say what json.Marshal would.
func TestEncodeIsMarshal(t *testing.T) {
	traces := map[string]*Trace{
		"empty":   {},
		"no step": {Steps: []StepTrace{}},
		"steps": {ID: "tr_1", Started: time.Unix(1, 5).UTC(), Question: "a <b> & \"c\"\n\x00", Error: "null}", Steps: []StepTrace{
			{Name: "admit", MS: 0.001}, {Name: "guard input"}, {Name: "look up", Skipped: true}, {Name: "generate", MS: 123456.789},
			{Name: "judge", MS: 3, Notes: []string{"a \"note\" <of> it\u2028"}}, {Name: "settle", MS: 1e21}, {Name: "late", MS: -1},
		}},
		"all fields": {},
	}
	fill(t, reflect.ValueOf(traces["all fields"]).Elem(), 1)
	for name, tr := range traces {
		text, err := json.Marshal(tr)
		if err != nil {
			t.Fatal(err)
		}
		before := []byte(`["before",`)
		got, err := tr.Encode(before)
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		a, b := tokens(t, string(got)+"]"), tokens(t, `["before",`+string(text)+`]`)
		for i := range min(len(a), len(b)) {
			if a[i] != b[i] {
				t.Fatalf("%s: %v where json.Marshal has %v; has each field of a trace its line in Encode?", name, a[i:min(i+6, len(a))], b[i:min(i+6, len(b))])
			}
		}
		if len(a) != len(b) {
			t.Errorf("%s: %s; want %s", name, got, text)
		}
	}
	if _, err := (&Trace{Confidence: math.Inf(1)}).Encode(nil); err == nil {
		t.Error("infinity was written")
	}
}

// tokens are the values of a JSON text, and the names of its fields, in their order.
func tokens(t *testing.T, s string) (list []json.Token) {
	t.Helper()
	d := json.NewDecoder(strings.NewReader(s))
	for {
		tok, err := d.Token()
		if errors.Is(err, io.EOF) {
			return list
		}
		if err != nil {
			t.Fatalf("%v: %s", err, s)
		}
		list = append(list, tok)
	}
}

// fill gives everything in v a value of its own.
func fill(t *testing.T, v reflect.Value, n int) {
	t.Helper()
	if n > 8 {
		t.Fatal("the trace refers to itself")
	}
	switch v.Kind() {
	case reflect.String:
		v.SetString("text of " + v.Type().String())
	case reflect.Int, reflect.Int64, reflect.Int32:
		v.SetInt(int64(n + 1))
	case reflect.Uint8:
		v.SetUint(uint64(n))
	case reflect.Float64, reflect.Float32:
		v.SetFloat(float64(n) + 0.25)
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(t, v.Elem(), n+1)
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 2, 2))
		for i := range 2 {
			fill(t, v.Index(i), n+1)
		}
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(t, key, n+1)
		fill(t, value, n+1)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Interface: // nothing
	case reflect.Struct:
		if v.Type() == reflect.TypeFor[time.Time]() {
			v.Set(reflect.ValueOf(time.Unix(int64(n), 7).UTC()))
			return
		}
		for i := range v.NumField() {
			if v.Type().Field(i).IsExported() {
				fill(t, v.Field(i), n+1)
			}
		}
	default:
		t.Fatalf("a trace has a %s: teach this test to fill it", v.Type())
	}
}
