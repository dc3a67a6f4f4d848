//go:build unix

package journal

import (
	"os"

	"golang.org/x/sys/unix"
)

// mapped is the file as memory: what is copied there is the kernel's at once, without a system call, and outlasts the process.
func mapped(f *os.File, size int) ([]byte, error) {
	return unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
}

// letGo takes what was written out of the process's memory; it stays in the kernel's.
func letGo(mem []byte) { _ = unix.Madvise(mem, unix.MADV_DONTNEED) }

func unmap(mem []byte) { _ = unix.Munmap(mem) }
