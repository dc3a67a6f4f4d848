package app

import (
	"context"
	"fmt"
	"log/slog"
	"maps"
	"reflect"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/dragoman/dragoman/internal/config"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/knowledge/acl"
	"github.com/dragoman/dragoman/internal/knowledge/extract"
	"github.com/dragoman/dragoman/internal/observe"
	"github.com/dragoman/dragoman/internal/store"
)

// freshFor is how long a collection is searched before its folder is looked at again: long enough that a busy server
// does not walk it for every turn, short enough that nobody notices.
const freshFor = 2 * time.Second

// collections opens the collections that are asked for, once, and keeps them up to date.
type collections struct {
	options  map[string]knowledge.Options
	pulls    map[string]*pulls // of those that are no folders
	watch    map[string]bool   // folders that a server watches
	paces    map[string]pace
	asks     map[string]*asks
	managers map[string]acl.ACL  // where the configuration says who they are
	hooks    map[string]string   // secrets of webhooks
	ocr      map[string][]string // commands that read pictures
	apart    func(ctx context.Context, in extract.Input, o extract.Options) (extract.Result, error)
	runs     store.SyncRuns
	settings store.Settings

	thresholds map[string]float64 // of the configuration
	lastBounds sync.Map           // the thresholds that were last read, by collection
	metrics    *observe.Metrics
	log        *slog.Logger
	now        func() time.Time
	progress   func(knowledge.Progress)

	mu      sync.Mutex
	vectors map[string]*embedding // of the collections that are open, or will be
	open    map[string]*collection
	retired []*collection // of an older configuration; requests under way may still search them
}

func newCollections(o Options, st store.Store) *collections {
	return &collections{
		options: map[string]knowledge.Options{}, pulls: map[string]*pulls{}, watch: map[string]bool{}, vectors: map[string]*embedding{}, paces: map[string]pace{}, asks: map[string]*asks{},
		ocr: map[string][]string{}, managers: map[string]acl.ACL{}, hooks: map[string]string{}, runs: st, settings: st, thresholds: map[string]float64{}, metrics: o.Metrics, log: o.Log, open: map[string]*collection{}, now: o.Now, progress: o.Progress,
	}
}

type collection struct {
	*knowledge.Collection
	pulls  *pulls     // where it is no folder
	mu     sync.Mutex // held while it is synced
	synced time.Time
	// restored says that what was pushed was looked for.
	restored bool
	report   knowledge.Report
	err      error

	runs      atomic.Int32 // under way in this process
	unread    string       // what the last run could not read; of who works on the collection
	embedding *embedding   // of its passages
	fresh     atomic.Int64 // when it was last synced, as nanoseconds of the Unix epoch; 0: never
	waiting   atomic.Int64 // documents of which git has to be asked yet who changed their lines
	watched   atomic.Bool  // a folder whose changes are taken over as they come: questions need not look
}

// folder adds a collection that is a folder, and has no entry in the configuration.
func (cs *collections) folder(o knowledge.Options) {
	o.Blame = config.DefaultBlame
	cs.options[o.Name], cs.asks[o.Name] = o, newAsks()
}

// inherit takes over what an older configuration has open: what did not change stays in use.
func (cs *collections) inherit(old *collections) {
	old.mu.Lock()
	defer old.mu.Unlock()
	cs.mu.Lock()
	defer cs.mu.Unlock()
	cs.retired = old.retired
	for name := range cs.asks {
		if a := old.asks[name]; a != nil {
			cs.asks[name] = a // what is asked for still has to be done
		}
	}
	for name, c := range old.open {
		if p, was := cs.pulls[name], old.pulls[name]; reflect.DeepEqual(cs.options[name], old.options[name]) && (p == nil) == (was == nil) && (p == nil || reflect.DeepEqual(p.config, was.config)) {
			cs.open[name], cs.vectors[name] = c, c.embedding
		} else {
			cs.retired = append(cs.retired, c)
		}
	}
}

// get returns a collection, synced a moment ago at most. When it cannot be synced, but was once, it is served as it is: an
// older answer beats none.
func (cs *collections) get(ctx context.Context, name string) (*collection, error) {
	c, err := cs.opened(ctx, name)
	if err != nil {
		return nil, err
	}
	if c.pulls != nil {
		return c, cs.first(ctx, c)
	}
	if c.watched.Load() {
		return c, nil
	}
	c.mu.Lock()
	defer c.mu.Unlock()
	if !c.synced.IsZero() && cs.now().Sub(c.synced) < freshFor {
		return c, nil
	}
	if err := cs.syncLocked(ctx, c, occasion{reason: "question"}); err != nil && (c.synced.IsZero() || ctx.Err() != nil) {
		return nil, err
	}
	c.synced = cs.now() // also where it failed: it is tried again when this is old
	return c, nil
}

// sync brings a folder's index up to date now.
func (cs *collections) sync(ctx context.Context, c *collection, why occasion) (knowledge.Report, error) {
	c.mu.Lock()
	defer c.mu.Unlock()
	err := cs.syncLocked(ctx, c, why)
	return c.report, err
}

func (cs *collections) syncLocked(ctx context.Context, c *collection, why occasion) error {
	quiet := !why.rebuild && why.reason != "asked"
	c.report, c.err = cs.recorded(ctx, c, why, quiet, func(progress func(knowledge.Progress)) (knowledge.Report, error) {
		report, err := c.Sync(ctx, cs.now, progress)
		if err == nil {
			report.Blame = cs.blame(ctx, c, why.blameAfter())
		}
		return report, err
	})
	if c.err == nil {
		if r := &c.report; c.synced.IsZero() || r.Added+r.Changed > 0 {
			c.embedding.changed()
		}
		c.synced = cs.now()
		c.fresh.Store(c.synced.UnixNano())
	}
	return c.err
}

func (cs *collections) opened(ctx context.Context, name string) (*collection, error) {
	c, err := cs.openOnce(ctx, name)
	if err == nil {
		err = cs.restore(ctx, c)
	}
	return c, err
}

func (cs *collections) openOnce(ctx context.Context, name string) (*collection, error) {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	if c, ok := cs.open[name]; ok {
		return c, nil
	}
	o, ok := cs.options[name]
	if !ok {
		return nil, fmt.Errorf("there is no collection %q; known are %v", name, cs.names())
	}
	how := cs.extract(name)
	o.Extract = &how
	kc, err := knowledge.Open(ctx, o)
	if err != nil {
		return nil, err
	}
	c := &collection{Collection: kc, pulls: cs.pulls[name], embedding: cs.embeddingLocked(name)}
	cs.open[name] = c
	return c, nil
}

// embedding is how the passages of a collection get their vectors, open or not.
func (cs *collections) embedding(name string) *embedding {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return cs.embeddingLocked(name)
}

func (cs *collections) embeddingLocked(name string) *embedding {
	e := cs.vectors[name]
	if e == nil {
		e = newEmbedding()
		cs.vectors[name] = e
	}
	return e
}

// searched is the model of a collection's vectors that are searched while others are made; empty when none are.
func (cs *collections) searched(name string) string { return cs.embedding(name).olderModel() }

// inUse are the collections that are open.
func (cs *collections) inUse() []*collection {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	return slices.Collect(maps.Values(cs.open))
}

// extract is how text is made of the files of a collection.
func (cs *collections) extract(name string) extract.Options {
	return extract.Options{OCR: cs.ocr[name], Apart: cs.apart}
}

func (cs *collections) names() []string {
	var out []string
	for n := range cs.options {
		out = append(out, n)
	}
	slices.Sort(out)
	return out
}

func (cs *collections) close() {
	cs.mu.Lock()
	defer cs.mu.Unlock()
	for _, c := range slices.Concat(slices.Collect(maps.Values(cs.open)), cs.retired) {
		c.Close()
	}
	cs.open = map[string]*collection{}
}
