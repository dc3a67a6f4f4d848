package index

import (
	"container/list"
	"sync"
)

// cacheBytes bounds the blocks kept in memory: those of common words, which most questions need.
const cacheBytes = 24 << 20

// blockCache keeps the blocks that were read last. Blocks never change, and ids of segments are never given again.
type blockCache struct {
	mu    sync.Mutex
	known map[blockKey]*list.Element
	order list.List // of cachedBlock, the last used first
	bytes int
}

type blockKey struct {
	segment int64
	block   int
}

type cachedBlock struct {
	key  blockKey
	data []byte
}

func (c *blockCache) get(k blockKey) []byte {
	c.mu.Lock()
	defer c.mu.Unlock()
	e := c.known[k]
	if e == nil {
		return nil
	}
	c.order.MoveToFront(e)
	return e.Value.(cachedBlock).data
}

func (c *blockCache) put(k blockKey, data []byte) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.known == nil {
		c.known = map[blockKey]*list.Element{}
	}
	if c.known[k] != nil || len(data) > cacheBytes/4 {
		return
	}
	c.known[k] = c.order.PushFront(cachedBlock{k, data})
	c.bytes += len(data)
	for c.bytes > cacheBytes {
		last := c.order.Back()
		b := c.order.Remove(last).(cachedBlock)
		delete(c.known, b.key)
		c.bytes -= len(b.data)
	}
}
