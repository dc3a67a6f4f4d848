package app

import (
	"cmp"

	"github.com/dragoman/dragoman/internal/cache"
	"github.com/dragoman/dragoman/internal/config"
)

// mostMeant is how much memory answers found by meaning may take where the configuration does not say.
const mostMeant = 16 * config.MB

// newCommon is the cache that servers on one database have in common; nil where they have none.
func (a *App) newCommon() *cache.Common {
	c := &a.Config.Cache
	db, ok := a.Store.(cache.CommonStore)
	if !ok || a.cache == nil || !c.Shared {
		return nil
	}
	return cache.NewCommon(db, cache.CommonOptions{
		Bytes: int64(c.Size), TTL: c.TTL, MeaningBytes: int64(cmp.Or(c.Semantic.Size, mostMeant)), MeaningTTL: cmp.Or(c.Semantic.TTL, c.TTL), Now: a.options.Now, Log: a.options.Log,
	})
}
