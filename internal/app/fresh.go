package app

import (
	"context"
	"log/slog"
	"path/filepath"
	"strings"
	"sync"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/dragoman/dragoman/internal/config"
	"github.com/dragoman/dragoman/internal/knowledge"
	"github.com/dragoman/dragoman/internal/knowledge/source"
	"github.com/dragoman/dragoman/internal/knowledge/watch"
)

// pullEvery is how often a source is asked for what is new where its collection does not say.
const pullEvery = time.Hour

// occasion is why a collection is brought up to date.
type occasion struct {
	reason  string // as in SyncRun
	rebuild bool   // everything is read anew
}

// asks holds what was asked for and is not done yet: several are one.
type asks struct {
	mu      sync.Mutex
	pending *occasion
	wake    chan struct{} // can be received from when there is something pending
}

func newAsks() *asks { return &asks{wake: make(chan struct{}, 1)} }

// put asks for a run.
func (a *asks) put(next occasion) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.pending != nil {
		next.rebuild = next.rebuild || a.pending.rebuild
	}
	a.pending = &next
	select {
	case a.wake <- struct{}{}:
	default:
	}
}

// take returns what is asked for, if anything.
func (a *asks) take() (occasion, bool) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.pending == nil {
		return occasion{}, false
	}
	next := *a.pending
	a.pending = nil
	return next, true
}

// pace is when a collection is brought up to date by itself.
type pace struct {
	every   time.Duration // 0: never, where schedule is nil
	pull    cron.Schedule // in place of every
	rebuild cron.Schedule
}

func newPace(c config.Collection, source bool) (p pace, err error) {
	if p.every = c.Every; source && p.every == 0 && c.Schedule == "" {
		p.every = pullEvery
	}
	if c.Schedule != "" {
		if p.pull, err = cron.ParseStandard(c.Schedule); err != nil {
			return p, err
		}
	}
	if c.Rebuild != "" {
		p.rebuild, err = cron.ParseStandard(c.Rebuild)
	}
	return p, err
}

// next is when it is to be done next, after now, and what; the zero time is never.
func (p *pace) next(now time.Time) (at time.Time, what occasion) {
	what.reason = "schedule"
	switch {
	case p.pull != nil:
		at = p.pull.Next(now)
	case p.every > 0:
		at = now.Add(p.every)
	}
	if p.rebuild != nil {
		if r := p.rebuild.Next(now); !r.IsZero() && (at.IsZero() || !r.After(at)) {
			return r, occasion{"schedule", true}
		}
	}
	return at, what
}

// KeepFresh watches the folders of collections, asks their sources for what is new, each at its own pace, and does what is asked for through
// the API, until stop is called.
func (a *App) KeepFresh(ctx context.Context, log *slog.Logger) (stop func()) {
	ctx, cancel := context.WithCancel(ctx)
	var all sync.WaitGroup
	cs := a.collections
	for name := range cs.options {
		switch p := cs.pulls[name]; {
		case p == nil:
			all.Go(func() { cs.keepFolder(ctx, name, log) })
		case p.from != nil:
			all.Go(func() { cs.keepPulled(ctx, name, log) })
		case cs.ages(name):
			all.Go(func() { cs.keepPushed(ctx, name, log) })
		}
	}
	return func() { cancel(); all.Wait() }
}

// keepPulled asks the source of a collection at its pace, and when it is asked for.
func (cs *collections) keepPulled(ctx context.Context, name string, log *slog.Logger) {
	log = log.With("collection", name)
	pace, asks, why := cs.paces[name], cs.asks[name], occasion{reason: "start"}
	w := cs.pulls[name].watcher(log)
	if w != nil {
		defer w.Close()
	}
	for {
		report, err := cs.refresh(ctx, name, why)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			log.Warn("a source could not be read; what was read before stays", "err", err)
		case report.Added+report.Changed+report.Removed > 0:
			log.Info("documents came in", "added", report.Added, "changed", report.Changed, "removed", report.Removed, "skipped", len(report.Skipped))
		}
		if why.reason == "change" {
			rest(ctx, restAfterPull)
		}
		at, planned := pace.next(cs.now())
		c, _ := cs.opened(ctx, name)
		for why = (occasion{}); why == (occasion{}); {
			wait := at.Sub(cs.now())
			blaming := c != nil && c.waiting.Load() > 0 && wait > blamePause
			if blaming {
				wait = blamePause
			}
			changed, err := await(ctx, w, wait, asks.wake)
			if err != nil {
				return
			}
			asked, ok := asks.take()
			switch {
			case ok:
				why = asked
			case changed:
				why = occasion{reason: "change"}
			case blaming:
				cs.blame(ctx, c, blameAlone)
			default:
				why = planned
			}
		}
	}
}

// ages says whether documents of a collection leave the search by themselves.
func (cs *collections) ages(name string) bool {
	o := cs.options[name]
	return len(o.Expiry)+len(o.Latest) > 0
}

// keepPushed takes pushed documents out of the search that have become too old, or of which a newer version was pushed, at the collection's pace.
func (cs *collections) keepPushed(ctx context.Context, name string, log *slog.Logger) {
	log = log.With("collection", name)
	pace := cs.paces[name]
	if pace.pull == nil && pace.every == 0 {
		pace.every = pullEvery
	}
	for {
		pruned, err := cs.prune(ctx, name)
		switch {
		case ctx.Err() != nil:
			return
		case err != nil:
			log.Warn("documents that have become old could not be taken out of the search", "err", err)
		case pruned > 0:
			log.Info("documents that have become old are no longer searched", "documents", pruned)
		}
		now := cs.now()
		at, _ := pace.next(now)
		if _, err := await(ctx, nil, at.Sub(now), nil); err != nil {
			return
		}
	}
}

// prune takes documents out of the search that have become old.
func (cs *collections) prune(ctx context.Context, name string) (pruned int, err error) {
	c, err := cs.opened(ctx, name)
	if err != nil {
		return 0, err
	}
	_, err = cs.recorded(ctx, c, occasion{reason: "schedule"}, true, func(func(knowledge.Progress)) (knowledge.Report, error) {
		pruned, err = c.Prune(ctx, cs.now)
		return knowledge.Report{Pruned: pruned}, err
	})
	return pruned, err
}

// await waits until a source that is on this machine has changed, somebody asks, or d is over.
func await(ctx context.Context, w *watch.Watcher, d time.Duration, wake <-chan struct{}) (changed bool, err error) {
	if w != nil {
		return w.Wait(ctx, d, wake)
	}
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-ctx.Done():
		return false, ctx.Err()
	case <-timer.C:
	case <-wake:
	}
	return false, nil
}

// restAfterPull bounds what a source on this machine costs in which something is written without end, like a log: between two notices it is left
// alone for so long.
const restAfterPull = 5 * time.Second

// watcher watches the folders in which a source on this machine shows that it has changed; nil where there are none, or they cannot be watched:
// then it is asked at its pace.
func (p *pulls) watcher(log *slog.Logger) *watch.Watcher {
	if len(p.folders) == 0 {
		return nil
	}
	w, err := watch.New(false)
	if err == nil {
		if _, err = w.Cover(p.folders); err != nil {
			w.Close()
		}
	}
	if err != nil {
		log.Warn("the source cannot be watched; it is asked at its pace", "err", err)
		return nil
	}
	return w
}

// localFolders are those in which a source on this machine shows that it has changed: of log files their folders, of a repository that in which
// git notes commits.
func (a *App) localFolders(c config.Collection) (folders []string) {
	for _, pattern := range c.Source.Logs.Files {
		folders = append(folders, filepath.Dir(pattern))
		files, _ := filepath.Glob(pattern) // a bad pattern is told of by the connector
		for _, f := range files {
			folders = append(folders, filepath.Dir(f))
		}
	}
	if at := c.Source.Git.URL; at != "" && !strings.Contains(at, ":") {
		at = under(a.Config.Dir, at)
		if history := source.HistoryFolder(at); history != "" {
			folders = append(folders, history)
		} else {
			folders = append(folders, filepath.Join(at, "refs", "heads"))
		}
	}
	return folders
}
