package source

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"strings"
)

// include says which part of a folder is wanted.
type include struct {
	everything bool
	paths      []string // relative to the root, slash-separated, clean
	globs      []rule
}

// newInclude reads Options.Include for a root, known by its path as it was given and by its resolved one.
func newInclude(asGiven, resolved string, items []string) (*include, error) {
	inc := &include{everything: len(items) == 0}
	for _, item := range items {
		rel, err := relativeTo(asGiven, resolved, item)
		if err != nil {
			return nil, err
		}
		if rel == "." {
			inc.everything = true
			continue
		}
		_, err = os.Lstat(filepath.Join(resolved, filepath.FromSlash(rel)))
		if err == nil {
			inc.paths = append(inc.paths, rel)
			continue
		}
		if !strings.ContainsAny(item, globMeta) {
			if errors.Is(err, fs.ErrNotExist) {
				return nil, fmt.Errorf("there is no file or folder %s in %s: %w", Display(item), Display(asGiven), fs.ErrNotExist)
			}
			return nil, fmt.Errorf("cannot look at %s: %w", Display(item), cause(err))
		}
		r, ok := parseRule(filepath.ToSlash(item))
		if !ok || r.takesBack {
			return nil, fmt.Errorf("%s is not a path or a pattern like \"docs/**/*.md\"", Display(item))
		}
		inc.globs = append(inc.globs, r)
	}
	return inc, nil
}

func relativeTo(asGiven, resolved, item string) (string, error) {
	rel := item
	if filepath.IsAbs(item) {
		for _, root := range []string{asGiven, resolved} {
			if r, err := filepath.Rel(root, item); err == nil && filepath.IsLocal(r) {
				rel = r
				break
			}
		}
	}
	rel = path.Clean(filepath.ToSlash(rel))
	if rel == "." {
		return rel, nil
	}
	if !filepath.IsLocal(filepath.FromSlash(rel)) && !(strings.HasPrefix(rel, "/") && strings.ContainsAny(rel, globMeta)) {
		return "", fmt.Errorf("%s is outside the folder %s; ask in a folder that holds both", Display(item), Display(asGiven))
	}
	return rel, nil
}

func (inc *include) all() bool      { return inc.everything }
func (inc *include) hasGlobs() bool { return len(inc.globs) > 0 }

// file tells whether a file is wanted, given that its folder is or not, and whether it was named outright.
func (inc *include) file(parent bool, path, name string) (in, named bool) {
	return inc.match(parent, path, name, false)
}

// folder tells the same of a folder: whether all that it holds is wanted.
func (inc *include) folder(parent bool, path, name string) (in, named bool) {
	return inc.match(parent, path, name, true)
}

func (inc *include) match(parent bool, path, name string, isDir bool) (in, named bool) {
	for _, p := range inc.paths {
		if p == path {
			return true, true
		}
	}
	if parent {
		return true, false
	}
	for i := range inc.globs {
		if inc.globs[i].matches(path, name, isDir) {
			return true, false
		}
	}
	return false, false
}

// leadsTo tells whether something below the folder at path was named outright.
func (inc *include) leadsTo(path string) bool {
	for _, p := range inc.paths {
		if len(p) > len(path) && p[len(path)] == '/' && strings.HasPrefix(p, path) {
			return true
		}
	}
	return false
}
