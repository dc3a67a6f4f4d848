//go:build !amd64 && !arm64

package encoder

// available is the kernels that run here, the fastest first.
func available() []*kernels { return []*kernels{&scalar} }
