package cli

import (
	"context"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// lull is how long hardly anything must be allocated until garbage is collected.
	lull = 250 * time.Millisecond
	// hardly is how many bytes that is.
	hardly = 1 << 20
	// worthwhile is how many bytes of garbage are collected in a lull.
	worthwhile = 8 << 20
)

// tidy gives memory back to the system when a burst of requests is over, until ctx is done. By itself the runtime keeps what a burst left
// as garbage until as much again was allocated, which may be never: of thousands of streams that are open and say nothing, it would be
// half of their memory.
func tidy(ctx context.Context) {
	tick := time.NewTicker(lull)
	defer tick.Stop()
	m := []metrics.Sample{{Name: "/gc/heap/allocs:bytes"}, {Name: "/memory/classes/heap/objects:bytes"}, {Name: "/gc/heap/live:bytes"}}
	var before uint64
	started := false
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		metrics.Read(m)
		allocated, objects, live := m[0].Value.Uint64(), m[1].Value.Uint64(), m[2].Value.Uint64()
		busy := allocated-before >= hardly
		before = allocated
		if busy {
			continue
		}
		if !started {
			started = true
			forgetStart()
		}
		if objects > live+worthwhile {
			debug.FreeOSMemory()
		}
	}
}
