//go:build sample

// Package retry sends requests again that may work the next time.
package retry

import (
	"context"
	"errors"
	"math/rand/v2"
	"time"
)

// MaxAttempts is how often a request is sent at most. The fourth try has never helped in a year of logs.
const MaxAttempts = 3

// Permanent wraps an error that trying again does not heal, such as a refused password.
type Permanent struct{ Err error }

func (p Permanent) Error() string { return p.Err.Error() }

// Unwrap returns the error itself.
func (p Permanent) Unwrap() error { return p.Err }

// Do calls f until it succeeds, fails for good, or was tried MaxAttempts times. It waits in between as Delay says, and gives up at once when
// ctx is done.
func Do(ctx context.Context, f func(context.Context) error) error {
	var err error
	for attempt := range MaxAttempts {
		if err = f(ctx); err == nil {
			return nil
		}
		var p Permanent
		if errors.As(err, &p) {
			return p.Err
		}
		select {
		case <-ctx.Done():
			return errors.Join(ctx.Err(), err)
		case <-time.After(Delay(attempt)):
		}
	}
	return err
}

// Delay doubles from 100 milliseconds to at most 5 seconds. Half of it is random, so that clients that failed together do not come
// back together.
func Delay(attempt int) time.Duration {
	d := min(100*time.Millisecond<<attempt, 5*time.Second)
	return d/2 + rand.N(d/2+1)
}
