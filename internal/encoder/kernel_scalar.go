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

// multiplyScalar works on two rows and four columns at a time, whose sums stay in registers.
func multiplyScalar(c *float32, ldc int, a *float32, lda int, b *float32, k int, scale, bias *float32, rows int) {
	panel := unsafe.Slice(b, k*width)
	factors, sums := unsafe.Slice(scale, width), unsafe.Slice(bias, width)
	in, out := unsafe.Slice(a, (rows-1)*lda+k), unsafe.Slice(c, (rows-1)*ldc+width)
	for r := 0; r < rows; r += 2 {
		next := min(r+1, rows-1) // of an odd number, the last row is computed twice
		x, y := in[r*lda:r*lda+k], in[next*lda:next*lda+k]
		for j := 0; j < width; j += 4 {
			var x0, x1, x2, x3, y0, y1, y2, y3 float32
			group := panel[j:]
			for i, u := range x {
				v, w := y[i], (*[4]float32)(group[i*width:])
				x0, x1, x2, x3 = x0+u*w[0], x1+u*w[1], x2+u*w[2], x3+u*w[3]
				y0, y1, y2, y3 = y0+v*w[0], y1+v*w[1], y2+v*w[2], y3+v*w[3]
			}
			f, s := (*[4]float32)(factors[j:]), (*[4]float32)(sums[j:])
			*(*[4]float32)(out[r*ldc+j:]) = [4]float32{x0*f[0] + s[0], x1*f[1] + s[1], x2*f[2] + s[2], x3*f[3] + s[3]}
			*(*[4]float32)(out[next*ldc+j:]) = [4]float32{y0*f[0] + s[0], y1*f[1] + s[1], y2*f[2] + s[2], y3*f[3] + s[3]}
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
