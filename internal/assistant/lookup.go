package assistant

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/cache"
	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// Caching says which requests may be answered from the cache, where they do not say it themselves.
type Caching string

// The ways.
const (
	CacheCool  Caching = "cool"  // those that leave little room for variety
	CacheAll   Caching = "all"   // all: the same question gets the same answer
	CacheAsked Caching = "asked" // none
)

// coolest is the temperature up to which a request leaves little room for variety.
const coolest = 0.3

func (c Caching) holds(r *chat.Request) bool {
	switch c {
	case CacheAll:
		return true
	case CacheAsked:
		return false
	}
	return r.Temperature != nil && *r.Temperature <= coolest
}

// lookUp looks for the answer to exactly this prompt. Requests for variety are not cached; nor are quotes, which cost
// nothing. Passages, history and placeholders are part of the prompt, so that whoever may not read a passage, or has other
// secrets, has another prompt.
func (e *Engine) lookUp(ctx context.Context, t *Turn) error {
	switch {
	case t.tools != nil && !t.Cache.OnlyIfCached: // what tools find is of the moment
		return nil
	case t.outgoing == nil || t.Cache.NoStore && t.Cache.NoCache && !t.Cache.OnlyIfCached:
		return nil
	case (e.Cache == nil || t.tools != nil) && t.Cache.OnlyIfCached:
		return notCached()
	case e.Cache == nil:
		return nil
	}
	spare := !e.Caching.holds(t.outgoing) && !t.Cache.Wanted // kept for when no model can be asked
	if spare && !t.Definition.Degrade.has(RungCached) {
		return nil
	}
	t.erasures = e.Erasures.look(ctx)
	asked, err := canonical(t.outgoing)
	if err != nil {
		return fmt.Errorf("cache key: %w", err)
	}
	t.key = cache.KeyOf(t.decision.Models[0].ID(), asked, string(t.Trace.Mode), e.tenant(t))
	t.cacheable = !t.Cache.NoStore
	t.older = e.olderKeyOf(t)
	if !spare {
		t.Trace.Cache = "miss"
	}
	if e.Semantic != nil {
		var not string
		if t.like, not = e.likeness(t); not != "" {
			t.Trace.note("not answered by meaning: " + not)
		}
	}
	switch {
	case spare:
		return nil
	case t.Cache.NoCache && !t.Cache.OnlyIfCached:
		t.Trace.Cache = "bypass"
		return nil
	case !t.Cache.NoCache && (e.fromCache(ctx, t) || t.like != nil && !t.Cache.Exact && e.fromMeaning(ctx, t)):
		return nil
	case t.Cache.OnlyIfCached:
		return notCached()
	}
	if !t.cacheable {
		return nil
	}
	land, landed := e.Cache.Join(t.key)
	if landed == nil {
		t.land = land
		return nil
	}
	// Another asks just this. Its answer will do; when it gets none that can be kept, or takes too long, we ask, too.
	patience := time.NewTimer(flightPatience)
	defer patience.Stop()
	select {
	case <-landed:
		if e.fromCache(ctx, t) {
			t.Trace.note("it was asked at the same time by another")
		}
	case <-patience.C:
		t.Trace.note("another asks the same, and takes long")
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

func notCached() *chat.Error {
	return &chat.Error{Code: chat.CodeTimeout, Message: "the answer is not in the cache, and the request says only-if-cached"}
}

// flightPatience is how long a request waits for the answer to an equal one.
const flightPatience = 30 * time.Second

// fromCache says whether the cache has the answer.
func (e *Engine) fromCache(ctx context.Context, t *Turn) bool {
	hit, ok := e.Cache.Get(t.key, t.Cache.MaxAge)
	if !ok && e.Common != nil {
		hit, ok = e.commonAnswer(ctx, t)
	}
	if ok {
		t.cached, t.Trace.Cache = hit, "hit"
		t.Trace.note("the same prompt was answered before")
	}
	return ok
}

// tenant is within whose requests answers are shared. Placeholders for secrets are part of the prompt, and every caller's
// own, so that nobody gets an answer with another's.
func (e *Engine) tenant(t *Turn) string {
	if e.Scope != nil {
		return e.Scope(t.Principal)
	}
	return t.Principal.Owner()
}

// canonical is everything of a request that a model would see, in one form for all orders of fields; whether it is streamed
// is no part of it.
func canonical(r *chat.Request) (string, error) { return canonicalBut(r, "") }

// canonicalBut is canonical without a field of the body.
func canonicalBut(r *chat.Request, field string) (string, error) {
	if r.Body != nil {
		return canonicalBody(r, field)
	}
	own := *r
	own.Model, own.Stream, own.IncludeUsage, own.Dragoman, own.Headers, own.Source = "", false, false, nil, nil, nil
	own.Messages = slices.Clone(own.Messages)
	b, err := json.Marshal(own)
	return string(b), err
}

// canonicalBody hashes a body field by field, so that what is not understood here is part of the key too.
func canonicalBody(r *chat.Request, but string) (string, error) {
	body := dialect.Splice(r.Body, dialect.ChangedParts(r))
	var fields []string
	for k, v := range dialect.TopLevel(body) {
		switch k {
		case "model", "stream", "stream_options", "dragoman", "user", "metadata", "safety_identifier", "prompt_cache_key", "prompt_cache_retention", "store":
			continue // a model sees none of them
		case but:
			if but != "" {
				continue
			}
		}
		sum := sha256.Sum256(dialect.Compact(v))
		fields = append(fields, k+"\x00"+string(sum[:]))
	}
	for name, v := range r.Headers { // they switch on what a model does
		fields = append(fields, name+"\x00"+v)
	}
	slices.Sort(fields)
	return string(r.Wire) + "\x00" + strings.Join(fields, "\x00"), nil
}
