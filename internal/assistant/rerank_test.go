package assistant

import (
	"context"
	"errors"
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/ledger"
)

// scorer scores passages by what they hold.
type scorer struct {
	by    map[string]float32
	err   error
	slow  bool
	seen  []string
	asked string
}

func (s *scorer) Score(ctx context.Context, question string, passages []string) (out []float32, _ error) {
	s.asked, s.seen = question, passages
	if s.slow {
		<-ctx.Done()
		return nil, ctx.Err()
	}
	for _, p := range passages {
		score := float32(-1)
		for word, x := range s.by {
			if strings.Contains(p, word) {
				score = x
			}
		}
		out = append(out, score)
	}
	return out, s.err
}

// ranked runs a turn with a re-ranker over four passages, and returns where they are in the answer.
func ranked(t *testing.T, b *bundle, x *Reranker, limit int) (places []string, tr *Trace) {
	t.Helper()
	b.shelf.result.LeftOut = nil
	for _, name := range []string{"a", "b", "c", "d"} {
		b.shelf.result.Passages = append(b.shelf.result.Passages, knowledge.Passage{
			Collection: "c", Path: name + ".md", Start: 1, End: 1, Text: "passage " + name, Score: 1, Spans: []knowledge.Span{{Start: 1, End: 1}},
		})
	}
	b.shelf.result.Passages = b.shelf.result.Passages[2:]
	b.engine.Reranker = func(*Definition) (*Reranker, error) { return x, nil }
	turn := b.turn("which passage is it?", "")
	turn.Definition.Search.Limit = limit
	a := b.run(t, turn)
	for _, s := range a.Trace.Sources {
		places = append(places, s.Path)
	}
	return places, a.Trace
}

func TestRerank(t *testing.T) {
	b := setup(t, false)
	s := &scorer{by: map[string]float32{"passage c": 3, "passage b": 2, "passage a": 1}}
	places, tr := ranked(t, b, &Reranker{Name: "cross", Local: s, Top: 9, Within: time.Minute}, 3)
	if !slices.Equal(places, []string{"c.md", "b.md", "a.md"}) {
		t.Errorf("the order is %v", places)
	}
	if b.shelf.queries[0].Limit != 9 || s.asked != "which passage is it?" || len(s.seen) != 4 {
		t.Errorf("%d were asked for, and it looked at %d", b.shelf.queries[0].Limit, len(s.seen))
	}
	if len(tr.LeftOut) != 1 || tr.LeftOut[0].Place != "d.md:1-1" || !slices.Contains(tr.Sources[0].Rules, "cross: 3, was 3 of 4") {
		t.Errorf("left out %+v, rules %q", tr.LeftOut, tr.Sources[0].Rules)
	}
	// It looks at so many, and leaves those behind them, and what is pinned, where they are.
	b = setup(t, false)
	b.shelf.result.Passages = append(b.shelf.result.Passages, knowledge.Passage{Path: "pinned.md", Start: 1, End: 1, Text: "pinned", Pinned: true, Spans: []knowledge.Span{{Start: 1, End: 1}}})
	places, _ = ranked(t, b, &Reranker{Name: "cross", Local: s, Top: 2, Within: time.Minute}, 0)
	if !slices.Equal(places, []string{"pinned.md", "b.md", "a.md", "c.md", "d.md"}) {
		t.Errorf("the order is %v", places)
	}
}

// TestNotReranked: whatever a re-ranker does, the answer comes, from passages in the order in which they were found, and the trace says why.
func TestNotReranked(t *testing.T) {
	nan := float32(math.NaN())
	for why, x := range map[string]*Reranker{
		"it is broken":              {Local: &scorer{err: errors.New("it is broken")}},
		"it took longer than 1ms":   {Local: &scorer{slow: true}, Within: time.Millisecond},
		"a score is no number":      {Local: &scorer{by: map[string]float32{"passage c": nan}}},
		"no ratings of 4 passages":  {Model: "test/m"},
		"may cost $1.00":            {Model: "test/m", MaxCost: 1},
		"no provider of this model": {Service: nil, Model: "nowhere/x"},
	} {
		t.Run(why, func(t *testing.T) {
			b := setup(t, false, `Sure! {"scores": [1, 2]}`)
			x.Name, x.Top = "r", 9
			if x.Within == 0 {
				x.Within = time.Minute
			}
			if x.MaxCost > 0 {
				b.engine.Books = dear{b.books}
			}
			places, tr := ranked(t, b, x, 0)
			if !slices.Equal(places, []string{"a.md", "b.md", "c.md", "d.md"}) {
				t.Errorf("the order is %v", places)
			}
			if !strings.Contains(notes(tr), why) && why != "no provider of this model" || !strings.Contains(notes(tr), "r did not re-rank") {
				t.Errorf("the trace says %s", notes(tr))
			}
			if x.MaxCost > 0 && len(b.model.requests) > 0 {
				t.Error("it was asked")
			}
		})
	}
}

// dear are books in which every request costs a dollar.
type dear struct{ *books }

func (dear) Estimate(string, string, chat.Usage) (ledger.Money, bool) { return 1_000_000_000, true }

func TestRatedByAModel(t *testing.T) {
	b := setup(t, false, "```json\n{\"scores\": [2, ", "0, 10, 7.5]}\n```")
	places, tr := ranked(t, b, &Reranker{Name: "judge", Model: "test/m", Top: 9, Within: time.Minute}, 0)
	if !slices.Equal(places, []string{"c.md", "d.md", "a.md", "b.md"}) {
		t.Errorf("the order is %v", places)
	}
	r := b.model.requests
	if len(r) != 1 || !strings.Contains(r[0].Messages[1].Text(), "Passage 4:\n\npassage d") || len(tr.Attempts) != 1 || tr.Attempts[0].For != "rerank" {
		t.Errorf("%d requests, attempts %+v", len(r), tr.Attempts)
	}
}
