package sqlite

import (
	"sync"
	"testing"
)

// TestChangesOfOthers: what one opening of a folder announces, all others see at once, and none is lost of those that come together.
func TestChangesOfOthers(t *testing.T) {
	folder := t.TempDir()
	one, two := open(t, folder), open(t, folder)
	before := one.Changes()
	var all sync.WaitGroup
	const each = 100
	for _, d := range []*DB{one, two} {
		for range 4 {
			all.Go(func() {
				for range each {
					if err := d.Announce(t.Context()); err != nil {
						t.Error(err)
					}
				}
			})
		}
	}
	all.Wait()
	if a, b := one.Changes(), two.Changes(); a != b || a != before+8*each {
		t.Errorf("%d and %d, after %d of %d", a, b, 8*each, before)
	}
	later := open(t, folder)
	if a, b := one.Changes(), later.Changes(); a != b {
		t.Errorf("who comes later sees %d, not %d", b, a)
	}
}
