package encoder

import (
	"math"
	"math/rand/v2"
	"testing"
)

func random(r *rand.Rand, n int) []float32 {
	out := make([]float32, n)
	for i := range out {
		out[i] = float32(r.NormFloat64())
	}
	return out
}

// farthest is the largest difference, relative to the largest number.
func farthest(a, b []float32) float64 {
	var most, size float64
	for i := range a {
		if d := math.Abs(float64(a[i]) - float64(b[i])); d > most || d != d {
			most = d
		}
		size = max(size, math.Abs(float64(b[i])))
	}
	return most / max(size, 1e-30)
}

func TestProductsAgree(t *testing.T) {
	for _, k := range available() {
		t.Run(k.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(1, 2))
			for range 300 {
				rows, depth, columns := 1+r.IntN(30), 1+r.IntN(70), width*(1+r.IntN(5))
				lda, ldc := depth+r.IntN(5), columns+r.IntN(5)
				a, b := random(r, (rows-1)*lda+depth), random(r, depth*columns)
				scale, bias := random(r, 2*width), random(r, 2*width)
				got := random(r, (rows-1)*ldc+columns)
				want := append([]float32(nil), got...)
				k.product(got, ldc, a, lda, rows, b, depth, columns, scale, bias)
				for i := range rows {
					for j := range columns {
						var sum float64
						for l := range depth {
							sum += float64(a[i*lda+l]) * float64(b[j/width*width*depth+l*width+j%width])
						}
						lane := j % width
						if k.wide != nil && columns > width && !(columns/width%2 == 1 && j >= columns-width) {
							lane = j % (2 * width)
						}
						want[i*ldc+j] = float32(sum*float64(scale[lane]) + float64(bias[lane]))
					}
				}
				if d := farthest(got, want); !(d < 2e-6) { // what lies between the rows is compared, too
					t.Fatalf("%d x %d x %d: off by %g", rows, depth, columns, d)
				}
			}
		})
	}
}

func TestRowsAgree(t *testing.T) {
	for _, k := range available() {
		t.Run(k.name, func(t *testing.T) {
			r := rand.New(rand.NewPCG(3, 4))
			for range 100 {
				n := width * (1 + r.IntN(20))
				check := func(what string, limit float64, run func(k *kernels) []float32) {
					t.Helper()
					if d := farthest(run(k), run(&scalar)); !(d < limit) {
						t.Fatalf("%s of %d numbers: off by %g", what, n, d)
					}
				}
				x, y, gamma, beta := random(r, n), random(r, n), random(r, n), random(r, n)
				tail := r.IntN(width)
				check("softmax", 1e-6, func(k *kernels) []float32 {
					out := append([]float32(nil), x...)
					for i := range out {
						out[i] *= 8
					}
					for i := n - tail; i < n; i++ {
						out[i] = -math.MaxFloat32
					}
					k.softmax(&out[0], n)
					return out
				})
				check("gelu", 1e-6, func(k *kernels) []float32 {
					out := append([]float32(nil), x...)
					k.gelu(&out[0], n)
					return out
				})
				check("normalize", 2e-6, func(k *kernels) []float32 {
					out := append([]float32(nil), x...)
					k.normalize(&out[0], &y[0], &gamma[0], &beta[0], n, 1e-12)
					return out
				})
				small := make([]int8, n)
				for i := range small {
					small[i] = int8(r.IntN(256) - 128)
				}
				check("unpack", 1e-30, func(k *kernels) []float32 {
					out := make([]float32, n)
					k.unpack(&out[0], &small[0], n)
					return out
				})
			}
		})
	}
}

// The bounds that kernel.go states.
func TestFunctions(t *testing.T) {
	for _, k := range available() {
		t.Run(k.name, func(t *testing.T) {
			var worst float64
			row := make([]float32, width)
			for x := -12.0; x < 12; x += 1.0 / 4096 {
				for i := range row {
					row[i] = float32(x)
				}
				in := float64(row[0])
				k.gelu(&row[0], width)
				want := in / 2 * (1 + math.Erf(in/math.Sqrt2))
				worst = max(worst, math.Abs(float64(row[3])-want)/max(1, math.Abs(in)))
			}
			if !(worst < 5e-7) {
				t.Errorf("gelu is off by %g", worst)
			}
			worst = 0
			for x := 0.0; x < 87; x += 1.0 / 512 {
				clear(row)
				row[1] = -float32(x)
				in := float64(row[1])
				k.softmax(&row[0], width)
				worst = max(worst, math.Abs(float64(row[1])/float64(row[0])/math.Exp(in)-1))
			}
			if !(worst < 8e-7) { // a quotient of rounded products
				t.Errorf("exp is off by %g", worst)
			}
		})
	}
	var ofErf, ofExp float64
	for x := -6.0; x < 6; x += 1.0 / 8192 {
		ofErf = max(ofErf, math.Abs(float64(erf(float32(x)))-math.Erf(float64(float32(x)))))
	}
	for x := -87.0; x < 88; x += 1.0 / 1024 {
		ofExp = max(ofExp, math.Abs(float64(exp(float32(x)))/math.Exp(float64(float32(x)))-1))
	}
	if !(ofErf < 5e-7) || !(ofExp < 3e-7) {
		t.Errorf("erf is off by %g, exp by %g", ofErf, ofExp)
	}
}
