//go:build unix

package source

import "syscall"

const (
	// nonblock makes opening a named pipe return at once instead of waiting for a writer, in case a file was replaced by one
	// after it was listed. It means nothing for regular files.
	nonblock = syscall.O_NONBLOCK
	// nofollow refuses a symbolic link that has taken a file's place.
	nofollow = syscall.O_NOFOLLOW
)
