//go:build unix

package encoder

import (
	"fmt"
	"math/rand/v2"
	"syscall"
	"testing"
)

// processor is the seconds of processor time that this process has taken: on a shared machine it says more than a clock does.
func processor() float64 {
	var u syscall.Rusage
	if syscall.Getrusage(syscall.RUSAGE_SELF, &u) != nil {
		return 0
	}
	return float64(u.Utime.Nano()+u.Stime.Nano()) / 1e9
}

// The shapes of MiniLM: the hidden state goes from 384 to 1152, 384 and 1536 numbers, and back.
func BenchmarkLinear(b *testing.B) {
	for _, k := range available() {
		for _, p := range []Precision{Float32, Int8} {
			for _, shape := range [][3]int{{12, 384, 1536}, {128, 384, 384}, {128, 384, 1536}, {128, 1536, 384}} {
				rows, in, out := shape[0], shape[1], shape[2]
				b.Run(fmt.Sprintf("%s/%s/%dx%dx%d", k.name, map[Precision]string{Float32: "float32", Int8: "int8"}[p], rows, in, out), func(b *testing.B) {
					r := rand.New(rand.NewPCG(1, 1))
					m, small := newMatrix(in, out, p), make([]int8, in)
					for j := range out {
						row := random(r, in)
						if p == Float32 {
							m.setRow(j, row)
						} else {
							m.setSmallRow(j, small, quantize(small, row))
						}
					}
					a, c, room := random(r, rows*in), make([]float32, rows*out), make([]float32, 2*width*in)
					begun := processor()
					for b.Loop() {
						k.linear(c, out, a, in, rows, m, room)
					}
					b.ReportMetric(2*float64(rows*in*out)*float64(b.N)/(processor()-begun)/1e9, "GFLOP/cpu-s")
				})
			}
		}
	}
}
