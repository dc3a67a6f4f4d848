package embed

import "sync"

// Claimer is a Store that knows what others in this process are having embedded, so that a text that two collections have is sent once, also
// where both want its vector at the same time.
type Claimer interface {
	// Claim takes those of some texts that nobody has taken, until release is called. Where it gets none, busy is closed when one of them may be
	// had.
	Claim(model string, hashes []Hash) (mine []Hash, busy <-chan struct{}, release func())
}

var _ Claimer = (*Cache)(nil)

// claims are those of one process.
type claims struct {
	mu    sync.Mutex
	taken map[claim]chan struct{} // closed when it is let go
}

type claim struct {
	model string
	hash  Hash
}

// Claim implements Claimer.
func (c *claims) Claim(model string, hashes []Hash) (mine []Hash, busy <-chan struct{}, release func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	done := make(chan struct{})
	for _, h := range hashes {
		if other := c.taken[claim{model, h}]; other != nil {
			busy = other
			continue
		}
		if c.taken == nil {
			c.taken = map[claim]chan struct{}{}
		}
		c.taken[claim{model, h}] = done
		mine = append(mine, h)
	}
	return mine, busy, func() {
		c.mu.Lock()
		defer c.mu.Unlock()
		for _, h := range mine {
			delete(c.taken, claim{model, h})
		}
		close(done)
	}
}
