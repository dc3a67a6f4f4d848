package assistant

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"time"
	"unsafe"

	"github.com/dragoman/dragoman/internal/cache"
	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/facts"
	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/route"
)

// Semantic finds answers by what a question means.
type Semantic = cache.Semantic[*likeAnswer]

// NewSemantic makes one of at most so many bytes, of answers that are at most ttl old. threshold is the least cosine of two
// questions that are taken to mean the same.
func NewSemantic(threshold float64, bytes int, ttl time.Duration, now func() time.Time) *Semantic {
	return cache.NewSemantic[*likeAnswer](float32(threshold), bytes, ttl, now)
}

// likeAnswer is an answer with what it needs beside another question than its own.
type likeAnswer struct {
	*cachedAnswer
	sources  []Source // that its citations number
	question string   // masked
}

// Versioned is a collection that tells its state: the same for two people, or at two times, only where they see the same documents in the
// same versions.
type Versioned interface {
	State(ctx context.Context, who acl.Subjects) (string, error)
}

// mostMeant bounds the questions that are compared by meaning, in bytes: an embedding model reads a few hundred tokens, and two texts
// that differ beyond them look the same to it.
const mostMeant = 800

// likeness is what a turn may share its answer by.
type likeness struct {
	scope cache.Key
	facts *facts.Facts
}

// within is the scope where a model makes the vectors: those of others say nothing beside them.
func (l *likeness) within(model string) cache.Key { return cache.KeyOf(string(l.scope[:]), model) }

// state is that of all collections of the turn, as its caller sees them; "" where it is not known.
func (e *Engine) state(ctx context.Context, t *Turn) string {
	if e.Semantic == nil {
		return ""
	}
	var b strings.Builder
	who := Subjects(t.Principal)
	for _, name := range t.Definition.Knowledge {
		c, err := e.Collections(ctx, name)
		if err != nil {
			return ""
		}
		v, ok := c.(Versioned)
		if !ok {
			return ""
		}
		s, err := v.State(ctx, who)
		if err != nil {
			return ""
		}
		fmt.Fprintf(&b, "%q %q\n", name, s)
	}
	return b.String()
}

// sizeOfSources is about what sources take in memory.
func sizeOfSources(list []Source) (size int) {
	for i := range list {
		s := &list[i]
		size += int(unsafe.Sizeof(*s)) + len(s.Path) + len(s.Symbol) + len(s.Text) + len(s.Spans)*int(unsafe.Sizeof(s.Spans)) + 8*len(s.Key)
	}
	return size
}

// likeness says by what the answer to this turn may be shared with questions that mean the same; nil where it must not, and why.
func (e *Engine) likeness(t *Turn) (like *likeness, not string) {
	switch {
	case t.Trace.Mode != Plain && t.Trace.Mode != Grounded:
		return nil, "" // which costs no more than a look
	case len(t.Definition.Knowledge) > 0 && t.state == "":
		return nil, "the knowledge changes at this moment"
	}
	if not := incomparable(t.question); not != "" {
		return nil, not
	}
	scope, not, err := e.scope(t, t.state)
	if err != nil {
		not = err.Error()
	}
	if not != "" {
		return nil, not
	}
	return &likeness{scope, facts.Of(t.question)}, ""
}

// scope is everything that an answer depends on beside its question. state is that of the knowledge. not says why the answer must not be
// shared.
func (e *Engine) scope(t *Turn, state string) (_ cache.Key, not string, err error) {
	r := t.outgoing
	last := len(r.Messages) - 1
	var none cache.Key
	switch {
	case last < 0 || r.Messages[last].Role != chat.User || !textOnly(r.Messages[last]):
		return none, "the last message is no text of a user", nil
	case t.Trace.Mode == Plain && r.Messages[last].Text() != t.question:
		return none, "something stands before the question", nil
	case len(r.Tools) > 0:
		return none, "there are tools", nil
	case t.notes != "":
		return none, "the prompt tells of what was said before, or is remembered of its caller", nil
	case !t.vault.Empty():
		return none, "it holds secrets, which are its caller's", nil
	}
	for _, f := range t.Trace.Findings {
		if strings.HasPrefix(f.Rule, "injection") {
			return none, "something in it reads like instructions", nil
		}
	}
	own := *r
	own.Messages = r.Messages[:last]
	asked, err := canonicalBut(&own, messagesOf[r.Wire])
	if err != nil {
		return none, "", err
	}
	before, err := json.Marshal(own.Messages)
	if err != nil {
		return none, "", err
	}
	definition, err := json.Marshal(t.Definition)
	if err != nil {
		return none, "", err
	}
	fields := []string{
		"means", t.decision.Models[0].ID(), string(t.Trace.Mode), e.tenant(t), string(definition), string(t.Privacy), state, t.frame, asked, string(before),
	}
	return cache.KeyOf(append(fields, t.Paths...)...), "", nil
}

// incomparable says why a question is not compared with others by its meaning; "" where it is.
func incomparable(question string) string {
	switch {
	case len(question) > mostMeant:
		return "the question is long"
	case route.Language(question) != "en":
		return "the question may not be in English, and what tells questions apart is known of that only"
	}
	return ""
}

// Comparable says whether a question is compared with others by its meaning.
func Comparable(question string) bool { return incomparable(question) == "" }

// messagesOf are the fields of requests that hold the conversation.
var messagesOf = map[chat.Wire]string{
	chat.OpenAIChat: "messages", chat.OpenAIResponses: "input", chat.AnthropicMessages: "messages", chat.GeminiGenerate: "contents", chat.OpenAICompletions: "prompt",
}

func textOnly(m chat.Message) bool {
	for _, p := range m.Parts {
		if p.Kind != chat.TextPart {
			return false
		}
	}
	return len(m.Parts) > 0
}

// fromMeaning says whether the cache has the answer to a question that means the same.
func (e *Engine) fromMeaning(ctx context.Context, t *Turn) bool {
	v, model := t.vector(ctx)
	if v == nil {
		return false
	}
	scope := t.like.within(model)
	m, ok, near := e.Semantic.Get(scope, v, t.like.facts, t.Cache.MaxAge)
	if !ok && e.Common != nil && e.commonMeanings(ctx, scope) {
		m, ok, near = e.Semantic.Get(scope, v, t.like.facts, t.Cache.MaxAge)
	}
	if !ok {
		if near != "" {
			t.Trace.note("a question much like this was answered before; what tells them apart: " + near)
		}
		return false
	}
	a := m.Value
	t.cached, t.Trace.Cache, t.Trace.Similarity = a.cachedAnswer, "semantic", round(float64(m.Similarity))
	t.sources, t.Trace.Sources = a.sources, a.sources
	note := fmt.Sprintf("a question that means the same was answered before (similarity %.2f)", m.Similarity)
	if a.by.owner == t.Principal.Owner() {
		t.Trace.Similar = a.question // of others, nobody learns what they asked
		note += ": " + a.question
	}
	t.Trace.note(note)
	return true
}

// rememberMeaning keeps a complete answer for questions that mean the same.
func (e *Engine) rememberMeaning(ctx context.Context, t *Turn, a *cachedAnswer, size int) {
	if t.like == nil || t.finish != chat.FinishStop {
		return
	}
	v, model := t.vector(ctx)
	if v == nil {
		return
	}
	like, scope, f := &likeAnswer{a, t.sources, t.question}, t.like.within(model), t.like.facts
	e.Semantic.Put(scope, v, f, like, size+like.size(f))
	if e.Common != nil {
		e.Common.KeepMeaning(commonKey(scope), cache.KeyOf(like.question), a.by.hashes(), a.made, func() ([]byte, error) { return encodeCommon(a, like, v) })
	}
}

// size is what it takes in memory beside the answer, about.
func (a *likeAnswer) size(f *facts.Facts) int {
	return len(a.question) + f.Size() + sizeOfSources(a.sources)
}
