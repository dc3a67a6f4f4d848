package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// server is a server's process with its children, on this machine and under Linux; elsewhere nothing is known of it.
type server struct {
	pid int // 0: there is none
}

// processes are the server's process and those below it.
func (s server) processes() []int {
	if s.pid == 0 {
		return nil
	}
	all := []int{s.pid}
	for i := 0; i < len(all); i++ {
		lists, _ := filepath.Glob(fmt.Sprintf("/proc/%d/task/*/children", all[i]))
		for _, list := range lists {
			data, _ := os.ReadFile(list)
			for _, f := range strings.Fields(string(data)) {
				if pid, err := strconv.Atoi(f); err == nil {
					all = append(all, pid)
				}
			}
		}
	}
	return all
}

// cpu is the processor time of the server so far, that of children that ended included (proc_pid_stat(5)). It is counted in hundredths of a
// second.
func (s server) cpu() time.Duration {
	const tick = time.Second / 100
	ticks := 0
	for _, pid := range s.processes() {
		data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/stat", pid))
		_, after, _ := bytes.Cut(data, []byte(") ")) // the name before it may hold anything
		fields := strings.Fields(string(after))
		if len(fields) < 15 {
			continue
		}
		for _, f := range fields[11:15] { // utime, stime, cutime, cstime
			n, _ := strconv.Atoi(f)
			ticks += n
		}
	}
	return time.Duration(ticks) * tick
}

// memory is what the server has of it, in bytes; what its processes share counts once.
func (s server) memory() int { return s.rollup("Pss:") }

// anonymous is the part of memory that is not of mapped files, which the system may let go of.
func (s server) anonymous() int { return s.rollup("Pss_Anon:") + s.rollup("Pss_Shmem:") }

func (s server) rollup(name string) (sum int) {
	for _, pid := range s.processes() {
		data, _ := os.ReadFile(fmt.Sprintf("/proc/%d/smaps_rollup", pid))
		for line := range strings.Lines(string(data)) {
			if f := strings.Fields(line); len(f) > 1 && f[0] == name {
				n, _ := strconv.Atoi(f[1])
				sum += n << 10
			}
		}
	}
	return sum
}

// load is the machine's, over 1, 5 and 15 minutes.
func load() string {
	data, err := os.ReadFile("/proc/loadavg")
	if f := strings.Fields(string(data)); err == nil && len(f) > 3 {
		return strings.Join(f[:3], " ")
	}
	return "unknown"
}

// cpu is the processor time of this process so far. On a machine that does other work, too, it says more than a clock.
func cpu() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}
