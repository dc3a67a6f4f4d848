package assistant

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"github.com/dragoman/dragoman/internal/knowledge"
)

func TestJoinOverlaps(t *testing.T) {
	passage := func(path string, start, end int, score float64) knowledge.Passage {
		var lines []string
		for n := start; n <= end; n++ {
			lines = append(lines, path+strings.Repeat("i", n))
		}
		return knowledge.Passage{Path: path, Start: start, End: end, Score: score, Text: strings.Join(lines, "\n"), Spans: []knowledge.Span{{Start: start, End: end}}, Key: []int{start}}
	}
	got := joinOverlaps([]knowledge.Passage{passage("a", 4, 6, 9), passage("b", 1, 2, 8), passage("a", 1, 4, 7), passage("a", 8, 9, 6), passage("a", 5, 7, 5)})
	want := []knowledge.Passage{passage("a", 1, 7, 9), passage("b", 1, 2, 8), passage("a", 8, 9, 6)}
	want[0].Key = []int{1, 4, 5}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	odd := passage("a", 1, 9, 1)
	odd.Text = "fewer lines than it says"
	if got := joinOverlaps([]knowledge.Passage{passage("a", 1, 3, 2), odd}); len(got) != 2 {
		t.Errorf("%+v", got)
	}
}
