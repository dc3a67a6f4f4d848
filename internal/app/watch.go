package app

import (
	"context"
	"errors"
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
)

// keepWatched keeps a folder's index at most a moment behind the folder, until ctx is done. Where it cannot be watched, questions walk it
// as they do on the command line.
func (cs *collections) keepWatched(ctx context.Context, name string, log *slog.Logger) {
	log = log.With("collection", name)
	w, err := watch.New()
	if err != nil {
		log.Warn("the folder cannot be watched; it is walked when questions come", "err", err)
		return
	}
	defer w.Close()
	c, err := cs.opened(ctx, name)
	if err != nil {
		log.Warn("the collection cannot be opened", "err", err)
		return
	}
	defer c.watched.Store(false)
	history, refused := source.HistoryFolder(c.Root), false
	var failed string // as it was last said
	for ctx.Err() == nil {
		began, share := cs.now(), restAfterNoise
		report, err := cs.sync(ctx, c)
		if err != nil {
			if ctx.Err() != nil {
				return
			}
			c.watched.Store(false)
			if failed != err.Error() {
				log.Warn("the folder could not be indexed; what was read before stays", "err", err, "again in", walkEvery)
			}
			failed = err.Error()
		} else {
			failed = ""
			if report.Added+report.Changed+report.Removed > 0 {
				log.Debug("a folder changed", "added", report.Added, "changed", report.Changed, "removed", report.Removed, "took", report.Elapsed)
				share = restAfterChange
			}
			folders := make([]string, 0, len(report.Folders)+1)
			for _, f := range report.Folders {
				folders = append(folders, filepath.Join(c.Root, filepath.FromSlash(f)))
			}
			if history != "" {
				folders = append(folders, history)
			}
			added, err := w.Cover(folders)
			switch {
			case err != nil:
				if !refused {
					log.Warn("the folder is not watched as a whole; it is walked when questions come", "folders", len(folders), "err", err)
				}
				refused = true
				c.watched.Store(false)
			case added > 0:
				continue // something may have changed after it was read and before it was watched
			default:
				refused = false
				if c.watched.CompareAndSwap(false, true) {
					log.Debug("watching the folder", "folders", len(folders))
				}
			}
		}
		if !cs.rest(ctx, time.Duration(share)*cs.now().Sub(began)) {
			return
		}
		if _, err := w.Wait(ctx, walkEvery); err != nil && !errors.Is(err, context.Canceled) {
			c.watched.Store(false)
			log.Warn("watching the folder ended; it is walked when questions come", "err", err)
			return
		}
	}
}

// rest waits, and says whether it was left to.
func (cs *collections) rest(ctx context.Context, d time.Duration) bool {
	t := time.NewTimer(d)
	defer t.Stop()
	select {
	case <-ctx.Done():
		return false
	case <-t.C:
		return true
	}
}
