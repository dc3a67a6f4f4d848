package weaviate

import (
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/tidwall/gjson"

	"github.com/dragoman/dragoman/internal/knowledge/dense"
	"github.com/dragoman/dragoman/internal/knowledge/index"
)

// faulty is an engine whose server answers with handler.
func faulty(t *testing.T, handler http.HandlerFunc, change func(*Options)) *Engine {
	s := httptest.NewServer(handler)
	t.Cleanup(s.Close)
	o := Options{URL: s.URL, Client: s.Client(), Now: time.Now, Wait: func(context.Context, time.Duration) error { return nil }}
	if change != nil {
		change(&o)
	}
	return New(o)
}

var entry = index.Entry{Chunk: 1, Row: dense.Row{0, 0, 128, 63, 1, 2, 3}}

// TestGarbage: whatever a server answers is an error that says so, and never something that was found.
func TestGarbage(t *testing.T) {
	for _, answer := range []string{
		"", "null", "[]", "{}", "<html>gateway</html>", `{"data":null}`, `{"data":{"Get":null}}`, `{"data":{"Get":{"` + class + `":null}}}`, `{"data":{"Get":{"` + class + `":[{"row":"AAAA"`,
		`{"data":{"Get":{"` + class + `":[{"_additional":{"id":"00000000-0000-8000-8000-000000000001"},"row":"?"}]}}}`,
		`{"data":{"Get":{"` + class + `":[{"_additional":{"id":"00000000-0000-4000-8000-000000000001"},"row":"AACAPwECAw=="}]}}}`,
		`{"data":{"Get":{"` + class + `":[{"_additional":{"id":7}}]}}}`, `{"data":{"Get":{"` + class + `":{"x":1}}}}`, `{"errors":[{"message":"out of order"}]}`,
		`[{"result":{"status":"SUCCESS"}},{"result":{"status":"SUCCESS"}}]`, `{"results":{"matches":1}}`, `{"results":{"matches":3,"failed":2,"limit":10}}`,
	} {
		e := faulty(t, func(w http.ResponseWriter, _ *http.Request) { fmt.Fprint(w, answer) }, nil)
		for name, ask := range map[string]func(context.Context) error{
			"search": func(ctx context.Context) error {
				_, err := e.Search(ctx, "s", []float32{1}, 3, index.Selection{})
				return err
			},
			"rows":   func(ctx context.Context) error { _, err := e.Rows(ctx, "s", []int64{1}); return err },
			"chunks": func(ctx context.Context) error { _, err := e.Chunks(ctx, "s", -1, 3); return err },
			"count":  func(ctx context.Context) error { _, err := e.Count(ctx, "s"); return err },
			"put":    func(ctx context.Context) error { return e.Put(ctx, "s", []index.Entry{entry}) },
			"remove": func(ctx context.Context) error { return e.Remove(ctx, "s", []int64{1}) },
			"spaces": func(ctx context.Context) error { _, err := e.Spaces(ctx); return err },
			"make":   func(ctx context.Context) error { return e.Make(ctx, "s") },
			"check":  func(ctx context.Context) error { _, err := e.Check(ctx); return err },
		} {
			if name == "chunks" && strings.Contains(answer, `"row":"?"`) {
				continue // which asks for no rows
			}
			if err := ask(t.Context()); !errors.Is(err, index.ErrEngine) {
				t.Errorf("%s of %q: %v", name, answer, err)
			}
		}
	}
}

// TestTriedAgain: changes are tried again where the server has too much to do, as late as it says; searches are not.
func TestTriedAgain(t *testing.T) {
	asked := 0
	var waits []time.Duration
	e := faulty(t, func(w http.ResponseWriter, _ *http.Request) {
		switch asked++; asked {
		case 1:
			w.Header().Set("Retry-After", "7")
			http.Error(w, "too much", http.StatusTooManyRequests)
		case 2:
			http.Error(w, `{"error":[{"message":"store is read-only"}]}`, http.StatusServiceUnavailable)
		case 3:
			fmt.Fprint(w, `[{"result":{"status":"FAILED","errors":{"error":[{"message":"shard is busy"}]}}},{"result":{"status":"SUCCESS"}}]`)
		default:
			fmt.Fprint(w, `[{"result":{"status":"SUCCESS"}}]`)
		}
	}, func(o *Options) {
		o.Wait = func(_ context.Context, d time.Duration) error { waits = append(waits, d); return nil }
	})
	if err := e.Put(t.Context(), "s", []index.Entry{entry, entry}); err != nil {
		t.Fatal(err)
	}
	if want := []time.Duration{7 * time.Second, time.Second, firstWait}; asked != 4 || fmt.Sprint(waits) != fmt.Sprint(want) {
		t.Errorf("asked %d times, after %v", asked, waits)
	}
	asked = 0
	if _, err := e.Search(t.Context(), "s", []float32{1}, 3, index.Selection{}); err == nil || asked != 1 {
		t.Errorf("a search was tried %d times, %v", asked, err)
	}
}

// TestRate: vectors are given no faster than the server is to take them, in pieces of at most a second's worth, by whichever collection; searches
// and deletions do not wait.
func TestRate(t *testing.T) {
	start := time.Unix(1e9, 0)
	now, given, most := start, 0, 0
	e := faulty(t, func(w http.ResponseWriter, r *http.Request) {
		body, err := io.ReadAll(r.Body)
		if err != nil {
			t.Error(err)
		}
		switch n := int(gjson.GetBytes(body, "objects.#").Int()); {
		case n > 0:
			given, most = given+n, max(most, n)
			fmt.Fprint(w, "["+strings.TrimSuffix(strings.Repeat(`{"result":{"status":"SUCCESS"}},`, n), ",")+"]")
		case r.Method == http.MethodDelete:
			fmt.Fprint(w, `{"results":{"matches":0,"successful":0,"failed":0,"limit":10}}`)
		default:
			fmt.Fprint(w, `{"data":{"Get":{"`+class+`":[]}}}`)
		}
	}, func(o *Options) {
		o.Rate, o.Now = 40, func() time.Time { return now }
		o.Wait = func(_ context.Context, d time.Duration) error { now = now.Add(d); return nil }
	})
	put := func(space string, n int) time.Duration {
		t.Helper()
		if err := e.Put(t.Context(), space, slices.Repeat([]index.Entry{entry}, n)); err != nil {
			t.Fatal(err)
		}
		return now.Sub(start)
	}
	if at := put("a", 100); at != 2*time.Second || given != 100 || most != 40 { // 40, 40 after a second, and 20 after another
		t.Errorf("100 were given after %s, %d in all and %d at once", at, given, most)
	}
	if at := put("b", 40); at != 2500*time.Millisecond {
		t.Errorf("40 of another collection were given after %s", at)
	}
	if _, err := e.Search(t.Context(), "a", []float32{1}, 3, index.Selection{}); err != nil {
		t.Fatal(err)
	}
	if err := e.Remove(t.Context(), "a", []int64{1}); err != nil {
		t.Fatal(err)
	}
	if at := now.Sub(start); at != 2500*time.Millisecond {
		t.Errorf("a search and a deletion waited until %s", at)
	}
	now = now.Add(time.Hour) // what was not used is not saved up
	began := now
	put("a", 80)
	if waited := now.Sub(began); waited != time.Second {
		t.Errorf("80 after a pause took %s", waited)
	}
	cancelled, cancel := context.WithCancel(t.Context())
	cancel()
	if err := e.Put(cancelled, "a", []index.Entry{entry}); err == nil {
		t.Error("what was cancelled was given")
	}
}

// transport is an http.RoundTripper.
type transport func(*http.Request) (*http.Response, error)

func (t transport) RoundTrip(r *http.Request) (*http.Response, error) { return t(r) }

// TestRests: a server that does not answer in time is left alone by searches for a while, and errors say what to do.
func TestRests(t *testing.T) {
	hangs, asked, now := true, 0, time.Unix(1e9, 0)
	e := New(Options{URL: "http://weaviate.example.com", Within: 200 * time.Millisecond, Now: func() time.Time { return now }, Client: &http.Client{Transport: transport(func(r *http.Request) (*http.Response, error) {
		if asked++; hangs || r.Context().Err() != nil {
			<-r.Context().Done()
			return nil, r.Context().Err()
		}
		body := io.NopCloser(strings.NewReader(`{"data":{"Get":{"` + class + `":[]}}}`))
		return &http.Response{StatusCode: http.StatusOK, Header: http.Header{}, Body: body, Request: r}, nil
	})}})
	search := func(ctx context.Context) error {
		_, err := e.Search(ctx, "s", []float32{1}, 3, index.Selection{})
		return err
	}
	for range 3 {
		if err := search(t.Context()); !errors.Is(err, index.ErrEngine) || !strings.Contains(err.Error(), "did not answer within 200ms") {
			t.Fatal(err)
		}
	}
	if asked != 1 {
		t.Errorf("asked %d times", asked)
	}
	hangs, now = false, now.Add(rest)
	if err := search(t.Context()); err != nil || asked != 2 {
		t.Errorf("after its rest: %v", err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := search(ctx); !errors.Is(err, context.Canceled) || errors.Is(err, index.ErrEngine) {
		t.Errorf("a search that nobody waits for: %v", err)
	}
	if err := search(t.Context()); err != nil {
		t.Errorf("and the next: %v", err)
	}
}

// TestDown: nothing listens.
func TestDown(t *testing.T) {
	s := httptest.NewServer(http.NotFoundHandler())
	s.Close()
	e := New(Options{URL: s.URL, Client: s.Client(), Now: time.Now, Wait: func(context.Context, time.Duration) error { return nil }})
	err := e.Make(t.Context(), "s")
	if !errors.Is(err, index.ErrEngine) || !strings.Contains(err.Error(), "is it running, and is store.weaviate.url right?") {
		t.Error(err)
	}
}

// TestOtherClass: a class of the same name that is another is not touched.
func TestOtherClass(t *testing.T) {
	e := faulty(t, func(w http.ResponseWriter, r *http.Request) {
		if r.Method != http.MethodGet {
			t.Errorf("%s %s", r.Method, r.URL)
		}
		fmt.Fprint(w, `{"class":"`+class+`","properties":[{"name":"title","dataType":["text"]}]}`)
	}, nil)
	if err := e.Make(t.Context(), "s"); err == nil || !strings.Contains(err.Error(), "delete it there") {
		t.Error(err)
	}
}
