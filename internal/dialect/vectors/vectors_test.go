package vectors

import (
	"encoding/json"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/tidwall/gjson"
	"pgregory.net/rapid"

	"github.com/dragoman/dragoman/internal/chat"
)

func TestEmbeddingRequests(t *testing.T) {
	r, err := DecodeEmbeddingRequest([]byte(`{"model":"m", "input":["a","b\u00e4"],"encoding_format":"base64","dimensions":256,"user":null,"dragoman":{},"extra":1}`))
	if err != nil || len(r.Input) != 2 || r.Input[1] != "bä" || r.Count != 2 || !r.Base64 || r.Dimensions != 256 || r.Unmapped[0] != "extra" {
		t.Fatalf("%+v %v", r, err)
	}
	r.Model = "up"
	if got := string(r.Encode()); got != `{"model":"up", "input":["a","b\u00e4"],"encoding_format":"base64","dimensions":256,"user":null,"extra":1}` {
		t.Error(got)
	}
	r.Body = nil
	if again, err := DecodeEmbeddingRequest(r.Encode()); err != nil || again.Input[1] != "bä" || again.Dimensions != 256 || !again.Base64 {
		t.Errorf("%s %v", r.Encode(), err)
	}
	for body, count := range map[string]int{`{"model":"m","input":[1,2]}`: 1, `{"model":"m","input":[[1],[2,3]]}`: 2} {
		r, err := DecodeEmbeddingRequest([]byte(body))
		if err != nil || !r.Tokens || r.Count != count || string(r.Encode()) != body {
			t.Errorf("%s: %+v %v", body, r, err)
			continue
		}
		if _, err := r.Texts(); chat.AsError(err).Code != chat.CodeUnsupported {
			t.Error(err)
		}
	}
	for body, param := range map[string]string{`[]`: "", `{"input":"x"}`: "model", `{"model":"m"}`: "input", `{"model":"m","input":""}`: "input",
		`{"model":"m","input":[]}`: "input", `{"model":"m","input":["a",1]}`: "input", `{"model":"m","input":["a",""]}`: "input",
		`{"model":"m","input":"a","input":"b"}`: "input", `{"model":"m","input":"a","encoding_format":"hex"}`: "encoding_format",
		`{"model":"m","input":"a","dimensions":0}`: "dimensions", `{"model":"m","input":"a","dimensions":1.5}`: "dimensions"} {
		if _, err := DecodeEmbeddingRequest([]byte(body)); err == nil || chat.AsError(err).Param != param {
			t.Errorf("%s: %+v", body, err)
		}
	}
}

func TestEmbeddingsOfficialShape(t *testing.T) {
	body := `{"object":"list","data":[{"object":"embedding","index":1,"embedding":"AACAPwAAAMA="},{"object":"embedding","index":0,"embedding":[0.0023064255,-0.009327292]}],"model":"text-embedding-3-small","usage":{"prompt_tokens":8,"total_tokens":8}}`
	e, err := DecodeEmbeddings([]byte(body), 2)
	if err != nil || e.Tokens != 8 || e.Vectors[1][0] != 1 || e.Vectors[1][1] != -2 || e.Vectors[0][0] != 0.0023064255 {
		t.Fatalf("%+v %v", e, err)
	}
	want := `{"object":"list","data":[{"object":"embedding","index":0,"embedding":[0.0023064255,-0.009327292]},{"object":"embedding","index":1,"embedding":[1,-2]}],"model":"text-embedding-3-small","usage":{"prompt_tokens":8,"total_tokens":8}}`
	if got := string(e.Encode(&EmbeddingRequest{})); got != want {
		t.Error(got)
	}
	for _, bad := range []string{`{`, `{}`, `{"data":[{"embedding":[1]}]}`, `{"data":[{"embedding":[1]},{"embedding":[1,2]}]}`, `{"data":[{"index":0,"embedding":[1]},{"index":0,"embedding":[1]}]}`,
		`{"data":[{"embedding":["x"]},{"embedding":[1]}]}`, `{"data":[{"embedding":"AAA="},{"embedding":[1]}]}`, `{"data":[{"embedding":"AACAfw=="},{"embedding":[1]}]}`, `{"data":[{"embedding":[1e99]},{"embedding":[1]}]}`, `{"data":[{"embedding":[]},{"embedding":[]}]}`} {
		if _, err := DecodeEmbeddings([]byte(bad), 2); chat.AsError(err).Code != chat.CodeUpstream {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestVectorsAreExact(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		n := rapid.IntRange(1, 5).Draw(t, "n")
		finite := rapid.Uint32().Filter(func(b uint32) bool {
			f := float64(math.Float32frombits(b))
			return f == f && !math.IsInf(f, 0)
		})
		e := &Embeddings{Model: "m", Tokens: 3}
		for range rapid.IntRange(1, 3).Draw(t, "count") {
			v := make([]float32, n)
			for i := range v {
				v[i] = math.Float32frombits(finite.Draw(t, "bits"))
			}
			e.Vectors = append(e.Vectors, v)
		}
		for _, b64 := range []bool{false, true} {
			got, err := DecodeEmbeddings(e.Encode(&EmbeddingRequest{Base64: b64}), len(e.Vectors))
			if err != nil {
				t.Fatal(err)
			}
			for i := range e.Vectors {
				for j := range e.Vectors[i] {
					if math.Float32bits(got.Vectors[i][j]) != math.Float32bits(e.Vectors[i][j]) {
						t.Fatalf("%v became %v", e.Vectors[i][j], got.Vectors[i][j])
					}
				}
			}
		}
	})
}

func TestRerank(t *testing.T) {
	body := `{"model":"m","query":"q","documents":["a",{"text":"b"},"c"],"top_n":2,"return_documents":true}`
	r, err := DecodeRerankRequest([]byte(body))
	if err != nil || cmp.Diff([]string{"a", "b", "c"}, r.Documents) != "" || string(r.Encode()) != body {
		t.Fatalf("%+v %v", r, err)
	}
	for _, answer := range []string{
		`{"model":"up","results":[{"index":0,"relevance_score":0.1},{"index":2,"relevance_score":0.9,"document":{"text":"c"}},{"index":1,"relevance_score":0.1}],"usage":{"total_tokens":7}}`,
		`[{"index":0,"score":0.1},{"index":2,"score":0.9},{"index":1,"score":0.1}]`,
	} {
		k, err := DecodeRerank([]byte(answer), 3)
		if err != nil || cmp.Diff([]Ranked{{2, .9}, {0, .1}, {1, .1}}, k.Results) != "" {
			t.Fatalf("%+v %v", k, err)
		}
		k.ID, k.Model, k.Tokens = "i", "m", 7
		want := `{"id":"i","model":"m","results":[{"index":2,"relevance_score":0.9,"document":{"text":"c"}},{"index":0,"relevance_score":0.1,"document":{"text":"a"}}],"usage":{"total_tokens":7},"meta":{"api_version":{"version":"1"},"billed_units":{"search_units":1},"tokens":{"input_tokens":7}}}`
		if got := string(k.Encode(r)); got != want {
			t.Error(got)
		}
	}
	for body, param := range map[string]string{`{"query":"q","documents":["a"]}`: "model", `{"model":"m","documents":["a"]}`: "query", `{"model":"m","query":"q"}`: "documents",
		`{"model":"m","query":"q","documents":["a",{"title":"b"}]}`: "documents.1", `{"model":"m","query":"q","documents":["a"],"top_n":0}`: "top_n"} {
		if _, err := DecodeRerankRequest([]byte(body)); err == nil || chat.AsError(err).Param != param {
			t.Errorf("%s: %+v", body, err)
		}
	}
	for _, bad := range []string{`{`, `{"results":7}`, `{"results":[{"index":3,"relevance_score":1}]}`, `{"results":[{"index":0}]}`, `{"results":[{"index":0,"score":1},{"index":0,"score":1}]}`, `{"results":[{"index":0,"score":1e999}]}`} {
		if _, err := DecodeRerank([]byte(bad), 3); chat.AsError(err).Code != chat.CodeUpstream {
			t.Errorf("%s: %v", bad, err)
		}
	}
}

func TestModerations(t *testing.T) {
	for body, want := range map[string]int{`{"input":"a"}`: 1, `{"model":"m","input":["a","b"]}`: 2, `{"input":[{"type":"text","text":"a"},{"type":"image_url","image_url":{"url":"https://a.example/p"}}]}`: 1} {
		r, err := DecodeModerationRequest([]byte(body))
		if err != nil || r.Results() != want || string(r.Encode()) != body {
			t.Errorf("%s: %+v %v", body, r, err)
		}
	}
	for body, param := range map[string]string{`{}`: "input", `{"input":["a",{}]}`: "input.1", `{"input":[{"type":"text"}]}`: "input.0", `{"model":1,"input":"a"}`: "model"} {
		if _, err := DecodeModerationRequest([]byte(body)); err == nil || chat.AsError(err).Param != param {
			t.Errorf("%s: %+v", body, err)
		}
	}
	results := []Moderation{{Flagged: true, Categories: []Category{{"violence", true, .86, []string{"text"}}, {"own/kind", true, .5, nil}}}}
	body := EncodeModerations("modr-1", "m", results)
	if v := gjson.ParseBytes(body); !json.Valid(body) || v.Get("results.0.categories.self-harm/intent").Raw != "false" || v.Get("results.0.category_scores.violence").Num != .86 {
		t.Errorf("%s", body)
	}
	_, _, again, err := DecodeModerations(body, 1)
	if err != nil || len(again[0].Categories) != 14 || string(EncodeModerations("modr-1", "m", again)) != string(body) {
		t.Errorf("%+v %v", again, err)
	}
	if _, _, _, err := DecodeModerations(body, 2); err == nil {
		t.Error("one judgement was enough for two")
	}
}

func FuzzRequests(f *testing.F) {
	f.Add([]byte(`{"model":"m","input":["a"],"query":"q","documents":["a",{"text":"b"}],"dragoman":{}}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if r, err := DecodeEmbeddingRequest(body); err == nil {
			if r.Model = "other"; !json.Valid(r.Encode()) {
				t.Fatalf("%s", r.Encode())
			}
		}
		if r, err := DecodeRerankRequest(body); err == nil {
			if r.Model = "other"; !json.Valid(r.Encode()) {
				t.Fatalf("%s", r.Encode())
			}
		}
		if r, err := DecodeModerationRequest(body); err == nil {
			if r.Model = "other"; !json.Valid(r.Encode()) {
				t.Fatalf("%s", r.Encode())
			}
		}
	})
}

func FuzzAnswers(f *testing.F) {
	f.Add([]byte(`{"data":[{"embedding":[1,2e-3]}],"results":[{"index":0,"relevance_score":0.5,"flagged":true,"categories":{"hate":true}}]}`))
	f.Add([]byte(`{"data":[{"embedding":"AACAPw=="}]}`))
	f.Fuzz(func(t *testing.T, body []byte) {
		if e, err := DecodeEmbeddings(body, 1); err == nil && !json.Valid(e.Encode(&EmbeddingRequest{})) {
			t.Fatalf("%s", e.Encode(&EmbeddingRequest{}))
		}
		if k, err := DecodeRerank(body, 1); err == nil && !json.Valid(k.Encode(&RerankRequest{})) {
			t.Fatalf("%s", k.Encode(&RerankRequest{}))
		}
		if _, _, m, err := DecodeModerations(body, 1); err == nil && !json.Valid(EncodeModerations("", "", m)) {
			t.Fatalf("%s", EncodeModerations("", "", m))
		}
	})
}
