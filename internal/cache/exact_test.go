package cache

import (
	"fmt"
	"sync"
	"testing"
	"time"

	"pgregory.net/rapid"
)

func TestExact(t *testing.T) {
	now := time.Unix(0, 0)
	c := NewExact[string](100, time.Minute, func() time.Time { return now })
	a, b, d := KeyOf("a"), KeyOf("b"), KeyOf("d")
	c.Put(a, "1", 40)
	c.Put(b, "2", 40)
	if v, ok := c.Get(a, 0); !ok || v != "1" {
		t.Errorf("%q %v", v, ok)
	}
	c.Put(d, "3", 40) // b was used least recently
	if _, ok := c.Get(b, 0); ok {
		t.Error("the least recently used value was kept")
	}
	c.Put(a, "4", 10)
	n, bytes := c.Size()
	if v, _ := c.Get(a, 0); v != "4" || n != 2 || bytes != 50 {
		t.Errorf("%q of %d, %d bytes", v, n, bytes)
	}
	c.Put(b, "5", 101)
	if _, ok := c.Get(b, 0); ok {
		t.Error("what is larger than the cache was kept")
	}
	now = now.Add(10 * time.Second)
	if _, ok := c.Get(a, 9*time.Second); ok {
		t.Error("a value older than asked for was returned")
	}
	if _, ok := c.Get(a, 10*time.Second); !ok {
		t.Error("a value of the age asked for was not returned")
	}
	now = now.Add(50 * time.Second)
	if _, ok := c.Get(a, 0); ok {
		t.Error("a stale value was returned")
	}
}

func TestKeysDontRunTogether(t *testing.T) {
	if KeyOf("ab", "c") == KeyOf("a", "bc") || KeyOf("a") == KeyOf("a", "") {
		t.Error("different fields have one key")
	}
}

func TestExactStaysWithinBounds(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		c := NewExact[int](50, time.Hour, time.Now)
		sizes := map[int]int{}
		for range rapid.IntRange(0, 60).Draw(rt, "n") {
			k, size := rapid.IntRange(0, 9).Draw(rt, "key"), rapid.IntRange(0, 60).Draw(rt, "size")
			c.Put(KeyOf(fmt.Sprint(k)), k, size)
			sizes[k] = size
			sum := 0
			for k := range 10 {
				if v, ok := c.Get(KeyOf(fmt.Sprint(k)), 0); ok {
					if v != k {
						rt.Fatal("wrong value")
					}
					sum += sizes[k]
				}
			}
			if sum > 50 {
				rt.Fatalf("holds %d of 50", sum)
			}
		}
	})
}

func TestExactConcurrently(t *testing.T) {
	c := NewExact[int](1000, time.Hour, time.Now)
	var wg sync.WaitGroup
	for g := range 8 {
		wg.Go(func() {
			for i := range 500 {
				k := KeyOf(fmt.Sprint((g + i) % 40))
				c.Put(k, i, 60)
				c.Get(k, 0)
			}
		})
	}
	wg.Wait()
}

func TestFlight(t *testing.T) {
	c := NewExact[string](100, time.Minute, time.Now)
	k := KeyOf("k")
	land, _ := c.Join(k)
	if land == nil {
		t.Fatal("the first is not the first")
	}
	again, landed := c.Join(k)
	if again != nil {
		t.Fatal("two are the first")
	}
	select {
	case <-landed:
		t.Fatal("landed at once")
	default:
	}
	land()
	<-landed
	if land, _ = c.Join(k); land == nil {
		t.Fatal("nobody may ask again")
	}
	land()
}
