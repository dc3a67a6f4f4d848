package cache

import (
	"context"
	"errors"
	"log/slog"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// shelf is a store in memory that can fail and hang.
type shelf struct {
	mu       sync.Mutex
	answers  map[Key][]byte
	made     map[Key]time.Time
	meanings []CommonMeaning
	fails    error
	hangs    bool
	asked    atomic.Int64
	wrote    chan struct{}
}

func (s *shelf) trouble(ctx context.Context) error {
	s.asked.Add(1)
	if s.hangs {
		<-ctx.Done()
		return ctx.Err()
	}
	return s.fails
}

func (s *shelf) CachedAnswer(ctx context.Context, key Key) ([]byte, time.Time, error) {
	if err := s.trouble(ctx); err != nil {
		return nil, time.Time{}, err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.answers[key], s.made[key], nil
}

func (s *shelf) CachedMeanings(ctx context.Context, _ Key, after int64, _ int) (list []CommonMeaning, _ error) {
	if err := s.trouble(ctx); err != nil {
		return nil, err
	}
	for _, m := range s.meanings {
		if m.Number > after {
			list = append([]CommonMeaning{m}, list...)
		}
	}
	return list, nil
}

func (s *shelf) KeepAnswer(ctx context.Context, key Key, _ Asker, made time.Time, body []byte) error {
	defer func() { s.wrote <- struct{}{} }()
	if err := s.trouble(ctx); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.answers[key], s.made[key] = body, made
	return nil
}

func (s *shelf) KeepMeaning(context.Context, Key, Key, Asker, time.Time, []byte) error { return nil }
func (s *shelf) TrimCache(context.Context, Bound, Bound) error                         { return nil }

func newShelf() (*Common, *shelf, *atomic.Pointer[time.Time]) {
	s := &shelf{answers: map[Key][]byte{}, made: map[Key]time.Time{}, wrote: make(chan struct{}, 10)}
	now := &atomic.Pointer[time.Time]{}
	set := time.Date(2026, 11, 25, 12, 0, 0, 0, time.UTC)
	now.Store(&set)
	return NewCommon(s, CommonOptions{TTL: time.Hour, MeaningTTL: time.Hour, Now: func() time.Time { return *now.Load() }, Log: slog.New(slog.DiscardHandler)}), s, now
}

func later(now *atomic.Pointer[time.Time], d time.Duration) {
	next := now.Load().Add(d)
	now.Store(&next)
}

// TestCommonAnswers: what was kept is there, for as long as it is fresh.
func TestCommonAnswers(t *testing.T) {
	c, s, now := newShelf()
	c.Start(t.Context())
	defer c.Stop()
	key := KeyOf("a")
	c.KeepAnswer(key, Asker{}, *now.Load(), func() ([]byte, error) { return []byte("yes"), nil })
	<-s.wrote
	if body, _, ok := c.Answer(t.Context(), key, 0); !ok || string(body) != "yes" {
		t.Errorf("%q %v", body, ok)
	}
	later(now, 30*time.Minute)
	if _, _, ok := c.Answer(t.Context(), key, time.Minute); ok {
		t.Error("it is older than was asked for")
	}
	later(now, 30*time.Minute)
	if _, _, ok := c.Answer(t.Context(), key, 0); ok {
		t.Error("its time to live is over")
	}
	if _, _, ok := c.Answer(t.Context(), KeyOf("b"), 0); ok {
		t.Error("there is no such answer")
	}
}

// TestCommonMeaningsAreReadOnce: each answer of a scope is read once.
func TestCommonMeaningsAreReadOnce(t *testing.T) {
	c, s, now := newShelf()
	old := now.Load().Add(-2 * time.Hour)
	s.meanings = []CommonMeaning{{1, old, nil}, {2, *now.Load(), nil}}
	if fresh := c.Meanings(t.Context(), KeyOf("s")); len(fresh) != 1 || fresh[0].Number != 2 {
		t.Errorf("%v", fresh)
	}
	if fresh := c.Meanings(t.Context(), KeyOf("s")); len(fresh) != 0 {
		t.Errorf("again: %v", fresh)
	}
	s.meanings = append(s.meanings, CommonMeaning{7, *now.Load(), nil})
	if fresh := c.Meanings(t.Context(), KeyOf("s")); len(fresh) != 1 || fresh[0].Number != 7 {
		t.Errorf("%v", fresh)
	}
}

// TestCommonInTrouble: a store that fails or hangs has nothing, and is not asked again for a while.
func TestCommonInTrouble(t *testing.T) {
	for name, trouble := range map[string]func(*shelf){"fails": func(s *shelf) { s.fails = errors.New("gone") }, "hangs": func(s *shelf) { s.hangs = true }} {
		c, s, now := newShelf()
		trouble(s)
		for range 10 {
			if _, _, ok := c.Answer(t.Context(), KeyOf("a"), 0); ok {
				t.Error("there is nothing")
			}
			if m := c.Meanings(t.Context(), KeyOf("a")); m != nil {
				t.Error(m)
			}
		}
		if n := s.asked.Load(); n != 1 {
			t.Errorf("a store that %s was asked %d times in a moment", name, n)
		}
		s.fails, s.hangs = nil, false
		s.answers[KeyOf("a")], s.made[KeyOf("a")] = []byte("yes"), *now.Load()
		later(now, aloneFor)
		if _, _, ok := c.Answer(t.Context(), KeyOf("a"), 0); !ok {
			t.Errorf("a store that no longer %s is not asked again", name)
		}
	}
}

// TestCommonGivesUpWriting: what cannot be written is dropped, and what waits is bounded.
func TestCommonGivesUpWriting(t *testing.T) {
	c, _, now := newShelf()
	for range 2 * mostWaiting { // nobody writes yet
		c.KeepAnswer(KeyOf("a"), Asker{}, *now.Load(), func() ([]byte, error) { return nil, nil })
	}
	if n := len(c.queue); n != mostWaiting {
		t.Errorf("%d wait", n)
	}
	c, s, now := newShelf()
	s.fails = errors.New("gone")
	c.Start(t.Context())
	c.KeepAnswer(KeyOf("a"), Asker{}, *now.Load(), func() ([]byte, error) { return []byte("yes"), nil })
	<-s.wrote
	c.Stop()
	var none *Common
	none.Start(t.Context())
	none.KeepAnswer(KeyOf("a"), Asker{}, time.Time{}, nil)
	none.Stop()
}
