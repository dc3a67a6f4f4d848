package assistant

import (
	"context"
	"crypto/sha256"
	"encoding/json"
	"fmt"
	"io"
	"slices"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/cache"
	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/dialect"
)

// cachedAnswer is what the cache keeps: the model's answer before the filters, which know whom it is for.
type cachedAnswer struct {
	events   []chat.Event
	provider string
	model    string
	host     string
	usage    chat.Usage // what it cost the first time
}

// lookUp looks for the answer to exactly this prompt. Requests for variety are not cached; nor are quotes, which cost
// nothing. Passages, history and placeholders are part of the prompt, so that whoever may not read a passage, or has other
// secrets, has another prompt.
func (e *Engine) lookUp(ctx context.Context, t *Turn) error {
	if e.Cache == nil || t.outgoing == nil || t.Cache.NoStore && t.Cache.NoCache {
		return nil
	}
	if cool := t.outgoing.Temperature != nil && *t.outgoing.Temperature <= 0.3; !cool && !t.Cache.Wanted {
		return nil
	}
	asked, err := canonical(t.outgoing)
	if err != nil {
		return fmt.Errorf("cache key: %w", err)
	}
	t.key = cache.KeyOf(t.decision.Models[0].ID(), asked, string(t.Trace.Mode), e.tenant(t))
	t.cacheable = !t.Cache.NoStore
	t.Trace.Cache = "miss"
	if t.Cache.NoCache {
		t.Trace.Cache = "bypass"
		return nil
	}
	if e.fromCache(t) {
		return nil
	}
	if t.Cache.OnlyIfCached {
		return &chat.Error{Code: chat.CodeTimeout, Message: "the answer is not in the cache, and the request says only-if-cached"}
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
		if e.fromCache(t) {
			t.Trace.note("it was asked at the same time by another")
		}
	case <-patience.C:
		t.Trace.note("another asks the same, and takes long")
	case <-ctx.Done():
		return ctx.Err()
	}
	return nil
}

// flightPatience is how long a request waits for the answer to an equal one.
const flightPatience = 30 * time.Second

// fromCache says whether the cache has the answer.
func (e *Engine) fromCache(t *Turn) bool {
	hit, ok := e.Cache.Get(t.key, t.Cache.MaxAge)
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
func canonical(r *chat.Request) (string, error) {
	if r.Body != nil {
		return canonicalBody(r)
	}
	own := *r
	own.Model, own.Stream, own.IncludeUsage, own.Dragoman, own.Headers, own.Source = "", false, false, nil, nil, nil
	own.Messages = slices.Clone(own.Messages)
	b, err := json.Marshal(own)
	return string(b), err
}

// canonicalBody hashes a body field by field, so that what is not understood here is part of the key too.
func canonicalBody(r *chat.Request) (string, error) {
	body := dialect.Splice(r.Body, dialect.ChangedParts(r))
	var fields []string
	for k, v := range dialect.TopLevel(body) {
		switch k {
		case "model", "stream", "stream_options", "dragoman", "user", "metadata":
			continue
		}
		sum := sha256.Sum256(dialect.Compact(v))
		fields = append(fields, k+"\x00"+string(sum[:]))
	}
	slices.Sort(fields)
	return string(r.Wire) + "\x00" + strings.Join(fields, "\x00"), nil
}

// recorder keeps the events of an answer, for the cache.
type recorder struct {
	chat.Stream
	idle   bool // nothing is to be kept
	events []chat.Event
	size   int
}

// maxRecorded bounds the answers that are kept, in bytes.
const maxRecorded = 1 << 20

func (r *recorder) Next() (*chat.Event, error) {
	ev, err := r.Stream.Next()
	if err != nil || r.idle || r.size > maxRecorded {
		return ev, err
	}
	kept := *ev
	if !ev.Whole {
		kept.Raw = nil // pieces are told anew, to callers of any wire
	}
	kept.ToolCalls = slices.Clone(ev.ToolCalls) // what follows changes them
	r.size += 64 + len(kept.Text) + len(kept.Thinking) + len(kept.Raw)
	if kept.Says() || kept.Finish != "" || kept.Usage != nil {
		r.events = append(r.events, kept)
	}
	return ev, nil
}

// More says whether the next event may be at hand already.
func (r *recorder) More() bool {
	m, ok := r.Stream.(interface{ More() bool })
	return ok && m.More()
}

// remember keeps a complete answer.
func (e *Engine) remember(t *Turn, r *recorder) {
	if !t.cacheable || t.cached != nil || t.finish != chat.FinishStop && t.finish != chat.FinishToolCalls || r.size > maxRecorded {
		return
	}
	e.Cache.Put(t.key, &cachedAnswer{r.events, t.Trace.Provider, t.Trace.Model, t.Trace.SeenBy, t.usage}, r.size+512)
}

// stream replays the answer.
func (c *cachedAnswer) stream() chat.Stream { return &replayed{c.events} }

type replayed struct{ left []chat.Event }

func (r *replayed) Next() (*chat.Event, error) {
	if len(r.left) == 0 {
		return nil, io.EOF
	}
	ev := r.left[0]
	ev.ToolCalls = slices.Clone(ev.ToolCalls)
	r.left = r.left[1:]
	return &ev, nil
}

func (r *replayed) More() bool { return len(r.left) > 0 }

func (r *replayed) Close() error { return nil }
