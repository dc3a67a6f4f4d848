package assistant

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"github.com/dragoman/dragoman/internal/chat"
)

// TestTraceForReader: whatever somebody may see of what a turn looked at, nothing of the rest is in the trace that they read, and what they
// may see is still there. The words of each document are its own, and stand wherever a trace may repeat them.
func TestTraceForReader(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		word := func(i int) string { return fmt.Sprintf("secret%dof", i) }
		tr := &Trace{Question: "mine", Mode: Grounded, Judged: &Judged{}}
		n := rapid.IntRange(0, 6).Draw(t, "documents")
		seen := make([]bool, n)
		for i := range n {
			w := word(i)
			path := w + "/doc:1.md" // a colon in a path is no line
			seen[i] = rapid.Bool().Draw(t, "seen")
			if rapid.Bool().Draw(t, "used") {
				s := Source{Number: len(tr.Sources) + 1, Collection: "c", Path: path, Start: 1, End: 2, Symbol: w}
				tr.Sources = append(tr.Sources, s)
				tr.Citations = append(tr.Citations, Citation{Number: s.Number, Path: path, Title: w})
				tr.Sentences = append(tr.Sentences, Sentence{Text: w, Source: s.Number, Cited: []int{rapid.IntRange(1, s.Number).Draw(t, "cited")}})
			} else {
				tr.LeftOut = append(tr.LeftOut, LeftOut{Collection: "c", Place: place(path, 1, 2), Symbol: w, Reason: "near-duplicate of " + word(rapid.IntRange(0, n-1).Draw(t, "like"))})
			}
			tr.Steps = append(tr.Steps, StepTrace{Name: "compose", Notes: []string{path + " trimmed"}})
			tr.Attempts = append(tr.Attempts, Attempt{Code: chat.CodeUpstream, Error: w})
			tr.Tools = append(tr.Tools, ToolStep{Calls: []ToolCall{{Arguments: w, Error: w, Sources: []int{1}}}})
			tr.Judged.Candidates = append(tr.Judged.Candidates, CandidateVerdict{Form: w, Error: w})
			tr.Dropped, tr.Error, tr.Judged.Form = append(tr.Dropped, w), tr.Error+w, tr.Judged.Form+w
		}
		tr.Sentences = append(tr.Sentences, Sentence{Text: strings.Join(tr.Dropped, " ")}) // that rests on no source
		before, err := json.Marshal(tr)
		if err != nil {
			t.Fatal(err)
		}
		sees := func(_, path string) bool {
			for i := range n {
				if strings.HasPrefix(path, word(i)) {
					if path != word(i)+"/doc:1.md" {
						t.Fatalf("asked for %q", path)
					}
					return seen[i]
				}
			}
			t.Fatalf("asked for %q", path)
			return false
		}
		got := tr.For(Reader{Sees: sees})
		text, err := json.Marshal(got)
		if err != nil {
			t.Fatal(err)
		}
		why, err := json.Marshal(tr.Explain(Reader{Sees: sees}))
		if err != nil {
			t.Fatal(err)
		}
		hidden := 0
		for i := range n {
			if !seen[i] {
				hidden++
			}
			for _, out := range []string{string(text), string(why)} {
				if has := strings.Contains(out, word(i)); has != seen[i] {
					t.Errorf("document %d, which is seen: %v, is there: %v: %s", i, seen[i], has, out)
				}
			}
		}
		if got.Hidden != hidden || hidden == 0 && got != tr || got.Question != "mine" {
			t.Errorf("%d are hidden, it says %d", hidden, got.Hidden)
		}
		if after, err := json.Marshal(tr); err != nil || string(after) != string(before) {
			t.Errorf("the trace itself has changed: %s, %v", after, err)
		}
	})
}

// TestTraceForReaderOfOldTraces: older traces do not say of what collection a passage was that was left out.
func TestTraceForReaderOfOldTraces(t *testing.T) {
	tr := &Trace{Sources: []Source{{Number: 1, Collection: "c", Path: "a"}}, LeftOut: []LeftOut{{Place: "b:1-2"}}}
	if got := tr.For(Reader{Sees: func(collection, _ string) bool { return collection == "c" }}); got != tr {
		t.Errorf("%+v", got)
	}
	if got := tr.For(Reader{Sees: func(_, path string) bool { return path == "a" }}); got.Hidden != 1 || len(got.LeftOut) != 0 || len(got.Sources) != 1 {
		t.Errorf("%+v", got)
	}
}
