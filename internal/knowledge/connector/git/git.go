// Package git reads repositories without a checkout: the files of one branch or of all, with who changed them last and when, and what
// commits say. A mirror is kept, so that a later run fetches and reads only what is new.
package git

import (
	"cmp"
	"context"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/dragoman/dragoman/internal/knowledge/connector"
	"github.com/dragoman/dragoman/internal/knowledge/extract"
	"github.com/dragoman/dragoman/internal/knowledge/source"
)

// Options say which repository is read.
type Options struct {
	URL string // of the repository: https, ssh, or a folder of this machine
	// Branches are names, or "*" for all; empty: the one that the repository calls its own. What a branch has in common with the first
	// one is there once.
	Branches []string
	Commits  bool     // what commits say is searchable, too
	Exclude  []string // patterns of .gitignore: "testdata/", "*.pb.go"
	Mirrors  string   // folder in which mirrors are kept
	Token    string   // for https; sent as a password to the repository's own host alone
}

// Repository is a connector.
type Repository struct {
	o       Options
	exclude source.Patterns
	mirror  mirror
}

var _ connector.Connector = (*Repository)(nil)

// maxCommits bounds the commits whose messages are searchable, the newest first, and those that are read for dates.
const maxCommits = 20_000

// New makes a connector. Nothing is fetched yet.
func New(o Options) (*Repository, error) {
	if o.URL == "" || strings.HasPrefix(o.URL, "-") {
		return nil, fmt.Errorf("%q is no repository; write its URL, or a folder", o.URL)
	}
	for _, b := range o.Branches {
		if strings.HasPrefix(b, "-") || strings.ContainsAny(b, " :^~?[\\") {
			return nil, fmt.Errorf("%q is no branch", b)
		}
	}
	exclude, err := source.NewPatterns(o.Exclude)
	if err != nil {
		return nil, err
	}
	sum := sha256.Sum256([]byte(o.URL))
	name := strings.TrimSuffix(path.Base(strings.TrimRight(o.URL, "/")), ".git")
	return &Repository{o, exclude, mirror{url: o.URL, dir: filepath.Join(o.Mirrors, safeName(name)+"-"+hex.EncodeToString(sum[:6])+".git"), token: o.Token}}, nil
}

func safeName(s string) string {
	return strings.Map(func(c rune) rune {
		if c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '-' || c == '_' {
			return c
		}
		return '_'
	}, s[:min(len(s), 40)])
}

// state is the cursor: the commit of each branch up to which it was read.
type state struct {
	Heads map[string]string `json:"heads"`
}

// Sync implements connector.Connector.
func (r *Repository) Sync(ctx context.Context, cursor string, sink connector.Sink) (connector.Outcome, error) {
	before := state{}
	if cursor != "" {
		if err := json.Unmarshal([]byte(cursor), &before); err != nil {
			before = state{}
		}
	}
	if err := os.MkdirAll(r.o.Mirrors, 0o700); err != nil {
		return connector.Outcome{}, err
	}
	if err := r.mirror.fetch(ctx); err != nil {
		return connector.Outcome{}, err
	}
	heads, err := r.heads(ctx)
	if err != nil {
		return connector.Outcome{}, err
	}
	run := &run{r: r, ctx: ctx, sink: sink, blobs: map[string]string{}}
	if run.objects, err = r.mirror.objects(ctx); err != nil {
		return connector.Outcome{}, err
	}
	defer run.objects.close()
	now := state{Heads: map[string]string{}}
	for i, h := range heads {
		if err := run.branch(h, before.Heads[h.name], i == 0, len(heads) > 1); err != nil {
			return connector.Outcome{}, err
		}
		now.Heads[h.name] = h.commit
	}
	if r.o.Commits {
		if err := run.commits(heads); err != nil {
			return connector.Outcome{}, err
		}
	}
	text, err := json.Marshal(now)
	return connector.Outcome{Cursor: string(text), Complete: true}, err
}

type head struct{ name, commit string }

// heads are the branches that are read, the repository's own first.
func (r *Repository) heads(ctx context.Context) ([]head, error) {
	all, own, err := r.mirror.branches(ctx)
	if err != nil {
		return nil, err
	}
	want := r.o.Branches
	switch {
	case len(all) == 0:
		return nil, nil // nothing was committed yet
	case len(want) == 0:
		want = []string{own}
	case slices.Contains(want, "*"):
		want = slices.SortedFunc(maps.Keys(all), func(a, b string) int {
			return cmp.Or(cmp.Compare(b2i(b == own), b2i(a == own)), cmp.Compare(a, b))
		})
	}
	var out []head
	for _, name := range want {
		commit, ok := all[name]
		if !ok {
			return nil, fmt.Errorf("%s has no branch %q; it has %s", r.o.URL, name, strings.Join(slices.Sorted(maps.Keys(all)), ", "))
		}
		out = append(out, head{name, commit})
	}
	return out, nil
}

func b2i(b bool) int {
	if b {
		return 1
	}
	return 0
}

// run is one Sync.
type run struct {
	r       *Repository
	ctx     context.Context
	sink    connector.Sink
	objects *objects
	blobs   map[string]string // of the first branch, by path
	done    int
}

// branch puts the files of a branch that are not what they were.
func (u *run) branch(h head, before string, first, several bool) error {
	files, err := u.r.mirror.files(u.ctx, h.commit)
	if err != nil {
		return err
	}
	rewritten, err := u.r.mirror.rewritten(u.ctx, before, h.commit)
	if err != nil {
		return err
	}
	var todo []treeFile
	told := map[string]bool{}
	for _, f := range files {
		id := f.path
		if !first {
			if u.blobs[f.path] == f.blob {
				continue
			}
			id = h.name + ":" + f.path
		} else {
			u.blobs[f.path] = f.blob
		}
		f.id = id
		if u.r.exclude.Match(f.path) {
			continue
		}
		if at, reason := leftOut(f.path); reason != "" && f.mode != "160000" {
			if err := u.sink.Delete(u.ctx, id); err != nil { // it may be known from when it was read
				return err
			}
			if first && !told[at] { // once for a folder, and not for each branch
				told[at] = true
				u.sink.Skip(at, reason)
			}
			continue
		}
		if known, ok := u.sink.Known(id); ok && known == f.blob && !rewritten(f.path) {
			u.sink.Keep(id)
			continue
		}
		if reason := f.unfit(); reason != "" {
			u.sink.Skip(id, reason)
			continue
		}
		todo = append(todo, f)
	}
	if len(todo) == 0 {
		return nil
	}
	changes, err := u.r.mirror.changes(u.ctx, before, h.commit)
	if err != nil {
		return err
	}
	for i, f := range todo {
		u.sink.Progress(u.done+i, u.done+len(todo))
		if err := u.file(f, h, changes[f.path], several); err != nil {
			return err
		}
	}
	u.done += len(todo)
	return nil
}

// leftOut says why a file is left out by its path, as it would be in a checkout: secrets, what others have written, what programs make. Documents and pictures
// are read, whose text is made.
func leftOut(p string) (at, why string) {
	at, reason, detail := source.LeftOut(p)
	if reason == source.Binary && (extract.Options{OCR: []string{"any"}}).Converts(p) {
		return at, ""
	}
	return at, because(reason, detail)
}

func because(reason source.Reason, detail string) string {
	if detail == "" {
		return string(reason)
	}
	return string(reason) + ": " + detail
}

func (u *run) file(f treeFile, h head, c change, several bool) error {
	body, err := u.objects.read(f.blob)
	if err != nil {
		return err
	}
	d := connector.Document{
		ID: f.id, Path: f.path, Type: "file", Author: c.author, Updated: c.at, Version: f.blob, URL: u.r.link(h.name, f.path), Meta: map[string]string{"commit": c.commit},
	}
	if several {
		d.Meta["branch"] = h.name
	}
	if f.id != f.path {
		d.Path = f.id
	}
	switch {
	case strings.HasPrefix(string(body), "version https://git-lfs.github.com/spec/"):
		u.sink.Skip(f.id, "its content lies in Git LFS")
		return nil
	case extract.Makes(f.path, body):
		d.Body = body
	default:
		text, skip := source.Text(f.path, body)
		if skip != nil {
			if err := u.sink.Delete(u.ctx, f.id); err != nil { // it may have been something else before
				return err
			}
			u.sink.Skip(f.id, because(skip.Reason, skip.Detail))
			return nil
		}
		d.Text = text
	}
	return u.sink.Put(u.ctx, d)
}

// link is where a person sees a file, at the forges that all do it alike.
func (r *Repository) link(branch, p string) string {
	base := strings.TrimSuffix(strings.TrimRight(r.o.URL, "/"), ".git")
	if !strings.HasPrefix(base, "https://") {
		return ""
	}
	return base + "/blob/" + branch + "/" + p
}

// commits makes a document of each commit: what it says, and which files it changed.
func (u *run) commits(heads []head) error {
	var refs []string
	for _, h := range heads {
		refs = append(refs, h.commit)
	}
	if len(refs) == 0 {
		return nil
	}
	hashes, err := u.r.mirror.reachable(u.ctx, refs)
	if err != nil {
		return err
	}
	var todo []string
	for _, h := range hashes {
		if _, ok := u.sink.Known("commit/" + h); ok {
			u.sink.Keep("commit/" + h)
			continue
		}
		todo = append(todo, h)
	}
	for part := range slices.Chunk(todo, 500) {
		list, err := u.r.mirror.messages(u.ctx, part)
		if err != nil {
			return err
		}
		for _, c := range list {
			subject, body, _ := strings.Cut(c.message, "\n")
			text := "# " + subject + "\n\n" + strings.TrimSpace(body) + "\n"
			if len(c.files) > 0 {
				text += "\nFiles: " + strings.Join(c.files, ", ") + "\n"
			}
			err := u.sink.Put(u.ctx, connector.Document{
				ID: "commit/" + c.hash, Path: "commits/" + c.hash[:12], Title: subject, Type: "commit", Text: text, Author: c.author, Created: c.at, Updated: c.at, Version: c.hash,
			})
			if err != nil {
				return err
			}
		}
		u.sink.Progress(u.done, 0)
	}
	return nil
}

var _ connector.Blamer = (*Repository)(nil)

// Blame implements connector.Blamer.
func (r *Repository) Blame(ctx context.Context) (func(ctx context.Context, id string) ([]source.BlamedLine, error), error) {
	heads, err := r.heads(ctx)
	if err != nil {
		return nil, err
	}
	answer, err := r.mirror.run(ctx, "look at the history", source.ShallowArgs()...)
	if err != nil {
		return nil, err
	}
	shallow := source.Shallow(answer)
	return func(ctx context.Context, id string) ([]source.BlamedLine, error) {
		if len(heads) == 0 {
			return nil, source.ErrNoHistory
		}
		at, name := heads[0].commit, id
		for _, h := range heads[1:] {
			if rest, ok := strings.CutPrefix(id, h.name+":"); ok {
				at, name = h.commit, rest
			}
		}
		return r.mirror.blame(ctx, at, name, shallow)
	}, nil
}

// change is what is known of a file's last change.
type change struct {
	commit, author string
	at             time.Time
}

// treeFile is a file in a commit.
type treeFile struct {
	id, path, mode, blob string
	size                 int64
}

const maxFile = 8 << 20

// unfit says why a file is no document.
func (f *treeFile) unfit() string {
	switch {
	case f.mode == "160000":
		return "a submodule: name its repository as a source of its own"
	case f.mode == "120000":
		return "link"
	case f.size > maxFile:
		return "too large: " + strconv.FormatInt(f.size>>20, 10) + " MB; the limit is 8 MB"
	}
	return ""
}

// errGit says what git said.
type errGit struct{ what, said string }

func (e *errGit) Error() string { return e.what + ": git says: " + e.said }

// IsMissing says whether a repository could not be read because there is none, or none that the token may see: servers do not tell these apart.
func IsMissing(err error) bool {
	var e *errGit
	if !errors.As(err, &e) {
		return false
	}
	return slices.ContainsFunc([]string{"not found", "does not exist", "Authentication failed", "could not read Username"}, func(s string) bool { return strings.Contains(e.said, s) })
}

var errDamaged = errors.New("the mirror is damaged")
