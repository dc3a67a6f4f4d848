//go:build unix

package h1

import (
	"errors"
	"io"
	"syscall"

	"golang.org/x/sys/unix"
)

// await returns when there is something to read, the end or an error among it. Where it cannot tell it returns at once.
func (c *conn) await() {
	if c.raw == nil {
		return
	}
	asked := false
	_ = c.raw.Read(func(fd uintptr) bool { // what is wrong, reading tells
		if asked {
			return true // the poller has said so
		}
		asked = true
		return readable(fd)
	})
}

// standing says whether an idle connection can be used: its other end has neither closed it nor said anything.
func (c *conn) standing() bool {
	if c.raw == nil {
		return true
	}
	there := false
	err := c.raw.Read(func(fd uintptr) bool {
		there = readable(fd)
		return true
	})
	return err == nil && !there
}

func readable(fd uintptr) bool {
	for {
		n, err := unix.Poll([]unix.PollFd{{Fd: int32(fd), Events: unix.POLLIN}}, 0)
		if !errors.Is(err, unix.EINTR) {
			return err != nil || n > 0
		}
	}
}

// readNow reads what has come, which may be nothing.
func (c *conn) readNow(p []byte) (n int, err error) {
	if c.raw == nil {
		return 0, nil
	}
	var got error
	if err := c.raw.Read(func(fd uintptr) bool {
		n, got = unix.Read(int(fd), p)
		return true
	}); err != nil {
		return 0, err
	}
	switch {
	case errors.Is(got, unix.EAGAIN), errors.Is(got, unix.EINTR):
		return 0, nil
	case got != nil:
		return 0, got
	case n == 0 && len(p) > 0:
		return 0, io.EOF
	}
	return n, nil
}

func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
