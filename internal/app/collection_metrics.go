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
	gauge := func(name, help string, read func(ctx context.Context, v *semantics, c *collection) (float64, bool)) {
		a.Metrics.Gauges(name, help, []string{"collection"}, func(emit func(float64, ...string)) {
			ctx, cancel := context.WithTimeout(context.Background(), scrapeFor)
			defer cancel()
			v := a.shown.Load()
			for _, c := range v.cs.inUse() {
				if x, ok := read(ctx, v, c); ok {
					emit(x, c.Name)
				}
			}
		})
	}
	gauge("collection_documents", "Documents of a collection.", func(ctx context.Context, _ *semantics, c *collection) (float64, bool) {
		st, err := c.Stats(ctx)
		return float64(st.Documents), err == nil
	})
	gauge("collection_passages", "Passages of a collection.", func(ctx context.Context, _ *semantics, c *collection) (float64, bool) {
		st, err := c.Stats(ctx)
		return float64(st.Chunks), err == nil
	})
	gauge("collection_unread_documents", "Documents of a collection that could not be read, or are no longer searched.", func(ctx context.Context, _ *semantics, c *collection) (float64, bool) {
		_, skipped, err := c.Contents(ctx)
		return float64(skipped), err == nil
	})
	gauge("collection_index_bytes", "Bytes that the index of a collection takes up.", func(ctx context.Context, _ *semantics, c *collection) (float64, bool) {
		size, err := c.Size(ctx)
		return float64(size.Bytes), err == nil
	})
	gauge("collection_index_free_bytes", "Bytes of these that hold nothing any more.", func(ctx context.Context, _ *semantics, c *collection) (float64, bool) {
		size, err := c.Size(ctx)
		return float64(size.Free), err == nil
	})
	gauge("collection_dead_passages", "Passages in the index of a collection whose documents are gone; merging drops them.", func(ctx context.Context, _ *semantics, c *collection) (float64, bool) {
		size, err := c.Size(ctx)
		return float64(size.Dead), err == nil
	})
	vectors := func(read func(*VectorStatus) float64) func(ctx context.Context, v *semantics, c *collection) (float64, bool) {
		return func(ctx context.Context, v *semantics, c *collection) (float64, bool) {
			s, err := v.status(ctx, c.Name)
			if err != nil || s == nil {
				return 0, false
			}
			return read(s), true
		}
	}
	gauge("collection_embedded_ratio", "Share of a collection's passages that have a vector of its embedder's model, 0 to 1.", vectors(func(s *VectorStatus) float64 { return s.Share }))
	gauge("collection_embedding_queue", "Passages of a collection that wait for a vector.", vectors(func(s *VectorStatus) float64 { return float64(s.Queue) }))
	gauge("collection_vector_generation", "Number of the generation of a collection's vectors that is searched; it grows when another model's take their place. 0: none yet.", vectors(func(s *VectorStatus) float64 { return float64(s.Generation) }))
	gauge("collection_stale_seconds", "Seconds since a collection was last brought up to date without an error, by this server.", func(_ context.Context, v *semantics, c *collection) (float64, bool) {
		at := c.freshAt()
		return v.cs.now().Sub(at).Seconds(), !at.IsZero()
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
