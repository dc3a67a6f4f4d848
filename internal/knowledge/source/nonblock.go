//go:build unix

package source

import "syscall"

// nonblock makes opening a named pipe return at once instead of waiting for a writer, in case a file was replaced by one
// after it was listed. It means nothing for regular files.
const nonblock = syscall.O_NONBLOCK
