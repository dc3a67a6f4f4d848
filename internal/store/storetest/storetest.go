// Package storetest is the suite that every store runs whole.
package storetest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"golang.org/x/sync/errgroup"

	"github.com/dragoman/dragoman/internal/store"
)

// Run runs the suite. open returns an empty store, and closes it when the test ends.
func Run(t *testing.T, open func(t *testing.T) store.Store) {
	for name, test := range map[string]func(*testing.T, store.Store){
		"usage/row":           usageRow,
		"usage/settle once":   settleOnce,
		"usage/settle races":  settleRaces,
		"usage/totals":        totals,
		"usage/huge totals":   hugeTotals,
		"usage/abandon":       abandonSparesTheLiving,
		"usage/many at once":  manyRows,
		"keys":                keys,
		"keys/unique":         uniqueKeys,
		"changes":             changes,
		"traces":              traces,
		"traces/retention":    retention,
		"sessions":            sessions,
		"sessions/separate":   separateSessions,
		"sessions/concurrent": concurrentSessions,
		"sessions/list":       listSessions,
		"sessions/branches":   branches,
		"sessions/summaries":  summaries,
		"sessions/delete":     deleteSession,
		"memories":            memories,
		"erasures":            erasures,
		"along":               alongside,
		"settings":            settings,
		"assistants":          assistants,
		"sync runs":           syncRuns,
		"feedback":            feedback,
		"audit":               auditLog,
		"odd text":            oddText,
		"huge bodies":         hugeBodies,
		"cancellation":        cancellation,
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			test(t, open(t))
		})
	}
}

// start is a moment with nanoseconds, which must survive.
var start = time.Date(2026, 11, 1, 12, 0, 0, 123456789, time.UTC)

func must(t *testing.T, err error) {
	t.Helper()
	if err != nil {
		t.Fatal(err)
	}
}

func same(t *testing.T, what string, got, want any) {
	t.Helper()
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("%s (-want +got):\n%s", what, diff)
	}
}

func wrong(t *testing.T, what string, err, want error) {
	t.Helper()
	if !errors.Is(err, want) {
		t.Errorf("%s: error %v, want %v", what, err, want)
	}
}

func traces(t *testing.T, s store.Store) {
	ctx := t.Context()
	_, err := s.Trace(ctx, "t1")
	wrong(t, "a trace that is not there", err, store.ErrNotFound)
	one := store.Trace{ID: "t1", Principal: "ada", Session: "s", Created: start, Body: []byte(`{"b": 1,  "a":2}`)}
	must(t, s.SaveTrace(ctx, one))
	got, err := s.Trace(ctx, "t1")
	must(t, err)
	same(t, "a trace, byte for byte", got, one)

	one.Body = []byte(`{"more": true}`)
	must(t, s.SaveTrace(ctx, one))
	got, err = s.Trace(ctx, "t1")
	must(t, err)
	same(t, "a trace that was saved again", got, one)
}

func retention(t *testing.T, s store.Store) {
	ctx := t.Context()
	const old = 1234 // more than is deleted in one go
	var g errgroup.Group
	g.SetLimit(4)
	for i := range old {
		g.Go(func() error {
			return s.SaveTrace(ctx, store.Trace{ID: fmt.Sprint("old", i), Created: start.Add(-time.Second), Body: []byte("{}")})
		})
	}
	must(t, g.Wait())
	must(t, s.SaveTrace(ctx, store.Trace{ID: "new", Created: start, Body: []byte("{}")}))
	for _, want := range []int{old, 0} {
		n, err := s.DeleteTracesBefore(ctx, start)
		must(t, err)
		same(t, "deleted", n, want)
	}
	_, err := s.Trace(ctx, "new")
	must(t, err)
	_, err = s.Trace(ctx, "old7")
	wrong(t, "a deleted trace", err, store.ErrNotFound)
}

func settings(t *testing.T, s store.Store) {
	ctx := t.Context()
	_, err := s.Setting(ctx, "k")
	wrong(t, "a setting that is not there", err, store.ErrNotFound)
	for _, value := range []string{"one", "", "two"} {
		must(t, s.SetSetting(ctx, "k", value))
		got, err := s.Setting(ctx, "k")
		must(t, err)
		same(t, "value", got, value)
	}
}

// oddText stores what breaks naive stores: quotes, other scripts, combining marks, control characters.
func oddText(t *testing.T, s store.Store) {
	ctx := t.Context()
	for i, text := range []string{
		`'; DROP TABLE usage; --`, `"quoted" \ and %_*?`, "日本語", "e\u0301 is not \u00e9", "👩‍👩‍👧‍👦", "line\nbreak\ttab\r", "\u202ertl", " spaces ", "ﬁ",
	} {
		must(t, s.SetSetting(ctx, text, text))
		got, err := s.Setting(ctx, text)
		must(t, err)
		same(t, "setting", got, text)

		r := row(fmt.Sprint(text, i))
		r.Principal, r.Model, r.TraceID = text, text, text
		must(t, s.InsertUsage(ctx, r))
		rows, err := s.UsageOfTrace(ctx, text)
		must(t, err)
		same(t, "row", rows, oneRow(r))

		m := store.Message{Role: "user", Content: []byte(`"` + text), TraceID: text, Created: start}
		add(t, s, text, text, m)
		messages, err := s.Messages(ctx, text, text, 10)
		must(t, err)
		said(t, "messages", messages, []store.Message{m})
	}
}

func hugeBodies(t *testing.T, s store.Store) {
	ctx := t.Context()
	body := []byte(`"` + strings.Repeat("x", 10<<20) + `"`)
	must(t, s.SaveTrace(ctx, store.Trace{ID: "big", Created: start, Body: body}))
	got, err := s.Trace(ctx, "big")
	must(t, err)
	if string(got.Body) != string(body) {
		t.Errorf("a body of %d bytes came back as %d bytes", len(body), len(got.Body))
	}
	add(t, s, "ada", "s", store.Message{Role: "user", Content: body, Created: start})
	messages, err := s.Messages(ctx, "ada", "s", 1)
	must(t, err)
	if len(messages) != 1 || string(messages[0].Content) != string(body) {
		t.Errorf("a message of %d bytes did not come back", len(body))
	}
}

// cancellation: a cancelled call fails as such, has done nothing, and harms no later one.
func cancellation(t *testing.T, s store.Store) {
	gone, cancel := context.WithCancel(t.Context())
	cancel()
	_, totals := s.UsageTotals(gone, time.Time{}, "")
	_, messages := s.Messages(gone, "ada", "s", 1)
	_, appended := s.AppendMessages(gone, store.Session{Principal: "ada", ID: "s"}, store.AtHead, store.Message{Role: "user", Content: []byte("1"), Created: start})
	for what, err := range map[string]error{
		"InsertUsage":    s.InsertUsage(gone, row("u1")),
		"SaveTrace":      s.SaveTrace(gone, store.Trace{ID: "t1", Created: start, Body: []byte("{}")}),
		"AppendMessages": appended,
		"SetSetting":     s.SetSetting(gone, "k", "v"),
		"UsageTotals":    totals,
		"Messages":       messages,
	} {
		wrong(t, what, err, context.Canceled)
	}
	ctx := t.Context()
	must(t, s.InsertUsage(ctx, row("u1")))
	_, err := s.Trace(ctx, "t1")
	wrong(t, "the trace of the cancelled call", err, store.ErrNotFound)
	left, err := s.Messages(ctx, "ada", "s", 1)
	must(t, err)
	same(t, "messages of the cancelled call", len(left), 0)
}
