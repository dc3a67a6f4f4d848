// Package source finds the documents of a folder and reads them: text that people wrote, and nothing that would harm or
// mislead (secrets, binaries, what programs wrote, other people's code, whatever is ignored). It never writes, never leaves
// the folder through a link, and never waits for a device, a pipe or the network.
package source

import (
	"cmp"
	"context"
	"errors"
	"runtime"
	"slices"
	"sync"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/acl"
)

// ErrTooManyFiles says that a folder holds more than Options.MaxFiles allows.
var ErrTooManyFiles = errors.New("too many files")

// Options says what Walk looks at. The zero value means everything, without a bound.
type Options struct {
	// Include names what is wanted, as paths relative to the root (absolute ones inside it are taken too) or as globs
	// with the syntax of .gitignore ("*.go", "docs/**/*.md"). Empty means all. What a path names outright is taken even
	// if it is ignored or vendored; secrets and what cannot be read as text never are.
	Include []string

	// MaxFiles bounds the files found and skipped together; 0 means no bound. Beyond it Walk fails with ErrTooManyFiles.
	MaxFiles int

	// Converts says of a name that somebody else makes text of such files: they are listed although they are binary, may be larger, and are
	// read with ReadBytes. nil: of none.
	Converts func(name string) bool

	// Owners says for whom the owners and groups of files stand, so that files that not everybody of this machine may read have an ACL. nil: they
	// have none.
	Owners *Owners
}

// File is a document that Walk found.
type File struct {
	Path    string    // relative to the root, slash-separated, bytes as the file system has them: see Display
	Size    int64     // bytes
	ModTime time.Time //
	Flags   Flags     // as Classify tells from Path
	Convert bool      // text has to be made of it: see Options.Converts
	ACL     acl.ACL   // who may read it, where Options.Owners are told; else everybody
}

// Listing is what a folder holds. Files and Skipped are sorted by path.
type Listing struct {
	Files   []File
	Skipped []Skip   // a skipped folder is one entry, and what it holds is not looked at
	Ignored int      // files and folders that an ignore file rules out; what such a folder holds is not counted
	Folders []string // that were read, "" for the root: where a change can make another listing; in no order

	// Repositories are the folders below the root that are git work trees of their own: submodules, and clones that lie there. Sorted.
	Repositories []string
}

// Walk lists the documents below root. Ignore files (.gitignore, .git/info/exclude, and .dragomanignore, which has the last
// word and may take back vendored folders, too, with "!vendor/") apply as git applies them, those of the folders above root
// in the same work tree included; unlike in git a tracked file can be ignored.
//
// What cannot be read is listed as skipped. An error means that there is no listing: the root cannot be read, an Include
// names nothing, there are too many files, or ctx is done. Files that change meanwhile are found in their old or new state.
func Walk(ctx context.Context, root string, opts Options) (Listing, error) {
	asGiven, resolved, err := resolveFolder(root)
	if err != nil {
		return Listing{}, err
	}
	include, err := newInclude(asGiven, resolved, opts.Include)
	if err != nil {
		return Listing{}, err
	}
	w := newWalker(resolved, include, opts.MaxFiles)
	w.converts, w.owners = opts.Converts, opts.Owners
	// Reading folders is mostly waiting for system calls, so a second core nearly halves the time; more than a few
	// only contend for the same directory cache.
	parts := make([]Listing, min(runtime.GOMAXPROCS(0), 4))
	var workers sync.WaitGroup
	for i := range parts {
		workers.Go(func() { w.work(ctx, &parts[i]) })
	}
	workers.Wait()
	if w.err != nil {
		return Listing{}, w.err
	}
	return merge(parts), nil
}

func merge(parts []Listing) Listing {
	var files, skips int
	for _, p := range parts {
		files, skips = files+len(p.Files), skips+len(p.Skipped)
	}
	all := Listing{Files: make([]File, 0, files), Skipped: make([]Skip, 0, skips)}
	for _, p := range parts {
		all.Files = append(all.Files, p.Files...)
		all.Skipped = append(all.Skipped, p.Skipped...)
		all.Ignored += p.Ignored
		all.Folders = append(all.Folders, p.Folders...)
		all.Repositories = append(all.Repositories, p.Repositories...)
	}
	slices.Sort(all.Repositories)
	slices.SortFunc(all.Files, func(a, b File) int { return cmp.Compare(a.Path, b.Path) })
	slices.SortFunc(all.Skipped, func(a, b Skip) int { return cmp.Compare(a.Path, b.Path) })
	return all
}
