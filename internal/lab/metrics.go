package lab

import (
	"cmp"
	"fmt"
	"math"
	"slices"
	"strconv"
	"strings"
)

// Metric judges one ranking. Its value is from 0 to 1, greater is better.
type Metric struct {
	Name string // as trec_eval's users write it: "ndcg@10", "recall@20", "p@5", "mrr@10", "hit@3"
	kind string
	k    int
}

// DefaultMetrics are those that a report shows unless others are asked for.
var DefaultMetrics = []string{"ndcg@10", "recall@5", "recall@10", "recall@20", "mrr@10", "p@5", "hit@3"}

// ParseMetric reads a name such as "ndcg@10".
func ParseMetric(name string) (Metric, error) {
	kind, depth, ok := strings.Cut(strings.ToLower(name), "@")
	k, err := strconv.Atoi(depth)
	if !ok || err != nil || k < 1 || k > maxDepth || !slices.Contains([]string{"ndcg", "recall", "p", "mrr", "hit"}, kind) {
		return Metric{}, fmt.Errorf("%q is no metric; ndcg@K, recall@K, p@K, mrr@K and hit@K are, with K from 1 to %d", name, maxDepth)
	}
	return Metric{Name: kind + "@" + depth, kind: kind, k: k}, nil
}

// Value judges a ranking, best first, by the relevance of documents: greater than 0 is relevant.
//
// ndcg is that of trec_eval and BEIR: the gain is the relevance itself, the discount log2(rank+1). recall is the share of the
// relevant documents among the first k (what the authors of anthropic-code call P@k), p the share of the first k that is
// relevant, mrr one over the rank of the first relevant one, hit whether there is one.
func (m Metric) Value(ranked []string, relevance map[string]float64) float64 {
	ranked = ranked[:min(m.k, len(ranked))]
	gain, found, first := 0.0, 0, 0
	for i, id := range ranked {
		r := relevance[id]
		if r <= 0 {
			continue
		}
		gain += r / math.Log2(float64(i)+2)
		if found++; first == 0 {
			first = i + 1
		}
	}
	if found == 0 {
		return 0
	}
	switch m.kind {
	case "ndcg":
		return gain / idealGain(relevance, m.k)
	case "recall":
		return float64(found) / float64(relevant(relevance))
	case "p":
		return float64(found) / float64(m.k)
	case "mrr":
		return 1 / float64(first)
	}
	return 1
}

// idealGain is the gain of the best ranking there can be.
func idealGain(relevance map[string]float64, k int) float64 {
	var gains []float64
	for _, r := range relevance {
		if r > 0 {
			gains = append(gains, r)
		}
	}
	slices.SortFunc(gains, func(a, b float64) int { return cmp.Compare(b, a) })
	sum := 0.0
	for i, g := range gains[:min(k, len(gains))] {
		sum += g / math.Log2(float64(i)+2)
	}
	return sum
}

func relevant(relevance map[string]float64) int {
	n := 0
	for _, r := range relevance {
		if r > 0 {
			n++
		}
	}
	return n
}
