package app

import (
	"context"
	"log/slog"
	"path/filepath"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/source"
	"github.com/dragoman/dragoman/internal/knowledge/watch"
)

const (
	// walkEvery is how often a watched folder is walked all the same: for notices that never came (network file systems give none)
	// and for changes of permissions.
	walkEvery = time.Minute
	// What a folder costs in which something is written without end is bounded by a rest after each walk, of this many times its
	// length: shorter where the walk found something, longer where ignored files made the noise.
	restAfterChange, restAfterNoise = 1, 4
	// A file that is written all the time (a log) is not worth reading all the time: the rests double with each walk that follows
	// another within inARow, up to longestRest.
	inARow, longestRest = time.Second, 10 * time.Second
)

// folderKeeper keeps the index of one folder at most a moment behind the folder.
type folderKeeper struct {
	cs      *collections
	c       *collection
	log     *slog.Logger
	watcher *watch.Watcher // nil: the folder is not watched, and walked when questions come and when it is asked for

	ended time.Time     // the last walk, and the rest after it
	rests time.Duration // what was added to the rest after it

	failed string // as it was last said
	refuse string // as failed, of watching
}

// keepFolder watches a folder until ctx is done. Where it cannot be watched, questions walk it as they do on the command line.
func (cs *collections) keepFolder(ctx context.Context, name string, log *slog.Logger) {
	log = log.With("collection", name)
	c, err := cs.opened(ctx, name)
	if err != nil {
		if ctx.Err() == nil {
			log.Warn("the collection cannot be opened", "err", err)
		}
		return
	}
	k := &folderKeeper{cs: cs, c: c, log: log}
	if cs.watch[name] {
		if k.watcher, err = watch.New(cs.options[name].Owners != nil); err != nil {
			log.Warn("the folder cannot be watched; it is walked when questions come", "err", err)
		} else {
			defer k.watcher.Close()
		}
	}
	defer c.watched.Store(false)
	pace, asks, why := cs.paces[name], cs.asks[name], occasion{reason: "start"}
	for due := k.watcher != nil; ; due = true {
		var again bool
		if due {
			again = k.walk(ctx, why)
		}
		if ctx.Err() != nil {
			return
		}
		if why = (occasion{reason: "change"}); again {
			continue // something may have changed after it was read and before it was watched
		}
		now := cs.now()
		at, planned := pace.next(now)
		wait := walkEvery
		if c.waiting.Load() > 0 {
			wait = blamePause
		}
		timed := !at.IsZero() && (k.watcher == nil || at.Sub(now) < wait)
		if timed {
			wait = at.Sub(now)
		}
		if !k.wait(ctx, wait, timed, asks.wake) {
			return
		}
		if asked, ok := asks.take(); ok {
			why = asked
		} else if timed && !cs.now().Before(at) {
			why = planned
		}
	}
}

// wait returns false when ctx is done.
func (k *folderKeeper) wait(ctx context.Context, d time.Duration, timed bool, wake <-chan struct{}) bool {
	if k.watcher != nil {
		_, err := k.watcher.Wait(ctx, d, wake)
		if err == nil {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		k.c.watched.Store(false)
		k.log.Warn("watching the folder ended; it is walked when questions come", "err", err)
		k.watcher.Close()
		k.watcher = nil
	}
	var end <-chan time.Time
	if timed {
		t := time.NewTimer(d)
		defer t.Stop()
		end = t.C
	}
	select {
	case <-ctx.Done():
		return false
	case <-end:
	case <-wake:
	}
	return true
}

// walk brings the index up to date, and watches the folders that there are now. It says whether it has to be done again at once.
func (k *folderKeeper) walk(ctx context.Context, why occasion) (again bool) {
	began, share := k.cs.now(), restAfterNoise
	report, err := k.cs.sync(ctx, k.c, why)
	switch {
	case ctx.Err() != nil:
		return false
	case err != nil:
		k.c.watched.Store(false)
		if k.failed != err.Error() {
			k.log.Warn("the folder could not be indexed; what was read before stays", "err", err, "again in", walkEvery)
		}
		k.failed = err.Error()
	default:
		k.failed = ""
		if report.Added+report.Changed+report.Removed > 0 {
			k.log.Debug("a folder changed", "added", report.Added, "changed", report.Changed, "removed", report.Removed, "took", report.Elapsed)
			share = restAfterChange
		}
		if k.watcher != nil && k.cover(report.Folders, report.Repositories) {
			return true
		}
	}
	if k.watcher != nil {
		if began.Sub(k.ended) > inARow {
			k.rests = 0
		} else {
			k.rests = min(max(2*k.rests, 50*time.Millisecond), longestRest)
		}
		rest(ctx, time.Duration(share)*k.cs.now().Sub(began)+k.rests)
		k.ended = k.cs.now()
	}
	return false
}

// cover watches the folders that a walk looked into, and where git notes what it checks out in them, and says whether there are new ones.
func (k *folderKeeper) cover(below, repositories []string) (more bool) {
	folders := make([]string, 0, len(below)+len(repositories)+1)
	for _, f := range below {
		folders = append(folders, filepath.Join(k.c.Root, filepath.FromSlash(f)))
	}
	for _, r := range append([]string{""}, repositories...) {
		if history := source.HistoryFolder(filepath.Join(k.c.Root, filepath.FromSlash(r))); history != "" {
			folders = append(folders, history)
		}
	}
	added, err := k.watcher.Cover(folders)
	if err != nil {
		k.c.watched.Store(false)
		if k.refuse != err.Error() {
			k.log.Warn("the folder is not watched as a whole; it is walked when questions come", "folders", len(folders), "err", err)
		}
		k.refuse = err.Error()
		return false
	}
	k.refuse = ""
	if added == 0 && k.c.watched.CompareAndSwap(false, true) {
		k.log.Debug("watching the folder", "folders", len(folders))
	}
	return added > 0
}

// rest waits.
func rest(ctx context.Context, d time.Duration) {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
	case <-t.C:
	}
}
