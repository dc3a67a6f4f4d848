package cache

import (
	"container/list"
	"sync"
	"time"

	"github.com/dragoman/dragoman/internal/facts"
)

// Semantic finds the answer to a question that means the same as one that was answered before. Two things must hold: the
// questions' vectors are close, and no fact tells them apart (see package facts). It is bounded, least recently used answers go first, and
// none is older than its time to live. It may be used by several goroutines.
//
// Answers are shared within a scope alone, the hash of all that an answer depends on beside the question: the version of the
// assistant, the model, the guard's policy, what its asker may see, and the state of the knowledge. So nobody gets an answer from
// what they may not see, or from before an edit.
type Semantic[V any] struct {
	threshold float32
	maxBytes  int
	ttl       time.Duration
	now       func() time.Time

	mu     sync.RWMutex
	bytes  int
	order  *list.List // of *meaning[V]; front: used last
	scopes map[Key]map[*list.Element]struct{}
}

// meaning is a question that was answered.
type meaning[V any] struct {
	scope  Key
	vector []float32
	facts  *facts.Facts
	value  V
	size   int
	made   time.Time
}

// DefaultThreshold is the least cosine of two questions' vectors (all-MiniLM-L6-v2) at which one answer serves both; the figures
// behind it are in bench/README.md.
const DefaultThreshold = 0.875

// sameQuestion is the cosine from which on two questions are written the same but for spaces and the like.
const sameQuestion = 0.9999

// NewSemantic makes a cache of at most maxBytes, vectors included.
func NewSemantic[V any](threshold float32, maxBytes int, ttl time.Duration, now func() time.Time) *Semantic[V] {
	return &Semantic[V]{threshold: threshold, maxBytes: maxBytes, ttl: ttl, now: now, order: list.New(), scopes: map[Key]map[*list.Element]struct{}{}}
}

// Match is an answer that was found.
type Match[V any] struct {
	Value      V
	Similarity float32 // cosine, up to 1
	Made       time.Time
}

// Get returns the answer to the most similar question in a scope. vector has length 1. near is a similar question that a fact told
// apart, by name of the fact, for the trace; "" where there was none. maxAge of 0 is any age.
func (c *Semantic[V]) Get(scope Key, vector []float32, facts *facts.Facts, maxAge time.Duration) (m Match[V], ok bool, near string) {
	now := c.now()
	var found *list.Element
	var stale []*list.Element
	c.mu.RLock() // many look at once: that takes time, and changes nothing
	for el := range c.scopes[scope] {
		e := el.Value.(*meaning[V])
		age := now.Sub(e.made)
		if age >= c.ttl {
			stale = append(stale, el)
			continue
		}
		s := dot(vector, e.vector)
		if s < c.threshold || s <= m.Similarity || maxAge > 0 && age > maxAge {
			continue
		}
		if why := facts.Differ(e.facts); why != "" {
			near = why
			continue
		}
		found, m = el, Match[V]{e.value, s, e.made}
	}
	c.mu.RUnlock()
	if found == nil && len(stale) == 0 {
		return m, false, near
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for _, el := range stale {
		if _, there := c.scopes[scope][el]; there {
			c.remove(el)
		}
	}
	if found == nil {
		return m, false, near
	}
	if _, there := c.scopes[scope][found]; there {
		c.order.MoveToFront(found)
	}
	return m, true, ""
}

// Put keeps the answer to a question. size is what it takes in bytes, without the vector.
func (c *Semantic[V]) Put(scope Key, vector []float32, facts *facts.Facts, value V, size int) {
	c.PutMade(scope, vector, facts, value, size, c.now())
}

// PutMade is Put for an answer that was made at another time. A newer one to the very same question stays.
func (c *Semantic[V]) PutMade(scope Key, vector []float32, facts *facts.Facts, value V, size int, made time.Time) {
	size += 4*len(vector) + 512
	if size > c.maxBytes {
		return
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	for old := range c.scopes[scope] { // the very same question: this answer is newer
		if e := old.Value.(*meaning[V]); dot(vector, e.vector) > sameQuestion && facts.Differ(e.facts) == "" {
			if e.made.After(made) {
				return
			}
			c.remove(old)
		}
	}
	el := c.order.PushFront(&meaning[V]{scope, vector, facts, value, size, made})
	if c.scopes[scope] == nil {
		c.scopes[scope] = map[*list.Element]struct{}{}
	}
	c.scopes[scope][el] = struct{}{}
	c.bytes += size
	for c.bytes > c.maxBytes {
		c.remove(c.order.Back())
	}
}

// Drop lets go of all answers of which gone says so.
func (c *Semantic[V]) Drop(gone func(V) bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	for el := c.order.Front(); el != nil; {
		next := el.Next()
		if gone(el.Value.(*meaning[V]).value) {
			c.remove(el)
		}
		el = next
	}
}

func (c *Semantic[V]) remove(el *list.Element) {
	e := c.order.Remove(el).(*meaning[V])
	c.bytes -= e.size
	delete(c.scopes[e.scope], el)
	if len(c.scopes[e.scope]) == 0 {
		delete(c.scopes, e.scope)
	}
}

// Size is how many answers are kept, stale ones included, and their bytes.
func (c *Semantic[V]) Size() (answers, bytes int) {
	c.mu.RLock()
	defer c.mu.RUnlock()
	return c.order.Len(), c.bytes
}

func dot(a, b []float32) float32 {
	if len(a) != len(b) {
		return 0 // of another model
	}
	var s0, s1, s2, s3 float32
	i := 0
	for ; i+4 <= len(a); i += 4 {
		s0 += a[i] * b[i]
		s1 += a[i+1] * b[i+1]
		s2 += a[i+2] * b[i+2]
		s3 += a[i+3] * b[i+3]
	}
	for ; i < len(a); i++ {
		s0 += a[i] * b[i]
	}
	return s0 + s1 + s2 + s3
}
