package lab

import (
	"context"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"github.com/dragoman/dragoman/internal/embed"
	"github.com/dragoman/dragoman/internal/knowledge"
)

func TestMetrics(t *testing.T) {
	relevance := map[string]float64{"a": 3, "b": 1, "c": 1}
	ranked := []string{"x", "a", "y", "b", "z"}
	ideal := 3 + 1/math.Log2(3) + 1/math.Log2(4)
	for name, want := range map[string]float64{
		"ndcg@5":   (3/math.Log2(3) + 1/math.Log2(5)) / ideal,
		"ndcg@2":   (3 / math.Log2(3)) / (3 + 1/math.Log2(3)),
		"recall@4": 2.0 / 3, "recall@1": 0, "p@4": 0.5, "p@10": 0.2, "mrr@10": 0.5, "mrr@1": 0, "hit@1": 0, "hit@2": 1,
	} {
		m, err := ParseMetric(name)
		if err != nil {
			t.Fatal(err)
		}
		if got := m.Value(ranked, relevance); math.Abs(got-want) > 1e-12 {
			t.Errorf("%s = %v, want %v", name, got, want)
		}
		if got := m.Value(nil, relevance); got != 0 {
			t.Errorf("%s of nothing is %v", name, got)
		}
	}
	for _, name := range []string{"ndcg", "ndcg@0", "ndcg@101", "map@10", "@5", "p@x"} {
		if _, err := ParseMetric(name); err == nil {
			t.Errorf("%q was taken for a metric", name)
		}
	}
}

// The interval is to hold the true mean about as often as it says.
func TestBootstrapCoversTheMean(t *testing.T) {
	rng := rand.New(rand.NewPCG(7, 7))
	held := 0
	const rounds = 100
	for range rounds {
		values := make([]float64, 60)
		for i := range values {
			if rng.Float64() < 0.3 {
				values[i] = 1
			}
		}
		if e := bootstrap(values, rng); e.Low <= 0.3 && 0.3 <= e.High {
			held++
		}
	}
	if held < 88 {
		t.Errorf("%d of %d intervals of 95 %% held the mean", held, rounds)
	}
	if e := bootstrap([]float64{0.4, 0.4}, rng); math.Abs(e.Low-0.4) > 1e-9 || math.Abs(e.High-0.4) > 1e-9 {
		t.Errorf("values that don't differ give %+v", e)
	}
}

func TestCompare(t *testing.T) {
	rng := func() *rand.Rand { return rand.New(rand.NewPCG(1, 2)) }
	base := make([]float64, 50)
	better, noise := make([]float64, 50), make([]float64, 50)
	draw := rng()
	for i := range base {
		base[i] = draw.Float64()
		better[i] = base[i] + 0.05 + 0.02*draw.Float64()
		noise[i] = base[i] + 0.1*float64(i%2) - 0.05 // as much up as down
	}
	if d := compare(base, better, rng()); d.P > 0.001 || d.Low <= 0.04 || d.Better != 50 || d.Worse != 0 {
		t.Errorf("what is better for each query: %+v", d)
	}
	if d := compare(base, noise, rng()); d.P < 0.05 || d.Low > 0 || d.High < 0 {
		t.Errorf("noise: %+v", d)
	}
	if d := compare(base, base, rng()); d.P != 1 || d.Mean != 0 {
		t.Errorf("the same: %+v", d)
	}
	if a, b := compare(base, noise, rng()), compare(base, noise, rng()); a != b {
		t.Error("one seed gives two results")
	}
}

func smallSet(t *testing.T) string {
	dir := t.TempDir()
	write(t, filepath.Join(dir, "corpus.jsonl"), `{"_id":"1","title":"","text":"wings in a slipstream"}
{"_id":"2","title":"Heat","text":"heat transfer in pipes"}
{"_id":"3","title":"","text":"wings and pipes"}
`)
	write(t, filepath.Join(dir, "queries.jsonl"), `{"_id":"q1","text":"slipstream wings"}`+"\n"+`{"_id":"q2","text":"heat"}`+"\n"+`{"_id":"q3","text":"unjudged"}`+"\n")
	return dir
}

func TestRetrievalSet(t *testing.T) {
	for _, layout := range []string{"qrels.tsv", filepath.Join("qrels", "test.tsv")} {
		dir := smallSet(t)
		write(t, filepath.Join(dir, layout), "query-id\tcorpus-id\tscore\nq1\t1\t1\nq1\t2\t1\nq2\t2\t1\nq2\t1\t0\n")
		set, err := LoadRetrievalSet(dir)
		if err != nil {
			t.Fatal(err)
		}
		c := collection(t, t.TempDir())
		if err := c.Add(t.Context(), set.Documents); err != nil {
			t.Fatal(err)
		}
		run, err := set.Rank(t.Context(), ByWords{c}, time.Now)
		if err != nil {
			t.Fatal(err)
		}
		recall, mrr := Metric{"recall@5", "recall", 5}, Metric{"mrr@10", "mrr", 10}
		rep := set.Judge(run, nil, []Metric{recall, mrr}, 1)
		if rep.Queries != 2 || rep.Documents != 3 || rep.Metrics["recall@5"].Mean != 0.75 || rep.Metrics["mrr@10"].Mean != 1 || rep.Against != nil {
			t.Errorf("%s: %+v", layout, rep)
		}

		path := filepath.Join(t.TempDir(), "x.run")
		f, err := os.Create(path)
		if err != nil {
			t.Fatal(err)
		}
		if err := set.WriteRun(f, run); err != nil {
			t.Fatal(err)
		}
		f.Close()
		back, err := ReadRun(path)
		if err != nil {
			t.Fatal(err)
		}
		again := set.Judge(back, run, []Metric{recall, mrr}, 1)
		if d := cmp.Diff(rep.Metrics, again.Metrics); d != "" {
			t.Errorf("a run that was written and read differs:\n%s", d)
		}
		if again.Against["mrr@10"].P != 1 {
			t.Errorf("%+v", again.Against)
		}
		if err := set.Covers(back); err != nil {
			t.Error(err)
		}
		if set.Covers(&Run{}) == nil {
			t.Error("a run of other queries was taken")
		}
	}
}

func TestRetrievalSetErrors(t *testing.T) {
	for name, c := range map[string]struct{ file, text, want string }{
		"no judgements": {"", "", "no judgements"},
		"columns":       {"qrels.tsv", "q1\t1\n", "line 1: 2 columns"},
		"number":        {"qrels.tsv", "query-id\tcorpus-id\tscore\nq1\t1\tx\n", `line 2: the relevance "x"`},
		"nothing":       {"qrels.tsv", "q9\t1\t1\n", "no query has a relevant document"},
		"record":        {"corpus.jsonl", `{"text":"x"}`, "record 1: there is no _id"},
		"infinity":      {"qrels.tsv", "q1\t1\tNaN\n", `line 1: the relevance "NaN"`},
		"two of one id": {"corpus.jsonl", `{"_id":"1","text":"x"}` + "\n" + `{"_id":"1","text":"y"}`, `record 2: the _id "1" is that of another record`},
	} {
		dir := smallSet(t)
		if c.file != "" {
			write(t, filepath.Join(dir, c.file), c.text)
		}
		if _, err := LoadRetrievalSet(dir); err == nil || !strings.Contains(err.Error(), c.want) {
			t.Errorf("%s: %v, want %q", name, err, c.want)
		}
	}
	// What editors save with a mark before it, and records that stand there twice, are read.
	dir, one := t.TempDir(), `{"_id":"1","text":"x"}`+"\n"
	write(t, filepath.Join(dir, "corpus.jsonl"), byteOrderMark+one+one)
	write(t, filepath.Join(dir, "queries.jsonl"), byteOrderMark+one+one)
	write(t, filepath.Join(dir, "qrels.tsv"), byteOrderMark+"1\t1\t1\n")
	if s, err := LoadRetrievalSet(dir); err != nil || len(s.Documents) != 1 || len(s.Queries) != 1 || s.Relevance["1"]["1"] != 1 {
		t.Errorf("with a mark: %+v, %v", s, err)
	}
	if _, err := ReadRun(write(t, filepath.Join(t.TempDir(), "a.run"), "q1 Q0 d 1 0.5\n")); err == nil || !strings.Contains(err.Error(), "six") {
		t.Errorf("a run of five columns: %v", err)
	}
	if _, err := ReadRun(write(t, filepath.Join(t.TempDir(), "a.run"), "q1 Q0 d 1 high me\n")); err == nil || !strings.Contains(err.Error(), "high") {
		t.Errorf("a score that is no number: %v", err)
	}
}

func TestRunFilesAreOrderedByScore(t *testing.T) {
	run, err := ReadRun(write(t, filepath.Join(t.TempDir(), "a.run"), "q Q0 low 1 0.5 x\n\nq Q0 high 2 1.5 x\nq Q0 tie 3 0.5 x\n"))
	if err != nil {
		t.Fatal(err)
	}
	want := []knowledge.Ranked{{ID: "high", Score: 1.5}, {ID: "low", Score: 0.5}, {ID: "tie", Score: 0.5}}
	if d := cmp.Diff(want, run.Rankings["q"]); d != "" {
		t.Error(d)
	}
}

// axes is an embedder: each letter of the alphabet is a direction.
type axes struct{}

func (axes) Model() string { return "axes" }
func (axes) Batch() int    { return 3 }
func (axes) Embed(_ context.Context, _ embed.Kind, texts []string) ([][]float32, error) {
	var out [][]float32
	for _, t := range texts {
		v := make([]float32, 26)
		for _, r := range strings.ToLower(t) {
			if r >= 'a' && r <= 'z' {
				v[r-'a']++
			}
		}
		out = append(out, v)
	}
	return out, nil
}

// TestCompression: where little is lost, little loss is told; a set of so few documents is found whole.
func TestCompression(t *testing.T) {
	s := &RetrievalSet{Name: "made", Relevance: map[string]map[string]float64{}}
	for i := range 40 {
		id := fmt.Sprint(i)
		text := strings.Repeat(string(rune('a'+i%26)), 3) + strings.Repeat(string(rune('a'+i/2)), 2)
		s.Documents = append(s.Documents, knowledge.Text{ID: id, Text: text})
		s.Queries = append(s.Queries, RetrievalQuery{ID: id, Text: text})
		s.Relevance[id] = map[string]float64{id: 1}
	}
	c, err := MeasureCompression(t.Context(), s, axes{})
	if err != nil {
		t.Fatal(err)
	}
	if c.Vectors != 40 || c.Dimensions != 26 || c.Found100 < 0.999 || c.Found10 < 0.9 || c.Small < 0.9*c.Exact || c.Exact < 0.5 {
		t.Errorf("%+v", c)
	}
}
