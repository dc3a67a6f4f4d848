package lab

import (
	"context"
	"math"
	"math/rand/v2"
	"os"
	"strings"
	"testing"

	"github.com/dragoman/dragoman/internal/judge"
)

// TestChangedFactsAreFound: of true sentences of which one number, name or negation was changed, nine in ten are found, and few of those
// that were left alone are suspected.
func TestChangedFactsAreFound(t *testing.T) {
	text, err := os.ReadFile("testdata/handbook.md")
	if err != nil {
		t.Fatal(err)
	}
	var cases []GroundingCase
	for seed := range uint64(5) {
		cases = append(cases, MakeGrounding([]string{unwrapped(string(text))}, rand.New(rand.NewPCG(seed, 7)))...)
	}
	found, err := FindChanged(context.Background(), cases)
	if err != nil {
		t.Fatal(err)
	}
	t.Log(found)
	for _, kind := range []string{"number", "name", "negation"} {
		if s := found[kind]; s.N < 10 || s.Value < 0.9 {
			t.Errorf("of %d sentences with another %s, %.0f %% are found", s.N, kind, 100*s.Value)
		}
	}
	if s := found["nothing"]; s.N < 50 || s.Value > 0.1 {
		t.Errorf("of %d true sentences, %.0f %% are suspected", s.N, 100*s.Value)
	}
}

// unwrapped has each paragraph in one line.
func unwrapped(text string) string {
	paragraphs := strings.Split(text, "\n\n")
	for i := range paragraphs {
		paragraphs[i] = strings.ReplaceAll(paragraphs[i], "\n", " ")
	}
	return strings.Join(paragraphs, "\n\n")
}

func TestChangeFacts(t *testing.T) {
	got := map[string]string{}
	for _, c := range ChangeFacts("Bills of 2,500 euros are sent to Ann Lee.", []string{"Bob"}, rand.New(rand.NewPCG(1, 1))) {
		got[c.Kind] = c.Text
	}
	if got["name"] != "Bills of 2,500 euros are sent to Bob." || got["negation"] != "Bills of 2,500 euros are not sent to Ann Lee." ||
		strings.Contains(got["number"], "2,500") || !strings.HasPrefix(got["number"], "Bills of 2,50") {
		t.Errorf("got %q", got)
	}
	for _, c := range ChangeFacts("It cannot wait, and it is not late.", nil, rand.New(rand.NewPCG(1, 1))) {
		if c.Kind != "negation" || c.Text != "It cannot wait, and it is late." {
			t.Errorf("got %+v", c)
		}
	}
}

func TestJudgeScores(t *testing.T) {
	// By hand: of the 6 pairs, 4 are in order, one is equal.
	if got, want := auroc([]float64{0.9, 0.4, 0.4, 0.2, 0.1}, []bool{true, true, false, false, true}), 3.5/6; math.Abs(got-want) > 1e-12 {
		t.Errorf("the area is %v, not %v", got, want)
	}
	if got := auroc([]float64{1, 2}, []bool{true, true}); got != 0.5 {
		t.Errorf("without a case that does not hold the area is %v", got)
	}
	rng := rand.New(rand.NewPCG(3, 3))
	var scores, sure []float64
	var holds []bool
	for range 4000 {
		p := rng.Float64()
		scores, sure, holds = append(scores, p), append(sure, math.Round(p)), append(holds, rng.Float64() < p)
	}
	if e := calibrationError(scores, holds); e > 0.03 {
		t.Errorf("scores that are the probabilities are off by %v", e)
	}
	if e := calibrationError(sure, holds); e < 0.2 {
		t.Errorf("scores that are far too sure are off by %v only", e)
	}
	j := judgeScores(scores[:400], holds[:400], rng)
	if j.AUROC.Low >= j.AUROC.Mean || j.AUROC.High <= j.AUROC.Mean || j.N != 400 {
		t.Errorf("%+v", j)
	}
}

// TestFitLogistic: a model that examples were drawn from is found again.
func TestFitLogistic(t *testing.T) {
	rng := rand.New(rand.NewPCG(5, 5))
	truth := judge.Model{Bias: -1, Weights: map[string]float64{"a": 2, "b": -0.5}}
	var examples []Example
	for range 5000 {
		f := judge.Features{"a": rng.NormFloat64(), "b": 3 * rng.NormFloat64()}
		examples = append(examples, Example{Features: f, Holds: rng.Float64() < truth.Probability(f), Weight: 1, Group: "x"})
	}
	m := FitLogistic(examples)
	if math.Abs(m.Bias+1) > 0.15 || math.Abs(m.Weights["a"]-2) > 0.2 || math.Abs(m.Weights["b"]+0.5) > 0.1 {
		t.Errorf("found %+v", m)
	}
	scores, holds := outOfFold(examples, "x", rng)
	if a := auroc(scores, holds); len(scores) != 5000 || a < 0.85 {
		t.Errorf("%d scores with an area of %v", len(scores), a)
	}
}

func TestReadGrounding(t *testing.T) {
	cases, err := ReadGrounding(strings.NewReader(`{"label":"partially_supported","claim":"A b.","evidence":["x","y"]}

{"input":"who?","passages":[{"title":"T","text":"p"}],"answerable":true}
`), "set")
	if err != nil || len(cases) != 2 || !cases[0].Part || cases[0].Holds || cases[0].Source.Body != "x\ny" || !cases[1].Question || !cases[1].Holds {
		t.Errorf("%+v, %v", cases, err)
	}
	if _, err := ReadGrounding(strings.NewReader(`{"claim":"A b."}`), "set"); err == nil || !strings.Contains(err.Error(), "line 1") {
		t.Errorf("a claim without evidence gives %v", err)
	}
}
