// Package cache keeps answers, so that the same question over the same passages costs nothing.
package cache

import (
	"container/list"
	"crypto/sha256"
	"encoding/binary"
	"sync"
	"time"
)

// Key identifies a prompt: equal keys mean that a model would be sent the same bytes for somebody with the same rights.
type Key [sha256.Size]byte

// KeyOf hashes fields, each with its length, so that no two lists of fields run together.
func KeyOf(fields ...string) Key {
	h := sha256.New()
	var n [8]byte
	for _, f := range fields {
		binary.LittleEndian.PutUint64(n[:], uint64(len(f)))
		h.Write(n[:])
		h.Write([]byte(f))
	}
	return Key(h.Sum(nil))
}

// Exact is a bounded cache in memory: least recently used values go first, and none is older than its time to live. It may
// be used by several goroutines.
type Exact[V any] struct {
	maxBytes int
	ttl      time.Duration
	now      func() time.Time

	mu      sync.Mutex
	bytes   int
	entries map[Key]*list.Element
	order   *list.List // front: used last
	flights map[Key]chan struct{}
}

type entry[V any] struct {
	key   Key
	value V
	size  int
	made  time.Time
}

// NewExact makes a cache of at most maxBytes (as counted by the sizes given to Put).
func NewExact[V any](maxBytes int, ttl time.Duration, now func() time.Time) *Exact[V] {
	return &Exact[V]{maxBytes: maxBytes, ttl: ttl, now: now, entries: map[Key]*list.Element{}, order: list.New(), flights: map[Key]chan struct{}{}}
}

// Get returns the value under key if it is there, fresh, and no older than maxAge where that is not 0.
func (c *Exact[V]) Get(key Key, maxAge time.Duration) (V, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	var none V
	el, ok := c.entries[key]
	if !ok {
		return none, false
	}
	e := el.Value.(*entry[V])
	age := c.now().Sub(e.made)
	if age >= c.ttl {
		c.drop(el)
		return none, false
	}
	if maxAge > 0 && age > maxAge {
		return none, false
	}
	c.order.MoveToFront(el)
	return e.value, true
}

// Put keeps a value of the given size. One larger than the whole cache is not kept.
func (c *Exact[V]) Put(key Key, value V, size int) { c.PutMade(key, value, size, c.now()) }

// PutMade is Put for a value that was made at another time.
func (c *Exact[V]) PutMade(key Key, value V, size int, made time.Time) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if el, ok := c.entries[key]; ok {
		c.drop(el)
	}
	if size > c.maxBytes {
		return
	}
	for c.bytes+size > c.maxBytes {
		c.drop(c.order.Back())
	}
	c.entries[key] = c.order.PushFront(&entry[V]{key, value, size, made})
	c.bytes += size
}

// Drop lets go of all values of which gone says so.
func (c *Exact[V]) Drop(gone func(V) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for el := c.order.Front(); el != nil; {
		next := el.Next()
		if gone(el.Value.(*entry[V]).value) {
			c.drop(el)
		}
		el = next
	}
}

func (c *Exact[V]) drop(el *list.Element) {
	e := c.order.Remove(el).(*entry[V])
	delete(c.entries, e.key)
	c.bytes -= e.size
}

// Size is how many values are kept, stale ones included, and their bytes.
func (c *Exact[V]) Size() (values, bytes int) {
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.entries), c.bytes
}
