package feedback

import (
	"errors"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/store"
	"github.com/dragoman/dragoman/internal/store/sqlite"
)

func keeper(t *testing.T) (*Keeper, *sqlite.DB) {
	t.Helper()
	db, err := sqlite.Open(t.Context(), filepath.Join(t.TempDir(), "store.db"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { db.Close() })
	now := time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC)
	return &Keeper{Store: db, Traces: db, Now: func() time.Time { now = now.Add(time.Second); return now }}, db
}

func trace(t *testing.T, db *sqlite.DB, id string, p identity.Principal) {
	t.Helper()
	body := `{"id":"` + id + `","question":"why?","assistant":"support","model":"m","provider":"test","judged":{"confidence":0.4,"answerable":0.9},"sources":[{"collection":"wiki","path":"a.md","start":1,"end":9}],"other":1}`
	if err := db.SaveTrace(t.Context(), store.Trace{ID: id, Principal: p.Owner(), Created: time.Now(), Body: []byte(body)}); err != nil {
		t.Fatal(err)
	}
}

func TestGive(t *testing.T) {
	k, db := keeper(t)
	ann, bob := identity.Principal{KeyID: "k1", Name: "ann"}, identity.Principal{KeyID: "k2", Name: "bob"}
	trace(t, db, "tr_1", ann)
	trace(t, db, "tr_2", bob)
	e, err := k.Give(t.Context(), ann, Given{Trace: "tr_1", Rating: "down", Reason: "old", Answer: "Because."})
	if err != nil || e.Turn.Question != "why?" || e.Turn.Judged.Confidence != 0.4 {
		t.Fatalf("%+v, %v", e, err)
	}
	if _, err := k.Give(t.Context(), ann, Given{Trace: "tr_1", Rating: "up"}); err != nil {
		t.Fatal(err)
	}
	list, err := k.List(t.Context(), Query{})
	if err != nil || len(list) != 1 || list[0].Rating != "up" || list[0].Turn.Sources[0].Path != "a.md" {
		t.Fatalf("%+v, %v", list, err)
	}
	if x := list[0].Example(); x.Sources[0] != "wiki/a.md:1-9" || x.Question != "why?" {
		t.Errorf("%+v", x)
	}
	for _, q := range []Query{{Assistant: "other"}, {Rating: "down"}, {Principal: bob.Owner()}} {
		if list, err := k.List(t.Context(), q); err != nil || len(list) != 0 {
			t.Errorf("%+v finds %+v, %v", q, list, err)
		}
	}
	for want, g := range map[chat.Code]Given{
		chat.CodeNotFound:       {Trace: "tr_2", Rating: "up"}, // another's
		chat.CodeInvalidRequest: {Trace: "tr_1", Rating: "good"},
	} {
		var ce *chat.Error
		if _, err := k.Give(t.Context(), ann, g); !errors.As(err, &ce) || ce.Code != want {
			t.Errorf("%+v gives %v", g, err)
		}
	}
	if _, err := k.Give(t.Context(), ann, Given{Trace: "tr_1", Rating: "up", Reason: strings.Repeat("x", longest+1)}); err == nil {
		t.Error("a reason without end was taken")
	}
}

func TestTune(t *testing.T) {
	var list []Entry
	add := func(n int, rating string, confidence float64) {
		for range n {
			e := Entry{Given: Given{Rating: rating}}
			e.Turn.Judged = &struct {
				Confidence float64 `json:"confidence"`
				Answerable float64 `json:"answerable"`
			}{Confidence: confidence}
			list = append(list, e)
		}
	}
	add(20, "up", 0.8)
	add(5, "up", 0.3)
	add(20, "down", 0.4)
	add(5, "down", 0.9)
	list = append(list, Entry{Given: Given{Rating: "down"}}) // of a plain model: it has no confidence
	r := Tune(list, OfAnswer, 0.5)
	// By hand: above 0.4 and up to 0.8, 20 of 25 bad ones are caught and 5 of 25 good ones blamed. The lowest such step is 0.45. Of the 625
	// pairs, 20 x 20 are in order, and of the others none.
	if r.Up != 25 || r.Down != 25 || !r.Enough || r.Best != (Point{0.45, 0.8, 0.2, 0.6}) || r.Now != (Point{0.5, 0.8, 0.2, 0.6}) || r.AUROC != 0.64 {
		t.Errorf("%+v", r)
	}
	if r := Tune(nil, OfAnswer, 0.5); r.Enough || r.AUROC != 0 || r.Best.Benefit != 0 {
		t.Errorf("of nothing: %+v", r)
	}
}

var _ Traces = (*sqlite.DB)(nil)
