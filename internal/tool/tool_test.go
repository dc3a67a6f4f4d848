package tool

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"os"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"go.uber.org/goleak"
	"pgregory.net/rapid"
)

func TestMain(m *testing.M) {
	if os.Getenv(serveMCP) != "" {
		runServer()
		return
	}
	goleak.VerifyTestMain(m)
}

// stub is a tool that does what a function does.
type stub struct {
	spec Spec
	do   func(ctx context.Context, args json.RawMessage) (Result, error)
}

func (s stub) Spec() Spec { return s.spec }

func (s stub) Call(ctx context.Context, _ Caller, args json.RawMessage) (Result, error) {
	return s.do(ctx, args)
}

// call calls a tool by its name, as a turn does.
func call(t *testing.T, r *Registry, name, args string) Outcome {
	t.Helper()
	set, problems := r.Set(t.Context(), r.Names())
	if len(problems) > 0 {
		t.Fatal(problems)
	}
	done := make(chan Outcome, 1)
	set.Call(t.Context(), Caller{}, name, args, time.Second, func(o Outcome) { done <- o })
	return <-done
}

func registry(t *testing.T, tools ...Tool) *Registry {
	t.Helper()
	r, err := NewRegistry(tools, nil)
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func TestArgumentsAreChecked(t *testing.T) {
	r := registry(t, stub{Spec{Name: "send", Schema: json.RawMessage(`{"type":"object","properties":{"to":{"type":"string"},"n":{"type":"integer","minimum":1}},"required":["to"],"additionalProperties":false}`)},
		func(_ context.Context, args json.RawMessage) (Result, error) {
			return Result{Text: "sent " + string(args)}, nil
		}})
	for args, want := range map[string]string{
		`{"to":"me"}`:                `sent {"to":"me"}`,
		`  {"to":"me","n":2} `:       `sent {"to":"me","n":2}`,
		``:                           "to",
		`null`:                       "to",
		`{"to":`:                     "not valid JSON",
		`[]`:                         "not a JSON object",
		`"me"`:                       "not a JSON object",
		`{"to":1}`:                   "string",
		`{"to":"me","n":0}`:          "minimum",
		`{"to":"me","cc":"you"}`:     "cc",
		`{"to":"me"} {"to":"you"}`:   "not valid JSON",
		strings.Repeat("x", 300<<10): "longer than",
		strings.Repeat("[", 200<<10): "not valid JSON",
	} {
		o := call(t, r, "send", args)
		if failed := !strings.HasPrefix(want, "sent"); !strings.Contains(o.Text, want) || o.Failed != failed {
			t.Errorf("%.60s: %+.300v, want %q", args, o, want)
		}
	}
}

func TestSchemasOfOthersHarmNobody(t *testing.T) {
	for _, schema := range []string{`{`, `[]`, `{"type":"object","properties":{"a":{"$ref":"#/nowhere"}}}`, `{"$ref":"#"}`, `{"type":"object","properties":{"a":{"pattern":"("}}}`, `{"$ref":"https://example.com/x.json"}`, `true`, `{"type":12}`} {
		r := registry(t, stub{Spec{Name: "x", Schema: json.RawMessage(schema)}, func(context.Context, json.RawMessage) (Result, error) { return Result{Text: "ran"}, nil }})
		if o := call(t, r, "x", `{"a":"b"}`); o.Text != "ran" {
			t.Logf("%s: %s", schema, o.Text) // refused is right as well; a crash or an endless loop is not
		}
	}
	if _, err := NewRegistry([]Tool{stub{spec: Spec{Name: "a b"}}}, nil); err == nil {
		t.Error("a name that vendors refuse is taken")
	}
}

func TestToolsThatGoWrong(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		release := make(chan struct{})
		r := registry(t,
			stub{Spec{Name: "panics"}, func(context.Context, json.RawMessage) (Result, error) { panic("secret internals") }},
			stub{Spec{Name: "fails"}, func(context.Context, json.RawMessage) (Result, error) {
				return Result{}, errors.New("password: hunter2")
			}},
			stub{Spec{Name: "faults"}, func(context.Context, json.RawMessage) (Result, error) { return Result{}, &Fault{"write it so"} }},
			stub{Spec{Name: "hangs"}, func(context.Context, json.RawMessage) (Result, error) { <-release; return Result{Text: "late"}, nil }},
			stub{Spec{Name: "waits"}, func(ctx context.Context, _ json.RawMessage) (Result, error) { <-ctx.Done(); return Result{}, ctx.Err() }},
		)
		for name, want := range map[string]string{
			"panics": "panics failed", "fails": "fails failed", "faults": "write it so", "hangs": "took longer than 1s", "waits": "took longer than 1s", "nosuch": "there is no tool \"nosuch\"; there are",
		} {
			o := call(t, r, name, "{}")
			if !o.Failed || o.Err == nil || !strings.Contains(o.Text, want) || strings.Contains(o.Text, "hunter2") || strings.Contains(o.Text, "internals") {
				t.Errorf("%s: %+v", name, o)
			}
		}
		ctx, cancel := context.WithTimeout(t.Context(), time.Second)
		defer cancel()
		if err := r.Wait(ctx); err == nil {
			t.Error("Wait does not wait for the tool that hangs")
		}
		close(release)
		if err := r.Wait(t.Context()); err != nil {
			t.Error(err)
		}
	})
}

func TestCalculator(t *testing.T) {
	for expr, want := range map[string]string{
		"0.1+0.2": "0.3", "1/3": "1/3, which is about 0.333333333333333333333333333333", "2^10": "1024", "-2^2": "-4", "2^-2": "0.25", "2^3^2": "512", "(1+2)*3": "9",
		"10%3": "1", "-7 % 3": "2", "15%": "0.15", "200*15%": "30", "200 - 15%*200": "170", "1e3": "1000", "1.5e-2": "0.015", "9007199254740993*3": "27021597764222979",
		"sqrt(9/4)": "1.5", "sqrt(2)": "about 1.41421356237309504880168872421", "2^0.5*2^0.5": "about 2", "round(2.5)": "3", "round(-2.5)": "-3", "round(1.005, 2)": "1.01", "round(1234, -2)": "1200",
		"floor(-1.5)": "-2", "ceil(-1.5)": "-1", "ceil(1.2)": "2", "min(3, 1, 2)": "1", "max(1;5)": "5", "avg(1,2)": "1.5", "sum(1,2,3)": "6", "abs(-3)": "3", "1_000 × 2": "2000", "6 ÷ 4 − 1": "0.5",
		"1^99999999999": "1", "0^0": "1", "(-1)^1000001": "-1", "(1299.90 - 15%*1299.90) * 3": "3314.745", "2**3": "8",
		"1/0": "! division by zero", "0^-1": "! division by zero", "1+": "! ends too early", "": "! ends too early", "2 3": "! not understood", "system('x')": "! not understood", "a": "! not understood",
		"9^9^9": "! digits", "10^100000": "! digits", "1e99999": "! too large", "(1,2)": "! one value", "sqrt(-1)": "! negative", "2^0.3": "! whole exponent", "round(1,2,3)": "! 3 values",
	} {
		got, err := Calculator{}.Call(t.Context(), Caller{}, mustJSON(map[string]string{"expression": expr}))
		if wrong, ok := strings.CutPrefix(want, "! "); ok {
			if err == nil || !strings.Contains(err.Error(), wrong) {
				t.Errorf("%s gives %q, %v", expr, got.Text, err)
			}
		} else if err != nil || got.Text != want {
			t.Errorf("%s gives %q, %v; want %q", expr, got.Text, err, want)
		}
	}
}

func TestCalculatorIsExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		a, b := rapid.Int64().Draw(t, "a"), rapid.Int64Range(1, 1<<40).Draw(t, "b")
		// a = (a div b) * b + (a mod b), whatever a and b.
		v, err := evaluate(context.Background(), fmt.Sprintf("floor((%d)/%d)*%d + (%d)%%%d", a, b, b, a, b))
		if err != nil || v.RatString() != fmt.Sprint(a) {
			t.Fatalf("%v, %v", v, err)
		}
	})
}

func FuzzCalculator(f *testing.F) {
	for _, s := range []string{"1+2", "((((", "1e9999", "sqrt(2)^2", "-----1", "1%%2", "round(1/3, 1000)^9"} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		if v, err := evaluate(t.Context(), s); err == nil {
			written(v)
		}
	})
}

func TestClock(t *testing.T) {
	c := Clock{func() time.Time { return time.Date(2025, 3, 29, 23, 30, 0, 0, time.UTC) }}
	for args, want := range map[string]string{
		`{}`:                                       "Saturday, 2025-03-29 23:30:00 +00:00",
		`{"zone":"Europe/Berlin"}`:                 "Sunday, 2025-03-30 00:30:00 +01:00 (Europe/Berlin, CET)",
		`{"zone":"Europe/Berlin","add":"1d"}`:      "Monday, 2025-03-31 00:30:00 +02:00", // the clocks were changed that night
		`{"zone":"Europe/Berlin","add":"24h"}`:     "Monday, 2025-03-31 01:30:00 +02:00",
		`{"at":"2024-02-29","add":"1y"}`:           "Saturday, 2025-03-01",
		`{"at":"2025-12-29"}`:                      "ISO week 1",
		`{"at":"2025-01-01","until":"2025-12-25"}`: "358 days by the calendar",
		`{"at":"2025-06-01T12:00","zone":"Asia/Kolkata","until":"2025-06-01T12:00:00Z"}`: "5 h 30 min 0 s",
		`{"at":"2025-01-02","until":"2025-01-01"}`:                                       "-1 days",
		`{"zone":"Mars/Base"}`:        "! no time zone",
		`{"zone":"../../etc/passwd"}`: "! no time zone",
		`{"zone":"Local"}`:            "! no time zone",
		`{"at":"tomorrow"}`:           "! no moment",
		`{"add":"3 fortnights"}`:      "! no span",
		`{"add":"999999y"}`:           "! years 1 to 9999",
	} {
		got, err := c.Call(t.Context(), Caller{}, json.RawMessage(args))
		if wrong, ok := strings.CutPrefix(want, "! "); ok {
			if err == nil || !strings.Contains(err.Error(), wrong) {
				t.Errorf("%s gives %q, %v", args, got.Text, err)
			}
		} else if err != nil || !strings.Contains(got.Text, want) {
			t.Errorf("%s gives %q, %v; want %q", args, got.Text, err, want)
		}
	}
}

func mustJSON(v any) json.RawMessage {
	b, err := json.Marshal(v)
	if err != nil {
		panic(err)
	}
	return b
}
