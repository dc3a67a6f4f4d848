package weaviate

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"flag"
	"io"
	"math/rand/v2"
	"net/http"
	"os"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/dense"
	"github.com/dragoman/dragoman/internal/knowledge/index"
	"github.com/dragoman/dragoman/internal/knowledge/weaviate/weaviatetest"
)

var record = flag.Bool("record", false, "write testdata/exchange.json anew, of a real server")

const recorded = "testdata/exchange.json"

// exchange is a request and the server's answer.
type exchange struct {
	Method, Path string
	Body         json.RawMessage `json:",omitempty"`
	Status       int
	Answer       json.RawMessage `json:",omitempty"`
}

// talk is what was said, or is to be said, in its order.
type talk struct {
	t       *testing.T
	said    []exchange
	replay  bool
	at      int
	through http.RoundTripper
}

// RoundTrip implements http.RoundTripper: it records, or answers as it was recorded, and only what was asked then.
func (k *talk) RoundTrip(r *http.Request) (*http.Response, error) {
	body, err := io.ReadAll(r.Body)
	if err != nil {
		return nil, err
	}
	now := exchange{Method: r.Method, Path: r.URL.RequestURI(), Body: body}
	if k.replay {
		if k.at >= len(k.said) {
			k.t.Fatalf("%s %s was not asked when this was recorded", now.Method, now.Path)
		}
		was := k.said[k.at]
		k.at++
		var compact bytes.Buffer
		if len(was.Body) > 0 {
			if err := json.Compact(&compact, was.Body); err != nil {
				return nil, err
			}
		}
		if was.Method != now.Method || was.Path != now.Path || compact.String() != string(body) {
			k.t.Fatalf("exchange %d: asked is\n%s %s %s\nand was\n%s %s %s", k.at, now.Method, now.Path, body, was.Method, was.Path, &compact)
		}
		return &http.Response{StatusCode: was.Status, Header: http.Header{}, Body: io.NopCloser(bytes.NewReader(was.Answer)), Request: r}, nil
	}
	r.Body = io.NopCloser(bytes.NewReader(body))
	resp, err := k.through.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	defer resp.Body.Close()
	answer, err := io.ReadAll(resp.Body)
	if err != nil {
		return nil, err
	}
	if now.Status = resp.StatusCode; json.Valid(answer) {
		now.Answer = answer
	}
	k.said = append(k.said, now)
	resp.Body = io.NopCloser(bytes.NewReader(answer))
	return resp, nil
}

// TestRecorded: what the engine asks, and what it makes of the answers, as a real server gave them.
func TestRecorded(t *testing.T) {
	if *record {
		t.Skip("it is recorded")
	}
	data, err := os.ReadFile(recorded)
	if err != nil {
		t.Fatal(err)
	}
	k := &talk{t: t, replay: true}
	if err := json.Unmarshal(data, &k.said); err != nil {
		t.Fatal(err)
	}
	converse(t, k, "http://weaviate.example.com")
	if k.at != len(k.said) {
		t.Errorf("%d exchanges of %d", k.at, len(k.said))
	}
}

// TestServer is the same with the server itself. With -record it is written down for the others.
func TestServer(t *testing.T) {
	s := weaviatetest.Start(t)
	transport := &http.Transport{}
	defer transport.CloseIdleConnections()
	k := &talk{t: t, through: transport}
	converse(t, k, s.URL)
	if !*record || t.Failed() {
		return
	}
	var out bytes.Buffer
	e := json.NewEncoder(&out)
	e.SetIndent("", " ")
	if err := e.Encode(k.said); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(recorded, out.Bytes(), 0o644); err != nil {
		t.Fatal(err)
	}
}

// converse goes through all that is asked of an engine.
func converse(t *testing.T, k *talk, url string) {
	e := New(Options{URL: url, Key: weaviatetest.Key, Client: &http.Client{Transport: k}, Now: time.Now, Within: time.Minute, Wait: func(context.Context, time.Duration) error { return nil }})
	ctx := t.Context()
	must := func(err error) {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
	}
	version, err := e.Check(ctx)
	if must(err); !strings.HasPrefix(version, "1.") {
		t.Errorf("version %q", version)
	}
	const space, other = "wiki-abc-1", "wiki-abc-2"
	if _, err := e.Count(ctx, space); !errors.Is(err, index.ErrNoSpace) {
		t.Errorf("without a class: %v", err)
	}
	must(e.Make(ctx, space))
	must(e.Make(ctx, space))
	must(e.Make(ctx, other))
	spaces := func(want ...string) {
		t.Helper()
		got, err := e.Spaces(ctx)
		must(err)
		if slices.Sort(got); !slices.Equal(got, want) {
			t.Errorf("spaces are %v in place of %v", got, want)
		}
	}
	spaces(space, other)

	r := rand.New(rand.NewPCG(1, 2))
	vector := func(dims int) dense.Row {
		v := make([]float32, dims)
		for i := range v {
			v[i] = float32(r.NormFloat64())
		}
		row, err := dense.NewRow(v)
		must(err)
		return row
	}
	var entries []index.Entry
	for i := range 12 {
		n := index.Entry{Chunk: int64(100 + i), Document: int64(i / 3), ACL: []string{"", "user:ann,user:bob", "-"}[i%3], Facets: []string{"kind:section", "below:a/\"b\" <c>"}, Row: vector(8)}
		if i%2 == 0 {
			n.Facets = append(n.Facets, "type:test")
		}
		entries = append(entries, n)
	}
	must(e.Put(ctx, space, entries))
	must(e.Put(ctx, space, entries[:3])) // once more
	must(e.Put(ctx, other, []index.Entry{{Chunk: 100, Row: vector(4)}}))
	count := func(want int) {
		t.Helper()
		if n, err := e.Count(ctx, space); err != nil || n != want {
			t.Errorf("%d in place of %d, %v", n, want, err)
		}
	}
	count(12)

	query := vector(8).Floats()
	search := func(what string, s index.Selection, holds func(n index.Entry) bool) {
		t.Helper()
		var want []int64
		sorted := slices.Clone(entries)
		slices.SortFunc(sorted, func(a, b index.Entry) int {
			if a.Row.Score(query) > b.Row.Score(query) {
				return -1
			}
			return 1
		})
		for _, n := range sorted {
			if holds(n) && len(want) < 5 {
				want = append(want, n.Chunk)
			}
		}
		found, err := e.Search(ctx, space, query, 5, s)
		must(err)
		var got []int64
		for _, v := range found {
			if got = append(got, v.ID); !bytes.Equal(v.Row, entries[v.ID-100].Row) {
				t.Errorf("%s: the row of %d came back as another", what, v.ID)
			}
		}
		if !slices.Equal(got, want) {
			t.Errorf("%s: %v in place of %v", what, got, want)
		}
	}
	test := func(n index.Entry) bool { return slices.Contains(n.Facets, "type:test") }
	search("all", index.Selection{}, func(index.Entry) bool { return true })
	search("who may see it", index.Selection{ACLs: []string{"", "user:ann,user:bob"}}, func(n index.Entry) bool { return n.ACL != "-" })
	search("a facet", index.Selection{Any: [][]string{{"type:test", "type:other"}, {"below:a/\"b\" <c>"}}}, test)
	search("not a facet", index.Selection{None: []string{"type:test", "type:other"}}, func(n index.Entry) bool { return !test(n) })
	search("documents", index.Selection{Documents: []int64{1, 3}, ACLs: []string{"-"}}, func(n index.Entry) bool { return n.Document%2 == 1 && n.ACL == "-" })
	search("nothing", index.Selection{Any: [][]string{{"type:other"}}}, func(index.Entry) bool { return false })

	rows, err := e.Rows(ctx, space, []int64{105, 4711, 103})
	if must(err); len(rows) != 2 {
		t.Errorf("%d rows", len(rows))
	}
	var listed []int64
	for after := int64(-1); ; after = listed[len(listed)-1] {
		some, err := e.Chunks(ctx, space, after, 5)
		must(err)
		if listed = append(listed, some...); len(some) < 5 {
			break
		}
	}
	if len(listed) != 12 || listed[0] != 100 || listed[11] != 111 {
		t.Errorf("listed %v", listed)
	}

	if err := e.Put(ctx, space, []index.Entry{{Chunk: 200, Row: vector(6)}}); !errors.Is(err, index.ErrEngine) || !strings.Contains(err.Error(), "have vectors with length 8") {
		t.Errorf("of other dimensions: %v", err)
	}
	must(e.RemoveChunks(ctx, space, []int64{200}))
	must(e.Remove(ctx, space, []int64{1, 77}))
	count(9)
	must(e.RemoveChunks(ctx, space, []int64{100, 999}))
	count(8)
	must(e.Drop(ctx, space))
	must(e.Drop(ctx, space))
	spaces(other)
	_, err = e.Search(ctx, space, query, 5, index.Selection{})
	_, rowsErr := e.Rows(ctx, space, []int64{1})
	putErr := e.Put(ctx, space, entries[:1])
	for _, err := range []error{err, rowsErr, putErr} {
		if !errors.Is(err, index.ErrNoSpace) {
			t.Errorf("a space that is gone: %v", err)
		}
	}
	stranger := New(Options{URL: url, Key: "another", Client: &http.Client{Transport: k}, Now: time.Now})
	if _, err := stranger.Check(ctx); err == nil || !strings.Contains(err.Error(), "store.weaviate.api_key") {
		t.Errorf("with another key: %v", err)
	}
	if err := stranger.Make(ctx, space); err == nil || !strings.Contains(err.Error(), "store.weaviate.api_key") || strings.Contains(err.Error(), "another") {
		t.Errorf("with another key: %v", err)
	}
}
