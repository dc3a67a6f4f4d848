package assistant

import (
	"context"
	"errors"
	"io"

	"github.com/dragoman/dragoman/internal/provider"
)

// relay passes the stream of a model on. What is deep in it, up to the first events, has a stack of its own that is given back: the
// stack of a goroutine hardly ever shrinks, and a stream that waits for its next event is to hold no more than waiting takes.
func (e *Engine) relay(ctx context.Context, t *Turn) error {
	var stream *provider.Reply
	var recorded *recorder
	err := onOwnStack(func() (err error) {
		if stream, err = e.open(ctx, t); err != nil {
			return err
		}
		if err = t.Out.Begin(t); err != nil {
			return err
		}
		recorded = &recorder{Stream: stream, idle: !t.cacheable}
		return t.pumpReady(recorded)
	})
	if stream != nil {
		defer stream.Close()
	}
	switch {
	case recorded == nil:
		return err
	case err == nil:
		err = t.pump(recorded)
	case errors.Is(err, io.EOF):
		err = nil
	}
	return e.pumped(ctx, t, recorded, err)
}

// onOwnStack runs f in another goroutine and waits for it. A panic goes on in the caller, where its stack is printed as a whole.
func onOwnStack(f func() error) (err error) {
	done := make(chan any)
	go func() {
		var panicked any
		defer func() {
			if panicked == nil {
				panicked = recover()
			}
			done <- panicked
		}()
		err = f()
	}()
	if p := <-done; p != nil {
		panic(p)
	}
	return err
}
