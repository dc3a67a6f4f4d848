package encoder

import (
	"slices"

	"golang.org/x/sys/cpu"
)

var avx2 = kernels{
	name: "avx2", rows: 6,
	multiply: multiplyAVX2, unpack: unpackAVX2, softmax: softmaxAVX2, gelu: geluAVX2, normalize: normalizeAVX2,
}

// avx512 has the products in AVX-512; what else there is takes too little of the time.
var avx512 = kernels{
	name: "avx512", rows: avx2.rows, wideRows: 12,
	multiply: multiplyAVX2, wide: multiplyAVX512, unpack: unpackAVX512, softmax: softmaxAVX2, gelu: geluAVX2, normalize: normalizeAVX2,
}

// available is the kernels that run here, the fastest first.
func available() []*kernels {
	list := []*kernels{&scalar}
	if cpu.X86.HasAVX2 && cpu.X86.HasFMA {
		list = slices.Insert(list, 0, &avx2)
		if cpu.X86.HasAVX512F {
			list = slices.Insert(list, 0, &avx512)
		}
	}
	return list
}

//go:noescape
func multiplyAVX2(c *float32, ldc int, a *float32, lda int, b *float32, k int, scale, bias *float32, rows int)

//go:noescape
func multiplyAVX512(c *float32, ldc int, a *float32, lda int, b *float32, k int, scale, bias *float32, rows int)

//go:noescape
func unpackAVX512(to *float32, from *int8, n int)

//go:noescape
func unpackAVX2(to *float32, from *int8, n int)

//go:noescape
func softmaxAVX2(x *float32, n int)

//go:noescape
func geluAVX2(x *float32, n int)

//go:noescape
func normalizeAVX2(x, y, gamma, beta *float32, n int, eps float32)
