package encoder

import (
	"math"
	"unsafe"
)

// scalar is the kernels in Go, for processors without the others.
var scalar = kernels{
	name: "scalar", rows: 4,
	multiply: multiplyScalar, unpack: unpackScalar, softmax: softmaxScalar, gelu: geluScalar, normalize: normalizeScalar,
}

func multiplyScalar(c *float32, ldc int, a *float32, lda int, b *float32, k int, scale, bias *float32, rows int) {
	panel := unsafe.Slice(b, k*width)
	factors, sums := unsafe.Slice(scale, width), unsafe.Slice(bias, width)
	in, out := unsafe.Slice(a, (rows-1)*lda+k), unsafe.Slice(c, (rows-1)*ldc+width)
	for r := range rows {
		var acc [width]float32
		for i, x := range in[r*lda : r*lda+k] {
			group := (*[width]float32)(panel[i*width:])
			for j, y := range group {
				acc[j] += x * y
			}
		}
		to := out[r*ldc : r*ldc+width]
		for j := range to {
			to[j] = acc[j]*factors[j] + sums[j]
		}
	}
}

func unpackScalar(to *float32, from *int8, n int) {
	out := unsafe.Slice(to, n)
	for i, x := range unsafe.Slice(from, n) {
		out[i] = float32(x)
	}
}

func softmaxScalar(x *float32, n int) {
	row := unsafe.Slice(x, n)
	most := row[0]
	for _, v := range row {
		most = max(most, v)
	}
	var sum float32
	for i, v := range row {
		row[i] = exp(v - most)
		sum += row[i]
	}
	for i := range row {
		row[i] /= sum
	}
}

func geluScalar(x *float32, n int) {
	row := unsafe.Slice(x, n)
	for i, v := range row {
		row[i] = 0.5 * v * (1 + erf(v*(1/math.Sqrt2)))
	}
}

func normalizeScalar(x, y, gamma, beta *float32, n int, eps float32) {
	row, other, g, b := unsafe.Slice(x, n), unsafe.Slice(y, n), unsafe.Slice(gamma, n), unsafe.Slice(beta, n)
	var sum float32
	for i := range row {
		row[i] += other[i]
		sum += row[i]
	}
	mean := sum / float32(n)
	var squares float32
	for _, v := range row {
		squares += (v - mean) * (v - mean)
	}
	factor := 1 / float32(math.Sqrt(float64(squares/float32(n)+eps)))
	for i, v := range row {
		row[i] = (v-mean)*factor*g[i] + b[i]
	}
}
