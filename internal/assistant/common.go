package assistant

import (
	"bytes"
	"context"
	"encoding/gob"
	"strings"
	"time"
	"unsafe"

	"github.com/dragoman/dragoman/internal/cache"
	"github.com/dragoman/dragoman/internal/chat"
	"github.com/dragoman/dragoman/internal/facts"
	"github.com/dragoman/dragoman/internal/guard"
)

// commonForm is the form in which answers are kept in common: programs of another one have keys of their own. It is raised when what is
// kept means something else.
const commonForm = "common answer 1"

// commonAnswer is a cachedAnswer, and where it was found by what its question means a likeAnswer, as it is kept for other processes.
type commonAnswer struct {
	Events   []chat.Event
	Provider string
	Model    string
	Host     string
	Mode     Mode
	Usage    chat.Usage
	Made     time.Time

	Vector   []float32 // of the question
	Sources  []Source
	Owner    string // who asked
	Person   string // as asker has it; empty: an older program kept it
	Question string
}

// encodeCommon makes bytes of an answer; none where it has secrets, which are kept in memory only.
func encodeCommon(a *cachedAnswer, like *likeAnswer, vector []float32) ([]byte, error) {
	var said strings.Builder
	for i := range a.events {
		ev := &a.events[i]
		said.WriteString(ev.Text)
		said.WriteString(ev.Thinking)
		said.Write(ev.Raw)
		for _, c := range ev.ToolCalls {
			said.WriteString(c.Arguments)
		}
	}
	if _, found := guard.Redact(said.String()); len(found) > 0 {
		return nil, nil
	}
	c := commonAnswer{Events: a.events, Provider: a.provider, Model: a.model, Host: a.host, Mode: a.mode, Usage: a.usage, Made: a.made, Owner: a.by.owner, Person: a.by.person}
	if like != nil {
		c.Vector, c.Sources, c.Question = vector, like.sources, like.question
	}
	var b bytes.Buffer
	err := gob.NewEncoder(&b).Encode(&c)
	return b.Bytes(), err
}

// decodeCommon reads what encodeCommon made, and says how much memory it takes.
func decodeCommon(body []byte) (c *commonAnswer, a *cachedAnswer, size int, err error) {
	c = &commonAnswer{}
	if err := gob.NewDecoder(bytes.NewReader(body)).Decode(c); err != nil {
		return nil, nil, 0, err
	}
	a = &cachedAnswer{c.Events, c.Provider, c.Model, c.Host, c.Mode, c.Usage, c.Made, asker{}}
	if c.Person != "" {
		a.by = asker{c.Owner, c.Person}
	}
	size = int(unsafe.Sizeof(*a))
	for i := range a.events {
		size += sizeOf(&a.events[i])
	}
	return c, a, size, nil
}

func commonKey(key cache.Key) cache.Key { return cache.KeyOf(commonForm, string(key[:])) }

// commonAnswer looks for the answer to exactly this prompt that another process was given.
func (e *Engine) commonAnswer(ctx context.Context, t *Turn) (*cachedAnswer, bool) {
	body, made, ok := e.Common.Answer(ctx, commonKey(t.key), t.Cache.MaxAge)
	if !ok {
		return nil, false
	}
	_, a, size, err := decodeCommon(body)
	if err != nil || e.Erasures.look(ctx) != t.erasures { // of a program that keeps them otherwise; or it may have been erased meanwhile
		return nil, false
	}
	e.Cache.PutMade(t.key, a, size, made)
	return a, true
}

// commonMeanings takes over what other processes have answered in a scope since it was looked last; it says whether there was anything.
func (e *Engine) commonMeanings(ctx context.Context, scope cache.Key) bool {
	before := e.Erasures.look(ctx)
	fresh := e.Common.Meanings(ctx, commonKey(scope))
	if e.Erasures.look(ctx) != before { // some of them may have been erased meanwhile
		return false
	}
	for _, m := range fresh {
		c, a, size, err := decodeCommon(m.Body)
		if err != nil || len(c.Vector) == 0 {
			continue
		}
		like := &likeAnswer{a, c.Sources, c.Question}
		f := facts.Of(c.Question)
		e.Semantic.PutMade(scope, c.Vector, f, like, size+like.size(f), m.Made)
	}
	return len(fresh) > 0
}
