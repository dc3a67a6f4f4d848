package cache

// Join says who asks first for what is not in the cache: the one that gets land asks, and calls land when the answer is there
// or will not come; the others get what is closed then, and look again.
func (c *Exact[V]) Join(key Key) (land func(), landed <-chan struct{}) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if other, ok := c.flights[key]; ok {
		return nil, other
	}
	own := make(chan struct{})
	c.flights[key] = own
	return func() {
		c.mu.Lock()
		delete(c.flights, key)
		c.mu.Unlock()
		close(own)
	}, nil
}
