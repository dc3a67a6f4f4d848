// Package app is the one place that knows every part: it builds them from the configuration and what it finds on the
// machine, and hands doors an engine to run turns with.
package app

import (
	"cmp"
	"context"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"errors"
	"fmt"
	"log/slog"
	mathrand "math/rand/v2"
	"net/http"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/google/uuid"

	"github.com/dragoman/dragoman/internal/assistant"
	"github.com/dragoman/dragoman/internal/audit"
	"github.com/dragoman/dragoman/internal/cache"
	"github.com/dragoman/dragoman/internal/config"
	"github.com/dragoman/dragoman/internal/conversation"
	"github.com/dragoman/dragoman/internal/feedback"
	"github.com/dragoman/dragoman/internal/guard"
	"github.com/dragoman/dragoman/internal/identity"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/knowledge/extract/apart"
	"github.com/dragoman/dragoman/internal/knowledge/weaviate"
	"github.com/dragoman/dragoman/internal/ledger"
	"github.com/dragoman/dragoman/internal/limit"
	"github.com/dragoman/dragoman/internal/memory"
	"github.com/dragoman/dragoman/internal/observe"
	"github.com/dragoman/dragoman/internal/prompt"
	"github.com/dragoman/dragoman/internal/provider"
	"github.com/dragoman/dragoman/internal/provider/gate"
	"github.com/dragoman/dragoman/internal/route"
	"github.com/dragoman/dragoman/internal/store"
)

// Options is what a command line says.
type Options struct {
	Dir        string // working directory
	ConfigPath string // empty: the nearest dragoman.yaml
	DataDir    string // empty: from the configuration, else the user's cache directory
	Path       string // folder to answer from; empty: the git root of Dir
	Collection string // a configured collection to answer from
	Model      string
	Assistant  string // empty: "code"
	Local      bool   // nothing may leave this machine
	Getenv     func(string) string
	Client     *http.Client
	Now        func() time.Time
	Progress   func(knowledge.Progress)
	Metrics    *observe.Metrics // nil counts nothing
	Log        *slog.Logger     // is told of local models that are loaded, stopped or die; nil: nobody

	// Reader is the command that reads files in a process of its own (`dragoman extract`); empty: they are read in this one.
	Reader []string

	gates map[string]*gate.Gate  // of providers, from before a Reload
	pools map[string]*enginePool // as gates
}

// App is everything, wired.
type App struct {
	Config     *config.Config // with defaults filled in
	ConfigPath string         // empty when there is no file
	DataDir    string
	Root       string // folder of the built-in assistant
	Store      store.Store
	Ledger     *ledger.Ledger
	Audit      *audit.Log
	Keys       *identity.Keys
	Sessions   *conversation.Keeper
	Memories   *memory.Keeper
	Feedback   *feedback.Keeper
	Engine     *assistant.Engine
	Models     *Models
	Assistants map[string]assistant.Definition // as they are published when the configuration is loaded
	Default    string                          // the assistant that answers unless another is named

	// Metrics are counted where they are set before the first turn.
	Metrics *observe.Metrics

	options     Options
	collections *collections
	prices      atomic.Pointer[ledger.Catalogue]
	limits      *limit.Book
	levels      *levels
	cache       *assistant.Cache
	semantic    *assistant.Semantic
	older       *assistant.Older
	erasures    *assistant.Erasures
	common      *cache.Common // nil: answers are this process's own
	salt        func(owner string) []byte
	books       *books       // of a server
	shares      *reconciling // nil where budgets and limits are not shared
	counted     bool         // what was spent before, by a command
	background  *assistant.Background
	vectors     *assistant.Vectors
	readings    *assistant.Readings
	quarantine  *gate.Quarantine
	readers     *apart.Pool // nil: files are read in this process
	tools       *tools
	retired     sync.WaitGroup // stops what an older configuration had
	encoders    *encoders
	embedders   *embedders
	passages    *vectorCache     // vectors of them
	weaviate    *weaviate.Engine // nil: vectors are searched elsewhere
	definitions *Definitions
	gates       atomic.Pointer[map[string]*gate.Gate]
	engines     atomic.Pointer[map[string]*enginePool]
	shown       atomic.Pointer[semantics] // in the metrics
}

// folder is the collection of the built-in assistant: the folder that the command runs in.
const folder = "folder"

// Open builds everything. Nothing is indexed and no model is called yet.
func Open(ctx context.Context, o Options) (_ *App, err error) {
	if o.Client == nil {
		o.Client = provider.NewClient()
	}
	if o.Log == nil {
		o.Log = slog.New(slog.DiscardHandler)
	}
	a := &App{options: o, Metrics: o.Metrics}
	if err := a.loadConfig(); err != nil {
		return nil, err
	}
	if a.DataDir, err = dataDir(o, a.Config); err != nil {
		return nil, err
	}
	a.options.DataDir = a.DataDir
	if a.Store, err = openStore(ctx, a.Config, a.DataDir); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			a.Store.Close()
		}
	}()
	a.Ledger = ledger.New(a.Store, a.prices.Load, o.Now)
	a.Audit = newAuditLog(a.Store, o.Now)
	noted := audited{a.Store, a.Audit}
	a.Keys = identity.NewKeys(noted, rand.Reader, o.Now)
	a.Sessions = conversation.NewKeeper(noted, conversation.Options{Mask: redact, Settle: a.Flush, Now: o.Now})
	a.Feedback = &feedback.Keeper{Store: a.Store, Traces: a, Metrics: a.Metrics, Now: o.Now}
	a.Memories = memory.NewKeeper(noted, memory.Options{Mask: redact, NewID: newMemoryID, Now: o.Now})
	a.background, a.vectors, a.readings = assistant.NewBackground(o.Log), assistant.NewVectors(keptVectors), assistant.NewReadings(o.Now)
	a.limits = limit.NewBook(o.Now)
	if a.Config.Cache.Size > 0 {
		a.cache = assistant.NewCache(int(a.Config.Cache.Size), a.Config.Cache.TTL, o.Now)
	}
	if s := a.Config.Cache.Semantic; s.On && a.cache != nil {
		a.semantic = assistant.NewSemantic(cmp.Or(s.Threshold, cache.DefaultThreshold), int(cmp.Or(s.Size, mostMeant)), cmp.Or(s.TTL, a.Config.Cache.TTL), o.Now)
	}
	if a.cache != nil {
		threshold := 0.0
		if a.semantic != nil {
			threshold = cmp.Or(a.Config.Cache.Semantic.Threshold, cache.DefaultThreshold)
		}
		a.older = assistant.NewOlder(int(a.Config.Cache.Size)/4, threshold, o.Now)
		a.erasures = assistant.NewErasures(a.Store, a.cache, a.semantic, a.older, o.Now)
	}
	a.common = a.newCommon()
	a.salt = newSalt()
	a.quarantine = gate.NewQuarantine(o.Now)
	if len(o.Reader) > 0 {
		a.readers = apart.New(o.Reader, 2)
	}
	a.encoders = newEncoders(ModelFolder(a.DataDir))
	a.passages = &vectorCache{folder: a.DataDir, now: o.Now}
	if err := a.build(ctx); err != nil {
		return nil, err
	}
	if shared, ok := a.Store.(sharing); ok {
		a.limits.Share(shared)
		a.shares = startReconciling(a.limits, shared, o.Log)
	}
	a.Models.start(ctx)
	a.background.Start(ctx)
	a.common.Start(ctx)
	a.tools.start(ctx)
	a.gates.Store(&a.Models.gates)
	a.engines.Store(&a.Models.pools)
	if a.Metrics != nil {
		a.observeGates()
		a.shown.Store(a.semantics())
		a.observeCollections()
		a.observeCache()
	}
	return a, nil
}

// build makes what follows from the configuration.
func (a *App) build(ctx context.Context) (err error) {
	if a.Models, err = findModels(ctx, a.Config, a.options); err != nil {
		return err
	}
	prices, err := ledger.NewCatalogue(slices.Concat(a.Models.free(), a.Models.listed(), a.Config.Prices())...)
	if err != nil {
		return err
	}
	a.Models.prices = prices
	a.Models.Router.Cost, a.Models.Router.Live, a.Models.Router.Can = a.Models.cost, a.Models.live, a.Models.can
	a.prices.Store(prices)
	a.Metrics.Know(a.Models.named())
	a.levels = newLevels(a.Config)
	a.embedders = newEmbedders(a.Config, a.encoders, a.levels.label)
	if err := a.prepareKnowledge(); err != nil {
		return err
	}
	if err := a.publishAssistants(ctx); err != nil {
		return err
	}
	if _, ok := a.Assistants[a.Default]; !ok {
		return fmt.Errorf("there is no assistant %q; `dragoman assistant list` lists those there are", a.Default)
	}
	template, err := prompt.Load(prompt.Default)
	if err != nil {
		return err
	}
	if a.tools, err = a.prepareTools(a.tools); err != nil {
		return err
	}
	collections, embedders := a.collections, a.embedders
	a.Engine = &assistant.Engine{
		Collections: func(ctx context.Context, name string) (assistant.Searcher, error) {
			c, err := collections.get(ctx, name)
			return searched{c, collections}, err
		},
		Embedder: func(name string) (*assistant.Embedder, error) { return embedders.asking(collections, name) },
		Reranker: newRerankers(a.Config, a.encoders).of,
		Router:   a.Models.Router,
		Upstream: a.Models.Upstream,
		Window:   a.Models.Window,
		Region:   a.Models.Region,
		Privacy:  a.levels.privacy,
		Labels:   a.levels.label,
		Books:    a.Ledger,
		Limits:   a.limits,
		Levels:   a.levels.of,
		Allowed:  a.levels.allowed,
		Scope:    a.levels.shares,
		Caching:  assistant.Caching(a.Config.Cache.When),
		Org:      a.levels.org,
		Archive:  archive{a},
		Memories: a.Memories,
		Cache:    a.cache,
		Semantic: a.semantic,
		Older:    a.older,
		Erasures: a.erasures,
		Sees:     a.Sees(),
		Common:   a.common,
		Metrics:  a.Metrics,
		Template: template,
		NewID:    newTraceID,
		Salt:     a.salt,
		Now:      a.options.Now,
		Random:   mathrand.Float64,
		Retries:  2,
		Tools:    a.tools.registry,
		Steps:    heldSteps{a},

		Background: a.background, Vectors: a.vectors, Readings: a.readings,

		Priority: a.levels.priority, Quarantine: a.quarantine, Meaning: a.embedders.judge,
	}
	return nil
}

// Ready says why no request should come, if anything.
func (a *App) Ready(context.Context) error {
	if a.books != nil && a.books.writer.Behind() {
		return errors.New("the books cannot keep up: the database is locked or cannot be reached, or the disk is full")
	}
	return nil
}

func (a *App) loadConfig() error {
	path := a.options.ConfigPath
	if path == "" {
		var ok bool
		if path, ok = config.Find(a.options.Dir); !ok {
			a.Config = config.Default()
			return nil
		}
	}
	cfg, err := config.Load(path, a.configOptions())
	if err != nil {
		return err
	}
	a.Config, a.ConfigPath = cfg, path
	return nil
}

func (a *App) configOptions() config.Options {
	getenv := a.options.Getenv
	return config.Options{Getenv: func(name string) (string, bool) { v := getenv(name); return v, v != "" }, Rule: route.Check}
}

// redact takes secrets out of a text that is kept.
func redact(text string) string {
	out, _ := guard.Redact(text)
	return out
}

// Policy is the guard policy of what has no assistant: of plain models.
func (a *App) Policy() guard.Policy { return a.policy(config.PlainGuard) }

func (a *App) policy(name string) guard.Policy {
	p := guard.DefaultPolicy()
	g, ok := a.Config.Guards[cmp.Or(name, config.DefaultGuard)]
	if !ok {
		return p
	}
	if g.Secrets != "" {
		p.Secrets = guard.Action(g.Secrets)
	}
	if g.Injection != "" {
		p.Injection = guard.Action(g.Injection)
	}
	if g.Output != "" {
		p.Output = guard.Action(g.Output)
	}
	return p
}

// Housekeeping closes the books of processes that died and deletes what is past its retention. It is called at start.
func (a *App) Housekeeping(ctx context.Context) error {
	_, err := a.Ledger.Recover(ctx)
	return errors.Join(err, a.Expire(ctx))
}

// Expire deletes traces and stored responses and feedback that are past their retention, and memories that have expired. It must not be called while Reload is.
func (a *App) Expire(ctx context.Context) (err error) {
	if keep := a.Config.Retention.Traces; keep > 0 {
		_, err = a.Store.DeleteTracesBefore(ctx, a.options.Now().Add(-keep))
	}
	if keep := a.Config.Retention.Responses; keep > 0 {
		_, err2 := a.Store.DeleteResponsesBefore(ctx, a.options.Now().Add(-keep))
		err = errors.Join(err, err2)
	}
	if keep := a.Config.Retention.Feedback; keep > 0 {
		_, err4 := a.Store.DeleteFeedbackBefore(ctx, a.options.Now().Add(-keep))
		err = errors.Join(err, err4)
	}
	_, err3 := a.Store.DeleteMemoriesBefore(ctx, a.options.Now())
	_, err5 := a.Store.DeleteErasuresBefore(ctx, a.options.Now().Add(-assistant.MostOlder)) // no cache has what is older
	return errors.Join(err, err3, err5, a.passages.expire(ctx, a.options.Now().Add(-keepUnused)))
}

// Close lets go of everything.
func (a *App) Close() error {
	ctx, cancel := context.WithTimeout(context.Background(), stopWithin)
	defer cancel()
	if a.background.Stop(ctx) != nil {
		a.options.Log.Warn("some summaries and memories of the last turns were left out, since the program ended")
	}
	a.common.Stop()
	var err error
	if a.books != nil {
		err = a.books.stop(context.Background()) // the last thing that a server does
		a.books = nil
	}
	err = errors.Join(err, a.shares.stop(context.Background(), err == nil))
	if a.counted {
		err = errors.Join(err, a.Store.Announce(ctx))
	}
	a.Models.stop()
	a.retired.Wait()
	err = errors.Join(err, a.tools.stop(context.Background(), nil))
	a.collections.close()
	err = errors.Join(err, a.passages.close())
	if a.readers != nil {
		a.readers.Close()
	}
	a.options.Client.CloseIdleConnections()
	return errors.Join(err, a.Store.Close())
}

// keptVectors is how many vectors of memories, old exchanges and sentences of sources are kept, 1.5 KB each.
const keptVectors = 8192

// newMemoryID makes the id of a memory.
func newMemoryID() string { return "mem_" + uuid.NewString() }

// newTraceID makes a trace id: sortable by time, unguessable.
func newTraceID() string {
	id, err := uuid.NewV7()
	if err != nil {
		panic(err) // the system has no randomness: nothing here may go on
	}
	return "tr_" + id.String()
}

// newSalt makes what placeholders for secrets are made with: the same for the same owner while this process runs, so that a
// conversation sent again is the same prompt to a provider's cache, and unknown to everybody else.
func newSalt() func(owner string) []byte {
	key := make([]byte, 32)
	rand.Read(key) // never fails (crypto/rand)
	return func(owner string) []byte {
		mac := hmac.New(sha256.New, key)
		mac.Write([]byte(owner))
		return mac.Sum(nil)
	}
}

// Forget throws the index of a collection away.
func (a *App) Forget(ctx context.Context, name string) error {
	c, err := a.collections.opened(ctx, name)
	if err != nil {
		return err
	}
	return c.Clear(ctx)
}
