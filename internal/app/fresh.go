package app

import (
	"context"
	"log/slog"
	"sync"
	"time"

	"github.com/robfig/cron/v3"

	"github.com/dragoman/dragoman/internal/config"
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
		}
	}
	return func() { cancel(); all.Wait() }
}

// keepPulled asks the source of a collection at its pace, and when it is asked for.
func (cs *collections) keepPulled(ctx context.Context, name string, log *slog.Logger) {
	log = log.With("collection", name)
	pace, asks, why := cs.paces[name], cs.asks[name], occasion{reason: "start"}
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
		now := cs.now()
		at, planned := pace.next(now)
		timer := time.NewTimer(at.Sub(now))
		select {
		case <-ctx.Done():
			timer.Stop()
			return
		case <-timer.C:
			why = planned
		case <-asks.wake:
			timer.Stop()
			if asked, ok := asks.take(); ok {
				why = asked
			}
		}
	}
}
