//go:build unix

package h1

import (
	"errors"
	"io"
	"net"
	"syscall"

	"golang.org/x/sys/unix"
)

// standing says whether an idle connection can be used: its other end has neither closed it nor said anything.
func standing(c net.Conn) bool {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return true
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return false
	}
	var peeked error
	n := 0
	err = raw.Read(func(fd uintptr) bool {
		var b [1]byte
		n, _, peeked = unix.Recvfrom(int(fd), b[:], unix.MSG_PEEK|unix.MSG_DONTWAIT)
		return true
	})
	return err == nil && n <= 0 && (errors.Is(peeked, unix.EAGAIN) || errors.Is(peeked, unix.EWOULDBLOCK))
}

// errNotNow says that there is nothing to read yet.
var errNotNow = errors.New("nothing has come")

// readNow reads what has come.
func readNow(c net.Conn, p []byte) (n int, err error) {
	sc, ok := c.(syscall.Conn)
	if !ok {
		return 0, errNotNow
	}
	raw, err := sc.SyscallConn()
	if err != nil {
		return 0, err
	}
	var got error
	err = raw.Read(func(fd uintptr) bool {
		n, got = unix.Read(int(fd), p)
		return true
	})
	switch {
	case err != nil:
		return 0, err
	case got != nil:
		return 0, errNotNow
	case n == 0:
		return 0, io.EOF
	}
	return n, nil
}

func isReset(err error) bool {
	return errors.Is(err, syscall.ECONNRESET) || errors.Is(err, syscall.EPIPE)
}
