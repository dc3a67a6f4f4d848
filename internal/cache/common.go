package cache

import (
	"context"
	"log/slog"
	"sync"
	"time"
)

// CommonStore keeps answers for several processes. Its methods may be called by many of them at once.
type CommonStore interface {
	// CachedAnswer returns nil where there is none.
	CachedAnswer(ctx context.Context, key Key) (body []byte, made time.Time, err error)
	// CachedMeanings returns the newest answers of a scope whose number is higher, at most so many, the newest first.
	CachedMeanings(ctx context.Context, scope Key, after int64, most int) ([]CommonMeaning, error)
	// KeepAnswer keeps an answer in place of an older one, unless data of who asked was erased since it was made.
	KeepAnswer(ctx context.Context, key Key, asked Asker, made time.Time, body []byte) error
	// KeepMeaning keeps the answer to a question in place of an older one, with a number of its own, as KeepAnswer.
	KeepMeaning(ctx context.Context, scope, question Key, asked Asker, made time.Time, body []byte) error
	// TrimCache deletes what is too old, and the oldest of what is too much.
	TrimCache(ctx context.Context, answers, meanings Bound) error
}

// Asker is who asked, by hashes of the names under which their data may be erased.
type Asker [2]Key

// Bound is what is kept: what was made since, up to so many bytes.
type Bound struct {
	Before time.Time
	Bytes  int64
}

// CommonMeaning is an answer to a question of a scope.
type CommonMeaning struct {
	Number int64
	Made   time.Time
	Body   []byte
}

// CommonOptions bound it.
type CommonOptions struct {
	Bytes, MeaningBytes int64
	TTL, MeaningTTL     time.Duration
	Now                 func() time.Time
	Log                 *slog.Logger
}

// Common is a cache that processes have in common, behind those in memory. It makes nobody wait for long: a store that does not answer at
// once has nothing, and is left alone for a while; what is to be kept is written later, and dropped where too much of it waits. A nil one
// keeps nothing. It is safe for concurrent use.
type Common struct {
	store CommonStore
	o     CommonOptions
	queue chan func(context.Context) error
	stop  context.CancelFunc
	ended chan struct{}

	mu     sync.Mutex
	alone  time.Time     // until when the store is left alone
	latest map[Key]int64 // number of the latest answer of a scope that was read
}

const (
	// lookWithin bounds the wait for an answer: many times what a database in the same network needs.
	lookWithin = 200 * time.Millisecond
	// aloneFor is how long a store is left alone that failed or was slow.
	aloneFor = 5 * time.Second
	// mostWaiting bounds what waits to be written.
	mostWaiting = 256
	// writeWithin bounds writing one.
	writeWithin = 5 * time.Second
	// trimEvery is how often the bounds are enforced, if anything was written.
	trimEvery = time.Minute
	// mostMeanings is how many answers of a scope are read at a time.
	mostMeanings = 200
	// mostScopes bounds for how many scopes is known what was read.
	mostScopes = 10_000
)

// NewCommon makes one. Start lets it write.
func NewCommon(s CommonStore, o CommonOptions) *Common {
	return &Common{store: s, o: o, queue: make(chan func(context.Context) error, mostWaiting), latest: map[Key]int64{}}
}

// Start begins to write. Stop must be called.
func (c *Common) Start(ctx context.Context) {
	if c == nil {
		return
	}
	ctx, c.stop = context.WithCancel(context.WithoutCancel(ctx))
	c.ended = make(chan struct{})
	go func() {
		defer close(c.ended)
		tick := time.NewTicker(trimEvery)
		defer tick.Stop()
		wrote := true // by an earlier process
		for {
			var err error
			select {
			case <-ctx.Done():
				return
			case write := <-c.queue:
				if !c.open() {
					continue
				}
				err, wrote = c.bounded(ctx, writeWithin, write), true
			case <-tick.C:
				if !wrote || !c.open() {
					continue
				}
				now := c.o.Now()
				err = c.bounded(ctx, writeWithin, func(ctx context.Context) error {
					return c.store.TrimCache(ctx, Bound{now.Add(-c.o.TTL), c.o.Bytes}, Bound{now.Add(-c.o.MeaningTTL), c.o.MeaningBytes})
				})
				wrote = err != nil
			}
			if err != nil && ctx.Err() == nil {
				c.close(err)
			}
		}
	}()
}

// Stop ends writing. What waits is dropped.
func (c *Common) Stop() {
	if c != nil && c.stop != nil {
		c.stop()
		<-c.ended
	}
}

func (c *Common) bounded(ctx context.Context, most time.Duration, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, most)
	defer cancel()
	return do(ctx)
}

// open says whether the store may be asked.
func (c *Common) open() bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	return !c.o.Now().Before(c.alone)
}

// close leaves the store alone for a while.
func (c *Common) close(err error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.alone = c.o.Now().Add(aloneFor)
	c.o.Log.Debug("the common cache is left alone for a while", "err", err)
}

// Answer looks for an answer that is fresh, and no older than maxAge where that is not 0.
func (c *Common) Answer(ctx context.Context, key Key, maxAge time.Duration) (body []byte, made time.Time, ok bool) {
	if c == nil || !c.open() {
		return nil, time.Time{}, false
	}
	err := c.bounded(ctx, lookWithin, func(ctx context.Context) (err error) {
		body, made, err = c.store.CachedAnswer(ctx, key)
		return err
	})
	if err != nil {
		if ctx.Err() == nil {
			c.close(err)
		}
		return nil, time.Time{}, false
	}
	age := c.o.Now().Sub(made)
	return body, made, body != nil && age < c.o.TTL && (maxAge == 0 || age <= maxAge)
}

// Meanings returns the answers of a scope that have come since it was called last.
func (c *Common) Meanings(ctx context.Context, scope Key) (fresh []CommonMeaning) {
	if c == nil || !c.open() {
		return nil
	}
	c.mu.Lock()
	after := c.latest[scope]
	c.mu.Unlock()
	var all []CommonMeaning
	err := c.bounded(ctx, lookWithin, func(ctx context.Context) (err error) {
		all, err = c.store.CachedMeanings(ctx, scope, after, mostMeanings)
		return err
	})
	if err != nil {
		if ctx.Err() == nil {
			c.close(err)
		}
		return nil
	}
	if len(all) == 0 {
		return nil
	}
	c.mu.Lock()
	if len(c.latest) >= mostScopes {
		clear(c.latest)
	}
	c.latest[scope] = max(c.latest[scope], all[0].Number)
	c.mu.Unlock()
	for _, m := range all {
		if c.o.Now().Sub(m.Made) < c.o.MeaningTTL {
			fresh = append(fresh, m)
		}
	}
	return fresh
}

// KeepAnswer keeps an answer, later. encode makes its bytes; nil where it is not to be kept.
func (c *Common) KeepAnswer(key Key, asked Asker, made time.Time, encode func() ([]byte, error)) {
	c.later(encode, func(ctx context.Context, body []byte) error { return c.store.KeepAnswer(ctx, key, asked, made, body) })
}

// KeepMeaning keeps the answer to a question of a scope, as KeepAnswer.
func (c *Common) KeepMeaning(scope, question Key, asked Asker, made time.Time, encode func() ([]byte, error)) {
	c.later(encode, func(ctx context.Context, body []byte) error {
		return c.store.KeepMeaning(ctx, scope, question, asked, made, body)
	})
}

func (c *Common) later(encode func() ([]byte, error), write func(context.Context, []byte) error) {
	if c == nil {
		return
	}
	select {
	case c.queue <- func(ctx context.Context) error {
		body, err := encode()
		if err != nil || body == nil {
			return err
		}
		return write(ctx, body)
	}:
	default: // it is a cache
	}
}
