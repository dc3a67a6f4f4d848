//go:build unix

package sqlite

import (
	"os"

	"golang.org/x/sys/unix"
)

// mapped is the file as memory that processes share.
func mapped(f *os.File, size int) ([]byte, error) {
	return unix.Mmap(int(f.Fd()), 0, size, unix.PROT_READ|unix.PROT_WRITE, unix.MAP_SHARED)
}

func unmap(mem []byte) { _ = unix.Munmap(mem) }
