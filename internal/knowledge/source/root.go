package source

import (
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
)

// Root finds the knowledge root of dir: the git work tree that contains it, else dir itself, absolute and with symbolic links
// resolved. isGit tells whether it is a work tree. It fails if dir is not a folder that can be looked at.
func Root(dir string) (root string, isGit bool, err error) {
	_, resolved, err := resolveFolder(dir)
	if err != nil {
		return "", false, err
	}
	if top, ok := workTree(resolved); ok {
		return top, true, nil
	}
	return resolved, false, nil
}

// resolveFolder returns dir as an absolute path, as it was given and with symbolic links resolved.
func resolveFolder(dir string) (asGiven, resolved string, err error) {
	asGiven, err = filepath.Abs(dir)
	if err == nil {
		resolved, err = filepath.EvalSymlinks(asGiven)
	}
	var info fs.FileInfo
	if err == nil {
		info, err = os.Stat(resolved)
	}
	switch {
	case errors.Is(err, fs.ErrNotExist):
		return "", "", fmt.Errorf("there is no folder %s: %w", Display(dir), fs.ErrNotExist)
	case err != nil:
		return "", "", fmt.Errorf("cannot open the folder %s: %w", Display(dir), cause(err))
	case !info.IsDir():
		return "", "", fmt.Errorf("%s is not a folder; name the folder that holds it", Display(dir))
	}
	return asGiven, resolved, nil
}

// workTree finds the top of the git work tree that contains the absolute path dir.
func workTree(dir string) (top string, ok bool) {
	for {
		if gitDir(dir) != "" {
			return dir, true
		}
		parent := filepath.Dir(dir)
		if parent == dir {
			return "", false
		}
		dir = parent
	}
}

// gitDir returns the git directory of the work tree with the given top, or "" if that is none. In a linked work tree and
// in a submodule .git is a file that names it (gitrepository-layout(5)).
func gitDir(top string) string {
	path := filepath.Join(top, ".git")
	info, err := os.Stat(path)
	if err != nil {
		return ""
	}
	if info.IsDir() {
		if _, err := os.Stat(filepath.Join(path, "HEAD")); err != nil {
			return ""
		}
		return path
	}
	named, ok := strings.CutPrefix(firstLine(path), "gitdir: ")
	if !ok {
		return ""
	}
	if !filepath.IsAbs(named) {
		named = filepath.Join(top, named)
	}
	return named
}

// excludeFile returns the path of the work tree's own ignore file, which linked work trees share.
func excludeFile(top string) string {
	dir := gitDir(top)
	if common := firstLine(filepath.Join(dir, "commondir")); common != "" {
		if !filepath.IsAbs(common) {
			common = filepath.Join(dir, common)
		}
		dir = common
	}
	return filepath.Join(dir, "info", "exclude")
}

// firstLine returns the first line of a small regular file, or "" if there is none.
func firstLine(path string) string {
	b, err := readSmall(path, 8<<10)
	if err != nil {
		return ""
	}
	line, _, _ := strings.Cut(string(b), "\n")
	return strings.TrimSuffix(line, "\r")
}

// readSmall returns at most limit bytes of a regular file.
func readSmall(path string, limit int64) ([]byte, error) {
	f, err := os.OpenFile(path, os.O_RDONLY|nonblock, 0)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	if info, err := f.Stat(); err != nil || !info.Mode().IsRegular() {
		return nil, fmt.Errorf("%s is not a regular file", Display(path))
	}
	return io.ReadAll(io.LimitReader(f, limit))
}

// HistoryFolder is the folder in which git writes when what is checked out in root becomes another commit, or "" if there is none.
func HistoryFolder(root string) string {
	top, ok := workTree(root)
	if !ok {
		return ""
	}
	logs := filepath.Join(gitDir(top), "logs")
	if info, err := os.Stat(logs); err != nil || !info.IsDir() {
		return ""
	}
	return logs
}
