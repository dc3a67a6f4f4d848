package assistant

import (
	"context"
	"encoding/json"
	"fmt"

	"github.com/dragoman/dragoman/internal/cache"
	"github.com/dragoman/dragoman/internal/chat"
)

// cachedAnswer is what the cache keeps: the model's text before the filters, which know whom it is for.
type cachedAnswer struct {
	text     string
	provider string
	model    string
	host     string
	finish   chat.FinishReason
	usage    chat.Usage // what it cost the first time
}

// lookUp looks for the answer to exactly this prompt. Tool calls and requests for variety are not cached; nor are quotes,
// which cost nothing. Passages, history and placeholders are part of the prompt, so that whoever may not read a passage, or
// has other secrets, has another prompt.
func (e *Engine) lookUp(_ context.Context, t *Turn) error {
	if e.Cache == nil || t.outgoing == nil || len(t.outgoing.Tools) > 0 || t.outgoing.Temperature == nil || *t.outgoing.Temperature > 0.3 {
		return nil
	}
	messages, err := json.Marshal(t.outgoing.Messages)
	if err != nil {
		return fmt.Errorf("cache key: %w", err)
	}
	rest, err := json.Marshal(struct {
		Stop      []string
		Max       int
		T, P      *float64
		Seed      *int64
		Extra     map[string]json.RawMessage
		Mode      Mode
		Principal string
	}{t.outgoing.Stop, t.outgoing.MaxTokens, t.outgoing.Temperature, t.outgoing.TopP, t.outgoing.Seed, t.outgoing.Extra, t.Trace.Mode, t.Principal.Owner()})
	if err != nil {
		return fmt.Errorf("cache key: %w", err)
	}
	t.key, t.cacheable = cache.KeyOf(t.decision.Models[0].ID(), string(messages), string(rest)), true
	t.Trace.Cache = "miss"
	if hit, ok := e.Cache.Get(t.key); ok {
		t.cached, t.Trace.Cache = hit, "hit"
		t.Trace.note("the same prompt was answered before")
	}
	return nil
}

// remember keeps a complete answer.
func (e *Engine) remember(t *Turn, text string) {
	if !t.cacheable || t.cached != nil || t.finish != chat.FinishStop || text == "" {
		return
	}
	e.Cache.Put(t.key, &cachedAnswer{text, t.Trace.Provider, t.Trace.Model, t.Trace.SeenBy, t.finish, t.usage}, len(text)+512)
}
