package gemini

import (
	"bytes"
	"encoding/json"
	"errors"
	"path/filepath"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// Whatever is accepted goes out as it came; written anew it is JSON, and read again it is the same conversation.
func FuzzDecodeRequest(f *testing.F) {
	f.Add([]byte(full))
	f.Add([]byte(`{"contents":{"parts":{"text":"x"}},"system_instruction":"y","dragoman":{}}`))
	f.Add([]byte(`{"contents":[{"role":"model","parts":[{"functionCall":{"name":"f","args":{"_raw_arguments":"{"}}},{"functionResponse":{"name":"f","response":{"error":{"a":1}}}}]}],"generationConfig":{"seed":"12"}}`))
	for _, r := range translations {
		body, _, err := Upstream{}.Encode(r)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(body)
	}
	f.Fuzz(func(t *testing.T, body []byte) {
		before := bytes.Clone(body)
		r, err := DecodeRequest("gemini-2.5-flash", false, body)
		if err != nil {
			var e *chat.Error
			if !errors.As(err, &e) || e.Message == "" {
				t.Fatalf("%v", err)
			}
			return
		}
		for _, m := range r.Messages {
			for _, p := range m.Parts {
				if p.At.Start < 0 || p.At.End > len(body) || p.At.End < p.At.Start {
					t.Fatalf("span %v of %d bytes", p.At, len(body))
				}
				if p.At.End > 0 && !json.Valid(body[p.At.Start:p.At.End]) {
					t.Fatalf("at %v stands %s", p.At, body[p.At.Start:p.At.End])
				}
			}
		}
		same, _, err := Upstream{}.Encode(r)
		if err != nil || !json.Valid(same) {
			t.Fatalf("%v: %s", err, same)
		}
		if r.Dragoman == nil && !bytes.Contains(body, []byte(packed)) && !bytes.Contains(body, []byte("model")) && !bytes.Equal(same, before) {
			t.Fatalf("%s became %s", before, same)
		}
		if !bytes.Equal(body, before) {
			t.Fatal("the body was written to")
		}
		for i := range r.Messages {
			for j := range r.Messages[i].Parts {
				r.Messages[i].Parts[j].Changed, r.Messages[i].Parts[j].At = true, chat.Span{}
			}
		}
		if anew, _, err := (Upstream{}).Encode(r); err == nil && !json.Valid(anew) {
			t.Fatalf("%s", anew)
		}
		r.Body = nil
		anew, _, err := Upstream{}.Encode(r)
		if err != nil {
			return // results without calls, files without a type
		}
		again, err := DecodeRequest("gemini-2.5-flash", false, anew)
		if err != nil {
			t.Fatalf("%v in %s", err, anew)
		}
		again.Body = nil
		third, _, err := Upstream{}.Encode(again)
		if !utf8.Valid(body) {
			return // bytes that are no UTF-8 are replaced once, and then are other lengths
		}
		if err != nil || !bytes.Equal(anew, third) {
			t.Fatalf("%v: %s", err, cmp.Diff(string(anew), string(third)))
		}
	})
}

// No chunk harms the decoder, and what it says is written and read again as the same.
func FuzzStream(f *testing.F) {
	files, _ := filepath.Glob("testdata/stream/*.sse")
	for _, file := range files {
		f.Add(bytes.Join(events(f, file), []byte("\n")))
	}
	f.Fuzz(func(t *testing.T, stream []byte) {
		dec := Upstream{}.NewStream()
		raw, anew := Door{}.NewStream(meta), Door{}.NewStream(meta)
		var out []byte
		var want, got collected
		for data := range bytes.SplitSeq(stream, []byte("\n")) {
			ev, err := dec.Decode("", data)
			if err != nil {
				return
			}
			if !bytes.Equal(ev.Raw, data) {
				t.Fatalf("Raw %s of %s", ev.Raw, data)
			}
			_ = raw.Event(nil, ev, false)
			want.add(ev)
			ev.Wire, ev.Raw, ev.Citations = "", nil, nil
			out = anew.Event(out, ev, false)
		}
		if !dec.Complete() {
			return
		}
		out = anew.End(out, dialect.Answer{Finish: want.finish, Usage: want.usage})
		again := Upstream{}.NewStream()
		for _, data := range split(out) {
			ev, err := again.Decode("", data)
			if err != nil {
				t.Fatalf("%v in %s", err, data)
			}
			got.add(ev)
		}
		if got.text != toValid(want.text) || got.thinking != toValid(want.thinking) || len(got.calls) != len(want.calls) {
			t.Fatalf("%+v\n%+v\n%s", want, got, out)
		}
	})
}

func toValid(s string) string { return string([]rune(s)) }

func FuzzSchema(f *testing.F) {
	f.Add([]byte(`{"type":"OBJECT","properties":{"a":{"type":"STRING","nullable":true,"enum":["x"]}},"propertyOrdering":["a"],"anyOf":[{"$ref":"#/properties/a"}]}`))
	f.Add([]byte(`{"$defs":{"a":{"$ref":"#/$defs/b"},"b":{"anyOf":[{"$ref":"#/$defs/a"},{"$ref":"#/$defs/a"}]}},"$ref":"#/$defs/a"}`))
	f.Fuzz(func(t *testing.T, schema []byte) {
		if !wellFormed(schema) {
			return
		}
		v := dialect.Parse(schema)
		if out := AppendJSONSchema(nil, v); !json.Valid(out) {
			t.Fatalf("%s", out)
		}
		if out, _ := AppendGeminiSchema(nil, v); !json.Valid(out) {
			t.Fatalf("%s", out)
		}
	})
}

func FuzzFailure(f *testing.F) {
	f.Add(400, []byte(`[{"error":{"code":429,"details":[{"@type":"google.rpc.RetryInfo","retryDelay":"1e400s"}]}}]`))
	f.Fuzz(func(t *testing.T, status int, body []byte) {
		e := Upstream{}.Failure(status, body, 0)
		if e.Code == "" || e.Message == "" || e.RetryAfter < 0 {
			t.Fatalf("%+v", e)
		}
		if _, shown := (Door{}).Error(withoutRaw(e), "t"); !json.Valid(shown) {
			t.Fatalf("%s", shown)
		}
		_, _, _ = DecodeModels(body)
		_, _ = DecodeTokens(body)
		_, _ = DecodeEmbedBatch(body)
		_, _ = Upstream{}.DecodeEmbeddings(body, 1)
		_, _ = DecodeCountTokens("m", body)
	})
}
