package lab

import (
	"math"
	"math/rand/v2"
	"slices"
)

// resamples is how often a bootstrap or a randomisation test draws: enough for the second decimal of a percent.
const resamples = 10_000

// Estimate is a mean over queries with its 95 % confidence interval.
type Estimate struct {
	Mean float64 `json:"mean"`
	Low  float64 `json:"low"`
	High float64 `json:"high"`
}

// Difference compares two settings on the same queries.
type Difference struct {
	Estimate         // of the mean difference, second less first, by the paired bootstrap
	P        float64 `json:"p"`      // two-sided, by the paired randomisation test: how often chance alone differs as much
	Better   int     `json:"better"` // queries for which the second is better
	Worse    int     `json:"worse"`
}

// bootstrap estimates the mean of values by the percentile bootstrap (Efron 1979): queries are drawn with replacement. rng
// decides the draws, so that the same seed gives the same interval.
func bootstrap(values []float64, rng *rand.Rand) Estimate {
	n := len(values)
	if n == 0 {
		return Estimate{}
	}
	means := make([]float64, resamples)
	for i := range means {
		sum := 0.0
		for range n {
			sum += values[rng.IntN(n)]
		}
		means[i] = sum / float64(n)
	}
	slices.Sort(means)
	return Estimate{Mean: mean(values), Low: means[resamples*25/1000], High: means[resamples*975/1000-1]}
}

// compare compares the values of two settings, query by query. The test is Fisher's randomisation test on pairs, which Smucker,
// Allan and Carterette (2007) found the soundest for retrieval: were the settings alike, each difference might as well
// have the other sign.
func compare(first, second []float64, rng *rand.Rand) Difference {
	diff := make([]float64, len(first))
	var d Difference
	for i := range first {
		diff[i] = second[i] - first[i]
		switch {
		case diff[i] > 0:
			d.Better++
		case diff[i] < 0:
			d.Worse++
		}
	}
	d.Estimate = bootstrap(diff, rng)
	observed, extreme := math.Abs(d.Mean), 0
	for range resamples {
		sum := 0.0
		for _, v := range diff {
			if rng.Uint32()&1 == 0 {
				v = -v
			}
			sum += v
		}
		if math.Abs(sum)/float64(max(1, len(diff))) >= observed-1e-12 {
			extreme++
		}
	}
	d.P = float64(extreme+1) / float64(resamples+1) // the observed signs are one of the draws
	return d
}

func mean(values []float64) float64 {
	sum := 0.0
	for _, v := range values {
		sum += v
	}
	return sum / float64(max(1, len(values)))
}
