package app

import (
	"context"
	"time"
)

// scrapeFor bounds what the metrics of collections may cost a scrape.
const scrapeFor = 5 * time.Second

// observeCollections shows in the metrics how large, how tidy and how fresh the collections are that are open. Their names are those of the
// configuration.
func (a *App) observeCollections() {
	gauge := func(name, help string, read func(ctx context.Context, cs *collections, c *collection) (float64, bool)) {
		a.Metrics.Gauges(name, help, []string{"collection"}, func(emit func(float64, ...string)) {
			ctx, cancel := context.WithTimeout(context.Background(), scrapeFor)
			defer cancel()
			cs := a.shown.Load()
			for _, c := range cs.inUse() {
				if v, ok := read(ctx, cs, c); ok {
					emit(v, c.Name)
				}
			}
		})
	}
	gauge("collection_documents", "Documents of a collection.", func(ctx context.Context, _ *collections, c *collection) (float64, bool) {
		st, err := c.Stats(ctx)
		return float64(st.Documents), err == nil
	})
	gauge("collection_passages", "Passages of a collection.", func(ctx context.Context, _ *collections, c *collection) (float64, bool) {
		st, err := c.Stats(ctx)
		return float64(st.Chunks), err == nil
	})
	gauge("collection_unread_documents", "Documents of a collection that could not be read, or are no longer searched.", func(ctx context.Context, _ *collections, c *collection) (float64, bool) {
		_, skipped, err := c.Contents(ctx)
		return float64(skipped), err == nil
	})
	gauge("collection_index_bytes", "Bytes that the index of a collection takes up.", func(ctx context.Context, _ *collections, c *collection) (float64, bool) {
		size, err := c.Size(ctx)
		return float64(size.Bytes), err == nil
	})
	gauge("collection_index_free_bytes", "Bytes of these that hold nothing any more.", func(ctx context.Context, _ *collections, c *collection) (float64, bool) {
		size, err := c.Size(ctx)
		return float64(size.Free), err == nil
	})
	gauge("collection_dead_passages", "Passages in the index of a collection whose documents are gone; merging drops them.", func(ctx context.Context, _ *collections, c *collection) (float64, bool) {
		size, err := c.Size(ctx)
		return float64(size.Dead), err == nil
	})
	gauge("collection_stale_seconds", "Seconds since a collection was last brought up to date without an error, by this server.", func(_ context.Context, cs *collections, c *collection) (float64, bool) {
		at := c.freshAt()
		return cs.now().Sub(at).Seconds(), !at.IsZero()
	})
}

// freshAt is when a collection was last brought up to date; the zero time if it never was in this process.
func (c *collection) freshAt() time.Time {
	if c.pulls != nil {
		return c.pulls.last().At
	}
	if n := c.fresh.Load(); n != 0 {
		return time.Unix(0, n)
	}
	return time.Time{}
}
