package source

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"sync"
	"sync/atomic"

	"github.com/dragoman/dragoman/internal/knowledge/acl"
)

// walker reads folders, several at a time: each worker takes an open folder and adds the ones that it finds in it.
type walker struct {
	root    string
	above   string // path of the root in its work tree, with a slash at the end; "" if it is the top
	include *include
	limit   int64
	seen    atomic.Int64

	converts func(name string) bool // may be nil
	owners   *Owners                // may be nil

	mu   sync.Mutex
	wake sync.Cond // open, busy or err changed
	open []folder
	busy int
	err  error // the first; ends the walk
}

// folder is one that is still to be read.
type folder struct {
	path  string // relative to the root; "" for the root
	git   *rules // of .gitignore, innermost first
	own   *rules // of .dragomanignore, innermost first
	in    bool   // what it holds is wanted; otherwise it only lies on the way to something that may be
	taken bool   // it was asked for by name or taken back by an ignore file: marks of vendored code in it don't count
	flags Flags  // that its path gives to everything below

	readers acl.ACL // who may enter the folders above it, and it itself once it is read
}

func newWalker(root string, include *include, limit int) *walker {
	w := &walker{root: root, include: include, limit: int64(limit)}
	w.wake.L = &w.mu
	first := folder{in: include.all(), taken: true, readers: acl.Everybody()}
	first.git, first.own, w.above = rulesAbove(root)
	w.open = []folder{first}
	return w
}

// work reads folders until none is open and none is being read that could hold more.
func (w *walker) work(ctx context.Context, out *Listing) {
	var found []folder
	w.mu.Lock()
	defer w.mu.Unlock()
	for {
		for len(w.open) == 0 && w.busy > 0 && w.err == nil {
			w.wake.Wait()
		}
		if len(w.open) == 0 || w.err != nil {
			return
		}
		dir := w.open[len(w.open)-1]
		w.open = w.open[:len(w.open)-1]
		w.busy++
		w.mu.Unlock()

		err := ctx.Err()
		if err == nil {
			found, err = w.read(dir, found[:0], out)
		}

		w.mu.Lock()
		w.busy--
		w.open = append(w.open, found...)
		if w.err == nil {
			w.err = err
		}
		w.wake.Broadcast()
	}
}

// read lists one folder: documents and skipped things go to out, folders to be read are appended to found.
func (w *walker) read(dir folder, found []folder, out *Listing) ([]folder, error) {
	entries, err := readDir(w.full(dir.path))
	if err != nil {
		if dir.path == "" {
			return found, fmt.Errorf("cannot read the folder %s: %w", Display(w.root), cause(err))
		}
		if !errors.Is(err, fs.ErrNotExist) {
			out.Skipped = append(out.Skipped, Skip{dir.path, Unreadable, cause(err).Error()})
		}
	}
	if err := w.admit(&dir); err != nil {
		return found, err
	}
	before := len(out.Files) + len(out.Skipped)
	marks := w.marksOf(&dir, entries)
	if marks.vendored != "" && !dir.taken {
		if dir.in {
			out.Skipped = append(out.Skipped, Skip{dir.path, Vendored, marks.vendored})
		}
		return found, w.count(1)
	}
	out.Folders = append(out.Folders, dir.path)
	for _, e := range entries {
		name := e.Name()
		if isVersionControl(name) {
			if name == ".git" && dir.path != "" && gitDir(filepath.Join(w.root, filepath.FromSlash(dir.path))) != "" {
				out.Repositories = append(out.Repositories, dir.path)
			}
			continue
		}
		path := name
		if dir.path != "" {
			path = dir.path + "/" + name
		}
		if e.IsDir() {
			if sub, ok := w.enter(&dir, path, name, marks, out); ok {
				found = append(found, sub)
			}
			continue
		}
		in, named := w.include.file(dir.in, path, name)
		if !in {
			continue
		}
		verdict := w.judge(&dir, path, name, false)
		if verdict == ignored && !named {
			out.Ignored++
			continue
		}
		w.file(e, path, name, &dir, named || verdict == takenBack, out)
	}
	return found, w.count(len(out.Files) + len(out.Skipped) - before)
}

// admit notes who may enter a folder.
func (w *walker) admit(dir *folder) error {
	if w.owners == nil {
		return nil
	}
	info, err := os.Lstat(w.full(dir.path))
	if errors.Is(err, fs.ErrNotExist) { // gone since it was found
		dir.readers = acl.ACL{}
		return nil
	}
	if err != nil {
		return fmt.Errorf("who may enter %s cannot be told: %w", Display(dir.path), cause(err))
	}
	dir.readers = dir.readers.And(w.owners.of(w.full(dir.path), info))
	return nil
}

func (w *walker) full(path string) string { return filepath.Join(w.root, filepath.FromSlash(path)) }

func (w *walker) count(n int) error {
	if seen := w.seen.Add(int64(n)); w.limit > 0 && seen > w.limit {
		return fmt.Errorf("%w: more than %d below %s; name a smaller folder or list what to leave out in .dragomanignore",
			ErrTooManyFiles, w.limit, Display(w.root))
	}
	return nil
}

// marks are what the entries of a folder say about the folder and its sub folders.
type marks struct {
	vendored string // why the whole folder is somebody else's; "" if it is not
	builds   bool   // Cargo or Maven build here, into "target"
}

// marksOf looks for the files in dir that say something about dir, and adds its ignore files to its rules.
func (w *walker) marksOf(dir *folder, entries []fs.DirEntry) (m marks) {
	git, own := dir.git, dir.own
	for _, e := range entries {
		if !e.Type().IsRegular() {
			continue
		}
		switch e.Name() {
		case ".gitignore":
			dir.git = w.rulesIn(dir.path, e.Name(), git)
		case ".dragomanignore":
			dir.own = w.rulesIn(dir.path, e.Name(), own)
		case "Cargo.toml", "pom.xml":
			m.builds = true
		case "pyvenv.cfg":
			m.vendored = "a Python environment"
		case "CACHEDIR.TAG":
			m.vendored = "a cache (has a CACHEDIR.TAG)"
		case "dragoman.lock":
			m.vendored = "the data folder of a Dragoman"
		}
	}
	return m
}

func (w *walker) rulesIn(dir, name string, outer *rules) *rules {
	base := w.above
	if dir != "" {
		base += dir + "/"
	}
	return readRules(filepath.Join(w.root, filepath.FromSlash(dir), name), base, outer)
}

func (w *walker) judge(dir *folder, path, name string, isDir bool) verdict {
	if dir.own == nil && dir.git == nil {
		return unmentioned
	}
	full := w.above + path
	if v := dir.own.judge(full, name, isDir); v != unmentioned {
		return v
	}
	if v := dir.git.judge(full, name, isDir); v == ignored {
		return v
	}
	return unmentioned // .gitignore takes back what it ignored itself, and nothing else
}

// enter decides whether the folder at path is to be read.
func (w *walker) enter(dir *folder, path, name string, m marks, out *Listing) (folder, bool) {
	in, named := w.include.folder(dir.in, path, name)
	onTheWay := w.include.leadsTo(path)
	if !in && !onTheWay && !w.include.hasGlobs() {
		return folder{}, false
	}
	if isSecretFolder(name) {
		if in {
			out.Skipped = append(out.Skipped, Skip{path, Secret, ""})
		}
		return folder{}, false
	}
	verdict := w.judge(dir, path, name, true)
	taken := named || verdict == takenBack
	if reason, detail := folderReason(name, m.builds); !taken && (verdict == ignored || reason != "") {
		switch {
		case onTheWay:
			in = false // only what is named in it
			taken = true
		case verdict == ignored:
			if in {
				out.Ignored++
			}
			return folder{}, false
		default:
			if in {
				out.Skipped = append(out.Skipped, Skip{path, reason, detail})
			}
			return folder{}, false
		}
	}
	return folder{path: path, git: dir.git, own: dir.own, in: in, taken: taken, flags: dir.flags | folderFlags(name), readers: dir.readers}, true
}

// file lists one entry that is no folder. taken tells that it was asked for by name or taken back by an ignore file.
func (w *walker) file(e fs.DirEntry, path, name string, dir *folder, taken bool, out *Listing) {
	skip := func(r Reason, detail string) { out.Skipped = append(out.Skipped, Skip{path, r, detail}) }
	if e.Type()&fs.ModeSymlink != 0 {
		skip(w.link(path))
		return
	}
	if !e.Type().IsRegular() {
		skip(NotRegular, kindOf(e.Type()))
		return
	}
	reason, detail := fileReason(path, name)
	limit := sizeLimit(name)
	convert := (reason == Binary || reason == "") && w.converts != nil && w.converts(name)
	if convert {
		reason, limit = "", maxBinary
	}
	if reason != "" && (!taken || reason.final()) {
		skip(reason, detail)
		return
	}
	info, err := e.Info()
	switch {
	case errors.Is(err, fs.ErrNotExist): // gone since the folder was read
	case err != nil:
		skip(Unreadable, cause(err).Error())
	case !info.Mode().IsRegular():
		skip(NotRegular, kindOf(info.Mode()))
	case info.Size() > limit:
		skip(tooLarge(info.Size(), limit))
	default:
		f := File{Path: path, Size: info.Size(), ModTime: info.ModTime(), Flags: dir.flags | nameFlags(name), Convert: convert, ACL: acl.Everybody()}
		if w.owners != nil {
			f.ACL = dir.readers.And(w.owners.of(w.full(path), info))
		}
		out.Files = append(out.Files, f)
	}
}

// link says what the symbolic link at path is. None is followed: what it points at is found under its own name if it lies
// below the root, and is not ours to read if it doesn't.
func (w *walker) link(path string) (Reason, string) {
	full := w.full(path)
	text, err := os.Readlink(full)
	if err != nil {
		return Unreadable, cause(err).Error()
	}
	target, err := filepath.EvalSymlinks(full)
	if err != nil {
		return BrokenLink, "to " + Display(text)
	}
	if rel, err := filepath.Rel(w.root, target); err != nil || !filepath.IsLocal(rel) {
		return Link, "to " + Display(text) + ", outside the folder"
	}
	return Link, "to " + Display(text)
}

// readDir is os.ReadDir without the sorting. It may return entries and an error.
func readDir(path string) ([]fs.DirEntry, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	return f.ReadDir(-1)
}

func kindOf(m fs.FileMode) string {
	switch {
	case m&fs.ModeNamedPipe != 0:
		return "a named pipe"
	case m&fs.ModeSocket != 0:
		return "a socket"
	case m&fs.ModeDevice != 0:
		return "a device"
	case m.IsDir():
		return "a folder"
	case m&fs.ModeSymlink != 0:
		return "a link"
	}
	return "neither file nor folder"
}

// cause strips the operation and the path, which a Skip names itself, from an error of package os.
func cause(err error) error {
	if e, ok := errors.AsType[*fs.PathError](err); ok {
		return e.Err
	}
	return err
}

func isVersionControl(name string) bool {
	switch name {
	case ".git", ".hg", ".svn", ".jj", ".bzr", "CVS", "_darcs", ".pijul":
		return true
	}
	return false
}
