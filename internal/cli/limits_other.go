//go:build !unix

package cli

func surviveLimits() {}
