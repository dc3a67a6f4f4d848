package app

import (
	"errors"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/store"
)

func TestExpire(t *testing.T) {
	now := time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)
	a, err := Open(t.Context(), Options{Dir: t.TempDir(), DataDir: t.TempDir(), Getenv: func(string) string { return "" }, Now: func() time.Time { return now }})
	if err != nil {
		t.Fatal(err)
	}
	defer a.Close()
	for id, at := range map[string]time.Time{"old": now.Add(-a.Config.Retention.Traces - time.Second), "young": now} {
		if err := errors.Join(
			a.Store.SaveTrace(t.Context(), store.Trace{ID: id, Principal: "p", Created: at, Body: []byte(`{}`)}),
			a.Store.SaveResponse(t.Context(), store.Response{ID: id, Principal: "p", Created: at, Body: []byte(`{}`)}),
		); err != nil {
			t.Fatal(err)
		}
	}
	if err := a.Expire(t.Context()); err != nil {
		t.Fatal(err)
	}
	for id, want := range map[string]error{"old": store.ErrNotFound, "young": nil} {
		_, trace := a.Store.Trace(t.Context(), id)
		_, response := a.Store.Response(t.Context(), "p", id)
		if !errors.Is(trace, want) || !errors.Is(response, want) {
			t.Errorf("%s: %v, %v", id, trace, response)
		}
	}
}
