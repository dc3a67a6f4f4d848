package encoder

// neon has the products in instructions that every such processor has.
var neon = kernels{
	name: "neon", rows: 4,
	multiply: multiplyNEON, unpack: unpackNEON, softmax: softmaxScalar, gelu: geluScalar, normalize: normalizeScalar,
}

// available is the kernels that run here, the fastest first.
func available() []*kernels { return []*kernels{&neon, &scalar} }

//go:noescape
func multiplyNEON(c *float32, ldc int, a *float32, lda int, b *float32, k int, scale, bias *float32, rows int)

//go:noescape
func unpackNEON(to *float32, from *int8, n int)
