package assistant

import (
	"context"
	"fmt"
	"runtime/debug"

	"github.com/dragoman/dragoman/internal/provider"
)

// relay passes the stream of a model on. What is deep in it, up to the first events, has a stack of its own that is given back: the
// stack of a goroutine hardly ever shrinks, and a stream that waits for its next event is to hold no more than waiting takes.
func (e *Engine) relay(ctx context.Context, t *Turn) error {
	var stream *provider.Reply
	var recorded *recorder
	var more bool
	err := onOwnStack(func() (err error) {
		if stream, err = e.open(ctx, t); err != nil {
			return err
		}
		if err = t.Out.Begin(t); err != nil {
			return err
		}
		recorded = &recorder{Stream: stream, idle: !t.cacheable}
		more, err = t.pumpReady(recorded)
		return err
	})
	if stream != nil {
		defer stream.Close()
	}
	if recorded == nil {
		return err
	}
	if more {
		err = t.pump(recorded)
	}
	return e.pumped(ctx, t, recorded, err)
}

// onOwnStack runs f in another goroutine and waits for it. A panic goes on in the caller, as a *panicked.
func onOwnStack(f func() error) (err error) {
	done := make(chan *panicked)
	go func() {
		defer func() {
			var p *panicked
			if v := recover(); v != nil {
				p = &panicked{v, debug.Stack()}
			}
			done <- p
		}()
		deepen()
		err = f()
	}()
	if p := <-done; p != nil {
		panic(p)
	}
	return err
}

// deepen makes the stack of a new goroutine at once as large as a request needs: it would be copied three times on the way, each time
// with more on it.
//
//go:noinline
func deepen() byte {
	var room [9 << 10]byte
	return room[len(room)-1-int(room[0])]
}

// panicked is a panic of another goroutine, with the stack that it had there.
type panicked struct {
	value any
	stack []byte
}

func (p *panicked) Error() string { return fmt.Sprintf("%v\n%s", p.value, p.stack) }

func (p *panicked) Unwrap() error {
	err, _ := p.value.(error)
	return err
}
