package lab

import (
	"cmp"
	"math"
	"math/rand/v2"
	"slices"
)

// Judged is how well scores tell what holds from what does not.
type Judged struct {
	N     int `json:"n"`
	Holds int `json:"holds"`
	// AUROC is how often a case that holds has a greater score than one that does not; equal scores count half (Hanley and
	// McNeil 1982).
	AUROC Estimate `json:"auroc"`
	// ECE is how far scores, taken as probabilities, are from what is true: the mean over ten bins of equally many cases of the distance
	// between the mean score and the share that holds.
	ECE Estimate `json:"ece"`
	// Brier is the mean squared distance of score and truth.
	Brier float64 `json:"brier"`
}

// judgeScores measures scores, with 95 % intervals by the percentile bootstrap over cases.
func judgeScores(scores []float64, holds []bool, rng *rand.Rand) Judged {
	out := Judged{N: len(scores), AUROC: Estimate{Mean: auroc(scores, holds)}, ECE: Estimate{Mean: calibrationError(scores, holds)}}
	for i, s := range scores {
		d := s - b2f(holds[i])
		out.Brier += d * d / float64(len(scores))
		if holds[i] {
			out.Holds++
		}
	}
	const draws = 2000
	var areas, errors []float64
	s, h := make([]float64, len(scores)), make([]bool, len(scores))
	for range draws {
		for i := range s {
			k := rng.IntN(len(scores))
			s[i], h[i] = scores[k], holds[k]
		}
		areas, errors = append(areas, auroc(s, h)), append(errors, calibrationError(s, h))
	}
	slices.Sort(areas)
	slices.Sort(errors)
	out.AUROC.Low, out.AUROC.High = areas[draws*25/1000], areas[draws*975/1000-1]
	out.ECE.Low, out.ECE.High = errors[draws*25/1000], errors[draws*975/1000-1]
	return out
}

// byScore is the order of cases by their scores, smallest first.
func byScore(scores []float64) []int {
	order := make([]int, len(scores))
	for i := range order {
		order[i] = i
	}
	slices.SortStableFunc(order, func(a, b int) int { return cmp.Compare(scores[a], scores[b]) })
	return order
}

// auroc is the area under the ROC curve, by ranks; 0.5 where all or none hold.
func auroc(scores []float64, holds []bool) float64 {
	order := byScore(scores)
	ranks, positives := 0.0, 0
	for i := 0; i < len(order); {
		j := i
		for j < len(order) && scores[order[j]] == scores[order[i]] {
			j++
		}
		rank := float64(i+1+j) / 2 // the mean of those that are equal
		for ; i < j; i++ {
			if holds[order[i]] {
				ranks += rank
				positives++
			}
		}
	}
	n, p := float64(len(order)-positives), float64(positives)
	if n == 0 || p == 0 {
		return 0.5
	}
	return (ranks - p*(p+1)/2) / (p * n)
}

func calibrationError(scores []float64, holds []bool) float64 {
	const bins = 10
	order, sum := byScore(scores), 0.0
	for b := range bins {
		in := order[len(order)*b/bins : len(order)*(b+1)/bins]
		gap := 0.0
		for _, i := range in {
			gap += scores[i] - b2f(holds[i])
		}
		sum += math.Abs(gap)
	}
	return sum / float64(max(1, len(order)))
}
