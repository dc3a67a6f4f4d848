package cache

import (
	"math"
	"strconv"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/dragoman/dragoman/internal/facts"
)

func at(angle float64) []float32 {
	return []float32{float32(math.Cos(angle)), float32(math.Sin(angle))}
}

func TestSemantic(t *testing.T) {
	now := time.Unix(0, 0)
	c := NewSemantic[string](0.9, 10_000, time.Hour, func() time.Time { return now })
	a, b := KeyOf("a"), KeyOf("b")
	plain := facts.Of("how do I round prices")
	c.Put(a, at(0), plain, "zero", 0)
	c.Put(a, at(0.3), plain, "third", 0)
	c.Put(a, at(0.2), facts.Of("how do I round 7 prices"), "seven", 0)
	get := func(scope Key, angle float64) string {
		m, ok, near := c.Get(scope, at(angle), plain, 0)
		if !ok {
			return "none " + near
		}
		return m.Value
	}
	for _, q := range []struct {
		scope Key
		angle float64
		want  string
	}{{a, 0.05, "zero"}, {a, 0.2, "third"}, {a, 1.5, "none "}, {b, 0, "none "}} {
		if got := get(q.scope, q.angle); got != q.want {
			t.Errorf("at %v: %s", q.angle, got)
		}
	}
	if _, ok, near := c.Get(a, at(0.2), facts.Of("how do I round 8 prices"), 0); ok || near != "number" {
		t.Errorf("another number is answered, %q", near)
	}
	if _, ok, _ := c.Get(a, []float32{1, 0, 0}, plain, 0); ok {
		t.Error("a vector of another model is answered")
	}
	now = now.Add(30 * time.Minute)
	if _, ok, _ := c.Get(a, at(0), plain, time.Minute); ok {
		t.Error("older than was asked for")
	}
	for i := range 100 {
		c.Put(b, at(float64(i)), plain, "filler", 0)
	}
	if n, _ := c.Size(); n > 20 || get(a, 0) != "none " {
		t.Errorf("%d answers in 10 KB, and the oldest is still there", n)
	}
	now = now.Add(time.Hour)
	found := get(b, 99)
	if n, bytes := c.Size(); found != "none " || n != 0 || bytes != 0 || len(c.scopes) != 0 {
		t.Errorf("%s: %d answers of %d bytes outlive their time", found, n, bytes)
	}
	c.Put(a, at(0), plain, "huge", 20_000)
	if n, _ := c.Size(); n != 0 {
		t.Error("larger than the cache")
	}
}

// TestSemanticAtOnce: many look and keep at the same time, in a cache that is always full.
func TestSemanticAtOnce(t *testing.T) {
	var tick atomic.Int64
	c := NewSemantic[int](0.9, 20_000, 50, func() time.Time { return time.Unix(0, tick.Add(1)) })
	var all sync.WaitGroup
	for g := range 8 {
		all.Go(func() {
			said := facts.Of("how do I round prices")
			for i := range 200 {
				scope := KeyOf(strconv.Itoa(i % 3))
				c.Put(scope, at(float64(i+g)), said, i, 100)
				if m, ok, _ := c.Get(scope, at(float64(i)), said, 0); ok && m.Similarity < 0.9 {
					t.Error("an answer that is not alike")
				}
			}
		})
	}
	all.Wait()
	if c.bytes > 20_000 || c.order.Len() > 40 {
		t.Errorf("%d answers, %d bytes", c.order.Len(), c.bytes)
	}
	n := 0
	for _, scope := range c.scopes {
		n += len(scope)
	}
	if n != c.order.Len() {
		t.Errorf("%d answers in scopes, %d in their order", n, c.order.Len())
	}
}
