package encoder

import "math"

// width is how many columns of a matrix lie together in a panel: panel p of a matrix with k rows is k groups of width numbers,
// the columns p*width to p*width+width-1 of each row in turn. One group fills one register of AVX-512, two of AVX2, four of NEON.
const width = 16

// kernels are the inner loops, in the instructions that this processor has. All of them compute the same to within a few units in
// the last place.
type kernels struct {
	name string
	rows int // the most rows that multiply takes at once
	// multiply computes c = scale * (a b) + bias, for rows <= the most rows of a (row-major, lda and ldc numbers from row to
	// row) and a panel b of k groups; scale and bias have a number per column.
	multiply func(c *float32, ldc int, a *float32, lda int, b *float32, k int, scale, bias *float32, rows int)
	// wide, where there is one, does the same for two panels that lie one behind the other, and at most wideRows rows.
	wideRows int
	wide     func(c *float32, ldc int, a *float32, lda int, b *float32, k int, scale, bias *float32, rows int)
	// unpack converts n numbers, a multiple of width.
	unpack func(to *float32, from *int8, n int)
	// softmax replaces n numbers, a multiple of width, by exp(x - max) / sum of exp(x - max).
	softmax func(x *float32, n int)
	// gelu replaces n numbers, a multiple of width, by x/2 * (1 + erf(x/sqrt 2)) (Hendrycks and Gimpel 2016, arXiv:1606.08415).
	gelu func(x *float32, n int)
	// normalize computes x = (x + y - mean) / sqrt(variance + eps) * gamma + beta over n numbers, a multiple of width
	// (layer normalisation, Ba et al. 2016, arXiv:1607.06450, of a residual sum).
	normalize func(x, y, gamma, beta *float32, n int, eps float32)
}

// The rational function by which erf is computed: x P(x^2)/Q(x^2), where x is clamped to +-4 (the coefficients of Eigen's float
// version). The error of erf is below 5e-7, that of gelu below 5e-7 * max(1, |x|).
var erfP = [7]float32{-2.72614225801306e-10, 2.77068142495902e-08, -2.10102402082508e-06, -5.69250639462346e-05,
	-7.34990630326855e-04, -2.95459980854025e-03, -1.60960333262415e-02}

var erfQ = [5]float32{-1.45660718464996e-05, -2.13374055278905e-04, -1.68282697438203e-03, -7.37332916720468e-03, -1.42647390514189e-02}

func erf(x float32) float32 {
	x = min(max(x, -4), 4)
	s := x * x
	p, q := erfP[0], erfQ[0]
	for _, c := range erfP[1:] {
		p = p*s + c
	}
	for _, c := range erfQ[1:] {
		q = q*s + c
	}
	return x * p / q
}

// The polynomial by which exp is computed after the range is reduced to +-ln(2)/2, of Cephes' expf. The relative error is below
// 3e-7 between -87 and 88, outside of which the argument is clamped.
var expP = [6]float32{1.9875691500e-4, 1.3981999507e-3, 8.3334519073e-3, 4.1665795894e-2, 1.6666665459e-1, 5.0000001201e-1}

const (
	expLow, expHigh = -87, 88
	ln2High, ln2Low = 0.693359375, -2.12194440e-4
)

func exp(x float32) float32 {
	x = min(max(x, expLow), expHigh)
	n := float32(math.RoundToEven(float64(x * math.Log2E)))
	r := x - n*ln2High - n*ln2Low
	p := expP[0]
	for _, c := range expP[1:] {
		p = p*r + c
	}
	p = p*r*r + r + 1
	return math.Float32frombits(math.Float32bits(p) + uint32(int32(n))<<23)
}
