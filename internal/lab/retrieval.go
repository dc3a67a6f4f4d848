package lab

import (
	"context"
	"fmt"
	"math/rand/v2"
	"slices"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge"
)

// maxDepth is how deep rankings are kept and judged.
const maxDepth = 100

// Ranker ranks the documents of a set.
type Ranker interface {
	// Rank returns at most limit documents that match, best first.
	Rank(ctx context.Context, query string, limit int) ([]knowledge.Ranked, error)
}

// Run is what a ranker made of the queries of a set.
type Run struct {
	Set      string
	Rankings map[string][]knowledge.Ranked // by query; best first
	Took     []time.Duration               // of each query, sorted; empty for a run that was read from a file
}

// ByWords ranks by words alone.
type ByWords struct{ *knowledge.Collection }

// Rank implements Ranker.
func (w ByWords) Rank(ctx context.Context, query string, limit int) ([]knowledge.Ranked, error) {
	return w.Collection.Rank(ctx, query, nil, limit)
}

// Rank asks a ranker each query of the set. now is the clock.
func (s *RetrievalSet) Rank(ctx context.Context, r Ranker, now func() time.Time) (*Run, error) {
	run := &Run{Set: s.Name, Rankings: make(map[string][]knowledge.Ranked, len(s.Queries))}
	for _, q := range s.Queries {
		begun := now()
		ranked, err := r.Rank(ctx, q.Text, maxDepth)
		if err != nil {
			return nil, fmt.Errorf("query %s: %w", q.ID, err)
		}
		run.Took = append(run.Took, now().Sub(begun))
		run.Rankings[q.ID] = ranked
	}
	slices.Sort(run.Took)
	return run, nil
}

// RetrievalReport is how a run did: each figure is the mean over the queries of the set.
type RetrievalReport struct {
	Set       string              `json:"set"`
	Setting   string              `json:"setting,omitempty"`
	Documents int                 `json:"documents"`
	Queries   int                 `json:"queries"`
	Metrics   map[string]Estimate `json:"metrics"`
	P50       float64             `json:"p50_ms,omitempty"` // of a search
	P99       float64             `json:"p99_ms,omitempty"`

	Against map[string]Difference `json:"against_baseline,omitempty"` // this run less the baseline
}

// values judges a run query by query.
func (s *RetrievalSet) values(run *Run, m Metric) []float64 {
	out := make([]float64, len(s.Queries))
	var ids []string
	for i, q := range s.Queries {
		ids = ids[:0]
		for _, r := range run.Rankings[q.ID] {
			ids = append(ids, r.ID)
		}
		out[i] = m.Value(ids, s.Relevance[q.ID])
	}
	return out
}

// Covers returns an error unless a run has rankings for queries of the set.
func (s *RetrievalSet) Covers(run *Run) error {
	for _, q := range s.Queries {
		if _, ok := run.Rankings[q.ID]; ok {
			return nil
		}
	}
	return fmt.Errorf("the run %s has none of the queries of %s", run.Set, s.Name)
}

// Judge reports on a run and, where there is a baseline, on how it differs from that. seed decides what the bootstrap draws.
func (s *RetrievalSet) Judge(run, baseline *Run, metrics []Metric, seed uint64) *RetrievalReport {
	rep := &RetrievalReport{Set: s.Name, Documents: len(s.Documents), Queries: len(s.Queries), Metrics: map[string]Estimate{}}
	if n := len(run.Took); n > 0 {
		rep.P50, rep.P99 = milliseconds(run.Took[n/2]), milliseconds(run.Took[n*99/100])
	}
	for _, m := range metrics {
		values := s.values(run, m)
		rep.Metrics[m.Name] = bootstrap(values, rand.New(rand.NewPCG(seed, 1)))
		if baseline == nil {
			continue
		}
		if rep.Against == nil {
			rep.Against = map[string]Difference{}
		}
		rep.Against[m.Name] = compare(s.values(baseline, m), values, rand.New(rand.NewPCG(seed, 2)))
	}
	return rep
}

func milliseconds(d time.Duration) float64 { return float64(d.Microseconds()) / 1000 }
