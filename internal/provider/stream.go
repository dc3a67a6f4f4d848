package provider

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"time"

	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
	"github.com/dragoman/dragoman/internal/sse"
)

// stream reads the events of one answer.
type stream struct {
	p       *Provider
	ctx     context.Context
	body    io.ReadCloser
	events  *sse.Reader
	decoder dialect.StreamDecoder
	runes   dialect.Runes
	ev      chat.Event  // the last one
	watch   *time.Timer // ends the request when nothing comes
	stop    func()
	begun   bool // a token came
	waits   bool // for the next event, and the watch runs
	err     error
	once    sync.Once
}

func newStream(ctx context.Context, p *Provider, up dialect.Upstream, body io.ReadCloser, watch *time.Timer, stop func()) *stream {
	s := &stream{p: p, ctx: ctx, body: body, decoder: up.NewStream(), watch: watch, stop: stop}
	s.events = sse.NewReader(source{s}, maxEvent)
	return s
}

// source is what the events are read from. While it waits, the provider's silence is watched.
type source struct{ *stream }

var _ sse.Awaiter = source{}

func (s source) Read(p []byte) (int, error) {
	s.waiting()
	return s.body.Read(p)
}

// Await implements sse.Awaiter.
func (s source) Await() {
	s.waiting()
	if a, ok := s.body.(sse.Awaiter); ok {
		a.Await()
	}
}

// ReadNow implements sse.Awaiter.
func (s source) ReadNow(p []byte) (int, error) {
	if a, ok := s.body.(sse.Awaiter); ok {
		return a.ReadNow(p)
	}
	return 0, nil
}

func (s *stream) waiting() {
	if s.begun && !s.waits {
		s.waits = true
		s.watch.Reset(s.p.cfg.IdleTimeout)
	}
}

// More says whether the next event may be at hand already.
func (s *stream) More() bool { return s.err == nil && s.events.More() }

// Next implements chat.Stream.
func (s *stream) Next() (*chat.Event, error) {
	for s.err == nil {
		if s.decoder.Ended() {
			s.err = io.EOF
			if b, ok := s.body.(interface{ Done() }); ok {
				b.Done() // the end of the response may come later than that of the answer, and need not be waited for
			}
			break
		}
		raw, err := s.events.Next()
		if err != nil {
			s.err = s.end(err)
			break
		}
		if ev := s.decode(raw); ev != nil {
			return ev, nil
		}
	}
	s.events.Release()
	s.Close()
	return nil, s.err
}

// decode returns nil for an event that tells nothing, and one that breaks the stream. It has a frame of its own, so that the stack
// of a stream that waits is small.
func (s *stream) decode(raw sse.Event) *chat.Event {
	var err error
	if s.ev, err = s.decoder.Decode(raw.Name, raw.Data); err != nil {
		s.err = s.p.own(s.broken(chat.AsError(err)))
		return nil
	}
	ev := &s.ev
	s.runes.Join(ev)
	first := !s.begun && (ev.Says() || ev.Finish != "")
	if first || s.waits {
		s.watch.Stop() // how long the caller takes is not the provider's silence
		s.begun, s.waits = true, false
	}
	if ev.Raw != nil || ev.Says() || ev.Finish != "" || ev.Usage != nil {
		return ev
	}
	return nil
}

// end says what it means that no more events can be read.
func (s *stream) end(err error) error {
	if errors.Is(err, io.EOF) {
		if s.decoder.Complete() {
			return io.EOF
		}
		return s.p.own(s.broken(&chat.Error{Code: chat.CodeUpstream, Message: "the answer broke off", Err: io.ErrUnexpectedEOF, Died: true}))
	}
	if errors.Is(err, sse.ErrTooLarge) {
		return s.p.own(s.broken(&chat.Error{Code: chat.CodeUpstream, Message: "the provider sent what is no event stream", Err: err}))
	}
	e := s.p.netError(s.ctx, err)
	if s.begun && e.Code == chat.CodeTimeout {
		e.Message = fmt.Sprintf("nothing came for %s in the middle of the answer", s.p.cfg.IdleTimeout)
	}
	return s.p.own(s.broken(e))
}

// broken gives a failure after the first token its own code: what came so far is not an answer. What it was before stays its cause.
func (s *stream) broken(e *chat.Error) *chat.Error {
	if s.begun && e.Code != chat.CodeCancelled {
		cause := *e
		e.Code, e.Err = chat.CodeStreamBroken, &cause
	}
	return e
}

// Close ends the request.
func (s *stream) Close() error {
	s.once.Do(func() {
		s.stop()
		s.body.Close()
	})
	return nil
}

// wholeStream is the answer of a server that does not stream.
type wholeStream struct{ left []chat.Event }

func (s *wholeStream) Next() (*chat.Event, error) {
	if len(s.left) == 0 {
		return nil, io.EOF
	}
	ev := &s.left[0]
	s.left = s.left[1:]
	return ev, nil
}

func (s *wholeStream) More() bool { return len(s.left) > 0 }

func (s *wholeStream) Close() error { return nil }
