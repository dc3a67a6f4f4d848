//go:build unix

package cli

import (
	"os/signal"
	"syscall"
)

// surviveLimits makes of a file that may not grow (ulimit -f) a failed write, which the books know what to do about, and not the
// end of the program.
func surviveLimits() { signal.Ignore(syscall.SIGXFSZ) }
