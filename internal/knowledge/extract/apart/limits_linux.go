package apart

import (
	"os"
	"runtime/debug"
	"syscall"

	"golang.org/x/sys/unix"
)

// seconds is how much processor time a file may take, should nobody be there any more who would end the process.
const seconds = 120

// limitMemory bounds what this process may allocate: beyond it Go's runtime ends it.
func limitMemory(memory int64) {
	debug.SetMemoryLimit(memory / 2) // the collector works harder before
	// RLIMIT_AS would count what Go's runtime reserves and never uses.
	_ = unix.Setrlimit(unix.RLIMIT_DATA, &unix.Rlimit{Cur: uint64(memory), Max: uint64(memory)}) // without it there is still the deadline
	_ = unix.Setrlimit(unix.RLIMIT_CORE, &unix.Rlimit{})
}

// limitTime gives this process processor time for one more file.
func limitTime() {
	var used unix.Rusage
	if unix.Getrusage(unix.RUSAGE_SELF, &used) != nil {
		return
	}
	var now unix.Rlimit
	if unix.Getrlimit(unix.RLIMIT_CPU, &now) != nil {
		return
	}
	now.Cur = min(uint64(used.Utime.Sec+used.Stime.Sec)+seconds, now.Max)
	_ = unix.Setrlimit(unix.RLIMIT_CPU, &now)
}

// overTime says whether a process was ended by the limit of processor time.
func overTime(s *os.ProcessState) bool {
	status, ok := s.Sys().(syscall.WaitStatus)
	return ok && status.Signaled() && status.Signal() == syscall.SIGXCPU
}
