//go:build !unix

package source

// There are neither named pipes in folders nor a way to refuse links here.
const nonblock, nofollow = 0, 0
