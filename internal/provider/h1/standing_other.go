//go:build !unix

package h1

import (
	"errors"
	"net"
)

func standing(net.Conn) bool { return true }

func readNow(net.Conn, []byte) (int, error) { return 0, errors.ErrUnsupported }

func isReset(err error) bool { return errors.Is(err, net.ErrClosed) }
