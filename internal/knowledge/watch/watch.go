// Package watch tells when something in a set of folders may have changed. It says no more than that: what changed is found by looking,
// so that a notice that is lost, doubled or late does no harm.
package watch

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"syscall"
	"time"

	"github.com/fsnotify/fsnotify"
)

// ErrTooMany says that not all folders can be watched: the bound of the system, or ours.
var ErrTooMany = errors.New("there are more folders than can be watched")

const (
	// maxFolders bounds the folders of one Watcher. A watch costs the kernel about 1 KB, and what a user may have of them in all is
	// shared with editors.
	maxFolders = 20_000
	// quiet is for how long nothing may happen before a change counts as done: a program that saves a file writes, renames and
	// deletes. most is how long that may put the notice off.
	quiet, most = 40 * time.Millisecond, 300 * time.Millisecond
)

// Watcher watches folders, not what lies below them. Close must be called. Its methods are for one goroutine.
type Watcher struct {
	fs      *fsnotify.Watcher
	watched map[string]bool
	max     int
	modes   bool
}

// New returns a Watcher of no folders yet. With modes a change of a file's owner or permissions is one, too.
func New(modes bool) (*Watcher, error) {
	fs, err := fsnotify.NewWatcher()
	if err != nil {
		return nil, explain(err)
	}
	return &Watcher{fs: fs, watched: map[string]bool{}, max: maxFolders, modes: modes}, nil
}

// Cover watches these folders, of absolute paths, and no others. added says how many are new: what changed in them before is not told of,
// so whoever calls it has to look once more. Folders that are gone are passed over. An error, which wraps ErrTooMany where that
// is the reason, means that some are not watched.
func (w *Watcher) Cover(folders []string) (added int, err error) {
	if len(folders) > w.max {
		return 0, fmt.Errorf("%w: %d, and the bound is %d", ErrTooMany, len(folders), w.max)
	}
	wanted := make(map[string]bool, len(folders))
	for _, f := range folders {
		wanted[f] = true
	}
	for f := range w.watched {
		if !wanted[f] {
			_ = w.fs.Remove(f) // an error says that it is gone
			delete(w.watched, f)
		}
	}
	for f := range wanted {
		if w.watched[f] {
			continue
		}
		if err := w.fs.Add(f); err != nil {
			if errors.Is(err, syscall.ENOENT) || errors.Is(err, syscall.ENOTDIR) || errors.Is(err, syscall.EACCES) {
				continue
			}
			return added, explain(err)
		}
		w.watched[f] = true
		added++
	}
	return added, nil
}

// Wait returns when something has changed and come to rest, when wake (which may be nil) can be received from, or after at most d. changed
// says whether it was a change. It returns ctx's error when ctx is done.
func (w *Watcher) Wait(ctx context.Context, d time.Duration, wake <-chan struct{}) (changed bool, err error) {
	look := time.NewTimer(d)
	defer look.Stop()
	var rest, end <-chan time.Time
	for {
		happened := false
		select {
		case <-ctx.Done():
			return false, ctx.Err()
		case <-look.C:
			return rest != nil, nil
		case <-wake:
			return rest != nil, nil
		case <-rest:
			return true, nil
		case <-end:
			return true, nil
		case e, ok := <-w.fs.Events:
			if !ok {
				return false, fsnotify.ErrClosed
			}
			happened = w.modes || e.Op != fsnotify.Chmod
			if e.Has(fsnotify.Remove) || e.Has(fsnotify.Rename) {
				delete(w.watched, filepath.Clean(e.Name)) // of a folder: one that comes under its name is another
			}
		case _, ok := <-w.fs.Errors:
			if !ok {
				return false, fsnotify.ErrClosed
			}
			happened = true // notices were lost
		}
		if happened {
			rest = time.After(quiet)
			if end == nil {
				end = time.After(most)
			}
		}
	}
}

// Close ends the watching.
func (w *Watcher) Close() error { return w.fs.Close() }

// explain says what to do about the limits of a system.
func explain(err error) error {
	switch {
	case errors.Is(err, syscall.ENOSPC):
		return fmt.Errorf("%w: the system's limit is reached (on Linux raise fs.inotify.max_user_watches)", ErrTooMany)
	case errors.Is(err, syscall.EMFILE):
		return fmt.Errorf("%w: the system's limit is reached (on Linux raise fs.inotify.max_user_instances, elsewhere the number of open files)", ErrTooMany)
	}
	return fmt.Errorf("watch folders: %w", err)
}
