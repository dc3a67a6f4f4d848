package knowledge

import (
	"context"
	"errors"
	"fmt"

	"github.com/dragoman/dragoman/internal/knowledge/index"
)

// hold makes this the one writer of the collection, also across processes, until release is called.
func (c *Collection) hold(ctx context.Context) (release func(), err error) {
	select {
	case c.gate <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	unlock, err := c.index.Lock(ctx, "")
	if err != nil {
		<-c.gate
		return nil, fmt.Errorf("wait for the process that is indexing %s: %w", c.Name, err)
	}
	return func() { unlock(); <-c.gate }, nil
}

// Busy says whether somebody, here or in another process, is bringing the collection up to date now.
func (c *Collection) Busy(ctx context.Context) bool {
	if len(c.gate) > 0 {
		return true
	}
	unlock, err := c.index.TryLock(ctx, "")
	if err == nil {
		unlock()
	}
	return errors.Is(err, index.ErrLocked)
}
