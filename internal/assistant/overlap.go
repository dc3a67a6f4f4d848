package assistant

import (
	"slices"
	"strings"

	"github.com/dragoman/dragoman/internal/knowledge"
)

// joinOverlaps makes one passage of those of a document that overlap, in the place of the best of them: a prompt says nothing twice.
func joinOverlaps(found []knowledge.Passage) []knowledge.Passage {
	out := make([]knowledge.Passage, 0, len(found))
	for _, p := range found {
		i := slices.IndexFunc(out, func(q knowledge.Passage) bool {
			return q.Collection == p.Collection && q.Path == p.Path && p.Start <= q.End && q.Start <= p.End
		})
		if i < 0 || !join(&out[i], &p) {
			out = append(out, p)
		}
	}
	return out
}

// join adds the lines of b to a, and says whether it could: each must have the lines that it says.
func join(a, b *knowledge.Passage) bool {
	of, more := strings.Split(a.Text, "\n"), strings.Split(b.Text, "\n")
	if len(of) != a.End-a.Start+1 || len(more) != b.End-b.Start+1 {
		return false
	}
	if b.Start < a.Start {
		of = append(more[:a.Start-b.Start:a.Start-b.Start], of...)
	}
	if b.End > a.End {
		of = append(of, more[len(more)-(b.End-a.End):]...)
	}
	a.Start, a.End, a.Text = min(a.Start, b.Start), max(a.End, b.End), strings.Join(of, "\n")
	a.Pinned = a.Pinned || b.Pinned
	a.Score, a.Coverage = max(a.Score, b.Score), max(a.Coverage, b.Coverage)
	a.Key = append(slices.Clone(a.Key), b.Key...)
	slices.Sort(a.Key)
	a.Key = slices.Compact(a.Key)
	spans := append(slices.Clone(a.Spans), b.Spans...)
	slices.SortFunc(spans, func(x, y knowledge.Span) int { return x.Start - y.Start })
	a.Spans = spans[:0]
	for _, s := range spans {
		if n := len(a.Spans); n > 0 && s.Start <= a.Spans[n-1].End+1 {
			a.Spans[n-1].End = max(a.Spans[n-1].End, s.End)
		} else {
			a.Spans = append(a.Spans, s)
		}
	}
	return true
}
