package journal

import (
	"errors"
	"os"

	"golang.org/x/sys/unix"
)

// allocate takes room from the disk, so that writing there cannot fail for want of it.
func allocate(f *os.File, size int64) error {
	err := unix.Fallocate(int(f.Fd()), 0, 0, size)
	if errors.Is(err, unix.EOPNOTSUPP) || errors.Is(err, unix.ENOSYS) {
		return fill(f, size)
	}
	return err
}

// flush brings what was written to the disk. The file has its size from the beginning, so its times are all that is left behind.
func flush(f *os.File) error {
	raw, err := f.SyscallConn()
	if err != nil {
		return err
	}
	var failed error
	sync := func(fd uintptr) {
		for failed = unix.Fdatasync(int(fd)); failed == unix.EINTR; failed = unix.Fdatasync(int(fd)) {
		}
	}
	if raw.Control(sync) != nil {
		return os.ErrClosed // there is no other reason
	}
	return failed
}
