//go:build !unix

package h1

import (
	"errors"
	"net"
)

// Where connections cannot be asked, reading waits with a buffer in its hand.

type asking struct{}

func (a *asking) prepare() {}

func (c *conn) await() {}

func (c *conn) standing() bool { return true }

func (c *conn) readNow([]byte) (int, error) { return 0, nil }

func isReset(err error) bool { return errors.Is(err, net.ErrClosed) }
