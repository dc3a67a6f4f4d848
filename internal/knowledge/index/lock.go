package index

import (
	"context"
	"errors"
	"time"

	"github.com/gofrs/flock"
)

// ErrLocked is returned by TryLock while somebody else has the lock.
var ErrLocked = errors.New("another process works on the index")

// lockPoll is how often a process looks whether another one still has the lock of a file.
const lockPoll = 50 * time.Millisecond

// Lock waits until nobody else has the index's lock of a name, in whichever process. It ends with unlock, or with the process.
func (ix *Index) Lock(ctx context.Context, what string) (unlock func(), err error) {
	return ix.lock(ctx, what, true)
}

// TryLock is Lock that does not wait: it returns ErrLocked.
func (ix *Index) TryLock(ctx context.Context, what string) (unlock func(), err error) {
	return ix.lock(ctx, what, false)
}

// fileLock locks by files beside the index.
func fileLock(path string) func(ctx context.Context, what string, wait bool) (func(), error) {
	return func(ctx context.Context, what string, wait bool) (func(), error) {
		if what != "" {
			what = "." + what
		}
		lock := flock.New(path + what + ".lock")
		var ok bool
		var err error
		if wait {
			ok, err = lock.TryLockContext(ctx, lockPoll)
		} else {
			ok, err = lock.TryLock()
		}
		switch {
		case err != nil:
			return nil, err
		case !ok:
			return nil, ErrLocked
		}
		return func() { lock.Close() }, nil
	}
}
