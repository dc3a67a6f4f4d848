//go:build !unix

package source

// There are no named pipes in folders here.
const nonblock = 0
