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
	c.asked = false
	_ = c.raw.Read(c.arrived) // what is wrong, reading tells
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
	c.into = p
	err = c.raw.Read(c.take)
	if c.into = nil; err != nil {
		return 0, err
	}
	n = c.taken
	switch err := c.failed; {
	case errors.Is(err, unix.EAGAIN), errors.Is(err, unix.EINTR):
		return 0, nil
	case err != nil:
		return 0, err
	case n == 0 && len(p) > 0:
		return 0, io.EOF
	}
	return n, nil
}

// asking is what a connection hands to its poller, made once: a function for each event would be garbage.
type asking struct {
	arrived, take func(fd uintptr) bool
	asked         bool   // of arrived
	into          []byte // for take, as the others
	taken         int
	failed        error
}

func (a *asking) prepare() {
	a.arrived = func(fd uintptr) bool {
		if a.asked {
			return true // the poller has said so
		}
		a.asked = true
		return readable(fd)
	}
	a.take = func(fd uintptr) bool {
		a.taken, a.failed = unix.Read(int(fd), a.into)
		return true
	}
}

func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
