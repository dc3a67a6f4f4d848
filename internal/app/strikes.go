package app

import (
	"context"
	"encoding/hex"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/provider/gate"
)

// strikes tells servers on the same database over which requests model servers died, so that each of them does not have to lose its own
// before it keeps such a request back.
type strikes struct {
	tell   func(ctx context.Context, word string) error
	queue  chan string
	cancel context.CancelFunc
	ended  chan struct{}
}

const (
	struckWord, answeredWord = "struck", "answered"
	// mostStrikes bounds what waits to be told. It is rare, and what is dropped costs one more server.
	mostStrikes = 64
	// tellWithin bounds telling one.
	tellWithin = 5 * time.Second
)

func startStrikes(q *gate.Quarantine, tell func(ctx context.Context, word string) error) *strikes {
	ctx, cancel := context.WithCancel(context.Background()) // the server's own life, ended by stop
	s := &strikes{tell, make(chan string, mostStrikes), cancel, make(chan struct{})}
	q.Share(func(f gate.Fingerprint, struck bool) {
		word := answeredWord
		if struck {
			word = struckWord
		}
		select {
		case s.queue <- word + " " + hex.EncodeToString(f[:]):
		default:
		}
	})
	go func() {
		defer close(s.ended)
		for {
			select {
			case <-ctx.Done():
				return
			case word := <-s.queue:
				bounded, done := context.WithTimeout(ctx, tellWithin)
				_ = s.tell(bounded, word) // without a database each server learns for itself
				done()
			}
		}
	}()
	return s
}

func (s *strikes) stop() {
	if s != nil {
		s.cancel()
		<-s.ended
	}
}

// heardStrike takes over what another server told.
func heardStrike(q *gate.Quarantine, word string) {
	what, print, _ := strings.Cut(word, " ")
	var f gate.Fingerprint
	if n, err := hex.Decode(f[:], []byte(print[:min(len(print), 2*len(f))])); err != nil || n != len(f) {
		return // of another version
	}
	switch what {
	case struckWord, answeredWord:
		q.Heard(f, what == struckWord)
	}
}
