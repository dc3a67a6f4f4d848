package lab

import (
	"maps"
	"math"
	"math/rand/v2"
	"slices"

	"github.com/dragoman/dragoman/internal/judge"
)

// Example is a case of which it is known whether it holds.
type Example struct {
	Features judge.Features
	Holds    bool
	Weight   float64 // how much it counts
	Group    string  // what it was made of: "WiCE", "made"
}

// ridge is the penalty on the squares of weights of features that are scaled to a deviation of 1, which keeps features that say the same from
// cancelling each other.
const ridge = 1.0

// FitLogistic fits a model to examples by Newton's method with a ridge penalty. It needs examples of both kinds.
func FitLogistic(examples []Example) *judge.Model {
	names := map[string]bool{}
	for _, x := range examples {
		for n := range x.Features {
			names[n] = true
		}
	}
	columns := slices.Sorted(maps.Keys(names))
	k := len(columns) + 1
	middle, scale := make([]float64, k), make([]float64, k)
	total := 0.0
	for _, x := range examples {
		total += x.Weight
	}
	for j, n := range columns {
		sum, squares := 0.0, 0.0
		for _, x := range examples {
			v := x.Features[n]
			sum += x.Weight * v
			squares += x.Weight * v * v
		}
		middle[j] = sum / total
		scale[j] = max(math.Sqrt(max(squares/total-middle[j]*middle[j], 0)), 1e-9)
	}
	row := func(x Example, dst []float64) {
		for j, n := range columns {
			dst[j] = (x.Features[n] - middle[j]) / scale[j]
		}
		dst[k-1] = 1
	}
	beta, r := make([]float64, k), make([]float64, k)
	for range 50 {
		gradient := make([]float64, k)
		hessian := make([][]float64, k)
		for i := range hessian {
			hessian[i] = make([]float64, k)
			if i < k-1 {
				gradient[i], hessian[i][i] = -ridge*beta[i], ridge
			}
		}
		for _, x := range examples {
			row(x, r)
			z := 0.0
			for j := range r {
				z += beta[j] * r[j]
			}
			p := 1 / (1 + math.Exp(-z))
			for i := range r {
				gradient[i] += x.Weight * (b2f(x.Holds) - p) * r[i]
				for j := range r {
					hessian[i][j] += x.Weight * p * (1 - p) * r[i] * r[j]
				}
			}
		}
		step := solve(hessian, gradient)
		moved := 0.0
		for j := range beta {
			beta[j] += step[j]
			moved = max(moved, math.Abs(step[j]))
		}
		if moved < 1e-9 {
			break
		}
	}
	m := &judge.Model{Bias: beta[k-1], Weights: map[string]float64{}}
	for j, n := range columns {
		w := beta[j] / scale[j]
		m.Weights[n] = w
		m.Bias -= w * middle[j]
	}
	return m
}

func b2f(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

// solve solves a x = b by elimination with pivots. a and b are used up.
func solve(a [][]float64, b []float64) []float64 {
	n := len(b)
	for i := range n {
		p := i
		for r := i + 1; r < n; r++ {
			if math.Abs(a[r][i]) > math.Abs(a[p][i]) {
				p = r
			}
		}
		a[i], a[p], b[i], b[p] = a[p], a[i], b[p], b[i]
		for r := i + 1; r < n; r++ {
			f := a[r][i] / a[i][i]
			for c := i; c < n; c++ {
				a[r][c] -= f * a[i][c]
			}
			b[r] -= f * b[i]
		}
	}
	for i := n - 1; i >= 0; i-- {
		for c := i + 1; c < n; c++ {
			b[i] -= a[i][c] * b[c]
		}
		b[i] /= a[i][i]
	}
	return b
}

// outOfFold scores each example of a group by a model that was fitted to the others: to nine tenths of the group, and to all that is
// not of it.
func outOfFold(examples []Example, group string, rng *rand.Rand) (scores []float64, holds []bool) {
	var own []int
	for i := range examples {
		if examples[i].Group == group {
			own = append(own, i)
		}
	}
	scores, holds = make([]float64, len(own)), make([]bool, len(own))
	for _, fold := range folds(len(own), rng) {
		tested := map[int]bool{}
		for _, at := range fold {
			tested[own[at]] = true
		}
		var train []Example
		for i := range examples {
			if !tested[i] {
				train = append(train, examples[i])
			}
		}
		m := FitLogistic(train)
		for _, at := range fold {
			scores[at], holds[at] = m.Probability(examples[own[at]].Features), examples[own[at]].Holds
		}
	}
	return scores, holds
}

// folds deals n cases out to ten.
func folds(n int, rng *rand.Rand) [][]int {
	out := make([][]int, min(10, n))
	for k, i := range rng.Perm(n) {
		out[k%len(out)] = append(out[k%len(out)], i)
	}
	return out
}
