package app

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"

	"github.com/dragoman/dragoman/internal/assistant"
	"github.com/dragoman/dragoman/internal/embed"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/knowledge"
)

const (
	// An embedder that fails is asked again after a while, ever longer ones.
	embedAgainAfter, embedAgainAtLast = time.Minute, 15 * time.Minute
	// keepUnused is how long vectors are kept that no collection asks for: those of the other branch, of a model that comes back.
	keepUnused = 90 * 24 * time.Hour
)

// vectorCache opens the cache of vectors when it is first needed. It outlasts a Reload.
type vectorCache struct {
	folder string
	now    func() time.Time

	mu    sync.Mutex
	cache *embed.Cache
}

func (v *vectorCache) open(ctx context.Context) (*embed.Cache, error) {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.cache != nil {
		return v.cache, nil
	}
	c, err := embed.OpenCache(ctx, v.folder, v.now)
	if err == nil {
		v.cache = c
	}
	return c, err
}

// expire deletes what nobody asked for since a time, where the cache is in use.
func (v *vectorCache) expire(ctx context.Context, before time.Time) error {
	v.mu.Lock()
	cache := v.cache
	v.mu.Unlock()
	if cache == nil {
		return nil
	}
	_, err := cache.Expire(ctx, before)
	return err
}

func (v *vectorCache) close() error {
	v.mu.Lock()
	defer v.mu.Unlock()
	if v.cache == nil {
		return nil
	}
	err := v.cache.Close()
	v.cache = nil
	return err
}

// embedding is how the vectors of a collection are kept up to date in this process.
type embedding struct {
	wake chan struct{} // holds one: there may be passages without vectors

	mu       sync.Mutex
	state    Embedded
	searched string // the model of the vectors that are searched, while others are made
}

// Embedded is how the passages of a collection were last given vectors in this process.
type Embedded struct {
	Tried  time.Time // zero: never
	Report embed.Report
	Err    error
}

func newEmbedding() *embedding { return &embedding{wake: make(chan struct{}, 1)} }

// changed says that there may be passages without vectors.
func (e *embedding) changed() {
	select {
	case e.wake <- struct{}{}:
	default: // it was said already
	}
}

func (e *embedding) olderModel() string {
	e.mu.Lock()
	defer e.mu.Unlock()
	return e.searched
}

// semantics gives passages their vectors, as it is configured at one time: a Reload makes another.
type semantics struct {
	cs        *collections
	embedders *embedders
	engine    *assistant.Engine
	cache     *vectorCache
}

// embed gives vectors to all passages of a collection that have none; with most > 0 only where there are no more than that. Without an
// embedder it does nothing.
func (v *semantics) embed(ctx context.Context, name string, most int, progress func(done, left int)) (embed.Report, error) {
	c, err := v.cs.opened(ctx, name)
	if err != nil {
		return embed.Report{}, err
	}
	e, err := v.embedders.passages(v.engine, name)
	if err != nil || e == nil {
		return embed.Report{}, c.embedding.ended(v.cs.now(), embed.Report{}, err)
	}
	state, err := c.VectorState(ctx, e.Model())
	if err != nil || state.Missing+state.Unsettled == 0 && state.Model == e.Model() {
		return embed.Report{}, c.embedding.ended(v.cs.now(), embed.Report{}, err)
	}
	if c.embedding.begins(state.Model, e.Model()); most > 0 && state.Missing+state.Unsettled > most {
		return embed.Report{}, nil
	}
	cache, err := v.cache.open(ctx)
	if err != nil {
		return embed.Report{}, c.embedding.ended(v.cs.now(), embed.Report{}, err)
	}
	report, err := c.Embed(ctx, e, cache, embed.Options{PerMinute: v.embedders.perMinute(name), Now: v.cs.now, Progress: progress})
	if errors.Is(err, knowledge.ErrEmbedding) {
		return report, err // somebody else's turn
	}
	return report, c.embedding.ended(v.cs.now(), report, err)
}

func (e *embedding) begins(searched, next string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if e.searched = ""; searched != next {
		e.searched = searched
	}
}

func (e *embedding) ended(at time.Time, report embed.Report, err error) error {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.state = Embedded{at, report, err}
	if err == nil {
		e.searched = ""
	}
	return err
}

// semantics is what gives passages their vectors as it is configured now.
func (a *App) semantics() *semantics {
	return &semantics{a.collections, a.embedders, a.Engine, a.passages}
}

// Embed gives vectors to the passages of a collection that have none. It does nothing where the collection has no embedder. progress, which may
// be nil, counts passages.
func (a *App) Embed(ctx context.Context, collection string, progress func(done, left int)) (embed.Report, error) {
	return a.semantics().embed(ctx, collection, 0, progress)
}

// fewPassages are embedded while somebody waits: less than a second's work for a small model in this process.
const fewPassages = 32

// EmbedFew is Embed where no more than a few passages have no vector: after an edit, not for a new folder. It says how many are left. That
// it fails, or takes longer than a question waits for its vector, is not told: words find most of what is asked for.
func (a *App) EmbedFew(ctx context.Context, assistantName string) (left int) {
	for _, name := range a.Assistants[assistantName].Knowledge {
		a.embedFew(ctx, name)
		if state, err := a.VectorState(ctx, name); err == nil && state.Next != "" {
			left += state.Missing
		}
	}
	return left
}

func (a *App) embedFew(ctx context.Context, collection string) {
	v := a.semantics()
	if x, err := v.embedders.get(collection); err == nil && x != nil && x.Within > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, x.Within)
		defer cancel()
	}
	_, _ = v.embed(ctx, collection, fewPassages, nil)
}

// VectorState says how far the vectors of a collection are. Where they are not those of its embedder, or not complete, Next is its embedder's
// model.
func (a *App) VectorState(ctx context.Context, collection string) (knowledge.Vectors, error) {
	return a.semantics().state(ctx, collection)
}

func (v *semantics) state(ctx context.Context, collection string) (knowledge.Vectors, error) {
	c, err := v.cs.opened(ctx, collection)
	if err != nil {
		return knowledge.Vectors{}, err
	}
	x, err := v.embedders.get(collection)
	if err != nil || x == nil {
		return knowledge.Vectors{}, err
	}
	state, err := c.VectorState(ctx, x.Model())
	if state.Next = ""; state.Model != x.Model() || state.Missing > 0 {
		state.Next = x.Model()
	}
	return state, err
}

// vector is the vector of a question to a collection that no turn asks, and the name of the model that made it; nil where the
// collection has no embedder. What it costs is booked to who asks.
func (v *semantics) vector(ctx context.Context, p identity.Principal, collection, text string) ([]float32, string, error) {
	text = knowledge.Understand(text, v.cs.now()).Text // without what narrows the search
	x, err := v.embedders.asking(v.cs, collection)
	if err != nil || x == nil || strings.TrimSpace(text) == "" {
		return nil, "", err
	}
	if x.Within > 0 {
		var cancel context.CancelFunc
		ctx, cancel = context.WithTimeout(ctx, x.Within)
		defer cancel()
	}
	out, err := v.engine.Embeddings(x, assistant.Embedding{Principal: p, Class: "interactive", Privacy: v.embedders.label(collection)}).Embed(ctx, embed.Query, []string{text})
	if err != nil {
		return nil, x.Model(), fmt.Errorf("the question has no vector: %w", err)
	}
	return out[0], x.Model(), nil
}

// KeepEmbedded gives vectors to the passages of all collections as they come, until stop is called.
func (a *App) KeepEmbedded(ctx context.Context, log *slog.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	v := a.semantics()
	var all sync.WaitGroup
	for _, c := range v.cs.inUse() { // their embedders may be others than before
		c.embedding.changed()
	}
	for name := range v.cs.options {
		all.Go(func() { v.keep(ctx, name, log.With("collection", name)) })
	}
	return func() { cancel(); all.Wait() }
}

// keep embeds what comes into a collection.
func (v *semantics) keep(ctx context.Context, name string, log *slog.Logger) {
	e := v.cs.embedding(name)
	var failed string // as it was last said
	pause := embedAgainAfter
	for {
		var again <-chan time.Time
		if failed != "" {
			again, pause = time.After(pause), min(2*pause, embedAgainAtLast)
		}
		select {
		case <-ctx.Done():
			return
		case <-e.wake:
		case <-again:
		}
		began := v.cs.now()
		report, err := v.embed(ctx, name, 0, nil)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			if failed != err.Error() && !errors.Is(err, knowledge.ErrEmbedding) {
				log.Warn("passages could not be given vectors; they are found by words", "err", err, "again in", pause)
			}
			failed = err.Error()
			continue
		case report.Failed > 0:
			log.Warn("some passages have no vector; they are found by words", "passages", report.Failed, "err", report.Why)
		case report.Embedded+report.Reused > 0:
			log.Info("passages have vectors", "embedded", report.Embedded, "reused", report.Reused, "took", v.cs.now().Sub(began))
		}
		failed, pause = "", embedAgainAfter
	}
}
