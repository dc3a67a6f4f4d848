package encoder

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
)

// expected is what testdata/make.py found for a text, or a pair of texts.
type expected struct {
	Text    string    `json:"text"`
	IDs     []int32   `json:"ids"`
	Mean    []float32 `json:"mean"`
	CLS     []float32 `json:"cls"`
	Passage string    `json:"passage"`
	Types   []uint8   `json:"types"`
	Logits  []float32 `json:"logits"`
}

func readExpected(t *testing.T, folder string) []expected {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", folder, "expected.json"))
	if err != nil {
		t.Fatal(err)
	}
	var list []expected
	if err := json.Unmarshal(data, &list); err != nil {
		t.Fatal(err)
	}
	return list
}

func mustOpen(t testing.TB, folder string, o Options, k *kernels) *Encoder {
	t.Helper()
	e, err := open(copied(t, folder), o, k)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// copied is a copy of a model of testdata, since opening it may add a file.
func copied(t testing.TB, folder string) string {
	t.Helper()
	to := t.TempDir()
	if err := os.CopyFS(to, os.DirFS(filepath.Join("testdata", folder))); err != nil {
		t.Fatal(err)
	}
	return to
}

// encode is the vectors of texts.
func encode(t testing.TB, e *Encoder, texts []string) [][]float32 {
	t.Helper()
	out := make([][]float32, len(texts))
	for i := range out {
		out[i] = make([]float32, e.Dimensions())
	}
	if err := e.Encode(context.Background(), texts, out); err != nil {
		t.Fatal(err)
	}
	return out
}

func texts(list []expected) []string {
	out := make([]string, len(list))
	for i, x := range list {
		out[i] = x.Text
	}
	return out
}

func TestVectorsAreThoseOfTheReference(t *testing.T) {
	list := readExpected(t, "embedder")
	for _, k := range available() {
		for _, workers := range []int{1, 3} {
			mean := encode(t, mustOpen(t, "embedder", Options{Precision: Float32, Workers: workers}, k), texts(list))
			cls := encode(t, mustOpen(t, "embedder", Options{Precision: Float32, Pooling: CLSPooling, KeepLength: true}, k), texts(list))
			for i, x := range list {
				if x.Mean == nil {
					continue
				}
				if d := farthest(mean[i], x.Mean); !(d < 2e-5) {
					t.Errorf("%s: the mean of %q is off by %g", k.name, x.Text, d)
				}
				if d := farthest(cls[i], x.CLS); !(d < 2e-5) {
					t.Errorf("%s: the first token of %q is off by %g", k.name, x.Text, d)
				}
			}
		}
	}
}

func TestQueriesAreAsDocuments(t *testing.T) {
	list := readExpected(t, "embedder")
	e := mustOpen(t, "embedder", Options{}, available()[0])
	all := encode(t, e, texts(list))
	one := make([]float32, e.Dimensions())
	for i, x := range list {
		if err := e.EncodeQuery(context.Background(), x.Text, one); err != nil {
			t.Fatal(err)
		}
		if d := farthest(one, all[i]); !(d < 1e-6) {
			t.Errorf("%q alone is off by %g", x.Text, d)
		}
	}
	prefixed := mustOpen(t, "embedder", Options{QueryPrefix: "the ", PassagePrefix: "error "}, available()[0])
	if err := prefixed.EncodeQuery(context.Background(), "file", one); err != nil {
		t.Fatal(err)
	}
	got, want := encode(t, prefixed, []string{"file"})[0], encode(t, e, []string{"the file", "error file"})
	if !slices.Equal(one, want[0]) || !slices.Equal(got, want[1]) {
		t.Error("the prefixes are not what was set before the texts")
	}
}

func TestScoresAreThoseOfTheReference(t *testing.T) {
	list := readExpected(t, "ranker")
	for _, k := range available() {
		e := mustOpen(t, "ranker", Options{Precision: Float32}, k)
		for _, x := range list {
			got, err := e.Score(context.Background(), x.Text, []string{"the", x.Passage, ""})
			if err != nil {
				t.Fatal(err)
			}
			if d := math.Abs(float64(got[1] - x.Logits[0])); !(d < 2e-5) {
				t.Errorf("%s: the score of %q, %q is %g, expected %g", k.name, x.Text, x.Passage, got[1], x.Logits[0])
			}
		}
		p := [][]float32{make([]float32, 1)}
		if err := e.Classify(context.Background(), []string{"the"}, p); err != nil || !(p[0][0] > 0 && p[0][0] < 1) {
			t.Errorf("the probability is %v, %v", p, err)
		}
	}
	if _, err := mustOpen(t, "embedder", Options{}, &scalar).Score(context.Background(), "a", []string{"b"}); err == nil {
		t.Error("a model without a head scores")
	}
}

// compareIDs says what differs of the ids of a text, or pair of texts.
func compareIDs(e *Encoder, s *scratch, x expected) (difference string) {
	s.batch.reset()
	types := make([]uint8, len(x.IDs))
	if x.Types != nil {
		types = x.Types
		e.addPair(s, x.Text, x.Passage)
	} else {
		e.add(s, "", x.Text)
	}
	if slices.Equal(s.batch.ids, x.IDs) && slices.Equal(s.batch.types, types) {
		return ""
	}
	return fmt.Sprintf("%q, %q: ids %v types %v, expected %v %v", x.Text, x.Passage, s.batch.ids, s.batch.types, x.IDs, types)
}

func TestTokensAreThoseOfTheReference(t *testing.T) {
	for _, folder := range []string{"embedder", "ranker"} {
		e, s := mustOpen(t, folder, Options{}, &scalar), new(scratch)
		for _, x := range readExpected(t, folder) {
			if d := compareIDs(e, s, x); d != "" {
				t.Errorf("%s: %s", folder, d)
			}
		}
	}
}

// A model of real size and the ids that bench/encoder/ids.py wrote are named by the environment.
func TestTokensOfALargeVocabulary(t *testing.T) {
	folder, path := os.Getenv("DRAGOMAN_ENCODER_MODEL"), os.Getenv("DRAGOMAN_ENCODER_IDS")
	if folder == "" || path == "" {
		t.Skip("DRAGOMAN_ENCODER_MODEL and DRAGOMAN_ENCODER_IDS are not set")
	}
	e, err := Open(folder, Options{})
	if err != nil {
		t.Fatal(err)
	}
	file, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	compared, failed, s := 0, 0, new(scratch)
	for in := json.NewDecoder(bufio.NewReader(file)); in.More(); compared++ {
		var x expected
		if err := in.Decode(&x); err != nil {
			t.Fatal(err)
		}
		if d := compareIDs(e, s, x); d != "" {
			if failed++; failed < 20 {
				t.Error(d)
			}
		}
	}
	t.Logf("%d of %d texts differ", failed, compared)
}

func TestAnyBytesAreEncoded(t *testing.T) {
	e := mustOpen(t, "embedder", Options{}, available()[0])
	for _, pair := range [][2]string{
		{"the\xff\xfe error", "the error"},
		{"\xe4\xb8", ""},
		{"the\x00 error\x7f", "the error"},
		{strings.Repeat("the ", 1_000_000), strings.Repeat("the ", 38)}, // what is beyond the last place is left out
		{strings.Repeat("e", 1_000_000), strings.Repeat("x", 101)},      // both are one unknown word
		{"e" + strings.Repeat("\u0301", 100_000), "e"},
	} {
		got := encode(t, e, pair[:])
		if !slices.Equal(got[0], got[1]) {
			t.Errorf("%.20q is not encoded as %.20q", pair[0], pair[1])
		}
	}
}
