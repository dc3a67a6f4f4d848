package lab

import (
	"fmt"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/dragoman/dragoman/internal/judge"
)

// madeAnswers are claims and questions of the sentences of a handbook, by way of a set as it is read.
func madeAnswers(t *testing.T) []GroundingCase {
	t.Helper()
	text, err := os.ReadFile("testdata/handbook.md")
	if err != nil {
		t.Fatal(err)
	}
	all := sentencesOf(unwrapped(string(text)))
	var cases []GroundingCase
	for i, s := range all {
		from, other := all[i/10*10:min(i/10*10+10, len(all))], all[(i+15)%len(all)]
		source := judge.Text{Body: strings.Join(from, "\n")}
		for n := range 4 {
			cases = append(cases, GroundingCase{Text: strings.Repeat(s+" ", n+1), Source: source, Holds: true, Group: "claims"},
				GroundingCase{Text: strings.Repeat(other+" ", n+1), Source: source, Group: "claims"})
		}
		words := strings.Fields(strings.ToLower(strings.TrimRight(s, ".")))
		cases = append(cases, GroundingCase{Question: true, Text: "What of " + strings.Join(words[len(words)/2:], " ") + "?", Source: source, Holds: true, Answer: s, Group: "questions"},
			GroundingCase{Question: true, Text: fmt.Sprintf("Who paints lighthouse %d of %s at night?", i, words[0]), Source: source, Group: "questions"})
	}
	return cases
}

// TestComposeAnswers: about half of the answers hold, of both kinds, and no claim nor question is in two folds.
func TestComposeAnswers(t *testing.T) {
	answers := ComposeAnswers(madeAnswers(t), rand.New(rand.NewPCG(1, 1)))
	fold := map[string]int{}
	holds := map[string]int{}
	count := map[string]int{}
	for _, a := range answers {
		count[a.Group]++
		if a.Holds {
			holds[a.Group]++
		}
		key := a.Group + a.Question
		if a.Question == "" {
			if len(a.Sentences) != len(a.Sources) || len(a.Sentences) > mostClaims {
				t.Fatalf("%d sentences of %d sources", len(a.Sentences), len(a.Sources))
			}
			key += a.Sentences[len(a.Sentences)-1] + a.Sources[len(a.Sources)-1].Body
		}
		if f, ok := fold[key]; ok && f != a.fold && a.Question != "" {
			t.Errorf("%q is in the folds %d and %d", key, f, a.fold)
		}
		fold[key] = a.fold
	}
	for _, group := range []string{"claims", "questions"} {
		if n := count[group]; n < 20 || holds[group] < n/4 || holds[group] > n*3/4 {
			t.Errorf("of %d answers of %s, %d hold", n, group, holds[group])
		}
	}
}

// TestConfidenceIsCalibrated: confidence tells answers apart better than the mean of their sentences does, on what it did not see.
func TestConfidenceIsCalibrated(t *testing.T) {
	cases := madeAnswers(t)
	answers := ComposeAnswers(cases, rand.New(rand.NewPCG(2, 2)))
	reports, err := MeasureConfidence(t.Context(), cases, answers, 1)
	if err != nil {
		t.Fatal(err)
	}
	all := reports[len(reports)-1]
	t.Logf("%+v", all)
	if all.Set != "" || all.Folds.N != len(answers) || all.Folds.AUROC.Mean < all.Mean.AUROC.Mean || all.Folds.ECE.Mean > 0.15 {
		t.Errorf("%+v", all)
	}
}
